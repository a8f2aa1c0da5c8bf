import type { Catalog } from "../../data/catalog.ts";
import { monthsOf, numberOf, yearOf } from "../../data/span.ts";
import { text } from "../../strings.ts";
import { typesNamed } from "../../view/describe.ts";
import { measured } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { Measure } from "../../view/view.ts";

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

/** The filters, as the last columns of every table. */
const FILTERS = ["what", "season", "status", "division", "months", "data_through"] as const;
function filtersOf({ view, answer, store }: Shown): Cell[] {
  const { from, to } = answer.question.span;
  return [
    typesNamed(view.what),
    view.season,
    view.status,
    view.division,
    `${monthId(from)}/${monthId(to)}`,
    store.dataThrough.toISOString().slice(0, 10),
  ];
}

/** The areas with their figures, numerators and denominators. The README describes the columns. */
export function tableOf(shown: Shown, catalog: Catalog): Table {
  const { view, answer, ranked } = shown;
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
    ...FILTERS,
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
        round(answer.yearsOnMap, RATE),
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
        ...filtersOf(shown),
      ];
    });
  return [header, ...rows];
}

/** The requests of each area and of the city in each month, also of the year before the first. */
export function monthsTable(shown: Shown, catalog: Catalog): Table {
  const { view, answer, areas } = shown;
  const { start, question, mapMonths } = answer;
  const months = monthsOf({ from: start, to: question.span.to });
  const rowsOf = (id: string, name: string, counts: Uint32Array, isOfMap: boolean) =>
    months.flatMap((month): Cell[][] => {
      const at = month - start;
      return isOfMap && !mapMonths[at]
        ? []
        : [[originOf(catalog), id, name, monthId(month), counts[at] ?? 0, ...filtersOf(shown)]];
    });
  return [
    ["data", view.by, "name", "month", "requests", ...FILTERS],
    ...rowsOf("", text.city, answer.city.months, false),
    ...areas.flatMap(({ id, name }, at) =>
      rowsOf(id, name, answer.areas[at]?.months ?? new Uint32Array(), true),
    ),
  ];
}

/** The requests of each category in each area, whatever types are chosen. */
export function categoriesTable(shown: Shown, catalog: Catalog): Table {
  const { view, answer, areas, names } = shown;
  const filters = filtersOf(shown).slice(1);
  return [
    ["data", view.by, "name", "category", "requests", "share_of_area", "share_of_city", ...FILTERS.slice(1)],
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
          ...filters,
        ];
      });
    }),
  ];
}

/** The requests of the whole city by status. */
export function statusTable(shown: Shown, catalog: Catalog): Table {
  const { answer, vocabulary } = shown;
  const groupOf = (name: string) => vocabulary.statuses.find((one) => one.name === name)?.group ?? null;
  return [
    ["data", "status", "status_group", "requests", ...FILTERS],
    ...[...answer.byStatus].map(([status, requests]): Cell[] => [
      originOf(catalog),
      status,
      groupOf(status),
      requests,
      ...filtersOf(shown),
    ]),
  ];
}

/** The name of a file: what it holds, without words that a file system does not take. */
export function fileName(shown: Shown, part: string, { generated: isGenerated }: Catalog): string {
  const { view, answer } = shown;
  const { from, to } = answer.question.span;
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
  const months =
    numberOf(from) === 1 && numberOf(to) === 12
      ? [...new Set([yearOf(from), yearOf(to)])].join("-")
      : [...new Set([monthId(from), monthId(to)])].join("_");
  const name = ["toronto-311", ...slug, part, months].join("_");
  return isGenerated ? text.generated.fileName(name) : name;
}

/** "2025-03". */
function monthId(month: number): string {
  return `${yearOf(month)}-${String(numberOf(month)).padStart(2, "0")}`;
}

function round(value: number | null | undefined, digits: number): number | null {
  return value === null || value === undefined ? null : Number(value.toFixed(digits));
}
