import type { Duration } from "../data/durations.ts";
import type { OpenByAge } from "../data/open.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { LEAST_BASE } from "./measures.ts";
import type { Choice } from "./view.ts";

/** What a duration is of: a group, or one of its types. */
export interface Subject {
  group: string;
  type: string | null;
}

/** Ages whose share of open requests is shown, by their lowest and highest days. */
const AGES = {
  month: [30, 90],
  quarter: [90, 180],
  half: [180, 365],
  year: [365, Infinity],
} as const satisfies Record<string, readonly [number, number]>;
type Age = keyof typeof AGES;

/** Requests of an age without the cancelled ones, and how many of them are open. */
interface OpenShare {
  age: Age;
  requests: number;
  open: number;
}

/** The group or type that is chosen alone. */
export function subjectOf(what: readonly Choice[], { types }: Vocabulary): Subject | null {
  const [choice] = what;
  if (!choice || what.length > 1) return null;
  if (choice.kind === "group") return { group: choice.name, type: null };
  const group = types.find(({ name }) => name === choice.name)?.group;
  return group === undefined ? null : { group, type: choice.name };
}

/** The duration of a subject in a ward, or in the city if the ward has none. */
export function durationOf(
  durations: readonly Duration[],
  { group, type }: Subject,
  ward: string | null,
): Duration | null {
  const found = durations.filter((one) => one.group === group && one.type === type);
  return (
    found.find((one) => one.ward === ward && one.requests >= LEAST_BASE) ??
    found.find((one) => one.ward === null) ??
    null
  );
}

/** The ward that the open requests of a subject are of, or `null` for the city: wards have figures by group alone. */
export function placeOf({ type }: Subject, ward: string | null): string | null {
  return type === null ? ward : null;
}

/** The open requests of a subject by age, of a ward or the city. Ages with few requests are left out. */
export function openOf(
  all: readonly OpenByAge[],
  { group, type }: Subject,
  ward: string | null,
): OpenShare[] {
  const place = placeOf({ group, type }, ward);
  const rows = all.filter(
    (one) => one.group === group && one.ward === place && (type === null || one.type === type),
  );
  return (Object.keys(AGES) as Age[]).flatMap((age) => {
    const [from, to] = AGES[age];
    const ofAge = rows.filter(({ days }) => days >= from && days < to);
    const requests = ofAge.reduce((sum, one) => sum + one.requests, 0);
    const open = ofAge.reduce((sum, one) => sum + one.open, 0);
    return requests < LEAST_BASE ? [] : [{ age, requests, open }];
  });
}
