/** Milliseconds of a day in UTC, in which all dates of the marts are. */
export const DAY_MS = 86_400_000;

export const SEASONS = ["winter", "spring", "summer", "fall"] as const;
/** Meteorological; winter is January, February and December of one year. */
export type Season = (typeof SEASONS)[number];

/** The season of a month, 1 to 12. */
export function seasonOf(month: number): Season {
  return SEASONS[Math.floor((month % 12) / 3)] as Season;
}

/** The numbers of days at the end of the data that can be chosen. */
export const LENGTHS = [30, 90, 365] as const;
export type Length = (typeof LENGTHS)[number];

/** Days up to the last of the data, both ends included. */
export interface LastDays {
  length: Length;
  first: Date;
  last: Date;
}

/** Returns the days that end on `last`. */
export function daysTo(last: Date, length: Length): LastDays {
  return { length, first: new Date(last.getTime() - (length - 1) * DAY_MS), last };
}

/** Returns the same date a year before, which is February 28 for February 29. */
export function yearBefore(date: Date): Date {
  const [year, month] = [date.getUTCFullYear() - 1, date.getUTCMonth()];
  const lastOfMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return new Date(Date.UTC(year, month, Math.min(date.getUTCDate(), lastOfMonth)));
}

/** Returns a day as the marts and addresses write it: "2025-03-31". */
export function dayId(day: Date): string {
  return day.toISOString().slice(0, 10);
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
