import { daysCovered, isWhole, seasonOf } from "./calendar.ts";
import type { Cube } from "./cube.ts";
import type { Question } from "./question.ts";
import type { Month } from "./span.ts";
import { firstDayOf, monthAt, numberOf, yearOf } from "./span.ts";

/** The months of a question. Arrays by month begin with `start`. */
export interface Period {
  /** January of the year before the first. */
  start: Month;
  /** Flags by month: whether the span and the season have it. */
  inSpan: Uint8Array;
  /** Flags by month: whether its requests were read, and the season has it. No other month has a count, not even zero. */
  isKnown: Uint8Array;
  /** Flags by month: whether it is compared with the same month of the previous year, or is that month. */
  isNow: Uint8Array;
  isBefore: Uint8Array;
  /** The months that are compared with those a year before: whole, in the last twelve months of the span. */
  comparable: Month[];
  /** Of these, the months in which the map has requests in both years. */
  comparableOnMap: Month[];
  /** Flags by month: whether any area of the map has requests. */
  mapMonths: Uint8Array;
  /** The years that the map covers of the span, of which rates are the average: at least 1. */
  yearsOnMap: number;
}

/**
 * Finds the months of a question in the cubes of its years and of the previous year. The last days are counted as if they
 * were the month of the last one, and all of it.
 */
export function periodOf(
  { span, season, days: lastDays }: Question,
  cubes: ReadonlyMap<number, Cube>,
  dataThrough: Date,
): Period {
  const start = monthAt(yearOf(span.from) - 1, 1);
  const count = monthAt(yearOf(span.to), 12) - start + 1;
  const flags = (isOne: (month: Month) => boolean) =>
    Uint8Array.from({ length: count }, (_, at) => Number(isOne(start + at)));
  const isInSpan = (month: Month) => month >= span.from && month <= span.to;
  const isInSeason = (month: Month) => season === null || seasonOf(numberOf(month)) === season;
  const inSpan = flags((month) => isInSpan(month) && isInSeason(month));
  const isKnown = flags(
    (month) => cubes.has(yearOf(month)) && firstDayOf(month) <= dataThrough && isInSeason(month),
  );
  const mapMonths = flags((month) => cubes.get(yearOf(month))?.onMap[numberOf(month)] === 1);
  const isNow = flags(
    (month) =>
      month > span.to - 12 &&
      inSpan[month - start] === 1 &&
      cubes.has(yearOf(month)) &&
      cubes.has(yearOf(month - 12)) &&
      (lastDays !== null || isWhole(yearOf(month), numberOf(month), dataThrough)),
  );
  const isBefore = flags((month) => isNow[month + 12 - start] === 1);
  const comparable = [...isNow].flatMap((is, at) => (is ? [start + at] : []));
  let days = 0;
  mapMonths.forEach((has, at) => {
    const month = start + at;
    if (has && isInSpan(month)) days += daysCovered(yearOf(month), numberOf(month), dataThrough);
  });
  return {
    start,
    inSpan,
    isKnown,
    isNow,
    isBefore,
    comparable,
    // Former wards are not on the map, so their months are empty in the previous year.
    comparableOnMap: comparable.filter((month) => mapMonths[month - 12 - start]),
    mapMonths,
    yearsOnMap: averagedYears(days),
  };
}

/** The years of so many days. Up to a leap year is one year, because rates of a part of a year are not extrapolated. */
function averagedYears(days: number): number {
  return days <= 366 ? 1 : days / 365.25;
}
