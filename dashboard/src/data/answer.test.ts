import { expect, test } from "vitest";

import { answer } from "./answer.ts";
import type { Area } from "./boundaries.ts";
import { seasonOf } from "./calendar.ts";
import type { Cube } from "./cube.ts";
import { NO_AREA, Names, OFF_MAP, monthsOnMap } from "./cube.ts";
import type { Question } from "./question.ts";

const names = new Names();
const shape: Area["shape"] = {
  type: "Feature",
  properties: {},
  geometry: { type: "Polygon", coordinates: [] },
};
const areas: Area[] = ["1", "2"].map((id) => ({ id, name: id, km2: 2, shape }));

type Row = [month: number, what: string, division: string, status: string, area: number, requests: number];

function cube(rows: Row[], dictionary = names.groups): Cube {
  const month = Uint8Array.from(rows, ([month]) => month);
  const area = Int16Array.from(rows, ([, , , , area]) => area);
  return {
    rows: rows.length,
    month,
    what: Uint16Array.from(rows, ([, what]) => dictionary.add(what)),
    division: Uint8Array.from(rows, ([, , division]) => names.divisions.add(division)),
    status: Uint8Array.from(rows, ([, , , status]) => names.statuses.add(status)),
    area,
    requests: Uint32Array.from(rows, ([, , , , , requests]) => requests),
    onMap: monthsOnMap(month, area),
  };
}

const cubes = {
  groups: new Map([
    [
      2024,
      cube([
        [1, "Snow", "Roads", "Closed", 0, 4],
        [3, "Snow", "Roads", "Closed", 0, 50],
        [7, "Noise", "Licensing", "New", 1, 5],
      ]),
    ],
    [
      2025,
      cube([
        [1, "Snow", "Roads", "Closed", 0, 6],
        [2, "Snow", "Roads", "New", 1, 2],
        [1, "Snow", "Roads", "New", NO_AREA, 3],
        [2, "Noise", "Licensing", "New", 0, 8],
        [3, "Noise", "Licensing", "New", OFF_MAP, 9],
      ]),
    ],
  ]),
  types: new Map([[2025, cube([[2, "Loud music", "Licensing", "New", 0, 7]], names.types)]]),
};

const all: Question = {
  from: 2025,
  to: 2025,
  chosen: { isAll: true, groups: new Set(), types: new Set() },
  season: null,
  statuses: null,
  division: null,
};
// February is the last whole month.
const through = new Date("2025-03-15");
const ask = (question: Partial<Question>) => answer({ ...all, ...question }, cubes, names, areas, through);

test("every request has an area, has none, or is off the map", () => {
  const { city, areas: figures, withoutArea, offMap } = ask({});
  expect(city.requests).toBe(28);
  expect(figures.map(({ requests }) => requests)).toEqual([14, 2]);
  expect([withoutArea, offMap]).toEqual([3, 9]);
});

test("the previous year is compared in the months that both years have whole", () => {
  const { city, comparableMonths } = ask({});
  expect(comparableMonths).toEqual([1, 2]);
  expect([city.comparable, city.yearBefore]).toEqual([19, 4]);
  expect(ask({ from: 2024, to: 2024 }).comparableMonths).toEqual([]);
});

test("areas are compared with the city in the months that the map has", () => {
  const { cityOfMap, comparableOnMap } = ask({});
  expect(cityOfMap.requests).toBe(19);
  expect(comparableOnMap).toEqual([1]);
  expect([cityOfMap.comparable, cityOfMap.yearBefore]).toEqual([9, 4]);
});

test("areas are not known in months that the map does not have", () => {
  expect(ask({ season: "spring" }).areas.map(({ isKnown }) => isKnown)).toEqual([false, false]);
  expect(ask({ season: "winter" }).areas.map(({ isKnown }) => isKnown)).toEqual([true, true]);
});

test("filters narrow the count, and not the whole that a share refers to", () => {
  const chosen = { isAll: false, groups: new Set(["Snow"]), types: new Set<string>() };
  const { city, areas: figures, byStatus } = ask({ chosen });
  expect(city.requests).toBe(11);
  expect(figures[0]).toMatchObject({ requests: 6, ofAll: 14, ofAllTypes: 14 });
  expect(ask({ division: "Roads" }).city).toMatchObject({ requests: 11, ofAll: 28, ofAllTypes: 11 });
  expect(ask({ statuses: new Set(["New"]) }).city).toMatchObject({ requests: 22, ofAll: 28, ofAllTypes: 22 });
  expect(Object.fromEntries(byStatus)).toEqual({ Closed: 6, New: 5 });
  expect(ask({ statuses: new Set(["New"]) }).city.requests).toBe(22);
  expect(ask({ division: "Roads" }).city.requests).toBe(11);
  expect(ask({ season: "spring" }).city.requests).toBe(9);
});

test("types are counted from their own cube", () => {
  const chosen = { isAll: false, groups: new Set(["Snow"]), types: new Set(["Loud music"]) };
  expect(ask({ chosen }).city.requests).toBe(18);
});

test("months count from January of the year before the first", () => {
  const { city } = ask({ from: 2025 });
  expect([...city.months.slice(0, 3)]).toEqual([4, 0, 50]);
  expect([...city.months.slice(12, 15)]).toEqual([9, 10, 9]);
});

test("seasons have the days that the data cover", () => {
  const { bySeason, seasonDays } = ask({});
  expect([bySeason.winter, seasonDays.winter]).toEqual([19, 59]);
  expect([bySeason.spring, seasonDays.spring]).toEqual([9, 15]);
  expect([12, 1, 2, 3, 6, 9].map(seasonOf)).toEqual([
    "winter",
    "winter",
    "winter",
    "spring",
    "summer",
    "fall",
  ]);
});
