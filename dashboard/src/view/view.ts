import type { AreaKind } from "../data/boundaries.ts";
import type { Season } from "../data/calendar.ts";
import { SEASONS } from "../data/calendar.ts";
import type { Chosen } from "../data/question.ts";
import type { StatusGroup, Vocabulary } from "../data/vocabulary.ts";

export const KINDS = ["ward", "fsa"] as const satisfies AreaKind[];
export const MEASURES = ["count", "density", "share", "change"] as const;
/** What colours the map and orders the ranking. */
export type Measure = (typeof MEASURES)[number];
export const CLASSES = ["quantile", "ckmeans"] as const;
export type Classes = (typeof CLASSES)[number];
export const SORTS = ["measure", "name", "requests", "share", "change"] as const;
export type Sort = (typeof SORTS)[number];
export const SERIES = ["month", "day"] as const;
export type SeriesKind = (typeof SERIES)[number];
export const STATUS_GROUPS = ["open", "done", "cancelled", "unknown"] as const;

/** A group or type that is chosen. */
export interface Choice {
  kind: "group" | "type";
  name: string;
}

/** All that a person has chosen; its URL restores it. */
export interface View {
  by: AreaKind;
  measure: Measure;
  classes: Classes;
  /** First and last year; the latest if null. */
  from: number | null;
  to: number | null;
  season: Season | null;
  /** A status, or `open`, `done`, `cancelled`, `unknown` for all statuses of that kind. */
  status: string | null;
  division: string | null;
  what: Choice[];
  /** Areas that are pinned: two at most. */
  pins: string[];
  sort: Sort;
  ascending: boolean;
  series: SeriesKind;
  embed: boolean;
}

export const DEFAULT_VIEW: View = {
  by: "ward",
  measure: "density",
  classes: "quantile",
  from: null,
  to: null,
  season: null,
  status: null,
  division: null,
  what: [],
  pins: [],
  sort: "measure",
  ascending: false,
  series: "month",
  embed: false,
};

/** What the parameters of an address that take one of a few words may say. */
const WORDS: Record<string, readonly string[]> = {
  by: KINDS,
  measure: MEASURES,
  classes: CLASSES,
  season: SEASONS,
  sort: SORTS,
  series: SERIES,
};

/** What a URL's query says that no view has: `parseView` takes the default instead. */
export function misreadIn(query: string): string[] {
  const given = new URLSearchParams(query);
  const years = given.get("years");
  return [
    ...Object.entries(WORDS).flatMap(([name, words]) =>
      given.getAll(name).filter((word) => !words.includes(word)),
    ),
    ...(years !== null && yearRange(years)[0] === null ? [years] : []),
  ];
}

/** The view that a URL's query names; what it does not name, or names wrongly, is as by default. */
export function parseView(query: string): View {
  const given = new URLSearchParams(query);
  const [from, to] = yearRange(given.get("years"));
  const namesIn = (parameter: string) => [...new Set(given.getAll(parameter))].filter(Boolean);
  return {
    by: oneOf(KINDS, given.get("by")) ?? DEFAULT_VIEW.by,
    measure: oneOf(MEASURES, given.get("measure")) ?? DEFAULT_VIEW.measure,
    classes: oneOf(CLASSES, given.get("classes")) ?? DEFAULT_VIEW.classes,
    from,
    to,
    season: oneOf(SEASONS, given.get("season")),
    status: namesIn("status")[0] ?? null,
    division: namesIn("division")[0] ?? null,
    what: [
      ...namesIn("group").map((name): Choice => ({ kind: "group", name })),
      ...namesIn("type").map((name): Choice => ({ kind: "type", name })),
    ],
    pins: namesIn("area").slice(0, 2),
    sort: oneOf(SORTS, given.get("sort")) ?? DEFAULT_VIEW.sort,
    ascending: given.get("order") === "ascending",
    series: oneOf(SERIES, given.get("series")) ?? DEFAULT_VIEW.series,
    embed: given.get("embed") === "1",
  };
}

/** The query of a view's URL, with its question mark; empty for the default view. */
export function formatView(view: View): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | null, usual: string | null) => {
    if (value !== null && value !== usual) query.append(name, value);
  };
  put("by", view.by, DEFAULT_VIEW.by);
  put("measure", view.measure, DEFAULT_VIEW.measure);
  put("classes", view.classes, DEFAULT_VIEW.classes);
  if (view.from !== null && view.to !== null) {
    query.append("years", view.from === view.to ? `${view.from}` : `${view.from}-${view.to}`);
  }
  put("season", view.season, null);
  put("status", view.status, null);
  put("division", view.division, null);
  for (const { kind, name } of view.what) query.append(kind, name);
  for (const pin of view.pins) query.append("area", pin);
  put("sort", view.sort, DEFAULT_VIEW.sort);
  if (view.ascending) query.append("order", "ascending");
  put("series", view.series, DEFAULT_VIEW.series);
  if (view.embed) query.append("embed", "1");
  const text = query.toString();
  return text && `?${text}`;
}

/** The years of a view, within those there are. */
export function yearsOfView(view: View, years: readonly number[]): { from: number; to: number } {
  const first = years[0] ?? 1970;
  const last = years.at(-1) ?? first;
  const within = (year: number) => Math.min(Math.max(year, first), last);
  return { from: within(view.from ?? last), to: within(view.to ?? last) };
}

/** What is chosen, of what there is. */
export function chosenOf(
  view: View,
  vocabulary: Vocabulary,
): Chosen & { typeList: { group: string; name: string }[] } {
  const groups = new Set(view.what.filter(({ kind }) => kind === "group").map(({ name }) => name));
  const asked = new Set(view.what.filter(({ kind }) => kind === "type").map(({ name }) => name));
  const typeList = vocabulary.types.filter(({ name, group }) => asked.has(name) && !groups.has(group));
  const types = new Set(typeList.map(({ name }) => name));
  return { isAll: view.what.length === 0, groups, types, typeList };
}

/** The names of the statuses that a view keeps; null for all. */
export function statusesOf(view: View, vocabulary: Vocabulary): Set<string> | null {
  const { status } = view;
  if (status === null) return null;
  if (!isStatusGroup(status)) return new Set([status]);
  return new Set(vocabulary.statuses.filter(({ group }) => group === status).map(({ name }) => name));
}

/** Whether less than all requests of a time are asked for; the share of all of them is 100%. */
export function isNarrow({ what, status, division }: View): boolean {
  return what.length > 0 || status !== null || division !== null;
}

export function isStatusGroup(status: string): status is StatusGroup {
  return oneOf(STATUS_GROUPS, status) !== null;
}

function oneOf<T extends string>(values: readonly T[], value: string | null): T | null {
  return values.find((one) => one === value) ?? null;
}

function yearRange(text: string | null): [number, number] | [null, null] {
  const match = /^(\d{4})(?:-(\d{4}))?$/.exec(text ?? "");
  if (!match) return [null, null];
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  return from <= to ? [from, to] : [to, from];
}
