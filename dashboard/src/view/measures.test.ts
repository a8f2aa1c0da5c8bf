import { expect, test } from "vitest";

import type { Figures } from "../data/figures.ts";
import { intervalOfChange, intervalOfCount, intervalOfShare } from "./intervals.ts";
import { measured } from "./measures.ts";

const figures = (values: Partial<Figures>): Figures => ({
  isKnown: true,
  requests: 0,
  ofAll: 0,
  ofAllTypes: 0,
  comparable: 0,
  yearBefore: 0,
  months: new Uint32Array(),
  groups: new Uint32Array(),
  statuses: new Uint32Array(),
  ...values,
});
const area = { km2: 10, people: 100_000, homes: 40_000 };

test("requests for each home, person and square kilometre, averaged over years", () => {
  const of = (measure: "homes" | "people" | "density" | "count", years = 1) =>
    measured(measure, figures({ requests: 1200 }), area, years).value;
  expect([of("count"), of("homes"), of("people"), of("density")]).toEqual([1200, 30, 12, 120]);
  expect([of("count", 3), of("homes", 3), of("density", 3)]).toEqual([1200, 10, 40]);
});

test("areas with few homes have a rate, and no rank", () => {
  const few = { km2: 1, people: 3149, homes: 1884 };
  expect(measured("homes", figures({ requests: 900 }), few, 1).unranked).toBe("few_homes");
  expect(measured("people", figures({ requests: 900 }), few, 1).unranked).toBe("few_homes");
  expect(measured("density", figures({ requests: 900 }), few, 1).unranked).toBeNull();
  expect(measured("homes", figures({ requests: 900 }), { ...area, homes: null }, 1).value).toBeNull();
});

test("a change needs 30 requests in the previous year", () => {
  const of = (yearBefore: number, comparable: number) =>
    measured("change", figures({ yearBefore, comparable }), area, 1);
  expect(of(1, 12)).toEqual({ value: null, interval: null, unranked: "few_requests" });
  expect(of(29, 60).value).toBeNull();
  expect(of(30, 60)).toMatchObject({ value: 1, unranked: null });
});

test("the press's comparison of 2023: three times as many, and half as many again for each home", () => {
  const lakeshore = { km2: 40, people: 139_920, homes: 65_635 };
  const east = { km2: 34, people: 94_335, homes: 38_340 };
  const of = (measure: "count" | "homes" | "people", requests: number, where: typeof area) =>
    measured(measure, figures({ requests }), where, 1).value ?? NaN;
  const ratio = (measure: "count" | "homes" | "people") =>
    of(measure, 29_536, lakeshore) / of(measure, 11_232, east);
  expect(ratio("count")).toBeCloseTo(2.63, 2);
  expect(ratio("people")).toBeCloseTo(1.77, 2);
  expect(ratio("homes")).toBeCloseTo(1.54, 2);
});

test("intervals are those of the textbooks", () => {
  // Exact Poisson limits of 0, 10 and 100: 0 to 3.69, 4.80 to 18.39, 81.4 to 121.6.
  expect(intervalOfCount(0)).toEqual({ low: 0, high: expect.closeTo(3.69, 1) as number });
  expect(intervalOfCount(10)).toEqual({
    low: expect.closeTo(4.8, 1) as number,
    high: expect.closeTo(18.39, 1) as number,
  });
  expect(intervalOfCount(100)).toEqual({
    low: expect.closeTo(81.4, 1) as number,
    high: expect.closeTo(121.6, 1) as number,
  });
  // Wilson limits of 5 of 50.
  expect(intervalOfShare(5, 50)).toEqual({
    low: expect.closeTo(0.0435, 3) as number,
    high: expect.closeTo(0.2136, 3) as number,
  });
  const { low, high } = intervalOfChange(100, 120);
  expect([low < 0.2, high > 0.2, low > -0.1, high < 0.6]).toEqual([true, true, true, true]);
});

test("the interval of a count covers the mean in 95% of simulated counts", () => {
  const random = generator(42);
  for (const mean of [3, 12, 60]) {
    let covered = 0;
    for (let run = 0; run < 4000; run++) {
      const { low, high } = intervalOfCount(poisson(mean, random));
      if (low <= mean && mean <= high) covered += 1;
    }
    expect(covered / 4000).toBeGreaterThan(0.94);
    expect(covered / 4000).toBeLessThan(0.99);
  }
});

/** Numbers from 0 to 1 that are the same in every run: mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A Poisson count, by multiplying random numbers until the product is small: Knuth. */
function poisson(mean: number, random: () => number): number {
  let product = random();
  let count = 0;
  while (product > Math.exp(-mean)) {
    product *= random();
    count += 1;
  }
  return count;
}
