import { ckmeans } from "simple-statistics";

import type { Answer } from "../data/answer.ts";
import type { Area } from "../data/boundaries.ts";
import type { Figures } from "../data/figures.ts";
import type { Classes, Measure } from "./view.ts";

/** The number of classes on the map. */
const CLASS_COUNT = 5;

/** Returns the value of a measure; null if it does not exist, such as a change from zero or an area that is not known. */
export function valueOf(measure: Measure, figures: Figures, km2: number): number | null {
  if (!figures.isKnown) return null;
  switch (measure) {
    case "count":
      return figures.requests;
    case "density":
      return figures.requests / km2;
    case "share":
      return figures.ofAll > 0 ? figures.requests / figures.ofAll : null;
    case "change":
      return figures.yearBefore > 0 ? figures.comparable / figures.yearBefore - 1 : null;
  }
}

/** An area in the ranking. */
export interface Ranked {
  area: Area;
  figures: Figures;
  value: number | null;
  /** By value, highest first. Equal values share a rank. Null without a value. */
  rank: number | null;
}

/** Ranks the areas, and returns them in their own order. */
export function rank(answer: Answer, areas: readonly Area[], measure: Measure): Ranked[] {
  const ranked = areas.map((area, index): Ranked => {
    const figures = answer.areas[index] as Figures;
    return { area, figures, value: valueOf(measure, figures, area.km2), rank: null };
  });
  const byValue = ranked
    .filter((one): one is Ranked & { value: number } => one.value !== null)
    .sort((a, b) => b.value - a.value);
  byValue.forEach((one, index) => {
    const before = byValue[index - 1];
    one.rank = before?.value === one.value ? before.rank : index + 1;
  });
  return ranked;
}

/** A class: its lowest and its highest value. */
export interface Class {
  low: number;
  high: number;
}

/** Sorts values into classes, low to high: with equally many values (quantile) or with similar values (ckmeans). */
export function classify(values: readonly number[], method: Classes): Class[] {
  const sorted = [...values].sort((a, b) => a - b);
  const distinct = new Set(sorted).size;
  if (distinct === 0) return [];
  const count = Math.min(CLASS_COUNT, distinct);
  const groups = method === "ckmeans" ? ckmeans(sorted, count) : quantiles(sorted, count);
  return groups.flatMap((group) => {
    const [low] = group;
    const high = group.at(-1);
    return low === undefined || high === undefined ? [] : [{ low, high }];
  });
}

/** Divides sorted values into equally large groups. Equal values stay together. */
function quantiles(sorted: number[], count: number): number[][] {
  const groups: number[][] = [];
  let start = 0;
  for (let group = 1; group <= count; group++) {
    let end = Math.max(start, Math.round((sorted.length * group) / count));
    while (end > 0 && end < sorted.length && sorted[end] === sorted[end - 1]) end++;
    if (end > start) groups.push(sorted.slice(start, end));
    start = end;
  }
  return groups;
}

/** Bounds of the classes of change, on both sides of zero. */
const CHANGE_BOUNDS = [-0.25, -0.1, -0.02, 0.02, 0.1, 0.25];

/** The classes of change. The middle one means about the same. */
export const CHANGE_CLASSES: Class[] = [-Infinity, ...CHANGE_BOUNDS].map((low, index) => ({
  low,
  high: CHANGE_BOUNDS[index] ?? Infinity,
}));

/** Returns the position of a value's class. */
export function classOf(value: number, classes: readonly Class[]): number {
  let found = 0;
  classes.forEach(({ low }, index) => {
    if (value >= low) found = index;
  });
  return found;
}
