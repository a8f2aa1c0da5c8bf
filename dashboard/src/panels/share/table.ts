import { DAY_MS, dayId, dayOf } from "../../data/calendar.ts";
import type { Catalog } from "../../data/catalog.ts";
import { readDays } from "../../data/days.ts";
import type { Bounds } from "../../data/durations.ts";
import { readDurations } from "../../data/durations.ts";
import type { Figures } from "../../data/figures.ts";
import type { Question } from "../../data/question.ts";
import { firstDayOf, isWholeYears, monthsOf, numberOf, yearOf } from "../../data/span.ts";
import { text } from "../../strings.ts";
import { fewOf, questionOnMap, typesNamed } from "../../view/describe.ts";
import { subjectOf } from "../../view/durations.ts";
import { measured } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { Measure, View } from "../../view/view.ts";
import { chosenOf } from "../../view/view.ts";

export type Cell = string | number | null;
type Table = readonly (readonly Cell[])[];

/** A table, and the name of its file without the extension. */
export interface TableFile {
  name: string;
  table: Table;
}

/** What narrows the requests of a table, apart from its areas. */
type Filter = "what" | "season" | "status" | "division" | "period";
/** Types and categories that the name of a file lists. */
const LISTED = 3;

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

/** A filter as its column, whose cell every row has, and as words in the name of a file. */
interface Applied {
  filter: Filter;
  column: string;
  cell: Cell;
  words: readonly (string | null)[];
}

/** The filters that were applied, without those that a table does not use. */
function appliedIn({ view, answer }: Shown, unused: readonly Filter[]): Applied[] {
  const { what } = view;
  const same = (filter: "season" | "status" | "division") => ({
    filter,
    column: filter,
    cell: view[filter],
    words: [view[filter]],
  });
  const types = fewOf(
    what.map(({ name }) => name),
    LISTED,
  );
  const filters: Applied[] = [
    { filter: "what", column: "what", cell: typesNamed(what), words: types },
    same("season"),
    same("status"),
    same("division"),
    { filter: "period", ...periodOf(answer.question) },
  ];
  return filters.filter(({ filter }) => !unused.includes(filter));
}

/** The days or months of a question. In the name of a file, months that are whole years are these years. */
function periodOf({ days, span }: Question): Omit<Applied, "filter"> {
  const ends = days ? [dayId(days.first), dayId(days.last)] : [monthId(span.from), monthId(span.to)];
  const years = new Set([yearOf(span.from), yearOf(span.to)]);
  return {
    column: days ? "days" : "months",
    cell: ends.join("/"),
    words: !days && isWholeYears(span) ? [[...years].join("-")] : [...new Set(ends)],
  };
}

/** The last columns of a table: the filters that were applied, and the last day of the data. */
function filtersOf(shown: Shown, unused: readonly Filter[] = []) {
  const applied = appliedIn(shown, unused);
  return {
    names: [...applied.map(({ column }) => column), "data_through"],
    cells: [...applied.map(({ cell }) => cell), dayId(shown.store.dataThrough)],
  };
}

/** The same with the months that the figures of areas are of. */
function ofAreas(shown: Shown): Shown {
  const { answer } = shown;
  return { ...shown, answer: { ...answer, question: questionOnMap(answer) } };
}

/** The areas with their figures, numerators and denominators. The README describes the columns. */
export function tableOf(shown: Shown, catalog: Catalog): TableFile {
  const { view, answer, ranked } = shown;
  const filters = filtersOf(ofAreas(shown));
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
  return { name: fileName(ofAreas(shown), areasNamed(view), catalog), table: [header, ...rows] };
}

/** The requests of each area and of the city in each month that is known, also of the year before the first. */
export function monthsTable(shown: Shown, catalog: Catalog): TableFile {
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
  const rows = [
    ...rowsOf("", text.city, answer.city.months, false),
    ...areas.flatMap(({ id, name }, at) =>
      rowsOf(id, name, answer.areas[at]?.months ?? new Uint32Array(), true),
    ),
  ];
  return {
    name: fileName(shown, `${areasNamed(view)}-by-month`, catalog),
    table: [["data", view.by, "name", "month", "requests", ...filters.names], ...rows],
  };
}

/**
 * The requests of each category in each area, whatever types are chosen. Its shares are of the requests that match the other
 * filters, so that those of an area add up to 1.
 */
export function categoriesTable(shown: Shown, catalog: Catalog): TableFile {
  const { view, answer, areas, names } = shown;
  const unused = ["what"] as const;
  const filters = filtersOf(ofAreas(shown), unused);
  const shareOf = (group: number, figures: Figures | undefined) =>
    figures?.isKnown && figures.ofAllTypes > 0 ? (figures.groups[group] ?? 0) / figures.ofAllTypes : null;
  const rows = areas.flatMap(({ id, name }, at) => {
    const figures = answer.areas[at];
    return names.groups.names.map((category, group): Cell[] => [
      originOf(catalog),
      id,
      name,
      category,
      figures?.isKnown ? (figures.groups[group] ?? 0) : null,
      figures?.isKnown ? figures.ofAllTypes : null,
      round(shareOf(group, figures), SHARE),
      round(shareOf(group, answer.cityOfMap), SHARE),
      ...filters.cells,
    ]);
  });
  const columns = [
    "category",
    "requests",
    "matching_requests",
    "share_of_matching",
    "city_share_of_matching",
  ];
  return {
    name: fileName(ofAreas(shown), `${areasNamed(view)}-by-category`, catalog, unused),
    table: [["data", view.by, "name", ...columns, ...filters.names], ...rows],
  };
}

/** The requests of the whole city by status, whatever status is chosen. */
export function statusTable(shown: Shown, catalog: Catalog): TableFile {
  const { answer, vocabulary } = shown;
  const unused = ["status"] as const;
  const filters = filtersOf(shown, unused);
  const groupOf = (name: string) => vocabulary.statuses.find((one) => one.name === name)?.group ?? null;
  const rows = [...answer.byStatus].map(([status, requests]): Cell[] => [
    originOf(catalog),
    status,
    groupOf(status),
    requests,
    ...filters.cells,
  ]);
  return {
    name: fileName(shown, "statuses", catalog, unused),
    table: [["data", "status", "status_group", "requests", ...filters.names], ...rows],
  };
}

/** The requests of the whole city by division, whatever division is chosen. */
export function divisionTable(shown: Shown, catalog: Catalog): TableFile {
  const unused = ["division"] as const;
  const filters = filtersOf(shown, unused);
  const rows = [...shown.answer.byDivision].map(([division, requests]): Cell[] => [
    originOf(catalog),
    division,
    requests,
    ...filters.cells,
  ]);
  return {
    name: fileName(shown, "divisions", catalog, unused),
    table: [["data", "division", "requests", ...filters.names], ...rows],
  };
}

/** The requests of the whole city on each of the chosen days, or each day of the chosen months, with the chosen types. */
export async function daysTable(shown: Shown, catalog: Catalog): Promise<TableFile> {
  const { view, vocabulary, store, answer } = shown;
  const { span, days } = answer.question;
  const unused = ["season", "status", "division"] as const;
  // Each row has its day.
  const filters = filtersOf(shown, [...unused, "period"]);
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
    rows.push([originOf(catalog), dayId(day), ofYear[dayOf(day)] ?? 0, ...filters.cells]);
  }
  return {
    name: fileName(shown, "city-by-day", catalog, unused),
    table: [["data", "day", "requests", ...filters.names], ...rows],
  };
}

/** How long requests take: of the chosen type or category, or of all, in the city and in each ward. */
export async function durationsTable(shown: Shown, catalog: Catalog): Promise<TableFile> {
  const { view, vocabulary, store } = shown;
  const subject = subjectOf(view.what, vocabulary);
  // Each row has its category and type. Times are not of months.
  const unused = ["season", "status", "division", "period"] as const;
  const filters = filtersOf(shown, ["what", ...unused]);
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
      ...filters.cells,
    ]);
  const of = ["quarter", "half", "three_quarters"];
  const days = of.flatMap((part) => [`${part}_closed_days_low`, `${part}_closed_days_high`]);
  const columns = ["category", "type", "ward", "requests", ...days, "open_after_90_days"];
  return {
    name: fileName(shown, "times", catalog, subject ? unused : ["what", ...unused]),
    table: [["data", ...columns, ...filters.names], ...rows],
  };
}

/** The name of a picture of the map. */
export function mapName(shown: Shown, catalog: Catalog): string {
  return fileName(ofAreas(shown), `${areasNamed(shown.view)}-map`, catalog);
}

/** The areas of a view, as file names call them. */
function areasNamed({ by }: View): string {
  return by === "ward" ? "wards" : "postal-areas";
}

/** The name of a file: what it holds, and the filters that apply to it, without words that a file system does not take. */
function fileName(
  shown: Shown,
  part: string,
  { generated: isGenerated }: Catalog,
  unused: readonly Filter[] = [],
): string {
  const slugs = (isPeriod: boolean) =>
    appliedIn(shown, unused)
      .filter(({ filter }) => (filter === "period") === isPeriod)
      .flatMap(({ words }) => words.flatMap((word) => word ?? []))
      .map((word) =>
        word
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, "-")
          .replace(/^-|-$/g, ""),
      )
      .filter(Boolean);
  const name = ["toronto-311", ...slugs(false), part, ...slugs(true)].join("_");
  return isGenerated ? text.generated.fileName(name) : name;
}

/** "2025-03". */
function monthId(month: number): string {
  return `${yearOf(month)}-${String(numberOf(month)).padStart(2, "0")}`;
}

function round(value: number | null | undefined, digits: number): number | null {
  return value === null || value === undefined ? null : Number(value.toFixed(digits));
}
