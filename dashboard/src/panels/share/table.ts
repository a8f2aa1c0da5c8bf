import { DAY_MS, dayId, dayOf } from "../../data/calendar.ts";
import type { Catalog } from "../../data/catalog.ts";
import { readDays } from "../../data/days.ts";
import type { Bounds } from "../../data/durations.ts";
import { readDurations } from "../../data/durations.ts";
import { firstDayOf, monthsOf, numberOf, yearOf } from "../../data/span.ts";
import { text } from "../../strings.ts";
import { typesNamed } from "../../view/describe.ts";
import { subjectOf } from "../../view/durations.ts";
import { measured } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { Measure } from "../../view/view.ts";
import { chosenOf } from "../../view/view.ts";

export type Cell = string | number | null;
export type Table = readonly (readonly Cell[])[];

/** Digits after the point of a rate, and of a share of 1. */
const RATE = 2;
const SHARE = 4;

/**
 * The origin of the data, as the first column of every table: it stays with rows that are sorted, filtered or copied, while
 * a comment above the header would be read as the header.
 */
function originOf({ generated: isGenerated, attribution }: Catalog): string {
  return isGenerated ? text.generated.data : (attribution ?? "");
}

/** The filters that were applied, as the last columns of a table: their names, and their cells in every row. */
function filtersOf({ view, answer, store }: Shown, ...unused: readonly ("what" | "status" | "division")[]) {
  const { days, span } = answer.question;
  const filters: Readonly<Record<string, Cell>> = {
    what: typesNamed(view.what),
    season: view.season,
    status: view.status,
    division: view.division,
    ...(days
      ? { days: `${dayId(days.first)}/${dayId(days.last)}` }
      : { months: `${monthId(span.from)}/${monthId(span.to)}` }),
    data_through: dayId(store.dataThrough),
  };
  const used = Object.entries(filters).filter(([name]) => !unused.some((one) => one === name));
  return { names: used.map(([name]) => name), cells: used.map(([, cell]) => cell) };
}

/** The areas with their figures, numerators and denominators. The README describes the columns. */
export function tableOf(shown: Shown, catalog: Catalog): Table {
  const { view, answer, ranked } = shown;
  const filters = filtersOf(shown);
  const header = [
    "data",
    "rank",
    view.by,
    "name",
    "requests",
    "years",
    "homes",
    "people",
    "land_km2",
    "per_1000_homes",
    "per_1000_homes_low",
    "per_1000_homes_high",
    "per_1000_people",
    "per_km2",
    "requests_of_all_types",
    "share_of_area",
    "compared_requests",
    "compared_requests_year_before",
    "change",
    ...filters.names,
  ];
  const rows = [...ranked]
    .sort((a, b) => (a.rank ?? Infinity) - (b.rank ?? Infinity))
    .map(({ area, figures, rank }): Cell[] => {
      const of = (measure: Measure) => measured(measure, figures, area, answer.yearsOnMap);
      const homes = of("homes");
      const isKnown = <T>(value: T) => (figures.isKnown ? value : null);
      return [
        originOf(catalog),
        rank,
        area.id,
        area.name,
        isKnown(figures.requests),
        // Rates of days are of these days alone.
        answer.question.days ? null : round(answer.yearsOnMap, RATE),
        area.homes,
        area.people,
        round(area.km2, RATE),
        round(homes.value, RATE),
        round(homes.interval?.low, RATE),
        round(homes.interval?.high, RATE),
        round(of("people").value, RATE),
        round(of("density").value, RATE),
        isKnown(figures.ofAll),
        round(of("share").value, SHARE),
        isKnown(figures.comparable),
        isKnown(figures.yearBefore),
        round(of("change").value, SHARE),
        ...filters.cells,
      ];
    });
  return [header, ...rows];
}

/** The requests of each area and of the city in each month that is known, also of the year before the first. */
export function monthsTable(shown: Shown, catalog: Catalog): Table {
  const { view, answer, areas } = shown;
  const { start, question, isKnown, mapMonths } = answer;
  const filters = filtersOf(shown);
  const months = monthsOf({ from: start, to: question.span.to }).filter((month) => isKnown[month - start]);
  const rowsOf = (id: string, name: string, counts: Uint32Array, isOfMap: boolean) =>
    months.flatMap((month): Cell[][] => {
      const at = month - start;
      return isOfMap && !mapMonths[at]
        ? []
        : [[originOf(catalog), id, name, monthId(month), counts[at] ?? 0, ...filters.cells]];
    });
  return [
    ["data", view.by, "name", "month", "requests", ...filters.names],
    ...rowsOf("", text.city, answer.city.months, false),
    ...areas.flatMap(({ id, name }, at) =>
      rowsOf(id, name, answer.areas[at]?.months ?? new Uint32Array(), true),
    ),
  ];
}

/** The requests of each category in each area, whatever types are chosen. */
export function categoriesTable(shown: Shown, catalog: Catalog): Table {
  const { view, answer, areas, names } = shown;
  const filters = filtersOf(shown, "what");
  return [
    ["data", view.by, "name", "category", "requests", "share_of_area", "share_of_city", ...filters.names],
    ...areas.flatMap(({ id, name }, at) => {
      const figures = answer.areas[at];
      return names.groups.names.map((category, group): Cell[] => {
        const requests = figures?.groups[group] ?? 0;
        const ofCity = (answer.cityOfMap.groups[group] ?? 0) / Math.max(1, answer.cityOfMap.ofAllTypes);
        const share = requests / Math.max(1, figures?.ofAllTypes ?? 0);
        return [
          originOf(catalog),
          id,
          name,
          category,
          requests,
          round(share, SHARE),
          round(ofCity, SHARE),
          ...filters.cells,
        ];
      });
    }),
  ];
}

/** The requests of the whole city by status, whatever status is chosen. */
export function statusTable(shown: Shown, catalog: Catalog): Table {
  const { answer, vocabulary } = shown;
  const filters = filtersOf(shown, "status");
  const groupOf = (name: string) => vocabulary.statuses.find((one) => one.name === name)?.group ?? null;
  return [
    ["data", "status", "status_group", "requests", ...filters.names],
    ...[...answer.byStatus].map(([status, requests]): Cell[] => [
      originOf(catalog),
      status,
      groupOf(status),
      requests,
      ...filters.cells,
    ]),
  ];
}

/** The requests of the whole city by division, whatever division is chosen. */
export function divisionTable(shown: Shown, catalog: Catalog): Table {
  const filters = filtersOf(shown, "division");
  return [
    ["data", "division", "requests", ...filters.names],
    ...[...shown.answer.byDivision].map(([division, requests]): Cell[] => [
      originOf(catalog),
      division,
      requests,
      ...filters.cells,
    ]),
  ];
}

/** The requests of the whole city on each of the chosen days, or each day of the chosen months, with the chosen types. */
export async function daysTable(
  { view, vocabulary, store, answer }: Shown,
  catalog: Catalog,
): Promise<Table> {
  const { span, days } = answer.question;
  const first = days?.first ?? firstDayOf(span.from);
  const end = firstDayOf(span.to + 1).getTime();
  const chosen = chosenOf(view, vocabulary);
  const years = store.years.filter((year) => year >= first.getUTCFullYear() && year <= yearOf(span.to));
  const byYear = new Map(
    await Promise.all(years.map(async (year) => [year, await readDays(catalog, year, chosen)] as const)),
  );
  const rows: Cell[][] = [];
  for (let time = first.getTime(); time < end; time += DAY_MS) {
    const day = new Date(time);
    const ofYear = byYear.get(day.getUTCFullYear());
    if (!ofYear || day > store.dataThrough) continue;
    const requests = ofYear[dayOf(day)] ?? 0;
    rows.push([originOf(catalog), dayId(day), requests, typesNamed(view.what), dayId(store.dataThrough)]);
  }
  return [["data", "day", "requests", "what", "data_through"], ...rows];
}

/** How long requests take: of the chosen type or category, or of all, in the city and in each ward. */
export async function durationsTable({ view, vocabulary, store }: Shown, catalog: Catalog): Promise<Table> {
  const subject = subjectOf(view.what, vocabulary);
  const durations = await store.once("durations", () => readDurations(catalog));
  const bounds = (of: Bounds | null) => [round(of?.lower, 0), round(of?.upper, 0)];
  const rows = durations
    .filter(({ group, type }) => !subject || (group === subject.group && type === subject.type))
    .map(({ group, type, ward, requests, quarter, half, threeQuarters, openAfter90 }): Cell[] => [
      originOf(catalog),
      group,
      type,
      ward,
      requests,
      ...[quarter, half, threeQuarters].flatMap(bounds),
      round(openAfter90, SHARE),
      dayId(store.dataThrough),
    ]);
  const of = ["quarter", "half", "three_quarters"];
  const days = of.flatMap((part) => [`${part}_closed_days_low`, `${part}_closed_days_high`]);
  return [
    ["data", "category", "type", "ward", "requests", ...days, "open_after_90_days", "data_through"],
    ...rows,
  ];
}

/** The name of a file: what it holds, without words that a file system does not take. */
export function fileName(shown: Shown, part: string, { generated: isGenerated }: Catalog): string {
  const { view, answer } = shown;
  const { days, span } = answer.question;
  const { from, to } = span;
  const filters = [...view.what.map(({ name }) => name), view.season, view.status, view.division];
  const slug = filters
    .flatMap((one) => one ?? [])
    .map((one) =>
      one
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-|-$/g, ""),
    )
    .filter(Boolean)
    .slice(0, 4);
  const period = days
    ? [dayId(days.first), dayId(days.last)].join("_")
    : numberOf(from) === 1 && numberOf(to) === 12
      ? [...new Set([yearOf(from), yearOf(to)])].join("-")
      : [...new Set([monthId(from), monthId(to)])].join("_");
  const name = ["toronto-311", ...slug, part, period].join("_");
  return isGenerated ? text.generated.fileName(name) : name;
}

/** "2025-03". */
function monthId(month: number): string {
  return `${yearOf(month)}-${String(numberOf(month)).padStart(2, "0")}`;
}

function round(value: number | null | undefined, digits: number): number | null {
  return value === null || value === undefined ? null : Number(value.toFixed(digits));
}
