import type { Area, AreaKind } from "./boundaries.ts";
import { fetchAreas } from "./boundaries.ts";
import type { Catalog } from "./catalog.ts";
import { fetchCatalog, yearsOf } from "./catalog.ts";
import type { Cubes } from "./answer.ts";
import type { Cube } from "./cube.ts";
import { Names, readGroupCube, readTypeCube } from "./cube.ts";
import { Kept } from "./kept.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { readVocabulary } from "./vocabulary.ts";

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
  from: number;
  to: number;
  types: { group: string; name: string }[];
}

/** The site's data. Recently used files are read once. */
export class Store {
  private readonly names: Record<AreaKind, Names> = { ward: new Names(), fsa: new Names() };
  private readonly kept = new Kept(KEPT);

  private constructor(
    readonly catalog: Catalog,
    readonly vocabulary: Vocabulary,
    readonly years: number[],
  ) {}

  /** Reads the catalog and the vocabulary. */
  static async open(): Promise<Store> {
    const catalog = await fetchCatalog();
    const vocabulary = await readVocabulary(catalog);
    return new Store(catalog, vocabulary, yearsOf(catalog, "requests_by_month_group_ward"));
  }

  /** The last day with data. */
  get dataThrough(): Date {
    return new Date(this.catalog.data_through ?? `${this.years.at(-1) ?? 1970}-12-31`);
  }

  /** Reads the areas, and the cubes of the years and of the year before them. */
  async read(
    need: Need,
    onProgress: (progress: Progress) => void,
  ): Promise<{ areas: Area[]; names: Names; cubes: Cubes }> {
    const { kind, types } = need;
    const years = this.years.filter((year) => year >= need.from - 1 && year <= need.to);
    const names = this.names[kind];
    const progress = { done: 0, of: 1 + years.length * (types.length > 0 ? 2 : 1) };
    const step = async <T>(promise: Promise<T>): Promise<T> => {
      const value = await promise;
      progress.done += 1;
      onProgress({ ...progress });
      return value;
    };
    const areas = await step(this.once(kind, () => fetchAreas(kind)));
    const cubes = { groups: new Map<number, Cube>(), types: new Map<number, Cube>() };
    const typeGroups = [...new Set(types.map(({ group }) => group))].sort();
    await Promise.all(
      years.flatMap((year) => {
        const reads = [
          step(
            this.once(`${kind} ${year}`, () => readGroupCube(this.catalog, kind, year, names, areas)),
          ).then((cube) => cubes.groups.set(year, cube)),
        ];
        if (types.length > 0) {
          const read = this.once(`${kind} ${year} ${JSON.stringify(typeGroups)}`, () =>
            readTypeCube(this.catalog, kind, year, names, areas, types),
          );
          reads.push(step(read).then((cube) => cubes.types.set(year, cube)));
        }
        return reads;
      }),
    );
    return { areas, names, cubes };
  }

  /** Returns the kept result for `key`, or else that of `read`. Failures are read again. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    return this.kept.once(key, read);
  }
}
