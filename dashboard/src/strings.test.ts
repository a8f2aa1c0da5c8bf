import { expect, test } from "vitest";

import type { Refusal } from "./data/refusals.ts";
import { format, text } from "./strings.ts";

test("a small share is not written as zero", () => {
  expect([0, 0.0001, 0.0005, 0.0341].map(format.percent)).toEqual(["0%", "< 0.1%", "0.1%", "3.4%"]);
  expect(format.measure("share", 0.0001)).toBe("< 0.1%");
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
