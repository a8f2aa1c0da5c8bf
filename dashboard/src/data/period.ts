import { isWhole, seasonOf } from "./calendar.ts";
import type { Cube } from "./cube.ts";
import type { Question } from "./question.ts";

/** The months of a question. */
export interface Period {
  /** Flags of the months 1 to 12: whether the season has them. */
  inSeason: Uint8Array;
  /** Months of the last year that are compared with the previous year, 1 to 12. */
  comparableMonths: number[];
  /** Of these, the months in which the map has requests in both years. */
  comparableOnMap: number[];
  /** Flags by month since January of the year before the first: whether any area of the map has requests. */
  mapMonths: Uint8Array;
}

/** Finds the months of a question in the cubes of its years and of the year before them. */
export function periodOf(
  { from, to, season }: Question,
  cubes: ReadonlyMap<number, Cube>,
  dataThrough: Date,
): Period {
  const inSeason = flagsOfMonths((month) => season === null || seasonOf(month) === season);
  const comparableMonths = Array.from({ length: 12 }, (_, index) => index + 1).filter(
    (month) => cubes.has(to - 1) && inSeason[month] && isWhole(to, month, dataThrough),
  );
  const mapMonths = new Uint8Array((to - from + 2) * 12);
  for (const [year, { onMap }] of cubes) {
    if (year >= from - 1 && year <= to) mapMonths.set(onMap.subarray(1), (year - from + 1) * 12);
  }
  // Wards of the 44-ward model are not on the map, so their months are empty in the previous year.
  const previousJanuary = (to - from) * 12;
  const comparableOnMap = comparableMonths.filter((month) => mapMonths[previousJanuary + month - 1]);
  return { inSeason, comparableMonths, comparableOnMap, mapMonths };
}

/** Flags that are indexed by month, 1 to 12. */
export function flagsOfMonths(isOne: (month: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 13 }, (_, month) => Number(isOne(month)));
}
