import { expect, test } from "vitest";

import { answer } from "./answer.ts";
import type { Area } from "./areas.ts";
import { dayId, daysTo, yearBefore } from "./calendar.ts";
import { NO_AREA, Names, OFF_MAP } from "./cube.ts";
import { divisionNamed, formerNamesOf } from "./divisions.ts";
import type { Question } from "./question.ts";
import { monthAt } from "./span.ts";
import type { Row } from "./testing.ts";
import { cubeOf } from "./testing.ts";

const names = new Names();
const areas: Area[] = ["1", "2"].map((id) => ({ id, name: id, km2: 2, people: 10, homes: 4 }));

const cube = (rows: Row[], by?: "groups" | "types") => cubeOf(rows, names, by);

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
  types: new Map([[2025, cube([[2, "Loud music", "Licensing", "New", 0, 7]], "types")]]),
};

const years = (from: number, to: number) => ({ from: monthAt(from, 1), to: monthAt(to, 12) });
const all: Question = {
  span: years(2025, 2025),
  days: null,
  chosen: { isAll: true, groups: new Set(), types: new Set() },
  season: null,
  statuses: null,
  division: null,
};
const wholeYear = cube(Array.from({ length: 12 }, (_, at): Row => [at + 1, "Snow", "Roads", "Closed", 0, 1]));
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
  const { city, comparable } = ask({});
  expect(comparable).toEqual([monthAt(2025, 1), monthAt(2025, 2)]);
  expect([city.comparable, city.yearBefore]).toEqual([19, 4]);
  expect(ask({ span: years(2024, 2024) }).comparable).toEqual([]);
});

test("areas are compared with the city in the months that the map has", () => {
  const { cityOfMap, comparableOnMap } = ask({});
  expect(cityOfMap.requests).toBe(19);
  expect(comparableOnMap).toEqual([monthAt(2025, 1)]);
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
  const { city } = ask({});
  expect([...city.months.slice(0, 3)]).toEqual([4, 0, 50]);
  expect([...city.months.slice(12, 15)]).toEqual([9, 10, 9]);
});

test("a month is known if its year was read, the data reach it, and the season has it", () => {
  const known = (question: Partial<Question>) => {
    const { isKnown, start } = ask(question);
    return [...isKnown].flatMap((is, at) => (is ? [start + at] : []));
  };
  const months = (year: number, ...numbers: number[]) => numbers.map((month) => monthAt(year, month));
  const of2024 = months(2024, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  expect(known({})).toEqual([...of2024, ...months(2025, 1, 2, 3)]);
  expect(known({ span: years(2024, 2024) })).toEqual(of2024);
  expect(known({ season: "winter" })).toEqual([...months(2024, 1, 2, 12), ...months(2025, 1, 2)]);
});

test("any months are counted, and compared with the same months a year before", () => {
  const { city, comparable } = ask({ span: { from: monthAt(2024, 12), to: monthAt(2025, 2) } });
  expect(city.requests).toBe(19);
  expect(comparable).toEqual([monthAt(2025, 1), monthAt(2025, 2)]);
  expect([city.comparable, city.yearBefore]).toEqual([19, 4]);
  // The trend has the whole years around the span.
  expect(city.months).toHaveLength(36);
  expect(city.months[monthAt(2025, 3) - monthAt(2023, 1)]).toBe(9);
});

test("days are compared though their month has not ended, and are not a year", () => {
  const march = { from: monthAt(2025, 3), to: monthAt(2025, 3) };
  expect(ask({ span: march }).comparable).toEqual([]);
  const { city, comparable, yearsOnMap } = ask({ span: march, days: daysTo(through, 30) });
  expect(comparable).toEqual([monthAt(2025, 3)]);
  expect([city.requests, city.comparable, city.yearBefore, yearsOnMap]).toEqual([9, 9, 50, 1]);
});

test("a year before February 29 is February 28, and both have as many days", () => {
  const leap = daysTo(new Date("2024-02-29"), 30);
  const before = daysTo(yearBefore(leap.last), leap.length);
  expect([leap.first, before.first, before.last].map(dayId)).toEqual([
    "2024-01-31",
    "2023-01-30",
    "2023-02-28",
  ]);
});

test("rates of several years are averages of a year, and those of a part of one are not extrapolated", () => {
  expect(ask({ span: { from: monthAt(2025, 1), to: monthAt(2025, 1) } }).yearsOnMap).toBe(1);
  expect(ask({}).yearsOnMap).toBe(1);
  const whole = new Map([2023, 2024, 2025].map((year) => [year, wholeYear]));
  const question = { ...all, span: years(2023, 2025) };
  const { yearsOnMap } = answer(
    question,
    { groups: whole, types: new Map() },
    names,
    areas,
    new Date("2025-12-31"),
  );
  expect(yearsOnMap).toBeCloseTo(3, 2);
});

test("areas have their statuses", () => {
  const { areas: figures } = ask({});
  const of = (area: number, status: string) =>
    figures[area]?.statuses[names.statuses.names.indexOf(status)] ?? NaN;
  expect([of(0, "Closed"), of(0, "New"), of(1, "New")]).toEqual([6, 8, 2]);
});

test("a renamed division is one", () => {
  expect(divisionNamed("Parks, Forestry & Recreation")).toBe("Environment, Climate & Forestry");
  expect(divisionNamed("Toronto Water")).toBe("Toronto Water");
  expect(formerNamesOf("Environment, Climate & Forestry")).toEqual([
    "Parks, Forestry & Recreation",
    "Parks and Recreation",
  ]);
});
