import { REASONS } from "./generated/contract.ts";
import type { Season } from "./data/calendar.ts";
import type { AreaKind } from "./data/boundaries.ts";
import type { Figures } from "./data/figures.ts";
import type { ProblemKind } from "./data/problem.ts";
import type { YearQuality } from "./data/quality.ts";
import type { Refusal } from "./data/refusals.ts";
import type { StatusGroup } from "./data/vocabulary.ts";
import type { Measure } from "./view/view.ts";

/** Every word of the page, and its formats of numbers and dates. Another language would be another module like this. */
const LOCALE = "en-CA";

const integer = new Intl.NumberFormat(LOCALE);
const short = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumSignificantDigits: 3 });
const oneDigit = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const percent = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat(LOCALE, {
  style: "percent",
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const day = new Intl.DateTimeFormat(LOCALE, { dateStyle: "long", timeZone: "UTC" });
const monthYear = new Intl.DateTimeFormat(LOCALE, { month: "long", year: "numeric", timeZone: "UTC" });
const monthLong = new Intl.DateTimeFormat(LOCALE, { month: "long", timeZone: "UTC" });
const monthShort = new Intl.DateTimeFormat(LOCALE, { month: "short", timeZone: "UTC" });
const list = new Intl.ListFormat(LOCALE);
const dayLong = new Intl.DateTimeFormat(LOCALE, { month: "long", day: "numeric", timeZone: "UTC" });
const dayShort = new Intl.DateTimeFormat(LOCALE, { month: "short", day: "numeric", timeZone: "UTC" });

/** "3.4%". A small share is "< 0.1%" rather than "0%". */
function share(value: number): string {
  const least = 0.001;
  return value > 0 && value < least / 2 ? `< ${percent.format(least)}` : percent.format(value);
}

export const format = {
  integer: (value: number) => integer.format(value),
  short: (value: number) => short.format(value),
  percent: share,
  day: (date: Date) => day.format(date),
  dayLong: (date: Date) => dayLong.format(date),
  dayShort: (date: Date) => dayShort.format(date),
  monthYear: (date: Date) => monthYear.format(date),
  /** 1 to 12. */
  month: (month: number) => monthShort.format(Date.UTC(2001, month - 1, 1)),
  measure: (measure: Measure, value: number | null): string => {
    if (value === null) return "–";
    if (measure === "count") return integer.format(value);
    if (measure === "density")
      return value < 100 ? oneDigit.format(value) : integer.format(Math.round(value));
    return measure === "share" ? share(value) : signed.format(value);
  },
};

const area: Record<AreaKind, string> = { ward: "ward", fsa: "postal area" };
const seasons: Record<Season, string> = {
  winter: "Winter",
  spring: "Spring",
  summer: "Summer",
  fall: "Fall",
};
const statusGroups: Record<StatusGroup, string> = {
  open: "Open",
  done: "Completed or closed",
  cancelled: "Cancelled",
  unknown: "Unknown",
};
/** Years that the notice near the top lists. If there are more, it counts them. */
const LISTED = 3;
const boundaries: Record<string, string> = {
  "city-wards": "Ward boundaries",
  "forward-sortation-areas": "Postal area boundaries",
};
const drift: Record<string, string> = {
  invalid_publication_date: "impossible publication date",
  duplicate_resource: "the same file listed twice",
  conflicting_resources: "different files listed for the year",
  republished_without_notice: "changed without a new publication date",
  mixed_encodings: "mixed text encodings",
  surplus_empty_fields: "empty fields after the last column",
  requests_gone: "requests gone since the previous file",
};
/** Kinds of drift whose subject adds nothing to the words: the year, a key of the pipeline, or the same in other words. */
const WITHOUT_SUBJECT = [
  "republished_without_notice",
  "mixed_encodings",
  "surplus_empty_fields",
  "requests_gone",
];
/** Describes the refusal of a publication, without its cause. */
function refused({ shown, stage, exit, observed }: Refusal): string {
  const file = shown ? "a newer file" : "its file";
  const on = observed ? ` on ${format.day(observed)}` : "";
  if (exit === 20) return `${file} was refused${on}, because it breaks the contract`;
  if (exit === 30 && stage === "extract") return `its file could not be reached${on}`;
  const verb = { extract: "fetched", transform: "read", load: "loaded" }[stage] ?? "used";
  const why = exit === 30 ? "a service that it needs did not answer" : "of a fault on our side";
  return `${file} could not be ${verb}${on}, because ${why}`;
}

/** "2025", or "2018–2025". */
export function years(from: number, to: number): string {
  return from === to ? `${from}` : `${from}–${to}`;
}

/** "1 request", or "1,707 requests". */
function counted(requests: number): string {
  return `${integer.format(requests)} ${text.headline(requests)}`;
}

/** Months in brackets, unless they are a whole year: " (January–June)", or " (January, February and December only)". */
function inBrackets(months: readonly number[]): string {
  if (months.length === 12) return "";
  const names = months.map((month) => monthLong.format(Date.UTC(2001, month - 1, 1)));
  const [first = 1] = months;
  const isRun = months.length > 1 && months.at(-1) === first + months.length - 1;
  return isRun ? ` (${names[0] ?? ""}–${names.at(-1) ?? ""})` : ` (${list.format(names)} only)`;
}

export const text = {
  title: "Toronto 311",
  pageTitle: (what: string) => `${what} · ${text.title}`,
  /** For data that are not the City's. */
  generated: {
    notice: "Generated data: not the City of Toronto's, not real requests",
    label: "About these data",
    title: (title: string) => `Generated sample: ${title}`,
    fileName: (name: string) => `generated-${name}`,
    data: "generated sample",
    asOf: (through: string) => `Generated data to ${through}`,
    qualityIntro: (through: string) =>
      `The requests are generated, up to ${through}. The table accounts for every row of the generated files: used, repaired, or excluded with a reason.`,
    qualityNote:
      "The data were generated in the form of the City's files to try out this page. They say nothing about Toronto.",
    boundaries: "Only the boundaries are real.",
  },
  subtitle: "What residents report to the City, by ward and postal area",
  areas: { ward: "Wards", fsa: "Postal areas (FSA)" } satisfies Record<AreaKind, string>,
  /** The name of a measure. `year` is the last of those shown. */
  measures: (measure: Measure, year: number) =>
    ({
      count: "Requests",
      density: "Per km²",
      share: "Share of the area's requests",
      change: `Change from ${year - 1}`,
    })[measure],
  measureHelp: {
    count: "Number of requests. Areas with more residents usually have more.",
    density: "Requests per square kilometre.",
    share: "Requests of this kind as a share of all requests from the area, regardless of its population.",
    change: "Compared with the same months of the previous year.",
  } satisfies Record<Measure, string>,
  seasons,
  change: "Change",
  skip: "Skip to the ranking",
  asOf: (through: string, published: string | null) =>
    `Data to ${through}${published ? ` · City file updated ${published}` : ""}`,
  theme: { toDark: "Dark theme", toLight: "Light theme" },
  filters: "Filters",
  search: "Request type",
  searchHint: "For example pothole, noise, green bin",
  searchNone: (query: string) => `No request type matches “${query}”. Try another word, or browse all types.`,
  searchCount: (count: number) => (count === 1 ? "1 match" : `${integer.format(count)} matches`),
  searchMore: (shown: number, count: number) =>
    `Showing ${shown} of ${integer.format(count)}. Keep typing to narrow the list.`,
  searchGroup: "Category",
  searchFormerly: (name: string) => `formerly ${name}`,
  remove: (name: string) => `Remove ${name}`,
  by: "Areas",
  yearFrom: "From year",
  yearTo: "To year",
  season: "Season",
  allSeasons: "All seasons",
  status: "Status",
  allStatuses: "All statuses",
  statusGroupOf: (group: StatusGroup) => `All ${statusGroups[group].toLowerCase()}`,
  division: "City division",
  allDivisions: "All divisions",
  reset: "Clear filters",
  everything: "All requests",
  headline: (requests: number) => (requests === 1 ? "request" : "requests"),
  inYears: (from: number, to: number) => `in ${years(from, to)}`,
  changeFrom: (change: number, year: number, months: readonly number[]) => {
    const size = percent.format(Math.abs(change));
    const compared =
      size === percent.format(0)
        ? `about the same as in ${year}`
        : `${change > 0 ? "up" : "down"} ${size} from ${year}`;
    return compared + inBrackets(months);
  },
  leader: (name: string, measure: Measure, value: number, figures: Figures, months: readonly number[]) => {
    const written = format.measure(measure, value);
    const [before, now] = [figures.yearBefore, figures.comparable].map((one) => integer.format(one));
    return {
      count: `most requests: ${name}, ${written}`,
      density: `highest density: ${name}, ${written} per km²`,
      share: `highest share: ${name}, ${written} of its requests`,
      change: `${value < 0 ? "smallest decrease" : "largest increase"}: ${name}, ${written}, from ${before ?? ""} to ${now ?? ""}${inBrackets(months)}`,
    }[measure];
  },
  changeHelp: (year: number, months: readonly number[]) =>
    months.length === 0
      ? `There is no earlier year to compare ${year} with.`
      : `Change compares ${year} with ${year - 1}${inBrackets(months)}.`,
  map: (measure: Measure, kind: AreaKind, from: number, to: number) =>
    ({
      count: `Requests by ${area[kind]}, ${years(from, to)}`,
      density: `Requests per km² by ${area[kind]}, ${years(from, to)}`,
      share: `Share of each ${area[kind]}'s requests, ${years(from, to)}`,
      change: `Change by ${area[kind]}, ${years(to - 1, to)}`,
    })[measure],
  mapLabel: (kind: AreaKind, measure: string) =>
    `Map of Toronto by ${area[kind]}: ${measure.toLowerCase()}. Use the arrow keys to move between areas and Enter to select one. The table lists the same figures.`,
  areaLabel: (name: string, value: string, rank: number | null, requests: number | null) =>
    requests === null
      ? `${name}: ${text.legendNone}`
      : `${name}: ${value}${rank === null ? "" : `, rank ${rank}`}, ${counted(requests)}`,
  measure: "Colour the map by",
  classes: "Colour scale",
  classesNames: { quantile: "Same number of areas per colour", ckmeans: "Similar values together" },
  shareNeedsChoice: "To see shares, first choose a request type, status or division.",
  legendNone: "no data",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  zoomReset: "Reset map",
  offMap: {
    ward: (off: number, without: number, total: number, hasOldWards: boolean) => {
      const count = off + without;
      const of = `${integer.format(count)} of ${integer.format(total)} requests`;
      if (off === 0) {
        return `${of} ${count === 1 ? "has no ward and is" : "have no ward and are"} not on the map.`;
      }
      const verb = off === 1 ? "is" : "are";
      const why = hasOldWards
        ? `${verb} from before December 2018, when Toronto had 44 other wards`
        : `${verb} of wards that are not on it`;
      const others =
        without > 0 ? `, and ${integer.format(without)} ${without === 1 ? "has" : "have"} no ward` : "";
      return `${of} ${count === 1 ? "is" : "are"} not on the map: ${integer.format(off)} ${why}${others}.`;
    },
    fsa: (off: number, without: number, total: number) => {
      const subject = `${counted(off + without)} (${share((off + without) / total)})`;
      return off + without === 1
        ? `${subject} has no postal area and is not on this map.`
        : `${subject} have no postal area, mostly because they were reported at an intersection. They are not on this map.`;
    },
  },
  mapEmpty: "No requests on the map match these filters.",
  showByFsa: "Show postal areas",
  ranking: { ward: "Wards ranked", fsa: "Postal areas ranked" } satisfies Record<AreaKind, string>,
  rankingCaption: (kind: AreaKind, measure: string) => `${text.ranking[kind]} by ${measure.toLowerCase()}`,
  rank: "Rank",
  measureColumn: {
    count: "Rank",
    density: "Per km²",
    share: "Share of area",
    change: "Change",
  } satisfies Record<Measure, string>,
  area: { ward: "Ward", fsa: "Postal area" } satisfies Record<AreaKind, string>,
  requests: "Requests",
  share: "Share of city",
  shareHelp: "Share of city: of all requests on the map.",
  trend: "Monthly trend",
  pin: (name: string) => `Select ${name}`,
  compare: "Compare areas",
  compareHint: "Select an area to see its details. Select a second one to compare.",
  compareDensity: (kind: AreaKind) =>
    `Toronto's figures per km² count only requests that have a ${area[kind]}. Share and change cover the same months as the map.`,
  city: "Toronto",
  distinctive: (name: string) => `What ${name} reports more often than Toronto as a whole`,
  timesOfCity: (share: string, ratio: number) =>
    `${share} of its requests, ${oneDigit.format(ratio)} times the city average`,
  noneDistinctive: "No category is more than 10% above the city average.",
  series: "Over time",
  seriesKinds: { month: "By month", day: "Running total" },
  seriesMonth: "Requests by month",
  seriesDay: "Requests since January 1",
  yearBefore: "previous year",
  wholeCityOnly: "This chart shows the whole city. Area, season, status and division do not apply to it.",
  chartKeys: "Use the arrow keys to read the values.",
  asTable: "Show as a table",
  month: "Month",
  monthUntil: (month: string, day: string) => `${month} (to ${day})`,
  dayOfYear: "Day",
  heat: "How areas differ",
  heatHelp: {
    share:
      "Each cell compares a category's share of an area's requests with its share in the whole city. Orange is higher, purple lower.",
    count: "Requests by category and area.",
  },
  heatKeys: "Use the arrow keys to move between cells.",
  heatLegend: { share: "Compared with the city (1× = the same)", count: "Requests" },
  heatRatio: (low: number, high: number) =>
    low === 0 ? `under ${high}×` : high === Infinity ? `over ${low}×` : `${low}–${high}×`,
  heatCount: (low: number, high: number) =>
    low === high ? integer.format(low) : `${integer.format(low)}–${integer.format(high)}`,
  heatCell: (requests: number, share: string, shareOfCity: string) =>
    `${counted(requests)}: ${share} of the area's requests (city ${shareOfCity})`,
  heatNone: "no requests",
  heatGroup: "Category",
  heatArea: (id: string, name: string) => (id === name ? id : `${id}, ${name}`),
  heatMore: (count: number) => `Show all ${count} categories`,
  heatFewer: "Show fewer categories",
  chooseGroup: (name: string) => `Filter by ${name}`,
  statuses: "Current status",
  statusCaption: "Requests by status",
  seasonsTitle: "Requests per day by season",
  seasonsCaption: "Requests per day in each season",
  perDay: (value: number | null) =>
    value === null ? "no days" : `${format.measure("density", value)} a day`,
  divisions: "Responsible City division",
  divisionCaption: "Requests by division",
  quality: "Data quality",
  qualityIntro: (through: string, published: string | null) =>
    `The data cover requests to ${through}.${published ? ` The City published the newest file on ${published}.` : ""} The table accounts for every row of the City's files: used, repaired, or excluded with a reason.`,
  qualityNotesOfCity: [
    "The City publishes requests whose location it could confirm, from a few divisions. They show what people reported, not the condition of the city.",
    "Statuses are as of the day the file was published. The City does not publish closing dates.",
  ],
  qualityNotes: [
    "Until November 2018 Toronto had 44 wards. Those years cannot be shown on today's map of 25; use postal areas.",
    "Types that were renamed, most of them in 2025, are counted under their current name.",
  ],
  year: "Year",
  read: "Rows read",
  kept: "Used",
  repaired: "Repaired",
  quarantined: "Excluded",
  reasons: "Reason",
  drift: "Unexpected values",
  noDrift: "none",
  total: "All years",
  reason: REASONS,
  driftOf: ({ kind: measure, subject, rows }: YearQuality["drift"][number]) => {
    const kind = measure.replace(/^drift_/, "");
    return [
      drift[kind] ?? kind.replaceAll("_", " "),
      WITHOUT_SUBJECT.includes(kind) ? "" : subject,
      // An oddity of the whole file has no rows.
      rows > 0 ? integer.format(rows) : "",
    ]
      .filter(Boolean)
      .join(" ");
  },
  refusals: "What is not up to date",
  refusalOf: ({ partition, year }: Refusal) => `${year ?? boundaries[partition] ?? partition}`,
  refusal: (refusal: Refusal) => {
    const { shown } = refusal;
    const by = { published: "published", observed: "found", loaded: "loaded" };
    const state = shown ? `shown as ${by[shown.by]} on ${format.day(shown.on)}` : "not in these data";
    return `${state}; ${refused(refusal)}`;
  },
  /** A notice of the data that are not up to date. `refusals` is `null` if they could not be read. */
  notUpToDate: (refusals: Refusal[] | null) => {
    if (refusals === null) return "Some years are not up to date";
    const years = refusals.flatMap(({ year }) => year ?? []).sort();
    const others = refusals.filter(({ year }) => year === null).map(text.refusalOf);
    const named = years.length > LISTED ? [`${years.length} years`] : years.map(String);
    const isOne = years.length === 1 && others.length === 0;
    return `${list.format([...named, ...others])} ${isOne ? "is" : "are"} not up to date`;
  },
  shareTitle: "Share and download",
  copyLink: "Copy link",
  copied: "Link copied.",
  copyFailed: "The link could not be copied. Copy it from the address bar.",
  csv: "Table (CSV)",
  svg: "Map (SVG)",
  png: "Map (PNG)",
  pictureFailed: "The PNG could not be made. Download the SVG instead.",
  print: "Print",
  embed: "Embed",
  embedHelp: "Copy this code into your page:",
  openFull: "Open the full dashboard",
  saved: (name: string) => `Saved ${name}.`,
  loading: "Loading the requests",
  loadingDays: "Loading the days",
  loadingQuality: "Loading data quality",
  empty: "No requests match these filters.",
  unknown: {
    year: (names: string) => `No data for ${names}.`,
    what: (names: string) => `Unknown request type: ${names}.`,
    status: (name: string) => `Unknown status: ${name}.`,
    division: (name: string) => `Unknown City division in these years: ${name}.`,
    area: (ids: string) => `Unknown area on this map: ${ids}.`,
  },
  misread: (words: string) => `Part of this link was not recognized and was ignored: ${words}.`,
  oldData: (days: number) =>
    `The newest file is ${integer.format(days)} days old. The City publishes monthly, so this site may be out of date.`,
  retry: "Try again",
  problem: {
    missing: (path: string) =>
      `A data file is missing (${path}). The site may be updating; try again in a minute.`,
    damaged: (path: string) => `A data file is damaged (${path}), so its figures are not shown.`,
    other_format: (path: string) =>
      `The data are in a format that this page does not read (${path}). Reload the page; if this message stays, the page and the data come from different versions.`,
    unreachable: (path: string) =>
      `The data cannot be reached (${path}). Check the connection and try again.`,
  } satisfies Record<ProblemKind, (path: string) => string>,
  failed: "Something went wrong",
  unexpected: (message: string) => `This is a bug in the page: ${message}`,
  boundaries:
    "Wards: City of Toronto. Postal areas are forward sortation areas, the first three characters of postal codes: adapted from Statistics Canada, Forward Sortation Area Boundary File, 2016 Census; this does not constitute an endorsement by Statistics Canada.",
  docs: "Data dictionary",
  data: "Data files (Parquet)",
};
