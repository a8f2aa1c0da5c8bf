/** Milliseconds of a day in UTC, in which all dates of the marts are. */
export const DAY_MS = 86_400_000;

export const SEASONS = ["winter", "spring", "summer", "fall"] as const;
/** Meteorological; winter is January, February and December of one year. */
export type Season = (typeof SEASONS)[number];

/** The season of a month, 1 to 12. */
export function seasonOf(month: number): Season {
  return SEASONS[Math.floor((month % 12) / 3)] as Season;
}

/** A year that has every day. */
export const LEAP_YEAR = 2024;

/** The number of a day in its year, from 0. February 29 has a number in every year, so that later days agree. */
export function dayOf(date: Date): number {
  const inLeapYear = Date.UTC(LEAP_YEAR, date.getUTCMonth(), date.getUTCDate());
  return (inLeapYear - Date.UTC(LEAP_YEAR, 0, 1)) / DAY_MS;
}

/** Whether data through a day cover the month, 1 to 12, to its last day. */
export function isWhole(year: number, month: number, dataThrough: Date): boolean {
  return Date.UTC(year, month, 0) <= dataThrough.getTime();
}

/** The days of a month, 1 to 12, that data through a day cover. */
export function daysCovered(year: number, month: number, dataThrough: Date): number {
  const first = Date.UTC(year, month - 1, 1);
  const end = Math.min(Date.UTC(year, month, 1), dataThrough.getTime() + DAY_MS);
  return Math.max(0, Math.round((end - first) / DAY_MS));
}
