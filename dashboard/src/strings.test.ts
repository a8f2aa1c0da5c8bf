import { expect, test } from "vitest";

import type { Refusal } from "./data/refusals.ts";
import { format, text } from "./strings.ts";

test("a small share is not written as none", () => {
  expect([0, 0.0001, 0.0005, 0.0341].map(format.percent)).toEqual(["0%", "< 0.1%", "0.1%", "3.4%"]);
  expect(format.measure("share", 0.0001)).toBe("< 0.1%");
});

test("what is not up to date is listed if it is short, and counted if it is not", () => {
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

test("a kind of drift that has no words is written with spaces", () => {
  expect(text.driftKind("drift_requests_gone")).toBe("requests gone since the previous file");
  expect(text.driftKind("drift_unknown_ward")).toBe("unknown ward");
});
