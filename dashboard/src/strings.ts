import type { Season } from "./data/calendar.ts";
import type { AreaKind } from "./data/boundaries.ts";
import type { ProblemKind } from "./data/problem.ts";
import type { YearQuality } from "./data/quality.ts";
import type { Refusal } from "./data/refusals.ts";
import type { StatusGroup } from "./data/vocabulary.ts";
import type { Measure } from "./view/view.ts";

/** Every word of the page, and how it writes numbers and dates: another language is another module like this. */
export const LOCALE = "en-CA";

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
const monthShort = new Intl.DateTimeFormat(LOCALE, { month: "short", timeZone: "UTC" });
const list = new Intl.ListFormat(LOCALE);
const dayShort = new Intl.DateTimeFormat(LOCALE, { month: "short", day: "numeric", timeZone: "UTC" });

/** "3.4%"; what is little is not written as nothing. */
function share(value: number): string {
  const least = 0.001;
  return value > 0 && value < least / 2 ? `< ${percent.format(least)}` : percent.format(value);
}

export const format = {
  integer: (value: number) => integer.format(value),
  short: (value: number) => short.format(value),
  percent: share,
  signed: (value: number) => signed.format(value),
  day: (date: Date) => day.format(date),
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

const place: Record<AreaKind, string> = { ward: "ward", fsa: "neighbourhood (FSA)" };
const measures: Record<Measure, string> = {
  count: "Number",
  density: "Per km²",
  share: "Share of its requests",
  change: "Change in a year",
};
const seasons: Record<Season, string> = {
  winter: "Winter",
  spring: "Spring",
  summer: "Summer",
  fall: "Fall",
};
const statusGroups: Record<StatusGroup, string> = {
  open: "Open",
  done: "Done",
  cancelled: "Cancelled",
  unknown: "Unknown",
};
/** Years that the notice near the top lists: more are counted. */
const LISTED = 3;
const boundaries: Record<string, string> = {
  "city-wards": "Ward boundaries",
  "forward-sortation-areas": "Neighbourhood boundaries",
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
/** What the refusal of a publication was, without its cause. */
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

/** Which months, unless it is all of them. */
function overMonths(months: number[]): string {
  return months.length < 12 ? `, over ${months.map(format.month).join(", ")}` : "";
}

export const text = {
  title: "Toronto 311",
  pageTitle: (what: string) => `${what} · ${text.title}`,
  /** What is said of data that are not the City's. */
  generated: {
    notice: "Generated data: not the City of Toronto's, not real requests",
    label: "About these data",
    title: (title: string) => `Generated sample: ${title}`,
    fileName: (name: string) => `generated-${name}`,
    data: "generated sample",
    asOf: (through: string) => `Generated requests to ${through}`,
    qualityIntro: (through: string) =>
      `The requests are generated, to ${through}. Every row of the generated files is counted below: kept, or set aside with its reason.`,
    qualityNote:
      "The data were generated in the form of the City's files to try out this page. They say nothing about Toronto.",
    boundaries: "Only the boundaries are real.",
  },
  subtitle: "What each ward and each neighbourhood asks of its city",
  placesTitle: { ward: "Wards", fsa: "Neighbourhoods (FSA)" } satisfies Record<AreaKind, string>,
  measures,
  measureHelp: {
    count: "How many requests. Where more people live, more is asked.",
    density: "Requests for each square kilometre.",
    share: "Of all that the area asks for: what it cares about, however many people live there.",
    change: "Against the same months of the year before.",
  } satisfies Record<Measure, string>,
  seasons,
  change: "Change",
  skip: "Skip to the ranking",
  asOf: (through: string, published: string | null) =>
    `Requests to ${through}${published ? `, published ${published}` : ""}`,
  theme: { toDark: "Dark theme", toLight: "Light theme" },
  filters: "Choose what is shown",
  search: "What is asked",
  searchHint: "Search types: pothole, noise, green bin…",
  searchNone: "No type or group has these words.",
  searchCount: (count: number) => (count === 1 ? "1 match" : `${integer.format(count)} matches`),
  searchMore: (shown: number, count: number) =>
    `The first ${shown} of ${integer.format(count)} are listed: more letters find fewer.`,
  searchGroup: "Group",
  searchFormerly: (name: string) => `formerly ${name}`,
  remove: (name: string) => `Remove ${name}`,
  by: "Shown by",
  yearFrom: "From",
  yearTo: "To",
  season: "Season",
  allSeasons: "All seasons",
  status: "Status",
  allStatuses: "All statuses",
  statusGroupOf: (group: StatusGroup) => `All ${statusGroups[group].toLowerCase()}`,
  division: "Division",
  allDivisions: "All divisions",
  reset: "Start over",
  everything: "All requests",
  headline: (requests: number) => (requests === 1 ? "request" : "requests"),
  inYears: (from: number, to: number) => `in ${years(from, to)}`,
  changeOn: (change: string, year: number, months: number) =>
    `${change} on ${year}${months < 12 ? `, over ${months} ${months === 1 ? "month" : "months"}` : ""}`,
  leader: (name: string, measure: Measure, value: number, compared: number[]) => {
    const written = format.measure(measure, value);
    return {
      count: `most in ${name}: ${written}`,
      density: `densest in ${name}: ${written} per km²`,
      share: `largest share in ${name}: ${written} of its requests`,
      change: `${value < 0 ? "falls least" : "grows most"} in ${name}: ${written}${overMonths(compared)}`,
    }[measure];
  },
  changeHelp: (year: number, months: number[]) =>
    months.length === 0
      ? `The map has nothing to compare ${year} with.`
      : `Changes are from ${year - 1} to ${year}${overMonths(months)}.`,
  map: "Map",
  mapLabel: (kind: AreaKind, measure: Measure) =>
    `Map of Toronto by ${place[kind]}: ${measures[measure].toLowerCase()}. Arrow keys go from area to area, Enter pins one; the ranking has the same figures.`,
  areaLabel: (name: string, value: string, rank: number | null, requests: number | null) =>
    requests === null
      ? `${name}: ${text.legendNone}`
      : `${name}: ${value}${rank === null ? "" : `, rank ${rank}`}, ${integer.format(requests)} requests`,
  measure: "Coloured by",
  classes: "Classes",
  classesNames: { quantile: "Equal counts", ckmeans: "Natural breaks" },
  shareNeedsChoice: "Choose a type, a group, a status or a division: the share of everything is 100%.",
  legendNone: "no value",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  zoomReset: "Whole city",
  offMap: {
    ward: (off: number, without: number, total: number, hasOldWards: boolean) =>
      [
        `The ward map leaves out ${integer.format(off + without)} of ${integer.format(total)} requests:`,
        hasOldWards && off > 0
          ? `${integer.format(off)} of the 44 wards that the city had until 2018, which are not these 25,`
          : "",
        off > 0 && without > 0 ? "and" : "",
        without > 0 ? `${integer.format(without)} that name no ward.` : "",
      ]
        .filter(Boolean)
        .join(" ")
        .replace(/,$/, "."),
    fsa: (off: number, without: number, total: number) =>
      `The map leaves out ${integer.format(off + without)} of ${integer.format(total)} requests that name no neighbourhood on it, most of them at intersections.`,
  },
  mapEmpty: "The map has no requests of these years, season, status and division.",
  showByFsa: "Show by neighbourhood",
  ranking: "Ranking",
  rankingCaption: (kind: AreaKind, measure: Measure) =>
    `${kind === "ward" ? "Wards" : "Neighbourhoods"} ranked by: ${measures[measure].toLowerCase()}`,
  rank: "Rank",
  measureColumn: {
    count: "Rank",
    density: "Per km²",
    share: "Of its own",
    change: "Change",
  } satisfies Record<Measure, string>,
  area: { ward: "Ward", fsa: "FSA" } satisfies Record<AreaKind, string>,
  requests: "Requests",
  share: "Share",
  shareHelp: "A share is of the requests on the map.",
  trend: "By month",
  pin: (name: string) => `Pin ${name}`,
  compare: "Side by side",
  compareHint:
    "Choose an area on the map or in the ranking to see what it asks for; choose a second to compare.",
  compareDensity:
    "Toronto per km² is of the requests that are on the map; its share and change are of the months that the map has.",
  city: "Toronto",
  distinctive: (name: string) => `What ${name} asks for more than the city`,
  times: (ratio: number) => `${oneDigit.format(ratio)} times the city's share`,
  ofItsRequests: (share: string) => `${share} of its requests`,
  noneDistinctive: "Nothing stands out.",
  series: "Over time",
  seriesKinds: { month: "By month", day: "Adding up, by day" },
  seriesMonth: "Requests by month",
  seriesDay: "Requests since 1 January",
  yearBefore: "a year before",
  wholeCityOnly: "Days are counted for the whole city, whatever the area, season, status and division.",
  chartKeys: "Arrow keys read the values.",
  asTable: "The figures as a table",
  month: "Month",
  monthUntil: (month: string, day: string) => `${month}, until ${day}`,
  dayOfYear: "Day",
  heat: "What each asks for",
  heatHelp: {
    share:
      "How much of an area's requests each group is, against the whole city: orange asks for more of it, violet for less.",
    count: "How many requests each area makes of each group.",
  },
  heatKeys: "Arrow keys go from cell to cell.",
  heatLegend: { share: "Share against that of the city", count: "Requests" },
  heatRatio: (low: number, high: number) =>
    low === 0 ? `under ${high}×` : high === Infinity ? `over ${low}×` : `${low}–${high}×`,
  heatCount: (low: number, high: number) =>
    low === high ? integer.format(low) : `${integer.format(low)}–${integer.format(high)}`,
  heatCell: (requests: number, share: string, ratio: number) =>
    `${integer.format(requests)} requests, ${share} of its own, ${oneDigit.format(ratio)} times the city's share`,
  heatNone: "no requests",
  heatGroup: "Group",
  heatArea: (id: string, name: string) => (id === name ? id : `${id}, ${name}`),
  heatMore: (count: number) => `Show all ${count} groups`,
  heatFewer: "Show fewer groups",
  chooseGroup: (name: string) => `Show only ${name}`,
  statuses: "Where they stand",
  statusCaption: "Requests by status",
  seasonsTitle: "The seasons",
  seasonsCaption: "Requests a day in each season",
  perDay: (value: number | null) =>
    value === null ? "no days" : `${format.measure("density", value)} a day`,
  divisions: "Who is in charge",
  divisionCaption: "Requests by division",
  quality: "How good the data are",
  qualityIntro: (through: string, published: string | null) =>
    `The requests go to ${through}.${published ? ` The City published the newest file on ${published}.` : ""} Every row of the City's files is counted below: kept, or set aside with its reason.`,
  qualityNotesOfCity: [
    "The City shares the requests that people make of five divisions, where it knows the place: this is what is asked, not what is wrong.",
    "A status is that of the day the file was published. The City publishes no closing date.",
  ],
  qualityNotes: [
    "Until 2018 the city had 44 wards, which the map of the 25 wards of now leaves out: those years show by neighbourhood (FSA).",
    "Types that were renamed, most of them in 2025, are counted under the name they have now.",
  ],
  year: "Year",
  read: "Rows read",
  kept: "Kept",
  repaired: "Repaired",
  quarantined: "Set aside",
  reasons: "Why",
  drift: "Differs from the contract",
  noDrift: "nothing",
  total: "All years",
  reason: {
    field_count: "wrong number of fields",
    unbalanced_quote: "a quote that does not end",
    undecodable_text: "unreadable text",
    invalid_created_at: "no valid date",
    created_in_other_year: "of another year",
    created_after_publication: "dated after the file was published",
    missing_service_request_type: "no type",
    no_ward_and_no_fsa: "neither ward nor FSA",
  } as Record<string, string>,
  driftOf: ({ kind: measure, subject, rows }: YearQuality["drift"][number]) => {
    const kind = measure.replace(/^drift_/, "");
    return [
      drift[kind] ?? kind.replaceAll("_", " "),
      WITHOUT_SUBJECT.includes(kind) ? "" : subject,
      // What is odd about the file as a whole has no rows.
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
  /** A notice of what is not up to date; `null` if it could not be read. */
  notUpToDate: (refusals: Refusal[] | null) => {
    if (refusals === null) return "Some years are not up to date";
    const years = refusals.flatMap(({ year }) => year ?? []).sort();
    const others = refusals.filter(({ year }) => year === null).map(text.refusalOf);
    const named = years.length > LISTED ? [`${years.length} years`] : years.map(String);
    const isOne = years.length === 1 && others.length === 0;
    return `${list.format([...named, ...others])} ${isOne ? "is" : "are"} not up to date`;
  },
  shareTitle: "Take it with you",
  copyLink: "Copy link",
  copied: "Link copied.",
  copyFailed: "The browser did not let the link be copied: it is in the address bar.",
  csv: "Table (CSV)",
  svg: "Map (SVG)",
  png: "Map (PNG)",
  pictureFailed: "The browser could not draw the picture; the map as SVG is the same.",
  print: "Print",
  embed: "Embed",
  embedHelp: "Paste this into a page:",
  openFull: "Open the whole dashboard",
  saved: (name: string) => `Saved ${name}.`,
  loading: "Loading the requests",
  loadingDays: "Loading the days",
  loadingQuality: "Loading what became of every row",
  empty: "Nothing matches: no request of these years has this type, season, status and division.",
  unknown: {
    year: (names: string) => `There are no data of ${names}.`,
    what: (names: string) => `No such type or group: ${names}.`,
    status: (name: string) => `No such status: ${name}.`,
    division: (name: string) => `No such division in these years: ${name}.`,
    area: (ids: string) => `No such area on this map: ${ids}.`,
  },
  misread: (words: string) => `This page does not understand all of its address, and leaves out: ${words}.`,
  oldData: (days: number) =>
    `The newest file is ${integer.format(days)} days old: the City publishes one a month, so this site has missed some.`,
  retry: "Try again",
  problem: {
    missing: (path: string) =>
      `A file of the data is missing: ${path}. The site may be in the middle of an update; try again in a minute.`,
    damaged: (path: string) =>
      `A file of the data is damaged: ${path}. What could not be checked is not shown.`,
    other_format: (path: string) =>
      `The data are in a format that this page does not read (${path}). Reload the page; if this stays, the page and its data are of different releases.`,
    unreachable: (path: string) =>
      `The data cannot be reached (${path}). Check the connection and try again.`,
  } satisfies Record<ProblemKind, (path: string) => string>,
  failed: "Something went wrong",
  unexpected: (message: string) => `This is a defect of the page: ${message}`,
  boundaries:
    "Wards: City of Toronto. Neighbourhoods are forward sortation areas, the first three characters of postal codes: adapted from Statistics Canada, Forward Sortation Area Boundary File, 2016 Census; this does not constitute an endorsement by Statistics Canada.",
  docs: "What every table and column means",
  data: "The data as Parquet",
};
