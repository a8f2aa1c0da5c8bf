import type { Area } from "./areas.ts";
import type { Cube, Names } from "./cube.ts";
import type { Period } from "./period.ts";
import { periodOf } from "./period.ts";
import type { Question } from "./question.ts";
import { yearOf } from "./span.ts";
import type { Totals } from "./tally.ts";
import { Tally } from "./tally.ts";
import type { StatusGroup } from "./vocabulary.ts";

/** Everything that the page shows of the marts by month. */
export interface Answer extends Totals, Period {
  question: Question;
}

/** The cubes that a question needs, by year. */
export interface Cubes {
  groups: ReadonlyMap<number, Cube>;
  /** Empty unless types are chosen. */
  types: ReadonlyMap<number, Cube>;
}

/** Answers a question from the cubes of its years and of the previous year. */
export function answer(
  question: Question,
  cubes: Cubes,
  names: Names,
  areas: readonly Area[],
  dataThrough: Date,
): Answer {
  const { span, chosen } = question;
  const period = periodOf(question, cubes.groups, dataThrough);
  const tally = new Tally(question, period, names, areas.length);
  for (let year = yearOf(span.from) - 1; year <= yearOf(span.to); year++) {
    const byGroup = cubes.groups.get(year);
    if (byGroup) tally.add(year, byGroup, "groups");
    const byType = chosen.types.size > 0 && cubes.types.get(year);
    if (byType) tally.add(year, byType, "types");
  }
  return { question, ...tally.result(), ...period };
}

/** Requests by status group, from those by status. */
export function byStatusGroup(byStatus: Map<string, number>, groupOf: (status: string) => StatusGroup) {
  const groups: Record<StatusGroup, number> = { open: 0, done: 0, cancelled: 0, unknown: 0 };
  for (const [status, requests] of byStatus) groups[groupOf(status)] += requests;
  return groups;
}
