import type { Ranked } from "./measures.ts";
import type { Measure } from "./view.ts";

/** The most colours of a map whose values have no middle. */
const COLOURS = 5;
/** The shares of the areas below and above which values are in the first and the last class, which have no end. */
const TAILS = [0.05, 0.95] as const;
/** Differences below this ratio of the highest to the lowest are not coloured. */
const LEAST_RATIO = 1.1;
/** Differences below this ratio are called small. */
const SMALL_RATIO = 1.5;
/** Bounds of the classes of change, on both sides of zero. */
const CHANGE_BOUNDS = [-0.25, -0.1, -0.02, 0.02, 0.1, 0.25];
/** The colours of so many classes. */
const PALETTE: Readonly<Record<number, readonly number[]>> = { 2: [0, 2], 3: [0, 2, 3], 4: [0, 1, 2, 3] };
const NICE = [1, 2, 2.5, 5, 10];

/** How values become colours. */
export interface Scale {
  measure: Measure;
  /** Where one class ends and the next begins, in order. */
  bounds: number[];
  /** Why all areas have one colour, or `null` if they do not: chance, or because they hardly differ. */
  flat: "chance" | "little" | null;
  /** The highest value divided by the lowest, if it is small. */
  ratio: number | null;
}

/**
 * Finds the classes of the ranked areas: equal steps with rounded bounds. A step is at least as wide as the interval of a
 * typical area, so that chance alone seldom moves an area to another colour.
 */
export function scaleOf(measure: Measure, ranked: readonly Ranked[]): Scale {
  const shown = ranked.filter(({ rank }) => rank !== null);
  if (measure === "change") return { measure, bounds: CHANGE_BOUNDS, flat: null, ratio: null };
  const values = shown.map(({ value }) => value ?? 0).sort((a, b) => a - b);
  const widths = shown.map(({ interval }) => (interval ? interval.high - interval.low : 0));
  const [low, high] = TAILS.map((share) => quantile(values, share)) as [number, number];
  const [lowest = 0, highest = 0] = [values[0], values.at(-1)];
  const ratio = lowest > 0 ? highest / lowest : Infinity;
  const chance = quantile(
    widths.sort((a, b) => a - b),
    0.5,
  );
  const flat =
    values.length < 2 || highest === lowest || ratio < LEAST_RATIO
      ? "little"
      : high - low <= chance
        ? "chance"
        : null;
  const step = niceStep(Math.max((high - low) / COLOURS, chance, measure === "count" ? 1 : 0));
  const bounds: number[] = [];
  for (let at = Math.floor(low / step) + 1; at * step < high && bounds.length < COLOURS - 1; at++) {
    // A multiple of a decimal step has digits of rounding.
    bounds.push(Number((at * step).toPrecision(12)));
  }
  return {
    measure,
    bounds: flat ? [] : bounds,
    flat: flat ?? (bounds.length === 0 ? "chance" : null),
    ratio: ratio < SMALL_RATIO ? ratio : null,
  };
}

/** Returns the style of an area, as the palette names it. */
export function fillOf({ measure, bounds, flat }: Scale, { value, unranked, interval }: Ranked): string {
  if (unranked === "few_homes" || unranked === "few_requests") return "fill-few";
  if (value === null) return "fill-none";
  if (flat) return "fill-class-1";
  // A change that chance explains has the colour of none.
  const isNoChange = measure === "change" && interval && interval.low <= 0 && interval.high >= 0;
  return styleOf(measure, bounds.length, classOf(isNoChange ? 0 : value, bounds));
}

/** Returns the style of a class. Few classes differ less from each other, because the values do. */
export function styleOf(measure: Measure, bounds: number, at: number): string {
  return measure === "change" ? `fill-change-${at}` : `fill-class-${PALETTE[bounds + 1]?.[at] ?? at}`;
}

/** Returns the position of a value's class. */
export function classOf(value: number, bounds: readonly number[]): number {
  return bounds.filter((bound) => value >= bound).length;
}

/** Returns the value below which a share of sorted values lies, between its neighbours. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return 0;
  const at = (sorted.length - 1) * share;
  const [low, high] = [Math.floor(at), Math.ceil(at)].map((one) => sorted[one] as number) as [number, number];
  return low + (high - low) * (at - Math.floor(at));
}

/** Returns the smallest step of 1, 2, 2.5 or 5 and any power of ten that is not below `least`. */
export function niceStep(least: number): number {
  if (least <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = NICE.find((one) => one * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}
