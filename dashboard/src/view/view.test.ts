import { expect, test } from "vitest";

import type { View } from "./view.ts";
import { DEFAULT_VIEW, formatView, misreadIn, parseView, yearsOfView } from "./view.ts";

test("a view is restored from its address", () => {
  const view: View = {
    by: "fsa",
    measure: "share",
    classes: "ckmeans",
    from: 2018,
    to: 2020,
    season: "fall",
    status: "In Progress",
    division: "Parks, Forestry & Recreation",
    what: [
      { kind: "group", name: "Snow and ice" },
      { kind: "type", name: "<img src=x onerror=alert(1)>" },
    ],
    pins: ["M5V", "M4C"],
    sort: "name",
    ascending: true,
    series: "day",
    embed: true,
  };
  expect(parseView(formatView(view))).toEqual(view);
  expect(formatView(DEFAULT_VIEW)).toBe("");
  expect(parseView("")).toEqual(DEFAULT_VIEW);
});

test("invalid parameters have their default", () => {
  const view = parseView("?by=moon&measure=&season=monsoon&years=20&sort=__proto__&area=1&area=2&area=3");
  expect(view).toEqual({ ...DEFAULT_VIEW, pins: ["1", "2"] });
  expect(parseView("?area=&area=3&area=3&group=Trees&group=Trees&type=&status=&division=")).toEqual({
    ...DEFAULT_VIEW,
    what: [{ kind: "group", name: "Trees" }],
    pins: ["3"],
  });
  expect(parseView("?years=2020-2018")).toMatchObject({ from: 2018, to: 2020 });
});

test("invalid parameters are reported", () => {
  expect(misreadIn("?season=monsoon&by=moon&years=20&status=no&group=no")).toEqual(["moon", "monsoon", "20"]);
  expect(misreadIn("?by=fsa&measure=share&season=fall&sort=name&series=day&years=2020-2018")).toEqual([]);
});

test("years are limited to those that exist, and the default is the latest", () => {
  expect(yearsOfView(DEFAULT_VIEW, [2017, 2025])).toEqual({ from: 2025, to: 2025 });
  expect(yearsOfView({ ...DEFAULT_VIEW, from: 1999, to: 2018 }, [2017, 2025])).toEqual({
    from: 2017,
    to: 2018,
  });
});
