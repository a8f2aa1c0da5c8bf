import type { AreaKind } from "../data/area_kind.ts";
import type { Length, Season } from "../data/calendar.ts";
import { LENGTHS, SEASONS, dayId, daysTo } from "../data/calendar.ts";
import type { Chosen } from "../data/question.ts";
import type { Span } from "../data/span.ts";
import { isWholeYears, monthAt, numberOf, yearOf } from "../data/span.ts";
import type { StatusGroup, Vocabulary } from "../data/vocabulary.ts";

export const KINDS = ["ward", "fsa"] as const satisfies AreaKind[];
export const MEASURES = ["homes", "count", "people", "density", "share", "change"] as const;
/** The figure that colours the map and sorts the ranking. */
export type Measure = (typeof MEASURES)[number];
const SORTS = ["measure", "name", "requests", "change"] as const;
export type Sort = (typeof SORTS)[number];
export const SERIES = ["month", "day", "30", "90", "365"] as const;
/** The trend: by month, as a running total by day, or the last days of the data. */
export type SeriesKind = (typeof SERIES)[number];
export const STATUS_GROUPS = ["open", "done", "cancelled", "unknown"] as const;
export const EMBEDS = ["all", "answer", "map", "ranking", "trend"] as const;
/** What an embedded page shows. */
export type Embed = (typeof EMBEDS)[number];
export const THEMES = ["light", "dark", "auto"] as const;
export type Theme = (typeof THEMES)[number];
/** Languages besides English: none that anyone speaks, to find words that are cut or not in the catalogue. */
const LANGUAGES = ["en-XA"] as const;
type Language = (typeof LANGUAGES)[number];
/** Areas that can be chosen. */
export const MOST_PINS = 4;

/** A chosen group or type. */
export interface Choice {
  kind: "group" | "type";
  name: string;
}

/** A number of days at the end of the data. */
interface ChosenDays {
  length: Length;
  /** The last of them, as the address names it; the last of the data, whenever that is, if null. */
  last: string | null;
}

/** How the map is enlarged: the factor, and the point of the drawing in its middle. */
export interface Zoom {
  scale: number;
  x: number;
  y: number;
}

/** Everything that a visitor has chosen. The URL restores it. */
export interface View {
  by: AreaKind;
  /** The default of the page if null. */
  measure: Measure | null;
  /** The latest year if null. */
  span: Span | null;
  /** The last days of the data, in place of months. */
  days: ChosenDays | null;
  season: Season | null;
  /** A status, or `open`, `done`, `cancelled`, `unknown` for all statuses of that kind. */
  status: string | null;
  division: string | null;
  what: Choice[];
  /** Ids of the chosen areas, at most MOST_PINS. */
  pins: string[];
  sort: Sort;
  ascending: boolean;
  /** That of `seriesOf` if null. */
  series: SeriesKind | null;
  zoom: Zoom | null;
  /** `null` unless the page is embedded. */
  embed: Embed | null;
  /** The theme of an embedded page. */
  theme: Theme | null;
  /** English if null. */
  lang: Language | null;
}

export const DEFAULT_VIEW: View = {
  by: "ward",
  measure: null,
  span: null,
  days: null,
  season: null,
  status: null,
  division: null,
  what: [],
  pins: [],
  sort: "measure",
  ascending: false,
  series: null,
  zoom: null,
  embed: null,
  theme: null,
  lang: null,
};

/** The choices that narrow what is counted, without any. */
export const NO_FILTERS = {
  what: [],
  span: null,
  days: null,
  season: null,
  status: null,
  division: null,
  pins: [],
} satisfies Partial<View>;

/** The values of the parameters that have a few. `1` embeds the whole page, as older links have it. */
const WORDS: Record<string, readonly string[]> = {
  by: KINDS,
  measure: MEASURES,
  season: SEASONS,
  sort: SORTS,
  series: SERIES,
  embed: [...EMBEDS, "1"],
  theme: THEMES,
  lang: ["en", ...LANGUAGES],
};
const FSA = /^[a-z]\d[a-z]$/i;

/** Returns the values of a URL's query that are not valid. `parseView` uses the default instead. */
export function misreadIn(query: string): string[] {
  const parameters = new URLSearchParams(query);
  const [years, months, days] = [parameters.get("years"), parameters.get("months"), parameters.get("days")];
  const hasDays = daysNamed(days) !== null;
  return [
    ...Object.entries(WORDS).flatMap(([name, words]) =>
      parameters.getAll(name).filter((word) => !words.includes(word)),
    ),
    ...pinsIn(parameters).slice(MOST_PINS),
    ...(years !== null && yearSpan(years) === null ? [years] : []),
    ...(months !== null && monthSpan(months) === null ? [months] : []),
    ...(days !== null && !hasDays ? [days] : []),
    // Days have neither months nor seasons.
    ...(hasDays ? ["years", "months", "season"].flatMap((name) => parameters.getAll(name)) : []),
  ];
}

/** The areas of a query, of which a view has at most MOST_PINS. */
function pinsIn(parameters: URLSearchParams): string[] {
  const ids = parameters.getAll("area").map((id) => (FSA.test(id) ? id.toUpperCase() : id));
  return [...new Set(ids)].filter(Boolean);
}

/** Parses a URL's query. Missing and invalid parameters have their default. */
export function parseView(query: string): View {
  const parameters = new URLSearchParams(query);
  const namesIn = (parameter: string) => [...new Set(parameters.getAll(parameter))].filter(Boolean);
  const pins = pinsIn(parameters);
  const embed = parameters.get("embed");
  const days = daysNamed(parameters.get("days"));
  return {
    by: oneOf(KINDS, parameters.get("by")) ?? (pins.some((id) => FSA.test(id)) ? "fsa" : DEFAULT_VIEW.by),
    measure: oneOf(MEASURES, parameters.get("measure")),
    span: days ? null : (monthSpan(parameters.get("months")) ?? yearSpan(parameters.get("years"))),
    days,
    season: days ? null : oneOf(SEASONS, parameters.get("season")),
    status: namesIn("status")[0] ?? null,
    division: namesIn("division")[0] ?? null,
    what: [
      ...namesIn("group").map((name): Choice => ({ kind: "group", name })),
      ...namesIn("type").map((name): Choice => ({ kind: "type", name })),
    ],
    pins: pins.slice(0, MOST_PINS),
    sort: oneOf(SORTS, parameters.get("sort")) ?? DEFAULT_VIEW.sort,
    ascending: parameters.get("order") === "ascending",
    series: oneOf(SERIES, parameters.get("series")),
    zoom: zoomOf(parameters.get("zoom")),
    embed: embed === "1" ? "all" : oneOf(EMBEDS, embed),
    theme: oneOf(THEMES, parameters.get("theme")),
    lang: oneOf(LANGUAGES, parameters.get("lang")),
  };
}

/** Writes the query of a view's URL, with its question mark. It is empty for the default view. */
export function formatView(view: View): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | null, usual: string | null = null) => {
    if (value !== null && value !== usual) query.append(name, value);
  };
  put("by", view.by, DEFAULT_VIEW.by);
  put("measure", view.measure);
  if (view.span) put(...spanNamed(view.span));
  if (view.days) put("days", daysWritten(view.days));
  put("season", view.season);
  put("status", view.status);
  put("division", view.division);
  for (const { kind, name } of view.what) query.append(kind, name);
  for (const pin of view.pins) query.append("area", pin);
  put("sort", view.sort, DEFAULT_VIEW.sort);
  if (view.ascending) query.append("order", "ascending");
  put("series", view.series);
  if (view.zoom) query.append("zoom", [view.zoom.scale, view.zoom.x, view.zoom.y].join(","));
  put("embed", view.embed);
  put("theme", view.theme);
  put("lang", view.lang);
  const text = query.toString();
  return text && `?${text}`;
}

/** The address of a page of the site, in the language of the page that links to it. */
export function pageInLanguage(page: string, query: string): string {
  return page + formatView({ ...DEFAULT_VIEW, lang: parseView(query).lang });
}

/** Returns the months of a view, limited to years that exist. */
export function spanOf({ span }: View, years: readonly number[]): Span {
  const first = years[0] ?? 1970;
  const last = years.at(-1) ?? first;
  if (!span) return { from: monthAt(last, 1), to: monthAt(last, 12) };
  const within = (month: number) => Math.min(Math.max(month, monthAt(first, 1)), monthAt(last, 12));
  if (span.to < monthAt(first, 1)) return { from: monthAt(first, 1), to: monthAt(first, 12) };
  if (span.from > monthAt(last, 12)) return { from: monthAt(last, 1), to: monthAt(last, 12) };
  return { from: within(span.from), to: within(span.to) };
}

/**
 * Returns the trend of a view: what was chosen, or else by month. Days are drawn by day, unless the requests by day, which are
 * those of the whole city, are others than those of the answer.
 */
export function seriesOf({ series, days, pins, status, division }: View): SeriesKind {
  const isOfCity = pins.length === 0 && status === null && division === null;
  return series ?? (days && isOfCity ? `${days.length}` : "month");
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

/** Adds a choice to others. A type takes the place of its group, which contains it, and a group that of its types. */
export function withChoice(what: readonly Choice[], choice: Choice, { types }: Vocabulary): Choice[] {
  const groupOf = ({ kind, name }: Choice) =>
    kind === "group" ? name : types.find((type) => type.name === name)?.group;
  const replaced = (one: Choice) => one.kind !== choice.kind && groupOf(one) === groupOf(choice);
  return [...what.filter((one) => !replaced(one)), choice];
}

/** Whether a type, status or division is chosen. Otherwise every share is 100%. */
export function isNarrow({ what, status, division }: View): boolean {
  return what.length > 0 || status !== null || division !== null;
}

/** Whether the requests by month and ward are enough for the answer, though not for the other sections. */
export function isPlain(view: View): boolean {
  return view.by === "ward" && view.embed === null && view.days === null && !isNarrow(view);
}

/** Whether the answer needs the vocabulary: to find the group of a type, or the statuses of a kind. */
export function needsVocabulary({ what, status }: View): boolean {
  return what.some(({ kind }) => kind === "type") || (status !== null && isStatusGroup(status));
}

/** Whether anything is chosen that `NO_FILTERS` clears. */
export function isFiltered(view: View): boolean {
  const { pins, span, days, season } = view;
  return isNarrow(view) || pins.length > 0 || span !== null || days !== null || season !== null;
}

export function isStatusGroup(status: string): status is StatusGroup {
  return oneOf(STATUS_GROUPS, status) !== null;
}

/** Chooses an area, or drops it. One more than there can be replaces the last. */
export function togglePin(pins: readonly string[], id: string): string[] {
  return pins.includes(id) ? pins.filter((pin) => pin !== id) : [...pins.slice(0, MOST_PINS - 1), id];
}

function oneOf<T extends string>(values: readonly T[], value: string | null): T | null {
  return values.find((one) => one === value) ?? null;
}

/** Reads "2025" or "2018-2020". */
function yearSpan(text: string | null): Span | null {
  const match = /^(\d{4})(?:-(\d{4}))?$/.exec(text ?? "");
  if (!match) return null;
  const years = [Number(match[1]), Number(match[2] ?? match[1])];
  return { from: monthAt(Math.min(...years), 1), to: monthAt(Math.max(...years), 12) };
}

/** Reads "2025-03" or "2024-11..2025-03". */
function monthSpan(text: string | null): Span | null {
  const month = "(\\d{4})-(0[1-9]|1[0-2])";
  const match = new RegExp(`^${month}(?:\\.\\.${month})?$`).exec(text ?? "");
  if (!match) return null;
  const [, fromYear, from, toYear = fromYear, to = from] = match;
  const months = [monthAt(Number(fromYear), Number(from)), monthAt(Number(toYear), Number(to))];
  return { from: Math.min(...months), to: Math.max(...months) };
}

/** The parameter of a span and its value. */
function spanNamed(span: Span): [name: string, value: string] {
  const { from, to } = span;
  if (isWholeYears(span)) {
    return ["years", yearOf(from) === yearOf(to) ? `${yearOf(from)}` : `${yearOf(from)}-${yearOf(to)}`];
  }
  const month = (one: number) => `${yearOf(one)}-${String(numberOf(one)).padStart(2, "0")}`;
  return ["months", from === to ? month(from) : `${month(from)}..${month(to)}`];
}

/** Reads "30", the last days whenever the address is opened, or "2025-12-02..2025-12-31", the last days until then. */
function daysNamed(text: string | null): ChosenDays | null {
  const whenever = LENGTHS.find((length) => `${length}` === text);
  if (whenever) return { length: whenever, last: null };
  const last = /^\d{4}-\d\d-\d\d\.\.(\d{4}-\d\d-\d\d)$/.exec(text ?? "")?.[1];
  if (last === undefined || Number.isNaN(Date.parse(last))) return null;
  const found = LENGTHS.map((length) => ({ length, last })).find((days) => daysWritten(days) === text);
  return found ?? null;
}

/** The opposite of `daysNamed`. */
function daysWritten({ length, last }: ChosenDays): string {
  if (last === null) return `${length}`;
  const days = daysTo(new Date(last), length);
  return `${dayId(days.first)}..${dayId(days.last)}`;
}

function zoomOf(text: string | null): Zoom | null {
  const [scale, x, y] = (text ?? "").split(",").map(Number);
  return scale && scale > 1 && Number.isFinite(x) && Number.isFinite(y)
    ? { scale, x: x as number, y: y as number }
    : null;
}
