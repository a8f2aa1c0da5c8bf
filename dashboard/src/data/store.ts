import type { AreaKind } from "./area_kind.ts";
import type { Area } from "./boundaries.ts";
import { fetchBoundaries, withDenominators } from "./boundaries.ts";
import type { Catalog } from "./catalog.ts";
import { fetchCatalog, yearsOf } from "./catalog.ts";
import type { Cubes } from "./answer.ts";
import type { Cube } from "./cube.ts";
import { Names, readGroupCube, readTypeCube } from "./cube.ts";
import { readDenominators } from "./denominators.ts";
import { Kept } from "./kept.ts";

/** Files that are kept decoded: enough for all years of both kinds of area, by group and by type. */
const KEPT = 96;

/** Finished steps out of all. */
export interface Progress {
  done: number;
  of: number;
}

/** The data that a question needs. */
export interface Need {
  kind: AreaKind;
  /** First and last year. The previous year is read for comparison, and is not necessary. */
  from: number;
  to: number;
  types: { group: string; name: string }[];
}

/** What was read, and why the rest could not be. */
export interface Read {
  areas: Area[];
  names: Names;
  cubes: Cubes;
  /** The year that would have been compared, if it could not be read. */
  missingYear: { year: number; error: unknown } | null;
  /** Why there are no rates for each home, if their number could not be read. */
  missingHomes: unknown;
}

/** The site's data. Recently used files are read once. */
export class Store {
  private readonly names: Record<AreaKind, Names> = { ward: new Names(), fsa: new Names() };
  private readonly kept = new Kept(KEPT);

  private constructor(
    readonly catalog: Catalog,
    readonly years: number[],
  ) {}

  /** Reads the catalog, and the boundaries of the areas that are shown first, which do not need it. */
  static async open(kind: AreaKind): Promise<Store> {
    const boundaries = fetchBoundaries(kind);
    // Those who need them handle the failure.
    boundaries.catch(() => undefined);
    const catalog = await fetchCatalog();
    const store = new Store(catalog, yearsOf(catalog, "requests_by_month_group_ward"));
    void store.once(`boundaries ${kind}`, () => boundaries).catch(() => undefined);
    return store;
  }

  /** The last day with data. */
  get dataThrough(): Date {
    return new Date(this.catalog.data_through ?? `${this.years.at(-1) ?? 1970}-12-31`);
  }

  /** Reads the areas, and the cubes of the years and of the previous year. Files are fetched at the same time. */
  async read({ kind, from, to, types }: Need, onProgress: (progress: Progress) => void): Promise<Read> {
    const years = this.years.filter((year) => year >= from - 1 && year <= to);
    const names = this.names[kind];
    const progress = { done: 0, of: 1 + years.length * (types.length > 0 ? 2 : 1) };
    const step = async <T>(promise: Promise<T>): Promise<T> => {
      const value = await promise;
      progress.done += 1;
      onProgress({ ...progress });
      return value;
    };
    const boundaries = this.once(`boundaries ${kind}`, () => fetchBoundaries(kind));
    const denominators = this.once(`denominators ${kind}`, () => readDenominators(this.catalog, kind)).then(
      (found) => ({ found, error: null }),
      (error: unknown) => ({ found: new Map<string, never>(), error }),
    );
    const groups = new Map<number, Cube>();
    const cubesOfTypes = new Map<number, Cube>();
    const typeGroups = [...new Set(types.map(({ group }) => group))].sort();
    let missingYear: Read["missingYear"] = null;
    const readYear = async (year: number) => {
      const [byGroup, byType] = await Promise.all([
        step(this.once(`${kind} ${year}`, () => readGroupCube(this.catalog, kind, year, names, boundaries))),
        types.length > 0
          ? step(
              this.once(`${kind} ${year} ${JSON.stringify(typeGroups)}`, () =>
                readTypeCube(this.catalog, kind, year, names, boundaries, types),
              ),
            )
          : null,
      ]);
      groups.set(year, byGroup);
      if (byType) cubesOfTypes.set(year, byType);
    };
    await Promise.all([
      step(boundaries),
      ...years.map((year) =>
        readYear(year).catch((error: unknown) => {
          if (year >= from) throw error;
          missingYear = { year, error };
        }),
      ),
    ]);
    const { found, error: missingHomes } = await denominators;
    const areas = withDenominators(await boundaries, found);
    return { areas, names, cubes: { groups, types: cubesOfTypes }, missingYear, missingHomes };
  }

  /** Returns the kept result for `key`, or else that of `read`. Failures are read again. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    return this.kept.once(key, read);
  }
}
