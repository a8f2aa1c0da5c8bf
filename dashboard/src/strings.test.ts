import { expect, test } from "vitest";

import type { Refusal } from "./data/refusals.ts";
import { format, text } from "./strings.ts";

test("a small share is not written as zero", () => {
  expect([0, 0.0001, 0.0005, 0.0341].map(format.percent)).toEqual(["0%", "< 0.1%", "0.1%", "3.4%"]);
  expect(format.measure("share", 0.0001)).toBe("< 0.1%");
});

test("the note below the map counts requests without a place on it", () => {
  const { ward, fsa } = text.offMap;
  expect(ward(0, 1, 1246, false)).toBe("1 of 1,246 requests has no ward and is not on the map.");
  expect(ward(5, 7, 40, true)).toBe(
    "12 of 40 requests are not on the map: 5 are from before December 2018, when Toronto had 44 other wards, and 7 have no ward.",
  );
  expect(ward(5, 0, 40, false)).toBe(
    "5 of 40 requests are not on the map: 5 are of wards that are not on it.",
  );
  expect(fsa(0, 10, 40)).toMatch(/^10 requests \(25%\) have no postal area/);
});

test("a change names the months that it compares", () => {
  expect(text.changeFrom(0.145, 2024, [1, 2, 3, 4, 5, 6])).toBe("up 14.5% from 2024 (January–June)");
  expect(text.changeFrom(-0.02, 2024, [1, 2, 12])).toBe(
    "down 2% from 2024 (January, February and December only)",
  );
  expect(
    text.changeFrom(
      0.0001,
      2024,
      Array.from({ length: 12 }, (_, at) => at + 1),
    ),
  ).toBe("about the same as in 2024");
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
