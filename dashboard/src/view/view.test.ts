import { expect, test } from "vitest";

import { monthAt } from "../data/span.ts";
import { NO_VOCABULARY } from "../data/vocabulary.ts";
import type { View } from "./view.ts";
import {
  DEFAULT_VIEW,
  formatView,
  misreadIn,
  pageInLanguage,
  parseView,
  seriesOf,
  spanOf,
  togglePin,
  withChoice,
} from "./view.ts";

const years = (from: number, to = from) => ({ from: monthAt(from, 1), to: monthAt(to, 12) });

test("a view is restored from its address", () => {
  const view: View = {
    by: "fsa",
    measure: "share",
    span: years(2018, 2020),
    days: null,
    season: "fall",
    status: "In Progress",
    division: "Environment, Climate & Forestry",
    what: [
      { kind: "group", name: "Snow and ice" },
      { kind: "type", name: "<img src=x onerror=alert(1)>" },
    ],
    pins: ["M5V", "M4C"],
    sort: "name",
    ascending: true,
    series: "90",
    zoom: { scale: 2.5, x: 300, y: -12 },
    embed: "map",
    theme: "dark",
    lang: "en-XA",
  };
  expect(parseView(formatView(view))).toEqual(view);
  expect(formatView(DEFAULT_VIEW)).toBe("");
  expect(parseView("")).toEqual(DEFAULT_VIEW);
});

test("any months are in the address, and whole years as years", () => {
  const query = (from: number, to: number) => formatView({ ...DEFAULT_VIEW, span: { from, to } });
  expect(query(monthAt(2025, 1), monthAt(2025, 12))).toBe("?years=2025");
  expect(query(monthAt(2025, 3), monthAt(2025, 3))).toBe("?months=2025-03");
  expect(query(monthAt(2024, 11), monthAt(2025, 3))).toBe("?months=2024-11..2025-03");
  for (const span of [years(2025), { from: monthAt(2024, 11), to: monthAt(2025, 3) }]) {
    expect(parseView(formatView({ ...DEFAULT_VIEW, span })).span).toEqual(span);
  }
});

test("invalid parameters have their default", () => {
  const view = parseView(
    "?by=moon&measure=&season=monsoon&years=20&sort=__proto__&area=1&area=2&area=3&area=4&area=5&zoom=9,x",
  );
  expect(view).toEqual({ ...DEFAULT_VIEW, pins: ["1", "2", "3", "4"] });
  expect(parseView("?area=&area=3&area=3&group=Trees&group=Trees&type=&status=&division=")).toEqual({
    ...DEFAULT_VIEW,
    what: [{ kind: "group", name: "Trees" }],
    pins: ["3"],
  });
  expect(parseView("?years=2020-2018").span).toEqual(years(2018, 2020));
  expect(parseView("?months=2025-13").span).toBeNull();
});

test("the last days are in the address with their dates, or whenever they are", () => {
  const query = (days: View["days"]) => formatView({ ...DEFAULT_VIEW, days });
  const ofLeapYear = { length: 90, last: "2024-03-10" } as const;
  expect(query(ofLeapYear)).toBe("?days=2023-12-12..2024-03-10");
  expect(query({ length: 30, last: null })).toBe("?days=30");
  for (const days of [ofLeapYear, { length: 365, last: null } as const]) {
    expect(parseView(query(days)).days).toEqual(days);
  }
  // Neither a number of days that there is, nor days that exist, nor months and seasons beside them.
  for (const wrong of ["31", "2023-12-13..2024-03-10", "2024-02-01..2024-03-31", "2024-02-31..2024-03-01"]) {
    expect(parseView(`?days=${wrong}`).days).toBeNull();
    expect(misreadIn(`?days=${wrong}`)).toEqual([wrong]);
  }
  expect(parseView("?days=30&years=2024&season=fall")).toMatchObject({ span: null, season: null });
  expect(misreadIn("?days=30&years=2024&season=fall")).toEqual(["2024", "fall"]);
});

test("the trend of days is by day, unless those by day are others", () => {
  const of = (view: Partial<View>) => seriesOf({ ...DEFAULT_VIEW, ...view });
  const days = { length: 90, last: null } as const;
  expect([of({}), of({ days }), of({ days, pins: ["3"] }), of({ days, status: "open" })]).toEqual([
    "month",
    "90",
    "month",
    "month",
  ]);
  expect(of({ days, series: "month" })).toBe("month");
});

test("an address without a kind of area has that of its area, in any case", () => {
  expect(parseView("?area=m5v")).toMatchObject({ by: "fsa", pins: ["M5V"] });
  expect(parseView("?area=9")).toMatchObject({ by: "ward", pins: ["9"] });
});

test("links to other pages keep the language alone", () => {
  expect(pageInLanguage("use.html", "?area=9&lang=en-XA")).toBe("use.html?lang=en-XA");
  expect(pageInLanguage("use.html", "?area=9&lang=en")).toBe("use.html");
});

test("invalid parameters are reported", () => {
  expect(misreadIn("?season=monsoon&by=moon&years=20&months=2025&status=no&group=no")).toEqual([
    "moon",
    "monsoon",
    "20",
    "2025",
  ]);
  expect(misreadIn("?lang=fr")).toEqual(["fr"]);
  expect(misreadIn("?lang=en")).toEqual([]);
  // A fifth area is not shown.
  expect(misreadIn("?area=1&area=2&area=3&area=4&area=5&area=1")).toEqual(["5"]);
  expect(misreadIn("?by=fsa&measure=share&season=fall&sort=name&series=day&years=2020-2018&embed=1")).toEqual(
    [],
  );
});

test("months are limited to years that exist, and the default is the latest year", () => {
  const of = (span: View["span"]) => spanOf({ ...DEFAULT_VIEW, span }, [2017, 2025]);
  expect(of(null)).toEqual(years(2025));
  expect(of(years(1999, 2018))).toEqual(years(2017, 2018));
  expect(of(years(1999))).toEqual(years(2017));
  expect(of(years(2030))).toEqual(years(2025));
});

test("a type takes the place of the group that contains it, and a group that of its types", () => {
  const type = (name: string, group: string) => ({ name, group, formerNames: [], requests: 1 });
  const vocabulary = { ...NO_VOCABULARY, types: [type("Loud music", "Noise"), type("Pruning", "Trees")] };
  const group = (name: string) => ({ kind: "group", name }) as const;
  const ofType = (name: string) => ({ kind: "type", name }) as const;
  const add = (what: View["what"], choice: View["what"][number]) => withChoice(what, choice, vocabulary);
  expect(add([group("Noise"), group("Trees")], ofType("Loud music"))).toEqual([
    group("Trees"),
    ofType("Loud music"),
  ]);
  expect(add([ofType("Loud music"), ofType("Pruning")], group("Noise"))).toEqual([
    ofType("Pruning"),
    group("Noise"),
  ]);
  expect(add([ofType("Unknown type")], group("Noise"))).toHaveLength(2);
});

test("four areas can be chosen, and one more replaces the last", () => {
  expect(togglePin(["1", "2"], "2")).toEqual(["1"]);
  expect(togglePin(["1", "2", "3", "4"], "5")).toEqual(["1", "2", "3", "5"]);
});
