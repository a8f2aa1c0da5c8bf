import type { AreaKind } from "../data/boundaries.ts";
import type { Season } from "../data/calendar.ts";
import { SEASONS } from "../data/calendar.ts";
import type { Chosen } from "../data/question.ts";
import type { StatusGroup, Vocabulary } from "../data/vocabulary.ts";

export const KINDS = ["ward", "fsa"] as const satisfies AreaKind[];
export const MEASURES = ["count", "density", "share", "change"] as const;
/** The figure that colours the map and sorts the ranking. */
export type Measure = (typeof MEASURES)[number];
export const CLASSES = ["quantile", "ckmeans"] as const;
export type Classes = (typeof CLASSES)[number];
const SORTS = ["measure", "name", "requests", "share", "change"] as const;
export type Sort = (typeof SORTS)[number];
export const SERIES = ["month", "day"] as const;
export type SeriesKind = (typeof SERIES)[number];
export const STATUS_GROUPS = ["open", "done", "cancelled", "unknown"] as const;

/** A chosen group or type. */
export interface Choice {
  kind: "group" | "type";
  name: string;
}

/** Everything that a visitor has chosen. The URL restores it. */
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
  /** Ids of the pinned areas, at most two. */
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

/** The values of the parameters that have a few. */
const WORDS: Record<string, readonly string[]> = {
  by: KINDS,
  measure: MEASURES,
  classes: CLASSES,
  season: SEASONS,
  sort: SORTS,
  series: SERIES,
};

/** Returns the values of a URL's query that are not valid. `parseView` uses the default instead. */
export function misreadIn(query: string): string[] {
  const parameters = new URLSearchParams(query);
  const years = parameters.get("years");
  return [
    ...Object.entries(WORDS).flatMap(([name, words]) =>
      parameters.getAll(name).filter((word) => !words.includes(word)),
    ),
    ...(years !== null && yearRange(years)[0] === null ? [years] : []),
  ];
}

/** Parses a URL's query. Missing and invalid parameters have their default. */
export function parseView(query: string): View {
  const parameters = new URLSearchParams(query);
  const [from, to] = yearRange(parameters.get("years"));
  const namesIn = (parameter: string) => [...new Set(parameters.getAll(parameter))].filter(Boolean);
  return {
    by: oneOf(KINDS, parameters.get("by")) ?? DEFAULT_VIEW.by,
    measure: oneOf(MEASURES, parameters.get("measure")) ?? DEFAULT_VIEW.measure,
    classes: oneOf(CLASSES, parameters.get("classes")) ?? DEFAULT_VIEW.classes,
    from,
    to,
    season: oneOf(SEASONS, parameters.get("season")),
    status: namesIn("status")[0] ?? null,
    division: namesIn("division")[0] ?? null,
    what: [
      ...namesIn("group").map((name): Choice => ({ kind: "group", name })),
      ...namesIn("type").map((name): Choice => ({ kind: "type", name })),
    ],
    pins: namesIn("area").slice(0, 2),
    sort: oneOf(SORTS, parameters.get("sort")) ?? DEFAULT_VIEW.sort,
    ascending: parameters.get("order") === "ascending",
    series: oneOf(SERIES, parameters.get("series")) ?? DEFAULT_VIEW.series,
    embed: parameters.get("embed") === "1",
  };
}

/** Writes the query of a view's URL, with its question mark. It is empty for the default view. */
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

/** Returns the years of a view, limited to those that exist. */
export function yearsOfView(view: View, years: readonly number[]): { from: number; to: number } {
  const first = years[0] ?? 1970;
  const last = years.at(-1) ?? first;
  const within = (year: number) => Math.min(Math.max(year, first), last);
  return { from: within(view.from ?? last), to: within(view.to ?? last) };
}

/** Returns the chosen groups and types that exist. */
export function chosenOf(
  view: View,
  vocabulary: Vocabulary,
): Chosen & { typeList: { group: string; name: string }[] } {
  const groups = new Set(view.what.filter(({ kind }) => kind === "group").map(({ name }) => name));
  const chosenTypes = new Set(view.what.filter(({ kind }) => kind === "type").map(({ name }) => name));
  const typeList = vocabulary.types.filter(({ name, group }) => chosenTypes.has(name) && !groups.has(group));
  const types = new Set(typeList.map(({ name }) => name));
  return { isAll: view.what.length === 0, groups, types, typeList };
}

/** Returns the names of the chosen statuses; null for all. */
export function statusesOf(view: View, vocabulary: Vocabulary): Set<string> | null {
  const { status } = view;
  if (status === null) return null;
  if (!isStatusGroup(status)) return new Set([status]);
  return new Set(vocabulary.statuses.filter(({ group }) => group === status).map(({ name }) => name));
}

/** Whether a type, status or division is chosen. Otherwise every share is 100%. */
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
