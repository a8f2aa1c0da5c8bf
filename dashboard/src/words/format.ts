import type { Span } from "../data/span.ts";
import { firstDayOf, isWholeYears, yearOf } from "../data/span.ts";
import type { Interval } from "../view/intervals.ts";
import type { Measure } from "../view/view.ts";

/** The minus sign, which is as wide as a plus sign. Intl writes a hyphen. */
const MINUS = "−";

/** Rates from here on are whole numbers. */
const LARGE = 99.95;

/** The forms of a word by its number, as many as the language has. */
type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Writes numbers and dates of a locale. */
export function formatsOf(locale: string) {
  const number = (options: Intl.NumberFormatOptions) => {
    const written = new Intl.NumberFormat(locale, options);
    return (value: number) => written.format(value).replace("-", MINUS);
  };
  const date = (options: Intl.DateTimeFormatOptions) => {
    const written = new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
    return (day: Date) => written.format(day);
  };
  const oneDigit = { maximumFractionDigits: 1, minimumFractionDigits: 1 };
  const integer = number({ maximumFractionDigits: 0 });
  const decimal = number(oneDigit);
  const percent = number({ style: "percent", ...oneDigit });
  const signed = number({ style: "percent", ...oneDigit, signDisplay: "exceptZero" });
  const wholePercent = number({ style: "percent", signDisplay: "exceptZero" });
  const month = date({ month: "short" });
  const monthLong = date({ month: "long" });
  const monthYear = date({ month: "long", year: "numeric" });
  const list = new Intl.ListFormat(locale);
  const plurals = new Intl.PluralRules(locale);
  const ordinals = new Intl.PluralRules(locale, { type: "ordinal" });
  /** "3.4%". A small share is "< 0.1%" rather than "0.0%". */
  const share = (value: number) => (value > 0 && value < 0.0005 ? `< ${percent(0.001)}` : percent(value));
  const monthOfYear = (number: number) => new Date(Date.UTC(2001, number - 1, 1));
  const rate = (measure: Measure, value: number) =>
    measure === "count"
      ? integer(value)
      : measure === "share"
        ? share(value)
        : measure === "change"
          ? signed(value)
          : value < LARGE
            ? decimal(value)
            : integer(value);
  return {
    integer,
    decimal,
    short: number({ notation: "compact", maximumSignificantDigits: 3 }),
    percent: share,
    /** The bound of a class: without digits that say nothing. */
    bound: (measure: Measure, value: number) =>
      measure === "change"
        ? wholePercent(value)
        : measure === "share"
          ? number({ style: "percent", maximumSignificantDigits: 3 })(value)
          : number({ maximumSignificantDigits: 4 })(value),
    day: date({ dateStyle: "long" }),
    dayLong: date({ month: "long", day: "numeric" }),
    dayShort: date({ month: "short", day: "numeric" }),
    monthYear,
    /** 1 to 12. */
    month: (number: number) => month(monthOfYear(number)),
    monthLong: (number: number) => monthLong(monthOfYear(number)),
    list: (names: readonly string[]) => list.format(names),
    /** The form of a counted word. `#` is the number. */
    plural: (count: number, forms: Forms) =>
      (forms[plurals.select(count)] ?? forms.other).replace("#", integer(count)),
    /** A number with the ending of its place in an order. */
    ordinal: (count: number, forms: Forms) =>
      `${integer(count)}${forms[ordinals.select(count)] ?? forms.other}`,
    /** "2025", "2023–2025", "March 2025" or "November 2024–March 2025". */
    span: (span: Span) => {
      const [first, last] = [firstDayOf(span.from), firstDayOf(span.to)];
      const years = [yearOf(span.from), yearOf(span.to)];
      if (isWholeYears(span)) return [...new Set(years)].join("–");
      if (span.from === span.to) return monthYear(first);
      return years[0] === years[1]
        ? `${monthLong(first)}–${monthYear(last)}`
        : `${monthYear(first)}–${monthYear(last)}`;
    },
    /** A value of a measure. A value that does not exist is a dash. */
    measure: (measure: Measure, value: number | null) => (value === null ? "–" : rate(measure, value)),
    /** "24.0–26.4". */
    interval: (measure: Measure, { low, high }: Interval) =>
      measure === "change"
        ? `${rate(measure, low)} – ${rate(measure, high)}`
        : `${rate(measure, low)}–${rate(measure, high)}`,
  };
}
