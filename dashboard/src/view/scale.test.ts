import { expect, test } from "vitest";

import type { Area } from "../data/areas.ts";
import type { Figures } from "../data/figures.ts";
import type { Ranked } from "./measures.ts";
import { classOf, fillOf, niceStep, quantile, scaleOf } from "./scale.ts";

const ranked = (value: number | null, width = 0, unranked: Ranked["unranked"] = null): Ranked => ({
  area: {} as Area,
  figures: {} as Figures,
  value,
  interval: value === null ? null : { low: value - width / 2, high: value + width / 2 },
  unranked: value === null ? "no_data" : unranked,
  rank: value === null || unranked ? null : 1,
});
const scale = (values: number[], width = 0) =>
  scaleOf(
    "homes",
    values.map((value) => ranked(value, width)),
  );

test("bounds are rounded, in equal steps", () => {
  const { bounds, flat } = scale(Array.from({ length: 25 }, (_, at) => 11.3 + at * 1.17));
  expect(bounds).toEqual([15, 20, 25, 30].filter((bound) => bounds.includes(bound)));
  expect(bounds.length).toBeGreaterThan(1);
  expect(flat).toBeNull();
});

test("an outlier does not make all others one colour", () => {
  const values = Array.from({ length: 40 }, (_, at) => 10 + at);
  const { bounds } = scale([...values, 4000]);
  expect(Math.max(...bounds)).toBeLessThan(50);
});

test("areas that hardly differ, or by chance only, have one colour", () => {
  expect(scale([100, 101, 103, 105]).flat).toBe("little");
  expect(scale([10, 11, 12, 13, 14], 8)).toMatchObject({ flat: "chance", bounds: [] });
  expect(scale([10, 20, 30, 40, 50], 8).flat).toBeNull();
  expect(scale([7]).flat).toBe("little");
  expect(fillOf(scale([100, 101]), ranked(100))).toBe("fill-class-1");
});

test("a class is at least as wide as the interval of a typical area", () => {
  const { bounds } = scale([10, 14, 18, 22, 26, 30], 9);
  for (const [at, bound] of bounds.entries()) {
    if (at > 0) expect(bound - (bounds[at - 1] ?? 0)).toBeGreaterThanOrEqual(9);
  }
});

test("areas without a rank are hatched, and changes by chance have no direction", () => {
  const change = scaleOf("change", [ranked(0.2)]);
  expect(fillOf(change, ranked(0.2, 0.1))).toBe("fill-change-5");
  expect(fillOf(change, ranked(0.2, 0.6))).toBe("fill-change-3");
  expect(fillOf(change, { ...ranked(null), unranked: "few_requests" })).toBe("fill-few");
  expect(fillOf(change, ranked(null))).toBe("fill-none");
  expect(fillOf(scale([1, 5]), ranked(9, 0, "few_homes"))).toBe("fill-few");
});

test("quantiles, steps and classes", () => {
  expect([quantile([1, 2, 3, 4], 0.5), quantile([], 0.5), quantile([7], 0.95)]).toEqual([2.5, 0, 7]);
  expect([0.3, 1, 2.2, 2.6, 61, 180].map(niceStep)).toEqual([0.5, 1, 2.5, 5, 100, 200]);
  expect([1, 5, 9].map((value) => classOf(value, [5, 9]))).toEqual([0, 1, 2]);
});
