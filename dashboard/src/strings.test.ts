import { expect, test } from "vitest";

import type { Refusal } from "./data/refusals.ts";
import { monthAt } from "./data/span.ts";
import { format, text } from "./strings.ts";
import type { Words } from "./words/en.ts";
import { formatsOf } from "./words/format.ts";
import { pseudo } from "./words/pseudo.ts";
import { plainType } from "./view/plain_type.ts";

test("shares and changes have one decimal, a minus sign, and no false zero", () => {
  expect([0, 0.0001, 0.0005, 0.0341, 0.15].map(format.percent)).toEqual([
    "0.0%",
    "< 0.1%",
    "0.1%",
    "3.4%",
    "15.0%",
  ]);
  expect(format.measure("share", 0.0001)).toBe("< 0.1%");
  expect([0.15, -0.0123, 0].map((value) => format.measure("change", value))).toEqual([
    "+15.0%",
    "−1.2%",
    "0.0%",
  ]);
  expect([25.24, 99.94, 99.96, 3083.12].map((value) => format.measure("density", value))).toEqual([
    "25.2",
    "99.9",
    "100",
    "3,083",
  ]);
});

test("the note below the map counts requests without a place on it", () => {
  const { offWards, offFsas } = text.map;
  expect(offWards(0, 1, 1246, false)).toBe("1 of 1,246 requests has no ward and is not on the map.");
  expect(offWards(5, 7, 40, true)).toBe(
    "12 of 40 requests are not on the map: 5 are from before December 2018, when Toronto had 44 other wards, and 7 have no ward.",
  );
  expect(offWards(5, 0, 40, false)).toBe(
    "5 of 40 requests are not on the map: 5 are of wards that are not on it.",
  );
  expect(offFsas(10, 40)).toMatch(/^10 requests \(25\.0%\) have no postal area/);
});

const months = (year: number, ...numbers: number[]) => numbers.map((month) => monthAt(year, month));
const whole = months(2025, ...Array.from({ length: 12 }, (_, at) => at + 1));

test("a change names what it compares, and of few requests the two numbers", () => {
  const { changed } = text.answer;
  const all = { now: 1150, before: 1000, change: 0.15, months: whole, isOfDays: false, isWhole: true };
  expect(changed(all)).toBe("15.0% more than in 2024");
  expect(changed({ ...all, change: -0.02 })).toBe("2.0% fewer than in 2024");
  expect(changed({ ...all, change: 0.0001 })).toBe("about as many as in 2024");
  expect(changed({ ...all, now: 12, before: 1, change: null })).toBe("up from 1 in 2024");
  const half = { ...all, months: months(2025, 1, 2, 3, 4, 5, 6), isWhole: false };
  expect(changed(half)).toBe("January–June 2025: 15.0% more than in the same months of 2024");
  expect(changed({ ...half, months: months(2025, 1, 2, 12) })).toMatch(
    /^January, February,? and December 2025: 15.0% more/,
  );
  // Of several years the last is compared.
  expect(changed({ ...half, months: whole })).toBe("2025: 15.0% more than in 2024");
  expect(changed({ ...half, now: 12, before: 1, change: null, months: months(2025, 3) })).toBe(
    "March 2025: 12, up from 1 in March 2024",
  );
  expect([all, half, null].map(text.answer.andChanged)).toEqual([
    ", 15.0% more than in 2024",
    "; January–June 2025: 15.0% more than in the same months of 2024",
    "",
  ]);
  expect(text.yearBefore(months(2025, 3))).toBe("March 2024");
  expect(changed({ ...all, isOfDays: true })).toBe("15.0% more than in the same days a year before");
  expect(text.yearBefore([monthAt(2024, 12), monthAt(2025, 1)])).toBe("the same months a year earlier");
});

test("spans of months are named as people name them", () => {
  const span = (from: [number, number], to: [number, number]) =>
    format.span({ from: monthAt(...from), to: monthAt(...to) });
  expect(span([2025, 1], [2025, 12])).toBe("2025");
  expect(span([2023, 1], [2025, 12])).toBe("2023–2025");
  expect(span([2025, 3], [2025, 3])).toBe("March 2025");
  expect(span([2025, 3], [2025, 8])).toBe("March–August 2025");
  expect(span([2024, 11], [2025, 3])).toBe("November 2024–March 2025");
});

test("counts have their plural, ranks their ordinal, and times their bounds", () => {
  expect([1, 2, 1707].map(text.counted)).toEqual(["1 request", "2 requests", "1,707 requests"]);
  expect([1, 2, 3, 4, 11, 12, 13, 21, 22, 23].map(text.ordinal)).toEqual([
    "1st",
    "2nd",
    "3rd",
    "4th",
    "11th",
    "12th",
    "13th",
    "21st",
    "22nd",
    "23rd",
  ]);
  expect(text.days({ lower: 4.2, upper: 6.9 })).toBe("4 to 7 days");
  expect(text.days({ lower: 0.2, upper: 119.6 })).toBe("120 days");
  expect(text.days({ lower: 90, upper: null })).toBe("more than 90 days");
  expect(text.days({ lower: 0, upper: 0.5 })).toBe("a day");
});

test("a language has as many plurals as it needs", () => {
  const { plural } = formatsOf("pl");
  const requests = { one: "# zgłoszenie", few: "# zgłoszenia", other: "# zgłoszeń" };
  expect([1, 3, 5, 22].map((count) => plural(count, requests))).toEqual([
    "1 zgłoszenie",
    "3 zgłoszenia",
    "5 zgłoszeń",
    "22 zgłoszenia",
  ]);
});

test("types have plain labels", () => {
  expect(plainType("Road Pothole / Road Damage")).toBe("Pothole or damaged road");
  expect(plainType("Access - Complaint - Road Operations")).toBe("Access: Complaint, Road Operations");
  expect(plainType("Res Above Comm / Nite XMAS Tree / Not Picked Up")).toBe(
    "Res Above Comm / Nite XMAS Tree not picked up",
  );
});

test("a few years that are not up to date are listed, and many are counted", () => {
  const refusals = (...years: (number | null)[]): Refusal[] =>
    years.map((year) => ({
      partition: year === null ? "city-wards" : `${year}`,
      year,
      stage: "extract",
      exit: 30,
      cause: "",
      observed: null,
      shown: null,
    }));
  expect(text.notUpToDate(refusals(2019))).toBe("2019 is not up to date");
  expect(text.notUpToDate(refusals(2021, 2019))).toBe("2019 and 2021 are not up to date");
  expect(text.notUpToDate(refusals(2024, 2023, 2022, 2021))).toBe("4 years are not up to date");
  expect(text.notUpToDate(refusals(null))).toBe("Ward boundaries are not up to date");
  expect(text.notUpToDate(refusals(2019, null))).toBe("2019 and Ward boundaries are not up to date");
});

test("unexpected values are described, with subject and rows if they add something", () => {
  const drift = (kind: string, subject: string, rows: number) =>
    text.driftOf({ kind: `drift_${kind}`, subject, rows });
  expect(drift("unknown_ward", "Nowhere (99)", 1234)).toBe("unknown ward Nowhere (99) 1,234");
  expect(drift("invalid_publication_date", "2199-01-01", 0)).toBe("impossible publication date 2199-01-01");
  expect(drift("requests_gone", "0f3a", 5)).toBe("requests gone since the previous file 5");
  expect(drift("extra_column", "Notes", 1)).toBe("extra column Notes 1");
});

/** A catalogue with any text in place of each of its own. */
type InOtherWords<T> = T extends string
  ? string
  : T extends (...values: infer Values) => infer Result
    ? (...values: Values) => InOtherWords<Result>
    : T extends object
      ? { [Key in keyof T]: InOtherWords<T[Key]> }
      : T;

test("the pseudo-language has every word of the catalogue, longer and with accents", () => {
  // The compiler accepts other words for all of the catalogue, so that another language can have its own.
  const other: Words = pseudo<InOtherWords<Words>>(text);
  expect(Object.keys(other)).toEqual(Object.keys(text));
  expect(other.ask.where).toMatch(/^\[Whërë[~ ]+\]$/);
  expect(other.counted(2)).toMatch(/^\[2 rëqüësts[~ ]+\]$/);
  expect(other.counted(2).length).toBeGreaterThanOrEqual(text.counted(2).length * 1.4);
  // Dates belong to the language, and figures do not change.
  expect(other.format.month(11)).toBe("[Növ~~]");
  expect(other.format.integer(1707)).toBe("1,707");
  // A sentence that begins with another text of the catalogue is translated too, once.
  expect(other.answer.made(other.city, 2, "", "2025")).toMatch(
    /^\[\[Töröñtö~+\] mádë 2 rëqüësts íñ 2025[~ ]+\]$/,
  );
});
