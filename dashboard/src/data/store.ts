import type { AreaKind } from "./area_kind.ts";
import type { Area } from "./areas.ts";
import { withDenominators } from "./areas.ts";
import type { LastDays } from "./calendar.ts";
import type { Catalog } from "./catalog.ts";
import { TOTALS, hasMart, yearsOf } from "./catalog.ts";
import type { Answer, Cubes } from "./answer.ts";
import { answer } from "./answer.ts";
import type { Cube } from "./cube.ts";
import { Names, readGroupCube, readTotals, readTypeCube } from "./cube.ts";
import { readDenominators } from "./denominators.ts";
import { Kept } from "./kept.ts";
import { readLastDays } from "./last_days.ts";
import type { Question } from "./question.ts";
import { questionNamed } from "./question.ts";

/** Files that are kept decoded: enough for all years of both kinds of area, by group and by type. */
const KEPT = 96;

/** Finished steps out of all, and what is being read. */
export interface Progress {
  done: number;
  of: number;
  years: readonly number[];
  /** Whether only requests by type are read. */
  isByType: boolean;
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
  private last: { name: string; cubes: readonly Cube[]; answer: Answer } | null = null;

  readonly years: number[];

  /** @throws Problem if the catalog lacks the requests. */
  constructor(readonly catalog: Catalog) {
    this.years = yearsOf(catalog);
  }

  /** The last day with data. */
  get dataThrough(): Date {
    return new Date(this.catalog.data_through ?? `${this.years.at(-1) ?? 1970}-12-31`);
  }

  /**
   * Reads the denominators, and the cubes of the years and of the previous year. Files are fetched at the same time. Nothing
   * is reported if all are known.
   */
  async read({ kind, from, to, types }: Need, onProgress: (progress: Progress) => void): Promise<Read> {
    const years = this.yearsOf(from, to);
    const names = this.names[kind];
    const denominators = this.denominatorsOf(kind);
    const typeGroups = JSON.stringify([...new Set(types.map(({ group }) => group))].sort());
    const reads = years.map((year) => ({ year, key: `${kind} ${year}`, isByType: false }));
    if (types.length > 0) {
      reads.push(...years.map((year) => ({ year, key: `${kind} ${year} ${typeGroups}`, isByType: true })));
    }
    const step = this.stepsOf(reads, onProgress);
    const cubes = { groups: new Map<number, Cube>(), types: new Map<number, Cube>() };
    const missing: NonNullable<Read["missingYear"]>[] = [];
    await Promise.all(
      reads.map(async ({ year, key, isByType }) => {
        try {
          const cube = await this.once(key, () =>
            isByType
              ? readTypeCube(this.catalog, kind, year, names, types)
              : readGroupCube(this.catalog, kind, year, names),
          );
          cubes[isByType ? "types" : "groups"].set(year, cube);
          step();
        } catch (error) {
          if (year >= from) throw error;
          missing.push({ year, error });
        }
      }),
    );
    // A year without one of its cubes would be compared as if it had fewer requests.
    for (const { year } of missing) for (const byYear of Object.values(cubes)) byYear.delete(year);
    const { found, error: missingHomes } = await denominators;
    return {
      areas: withDenominators(kind, found),
      names,
      cubes,
      missingYear: missing[0] ?? null,
      missingHomes,
    };
  }

  /** Reads the denominators and the requests of the last days. `null` if the data do not have all of these days. */
  async readLastDays(
    { kind, days }: { kind: AreaKind; days: LastDays },
    onProgress: (progress: Progress) => void,
  ): Promise<Read | null> {
    const names = this.names[kind];
    const key = `${kind} last ${days.length} days`;
    const step = this.stepsOf([{ year: days.last.getUTCFullYear(), key, isByType: false }], onProgress);
    const [denominators, cubes] = await Promise.all([
      this.denominatorsOf(kind),
      this.once(key, () => readLastDays(this.catalog, kind, days, names)),
    ]);
    step();
    return (
      cubes && {
        areas: withDenominators(kind, denominators.found),
        names,
        cubes,
        missingYear: null,
        missingHomes: denominators.error,
      }
    );
  }

  /**
   * Reads the requests by month and ward alone, of all types, divisions and statuses. They are a few kilobytes, so that a
   * slow line has an answer before the cubes. `null` if the catalog does not have them.
   */
  async readTotals({ from, to }: Pick<Need, "from" | "to">): Promise<Read | null> {
    if (!hasMart(this.catalog, TOTALS)) return null;
    const names = new Names();
    const [denominators, ...cubes] = await Promise.all([
      this.denominatorsOf("ward"),
      ...this.yearsOf(from, to).map(
        async (year) => [year, await readTotals(this.catalog, year, names)] as const,
      ),
    ]);
    return {
      areas: withDenominators("ward", denominators.found),
      names,
      cubes: { groups: new Map(cubes), types: new Map() },
      missingYear: null,
      missingHomes: denominators.error,
    };
  }

  /** Answers a question from what was read. A choice of an area or a measure asks the last one again, and has its answer. */
  answer(question: Question, { cubes, names, areas }: Read): Answer {
    const name = questionNamed(question);
    const read = [...cubes.groups.values(), ...cubes.types.values()];
    const { last } = this;
    if (
      last?.name === name &&
      last.cubes.length === read.length &&
      last.cubes.every((one, at) => one === read[at])
    )
      return last.answer;
    this.last = { name, cubes: read, answer: answer(question, cubes, names, areas, this.dataThrough) };
    return this.last.answer;
  }

  /** The years of the data from the one before `from`, which is compared. */
  private yearsOf(from: number, to: number): number[] {
    return this.years.filter((year) => year >= from - 1 && year <= to);
  }

  /** Reads the denominators of a kind of area, or returns why they cannot be read. */
  private denominatorsOf(kind: AreaKind) {
    return this.once(`denominators ${kind}`, () => readDenominators(this.catalog, kind)).then(
      (found) => ({ found, error: null }),
      (error: unknown) => ({ found: new Map<string, never>(), error }),
    );
  }

  /** Reports what is not known yet, and returns a function that reports each step. */
  private stepsOf(
    reads: readonly { year: number; key: string; isByType: boolean }[],
    onProgress: (progress: Progress) => void,
  ): () => void {
    const unread = reads.filter(({ key }) => this.known(key) === null);
    if (unread.length === 0) return () => undefined;
    const progress = {
      done: 0,
      of: reads.length,
      years: [...new Set(unread.map(({ year }) => year))],
      isByType: unread.every(({ isByType }) => isByType),
    };
    onProgress({ ...progress });
    return () => {
      progress.done += 1;
      onProgress({ ...progress });
    };
  }

  /** Returns the kept result for `key`, or else that of `read`. Failures are read again. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    return this.kept.once(key, read);
  }

  /** Returns the kept result for `key`; `null` if it is not read yet. */
  known(key: string): unknown {
    return this.kept.known(key);
  }
}
