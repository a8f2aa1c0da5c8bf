import { expect, test } from "vitest";

import { answer } from "../../data/answer.ts";
import type { Area } from "../../data/areas.ts";
import type { Catalog } from "../../data/catalog.ts";
import { Names, OFF_MAP } from "../../data/cube.ts";
import type { Question } from "../../data/question.ts";
import { monthAt } from "../../data/span.ts";
import { cubeOf } from "../../data/testing.ts";
import { rank } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { View } from "../../view/view.ts";
import { DEFAULT_VIEW } from "../../view/view.ts";
import type { TableFile } from "./table.ts";
import { categoriesTable, divisionTable, mapName, monthsTable, statusTable, tableOf } from "./table.ts";

const catalog = { generated: false, attribution: "City" } as Catalog;
const names = new Names();
const areas: Area[] = [{ id: "9", name: "Davenport", km2: 2, people: 10, homes: 4 }];
const cubes = {
  // The map has the wards since December 2018.
  2017: cubeOf([[1, "Snow", "Roads", "Closed", OFF_MAP, 5]], names),
  2018: cubeOf(
    [
      [1, "Snow", "Roads", "Closed", OFF_MAP, 5],
      [12, "Snow", "Roads", "Closed", 0, 2],
    ],
    names,
  ),
  2025: cubeOf(
    [
      [1, "Snow", "Roads", "Closed", 0, 3],
      [2, "Noise", "Licensing", "New", 0, 1],
    ],
    names,
  ),
};
const dataThrough = new Date("2025-02-15");

/** What a page shows of a year of these data. */
function shownOf(
  year: keyof typeof cubes,
  choices: Partial<View> = {},
  narrowed: Partial<Question> = {},
): Shown {
  const question: Question = {
    span: { from: monthAt(year, 1), to: monthAt(year, 12) },
    days: null,
    chosen: { isAll: true, groups: new Set(), types: new Set() },
    season: null,
    statuses: null,
    division: null,
    ...narrowed,
  };
  const read = { groups: new Map([[year, cubes[year]]]), types: new Map() };
  const found = answer(question, read, names, areas, dataThrough);
  return {
    view: { ...DEFAULT_VIEW, ...choices },
    answer: found,
    areas,
    names,
    ranked: rank(found, areas, "count"),
    store: { dataThrough },
    vocabulary: { statuses: [] },
  } as unknown as Shown;
}

/** The cells of some columns, row by row. */
function cells({ table: [header = [], ...rows] }: TableFile, ...columns: string[]) {
  return rows.map((row) => columns.map((column) => row[header.indexOf(column)]));
}

test("the table of months has only months that are known", () => {
  const of = (shown: Shown) => cells(monthsTable(shown, catalog), "name", "month", "requests");
  expect(of(shownOf(2025))).toEqual([
    ["Toronto", "2025-01", 3],
    ["Toronto", "2025-02", 1],
    ["Davenport", "2025-01", 3],
    ["Davenport", "2025-02", 1],
  ]);
  expect(of(shownOf(2025, { season: "spring" }, { season: "spring" }))).toEqual([]);
});

test("categories of areas that the map does not have are unknown, and not zero", () => {
  const columns = [
    "category",
    "requests",
    "matching_requests",
    "share_of_matching",
    "city_share_of_matching",
  ];
  const of = (shown: Shown) => cells(categoriesTable(shown, catalog), ...columns);
  expect(of(shownOf(2025))).toEqual([
    ["Snow", 3, 4, 0.75, 0.75],
    ["Noise", 1, 4, 0.25, 0.25],
  ]);
  // The whole is that of the division.
  expect(of(shownOf(2025, { division: "Roads" }, { division: "Roads" }))[0]).toEqual(["Snow", 3, 3, 1, 1]);
  expect(of(shownOf(2017))).toEqual([
    ["Snow", null, null, null, null],
    ["Noise", null, null, null, null],
  ]);
});

test("figures of areas are of the months that the map has, and those of the city of all", () => {
  const shown = shownOf(2018);
  expect(cells(tableOf(shown, catalog), "requests", "months")).toEqual([[2, "2018-12/2018-12"]]);
  expect(cells(categoriesTable(shown, catalog), "requests", "months")[0]).toEqual([2, "2018-12/2018-12"]);
  expect(cells(statusTable(shown, catalog), "requests", "months")).toEqual([[7, "2018-01/2018-12"]]);
  expect([tableOf(shown, catalog).name, mapName(shown, catalog), statusTable(shown, catalog).name]).toEqual([
    "toronto-311_wards_2018-12",
    "toronto-311_wards-map_2018-12",
    "toronto-311_statuses_2018",
  ]);
});

test("the name of a file has the filters that apply to it, and no others", () => {
  const what = ["Trees", "Noise", "Snow", "Parking", "Bins"].map((name) => ({
    kind: "group" as const,
    name,
  }));
  const shown = shownOf(2025, { what, season: "winter", status: "open", division: "Roads" });
  const chosen = "trees_noise_snow_2-others";
  expect(mapName(shown, catalog)).toBe(`toronto-311_${chosen}_winter_open_roads_wards-map_2025`);
  expect(categoriesTable(shown, catalog).name).toBe("toronto-311_winter_open_roads_wards-by-category_2025");
  expect(statusTable(shown, catalog).name).toBe(`toronto-311_${chosen}_winter_roads_statuses_2025`);
  expect(divisionTable(shown, catalog).name).toBe(`toronto-311_${chosen}_winter_open_divisions_2025`);
});
