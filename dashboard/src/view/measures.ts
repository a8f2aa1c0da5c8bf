import type { Answer } from "../data/answer.ts";
import type { Area } from "../data/areas.ts";
import type { Figures } from "../data/figures.ts";
import type { Interval } from "./intervals.ts";
import { intervalOfChange, intervalOfCount, intervalOfShare } from "./intervals.ts";
import type { Measure } from "./view.ts";

/** Requests of the previous year that a change needs. With fewer, a few requests are a large percentage. */
export const LEAST_BASE = 30;
/** Homes that a rate for each home or person needs. With fewer, most requests are of people who do not live there. */
const LEAST_HOMES = 2000;
/** What the rates for each home and person are of. */
const PER = 1000;

/** Whether the interval of a measure is shown beside its value. Only the map's tooltip has those of the others. */
export function showsInterval(measure: Measure): boolean {
  return measure !== "count" && measure !== "change";
}

/** Why an area has no rank: nothing is known of it, few homes, or few requests to compare with. */
export type Unranked = "no_data" | "few_homes" | "few_requests";

/** What a rate is divided by. */
type Denominators = Pick<Area, "km2" | "people" | "homes">;

/** A value of a measure with its interval, and why it has no rank. */
interface Measured {
  value: number | null;
  interval: Interval | null;
  unranked: Unranked | null;
}

const NOTHING: Measured = { value: null, interval: null, unranked: "no_data" };

/** Returns the value of a measure. Rates of several years are averages of a year. */
export function measured(measure: Measure, figures: Figures, area: Denominators, years: number): Measured {
  if (!figures.isKnown) return NOTHING;
  const { requests, ofAll, comparable, yearBefore } = figures;
  if (measure === "change") {
    if (yearBefore < LEAST_BASE) return { ...NOTHING, unranked: "few_requests" };
    const interval = intervalOfChange(yearBefore, comparable);
    return { value: comparable / yearBefore - 1, interval, unranked: null };
  }
  if (measure === "share") {
    if (ofAll === 0) return NOTHING;
    return { value: requests / ofAll, interval: intervalOfShare(requests, ofAll), unranked: null };
  }
  const divisor = divisorOf(measure, area, years);
  if (divisor === null) return NOTHING;
  const { low, high } = intervalOfCount(requests);
  return {
    value: requests / divisor,
    interval: { low: low / divisor, high: high / divisor },
    unranked:
      (measure === "homes" || measure === "people") && (area.homes ?? 0) < LEAST_HOMES ? "few_homes" : null,
  };
}

/** What the requests are divided by; `null` if the data do not have it. */
function divisorOf(
  measure: Exclude<Measure, "change" | "share">,
  { km2, people, homes }: Denominators,
  years: number,
): number | null {
  switch (measure) {
    case "count":
      return 1;
    case "density":
      return km2 * years;
    case "homes":
      return homes ? (homes * years) / PER : null;
    case "people":
      return people ? (people * years) / PER : null;
  }
}

/** An area in the ranking. */
export interface Ranked extends Measured {
  area: Area;
  figures: Figures;
  /** By value, highest first. Equal values share a rank. */
  rank: number | null;
}

/** Ranks the areas, and returns them in their own order. If nothing matches, none has a value. */
export function rank(answer: Answer, areas: readonly Area[], measure: Measure): Ranked[] {
  const isEmpty = answer.city.requests === 0;
  const ranked = areas.map((area, index): Ranked => {
    const figures = answer.areas[index] as Figures;
    const found = isEmpty ? NOTHING : measured(measure, figures, area, answer.yearsOnMap);
    return { area, figures, ...found, rank: null };
  });
  const byValue = ranked
    .filter((one): one is Ranked & { value: number } => one.value !== null && one.unranked === null)
    .sort((a, b) => b.value - a.value);
  byValue.forEach((one, index) => {
    const before = byValue[index - 1];
    one.rank = before?.value === one.value ? before.rank : index + 1;
  });
  return ranked;
}

/**
 * Returns the value of a measure for the whole city. Rates count only requests with an area, because the others have no
 * homes, people or land either. Shares and changes are of the months that the map has.
 */
export function measuredOfCity(measure: Measure, answer: Answer, ranked: readonly Ranked[]): Measured {
  if (measure === "count") return measured(measure, answer.city, NO_DENOMINATORS, 1);
  if (measure === "share" || measure === "change")
    return measured(measure, answer.cityOfMap, NO_DENOMINATORS, 1);
  const sum = (of: (one: Ranked) => number) => ranked.reduce((all, one) => all + of(one), 0);
  const onMap = { ...answer.cityOfMap, requests: sum(({ figures }) => figures.requests) };
  const total = {
    km2: sum(({ area }) => area.km2),
    people: sum(({ area }) => area.people ?? 0),
    homes: sum(({ area }) => area.homes ?? 0),
  };
  return measured(measure, onMap, total, answer.yearsOnMap);
}

const NO_DENOMINATORS: Denominators = { km2: 1, people: null, homes: null };

/** Whether the data have what a measure divides by. */
export function hasDenominators(measure: Measure, areas: readonly Area[]): boolean {
  return (measure !== "homes" && measure !== "people") || areas.some((area) => area[measure] !== null);
}
