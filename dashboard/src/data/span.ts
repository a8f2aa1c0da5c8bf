/** A month, counted from January of year 0: 24300 is January 2025. */
export type Month = number;

/** Months from the first to the last, both included. */
export interface Span {
  from: Month;
  to: Month;
}

/** Returns the month of a year. `month` is 1 to 12. */
export function monthAt(year: number, month: number): Month {
  return year * 12 + month - 1;
}

/** Returns the month of a day. */
export function monthOf(day: Date): Month {
  return monthAt(day.getUTCFullYear(), day.getUTCMonth() + 1);
}

/** Returns the year of a month. */
export function yearOf(month: Month): number {
  return Math.floor(month / 12);
}

/** Returns the number of a month in its year, 1 to 12. */
export function numberOf(month: Month): number {
  return (month % 12) + 1;
}

/** Returns the first day of a month. */
export function firstDayOf(month: Month): Date {
  return new Date(Date.UTC(yearOf(month), month % 12, 1));
}

/** Whether a span is one or more calendar years. */
export function isWholeYears({ from, to }: Span): boolean {
  return numberOf(from) === 1 && numberOf(to) === 12;
}

/** Returns the months of a span, in order. */
export function monthsOf({ from, to }: Span): Month[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
