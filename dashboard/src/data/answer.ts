import type { Area } from "./boundaries.ts";
import type { Season } from "./calendar.ts";
import { SEASONS, daysCovered, seasonOf } from "./calendar.ts";
import type { Cube, Names } from "./cube.ts";
import type { Period } from "./period.ts";
import { periodOf } from "./period.ts";
import type { Question } from "./question.ts";
import type { Totals } from "./tally.ts";
import { Tally } from "./tally.ts";
import type { StatusGroup } from "./vocabulary.ts";

/** Everything that the page shows of the marts by month. */
export interface Answer extends Totals, Omit<Period, "inSeason"> {
  question: Question;
  /** The days of each season that the data cover. */
  seasonDays: Record<Season, number>;
}

/** The cubes that a question needs, by year. */
export interface Cubes {
  groups: ReadonlyMap<number, Cube>;
  /** Empty unless types are chosen. */
  types: ReadonlyMap<number, Cube>;
}

/** Answers a question from the cubes of its years and of the year before them. */
export function answer(
  question: Question,
  cubes: Cubes,
  names: Names,
  areas: readonly Area[],
  dataThrough: Date,
): Answer {
  const { from, to, chosen } = question;
  const { inSeason, ...months } = periodOf(question, cubes.groups, dataThrough);
  const tally = new Tally(question, { inSeason, ...months }, names, areas.length);
  for (let year = from - 1; year <= to; year++) {
    const byGroup = cubes.groups.get(year);
    if (byGroup) tally.add(year, byGroup, "groups");
    const byType = chosen.types.size > 0 && cubes.types.get(year);
    if (byType) tally.add(year, byType, "types");
  }
  const years = [...cubes.groups.keys()].filter((year) => year >= from && year <= to);
  return { question, ...tally.result(), ...months, seasonDays: seasonDaysOf(years, dataThrough) };
}

/** Requests by status group, from those by status. */
export function byStatusGroup(byStatus: Map<string, number>, groupOf: (status: string) => StatusGroup) {
  const groups: Record<StatusGroup, number> = { open: 0, done: 0, cancelled: 0, unknown: 0 };
  for (const [status, requests] of byStatus) groups[groupOf(status)] += requests;
  return groups;
}

/** The days of each season in these years that the data cover. */
function seasonDaysOf(years: readonly number[], dataThrough: Date): Answer["seasonDays"] {
  const days = Object.fromEntries(SEASONS.map((season) => [season, 0])) as Answer["seasonDays"];
  for (const year of years) {
    for (let month = 1; month <= 12; month++) days[seasonOf(month)] += daysCovered(year, month, dataThrough);
  }
  return days;
}
