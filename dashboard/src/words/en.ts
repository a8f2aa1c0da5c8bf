import type { AreaKind } from "../data/area_kind.ts";
import type { Length, Season } from "../data/calendar.ts";
import type { PublicationChange } from "../data/changes.ts";
import type { Bounds } from "../data/durations.ts";
import type { ProblemKind } from "../data/problem.ts";
import type { YearQuality } from "../data/quality.ts";
import type { Refusal } from "../data/refusals.ts";
import type { Month } from "../data/span.ts";
import { firstDayOf, numberOf, yearOf } from "../data/span.ts";
import type { StatusGroup } from "../data/vocabulary.ts";
import { FORMER_WARD_MODEL, REASONS, WARDS_SINCE, WARD_MODEL } from "../generated/contract.ts";
import type { Unranked } from "../view/measures.ts";
import type { Embed, Measure, SeriesKind, Theme } from "../view/view.ts";
import { formatsOf } from "./format.ts";
import type { Standard } from "./standards.ts";

const format = formatsOf("en-CA");
const { integer, percent, decimal, list, plural } = format;

const areas: Record<AreaKind, { one: string; other: string }> = {
  ward: { one: "ward", other: "wards" },
  fsa: { one: "postal area", other: "postal areas" },
};
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
/** The month when today's wards began. */
const wardsSince = format.monthYear(new Date(WARDS_SINCE));
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
/** What a rate is of. */
const per: Record<Exclude<Measure, "count" | "share" | "change">, string> = {
  homes: "per 1,000 homes",
  people: "per 1,000 people",
  density: "per km²",
};

/** Phrases for the values of Division that are not divisions. */
const ofDivision: Record<string, string> = {
  "311": " that 311 answered itself",
  Unknown: " without a stated division",
};

/** The City's aims, as its staff named them. */
const standards: Record<Standard, string> = {
  bins: "seven days",
  pruning: "eight weeks for pruning",
  fallen_trees: "three days after a storm",
  property: "five business days",
};

/** Describes the refusal of a publication, without its cause. */
function refused({ shown, stage, exit, observed }: Refusal): string {
  const file = shown ? "a newer file" : "its file";
  const on = observed ? ` on ${format.day(observed)}` : "";
  if (exit === 20) return `${file} was refused${on}, because its form is not the one expected`;
  if (exit === 30 && stage === "extract") return `its file could not be reached${on}`;
  const verb = { extract: "fetched", transform: "read", load: "loaded" }[stage] ?? "used";
  const why = exit === 30 ? "a service that it needs did not answer" : "of a fault on our side";
  return `${file} could not be ${verb}${on}, because ${why}`;
}

/** "1 request", or "1,707 requests". */
function counted(requests: number): string {
  return plural(requests, { one: "# request", other: "# requests" });
}

/** "16th". */
function ordinal(rank: number): string {
  return format.ordinal(rank, { one: "st", two: "nd", few: "rd", other: "th" });
}

/** Months: "2025", "January–June 2025", or "January, February and December 2025". */
function monthsNamed(months: readonly Month[]): string {
  const [first = 0] = months;
  const last = months.at(-1) ?? first;
  if (last === first + months.length - 1) return format.span({ from: first, to: last });
  const years = new Set(months.map(yearOf));
  const named = (month: Month) =>
    years.size === 1 ? format.monthLong(numberOf(month)) : format.monthYear(firstDayOf(month));
  const names = list(months.map(named));
  return years.size === 1 ? `${names} ${yearOf(first)}` : names;
}

/** The months a year before: "2024", "March 2024", "the same months of 2024" or "the same months a year earlier". */
function yearBefore(months: readonly Month[]): string {
  const years = [...new Set(months.map(yearOf))];
  const [year = 0] = years;
  if (years.length > 1) return "the same months a year earlier";
  if (months.length === 12) return `${year - 1}`;
  const [only = 0] = months;
  return months.length === 1
    ? `${format.monthLong(numberOf(only))} ${year - 1}`
    : `the same months of ${year - 1}`;
}

/** A change of requests in months that are compared with those a year before. */
export interface Change {
  now: number;
  before: number;
  /** `null` if there are too few requests for a percentage. */
  change: number | null;
  months: readonly Month[];
  /** Whether they are the last days, and not months. */
  isOfDays: boolean;
  /** Whether these are all months of the answer. */
  isWhole: boolean;
}

/**
 * "15.0% more than in 2024", or "up from 1 in 2024" for a few requests. If other months are compared than those of the answer,
 * they are named: "January–June 2025: 15.0% more than in the same months of 2024".
 */
function changed({ now, before, change, months, isOfDays, isWhole }: Change): string {
  const than = isOfDays ? "the same days a year before" : yearBefore(months);
  const compared =
    change === null
      ? `${now === before ? "the same as the" : now > before ? "up from" : "down from"} ${integer(before)} in ${than}`
      : Math.abs(change) < 0.0005
        ? `about as many as in ${than}`
        : `${percent(Math.abs(change))} ${change > 0 ? "more" : "fewer"} than in ${than}`;
  return isWhole
    ? compared
    : `${monthsNamed(months)}: ${change === null ? `${integer(now)}, ` : ""}${compared}`;
}

/** A change after the requests that it is of, or nothing. */
function andChanged(change: Change | null): string {
  return change ? `${change.isWhole ? ", " : "; "}${changed(change)}` : "";
}

/** Days in words: "4 to 7 days", "7 days" for 0 to 7, "more than 90 days", "a day". */
function days({ lower, upper }: Bounds): string {
  const rounded = (value: number) => integer(Math.round(value));
  if (upper === null) return `more than ${plural(Math.round(lower), { one: "# day", other: "# days" })}`;
  if (upper < 1) return "a day";
  return Math.round(lower) === 0 || Math.round(lower) === Math.round(upper)
    ? plural(Math.round(upper), { one: "# day", other: "# days" })
    : `${rounded(lower)} to ${rounded(upper)} days`;
}

/** A type in the middle of a sentence: its label is one request, or the City's own name. */
function quoted(name: string): string {
  return `“${name}”`;
}

/** A group in the middle of a sentence. Names of streams such as "Noise" are not proper names. */
function inSentence(name: string): string {
  return /^[A-Z][a-z]/.test(name) ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}

export const en = {
  /** How numbers and dates are written. */
  format,
  title: "Toronto 311 requests",
  /** `where` is `null` for the whole city. */
  pageTitle: (what: string, where: string | null) =>
    `${where === null ? "" : `${where}: `}${what} · Toronto 311`,
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
    boundaries: "Only the boundaries and the census counts are real.",
  },
  subtitle: "What residents report to the City, by ward and postal area",
  everything: "All requests",
  city: "Toronto",
  and: list,
  /** A title of figures that are the city's though an area is chosen. */
  ofWholeCity: (title: string) => `${title}, whole city`,
  others: (count: number) => plural(count, { one: "# other", other: "# others" }),
  inSentence,
  quoted,
  counted,
  ordinal,
  days,
  yearBefore,

  header: {
    asOf: (through: string) => `Data to ${through}`,
    published: (published: string) => `City file updated ${published}`,
    about: "About the data",
    use: "Use the data",
    report: "Report a problem to 311",
    toDark: "Dark theme",
    toLight: "Light theme",
    skip: "Skip to:",
    skipTo: {
      answer: "the answer",
      explore: "the map and ranking",
      series: "the trend",
      about: "about the data",
    },
  },

  ask: {
    filters: "Filters",
    where: "Where",
    whereHint: "Ward, postal code, place",
    whereMore: "+ compare",
    what: "What",
    whatHint: "Pothole, noise…",
    whatMore: "+ add",
    when: "When",
    areas: "Areas",
    by: { ward: "Wards", fsa: "Postal areas" } satisfies Record<AreaKind, string>,
    more: { wide: "More filters", narrow: "Filters" },
    moreChosen: (count: number) => `(${integer(count)})`,
    clear: "Clear filters",
    remove: (name: string) => `Remove ${name}`,
    matches: (count: number) => plural(count, { one: "# match", other: "# matches" }),
    keepTyping: (shown: number, count: number) =>
      `Showing ${integer(shown)} of ${integer(count)}. Keep typing to narrow the list.`,
  },
  where: {
    city: "Whole city",
    locate: "Use my location",
    locateNote: "Found by your browser; it does not leave this page",
    locating: "Finding your location…",
    refused: "Your browser did not share a location. Type a ward or a postal code instead.",
    outside: "Your location is outside Toronto.",
    notLocated: "Your location could not be looked up. Check the connection and try again.",
    ward: (id: string) => `Ward ${id}`,
    fsa: (fsa: string) => `Postal area ${fsa}`,
    wardNamed: (name: string, id: string) => `${name} (Ward ${id})`,
    /** With the number as a word of its own, because it may be all that is shown. */
    wardChosen: (name: string, id: string) => `${name}, Ward ${id}`,
    ofPostalCode: (fsa: string, share: string) => `${share} of the requests from ${fsa} are in this ward`,
    former: (name: string) => `Roughly the former ward ${name}, until ${wardsSince}`,
    around: (names: readonly string[]) => `Around ${list(names)}`,
    middle: "A neighbourhood is found by its middle, and can lie in more than one ward and postal area.",
    loading: "Loading the wards of postal areas",
    none: (query: string) =>
      `Nothing matches “${query}”. Try a ward's name or number, a postal code such as M5V 2T6, or a neighbourhood.`,
    mapped: (fsa: string) => `Requests from ${fsa} are in `,
    ofWard: (name: string, share: string) => `${name} (${share})`,
    notNeighbourhood:
      "A postal area is the first three characters of a postal code. It is not one of the City's 158 neighbourhoods, which are not in the data.",
  },
  what: {
    category: "Category",
    formerly: (name: string) => `formerly ${name}`,
    cityName: (name: string) => `City's name: ${name}`,
    none: (query: string) => `No request type matches “${query}”. Try another word, or browse all types.`,
    loading: "Loading the request types",
    some: (query: string) => `Nothing has all words of “${query}”. These have some of them.`,
    inAllYears: "requests in all years",
    countInAllYears: (requests: number) => `${format.short(requests)} in all years`,
    elsewhere: {
      street_light: "Toronto Hydro repairs most street lights, and takes reports of them.",
      transit: "For transit, ask the TTC.",
      police: "Crime is reported to the police. In an emergency call 911.",
      power: "For power outages, call Toronto Hydro.",
      health: "Toronto Public Health inspects restaurants and food shops.",
    },
    holds: (groups: readonly string[]) => `Types in ${list(groups.map((group) => `“${group}”`))}`,
    type: "Type",
  },
  /** Plain labels for the City's names of request types, which are shown beside them: of the types with the most requests. */
  typeLabels: {
    "Road Pothole / Road Damage": "Pothole or damaged road",
    "Residential Bin Lid Damaged": "Broken lid of a household bin",
    "Residential Bin Body or Handle Damaged": "Broken body or handle of a household bin",
    "Residential: Garbage Bin: Missing": "Missing garbage bin",
    "Residential - Garbage Day Collection - Not Picked Up": "Garbage not picked up",
    "Residential Recycling Not Picked Up": "Recycling not picked up",
    "Residential Organics Not Picked Up": "Green bin not picked up",
    "Residential / Yard Waste / Not Picked Up": "Yard waste not picked up",
    "Residential Oversized/Electronics Item Day Collection Not Picked Up":
      "Furniture, appliance or electronics not picked up",
    "Clean up Illegal Dumping on City Road Allowance": "Illegal dumping beside a road",
    "Clean up Debris on Road": "Debris on a road",
    "Pick up Dead Wildlife": "Dead wild animal to pick up",
    "Pick up Dead Domestic Animals": "Dead pet to pick up",
    "Injured - Wildlife": "Injured wild animal",
    "Property Standards and Maintenance Violations": "Building or yard below standards",
    "Adequate Heat": "No heat in a rented home",
    "Long Grass and Prohibited Plants on Private Property": "Long grass or weeds on private land",
    "Waste or Illegal Dumping on Private Property": "Waste dumped on private land",
    "Graffiti on Private Property": "Graffiti on private property",
    "Amplified or Musical Instrument Noise": "Loud music",
    "Unreasonable and Persistent Noise": "Other persistent noise",
    "Construction Noise": "Construction noise",
    "Animal Noise": "Noise of animals, such as barking",
    "Moving Motor Vehicle Noise": "Noise of moving vehicles",
    "Stationary Source and Residential Air Conditioner Noise": "Noise of air conditioners and other machines",
    "General Tree Maintenance": "Care of a tree",
    "Tree Emergency Clean-Up": "Fallen tree or branch",
    "Residential or Park Tree Removal": "Tree to remove",
    "Traffic Signal Repair": "Broken traffic signal",
    "Missing/Damaged/Faded/Relocating Street Name or Traffic Signs": "Damaged or missing traffic sign",
    "Postering City Property / Structures": "Posters on City property",
    "Boulevards-Grass Cutting": "Grass of a boulevard to cut",
    "Sidewalk - Cleaning": "Dirty sidewalk",
    "Sidewalk Snow Clearing Required": "Snow on a sidewalk",
    "Icy Sidewalk Needs Salting": "Icy sidewalk",
    "Road Plowing Request": "Snow on a road",
    "Catch Basin - Blocked / Flooding": "Blocked catch basin or flooded road",
    "Sewer Service Line-Blocked": "Blocked sewer pipe of a home",
  } as Readonly<Record<string, string>>,
  when: {
    year: "Year",
    lastMonths: (count: number) =>
      count === 1 ? "Last month" : plural(count, { one: "Last # month", other: "Last # months" }),
    lastDays: (count: number) => `Last ${integer(count)} days`,
    days: (count: number, last: string) => `${integer(count)} days to ${last}`,
    all: "All years",
    from: "From",
    to: "To",
    month: "month",
    fromMonth: "From month",
    fromYear: "From year",
    toMonth: "To month",
    toYear: "To year",
    quick: "Quick choices",
    own: "Any months",
  },
  more: {
    season: "Season",
    allSeasons: "All seasons",
    daysHaveNoSeason: "Seasons apply to months, not to the last days.",
    status: "Status",
    allStatuses: "All statuses",
    division: "City division",
    allDivisions: "All divisions",
  },
  seasons,
  statusGroups,
  statusOption: (group: StatusGroup) => `All: ${statusGroups[group].toLowerCase()}`,

  answer: {
    label: "Answer",
    made: (who: string, requests: number, about: string, when: string) =>
      `${who} made ${counted(requests)}${about} in ${when}`,
    /** Of areas that the data do not have in these months. */
    unknown: (names: readonly string[], when: string) =>
      `There are no figures for ${list(names)} in ${when}.`,
    also: (who: string, requests: number) => `${who} ${integer(requests)}`,
    about: (what: readonly string[]) => ` about ${list(what)}`,
    status: {
      open: " that are still open",
      done: " that are completed or closed",
      cancelled: " that were cancelled",
      unknown: " whose status is unknown",
    } satisfies Record<StatusGroup, string>,
    statusNamed: (status: string) => ` with the status “${status}”`,
    division: (division: string) => ofDivision[division] ?? ` for ${division}`,
    days: (days: string) => `the ${days}`,
    soFar: (span: string, through: string) => `${span} so far (to ${through})`,
    season: (when: string, season: Season) => `${when} (${seasons[season].toLowerCase()} only)`,
    changed,
    /** A change after what it is of. */
    andChanged,
    cityToo: (requests: number, change: Change | null) =>
      `Toronto: ${integer(requests)}${andChanged(change)}.`,
    rate: (measure: Measure, value: string, interval: string, city: string) =>
      ({
        count: "",
        homes: `That is ${value} ${per.homes} (${interval}); Toronto ${city}.`,
        people: `That is ${value} ${per.people} (${interval}); Toronto ${city}.`,
        density: `That is ${value} ${per.density} (${interval}); Toronto ${city}.`,
        share: `That is ${value} (${interval}) of all its requests; Toronto ${city}.`,
        change: "",
      })[measure],
    ratesOf: (measure: Measure, period: Length | "year" | null) =>
      period === null || measure === "share"
        ? ""
        : period === "year"
          ? "Rates are yearly averages."
          : measure === "count" || measure === "change"
            ? ""
            : `Rates cover these ${integer(period)} days, not a year.`,
    rank: (name: string, rank: number, of: number, kind: AreaKind) =>
      `${name} is ${ordinal(rank)} of ${plural(of, { one: `# ${areas[kind].one}`, other: `# ${areas[kind].other}` })}.`,
    likeCity: "Chance alone can explain the difference from the city.",
    leader: (measure: Measure, name: string, value: string, requests: string) =>
      ({
        count: `Most requests: ${name}, ${value}.`,
        homes: `Most ${per.homes}: ${name}, ${value}.`,
        people: `Most ${per.people}: ${name}, ${value}.`,
        density: `Most ${per.density}: ${name}, ${value}.`,
        share: `Highest share: ${name}, ${value} of its requests.`,
        change: `Largest increase: ${name}, ${value} (${requests}).`,
      })[measure],
    smallestDecrease: (name: string, value: string, requests: string) =>
      `Smallest decrease: ${name}, ${value} (${requests}).`,
    fromTo: (before: number, now: number) => `from ${integer(before)} to ${integer(now)}`,
    empty: "No requests match these filters.",
    blame: {
      status: (requests: number) => `Without the status there would be ${counted(requests)}.`,
      division: (requests: number) => `Without the City division there would be ${counted(requests)}.`,
      what: (requests: number) => `Without the request type there would be ${counted(requests)}.`,
    },
    /** What is being read, if files are: the first and the last year, and whether only requests by type. */
    updating: (progress: { years: readonly number[]; isByType: boolean } | null) => {
      if (!progress) return "Updating…";
      const years = [...new Set([progress.years[0], progress.years.at(-1)])].join("–");
      return `Loading the requests${progress.isByType ? " by type" : ""} of ${years}…`;
    },
    old: "These are the figures of your previous choice.",
  },

  /** The name of a measure. `before` is the year that is compared with, if it is one. */
  measure: (measure: Measure, kind: AreaKind, before: string) =>
    ({
      count: "Requests",
      homes: "Per 1,000 homes",
      people: "Per 1,000 people",
      density: "Per km²",
      share: `Share of the ${areas[kind].one}'s requests`,
      change: before === "" ? "Change" : `Change from ${before}`,
    })[measure],
  measureTab: (measure: Measure, kind: AreaKind) =>
    ({
      count: "Requests",
      homes: "Per 1,000 homes",
      people: "Per 1,000 people",
      density: "Per km²",
      share: `% of ${kind === "ward" ? "ward" : "area"}'s`,
      change: "Change",
    })[measure],
  measureShort: {
    count: "Requests",
    homes: "Per 1,000 homes",
    people: "Per 1,000 people",
    density: "Per km²",
    share: "Share",
    change: "Change",
  } satisfies Record<Measure, string>,
  measureUnit: (measure: Measure, period: Length | "year" | null) => {
    const unit = {
      count: "requests",
      homes: "requests per 1,000 homes",
      people: "requests per 1,000 people",
      density: "requests per km²",
      share: "share of all requests from the area",
      change: "change from a year before",
    }[measure];
    if (period === null || measure === "count" || measure === "share" || measure === "change") return unit;
    return period === "year" ? `${unit} per year` : `${unit} in ${integer(period)} days`;
  },
  measureHelp: {
    count: "Number of requests. Areas with more homes usually have more.",
    homes:
      "Requests for every 1,000 occupied homes (2021 census). Homes are the fairest base for most of what people report.",
    people: "Requests for every 1,000 people (2021 census).",
    density: "Requests per square kilometre of land. Downtown is always high, because more happens there.",
    share: "Requests of this kind as a share of all requests from the area, whatever its size.",
    change:
      "Compared with the same months or days a year before. Areas with fewer than 30 requests then are not compared.",
  } satisfies Record<Measure, string>,
  shareNeedsChoice: "To see shares, first choose a request type, status or division.",
  homesNeeded: "The data of this site do not have the number of homes.",

  map: {
    title: (measure: Measure, kind: AreaKind, span: string) =>
      `${
        {
          count: "Requests",
          homes: "Requests per 1,000 homes",
          people: "Requests per 1,000 people",
          density: "Requests per km²",
          share: `Share of each ${areas[kind].one}'s requests`,
          change: "Change from a year before",
        }[measure]
      } by ${areas[kind].one}, ${span}`,
    label: (kind: AreaKind, measure: string) =>
      `Map of Toronto by ${areas[kind].one}: ${measure.toLowerCase()}. Use the arrow keys to move between areas and Enter to select one. The ranking lists the same figures.`,
    measures: "What the map and the ranking show",
    area: (name: string, value: string, rank: number | null, requests: number | null) =>
      requests === null
        ? `${name}: no data`
        : `${name}: ${value}${rank === null ? "" : `, ${ordinal(rank)}`}, ${counted(requests)}`,
    unranked: {
      no_data: "no data",
      few_homes: "few homes, so not ranked",
      few_requests: "too few requests to compare",
    } satisfies Record<Unranked, string>,
    /** In the legend, where the line is short. */
    fewHomes: "few homes",
    under: (bound: string) => `under ${bound}`,
    orMore: (bound: string) => `${bound} or more`,
    between: (low: string, high: string) => `${low} to ${high}`,
    legend: "Colours of the map",
    none: "no data",
    same: "same, or by chance",
    flat: {
      chance: (kind: AreaKind) =>
        `The ${areas[kind].other} differ no more than chance explains, so the map has one colour.`,
      little: (kind: AreaKind) => `The ${areas[kind].other} hardly differ, so the map has one colour.`,
    },
    ratio: (kind: AreaKind, ratio: number) =>
      `The ${areas[kind].other} differ little: the highest is ${decimal(ratio)} times the lowest.`,
    loading: "Loading the map",
    lake: "Lake Ontario",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    zoomReset: "Reset map",
    rank: "Rank",
    rankOf: (rank: number, of: number) => `${ordinal(rank)} of ${integer(of)}`,
    interval: "95% interval",
    empty: "No requests on the map match these filters.",
    showByFsa: "Show postal areas",
    offWards: (off: number, without: number, total: number, hasOldWards: boolean) => {
      const count = off + without;
      const of = `${integer(count)} of ${integer(total)} requests`;
      if (off === 0) {
        return `${of} ${count === 1 ? "has no ward and is" : "have no ward and are"} not on the map.`;
      }
      const verb = off === 1 ? "is" : "are";
      const why = hasOldWards
        ? `${verb} from before ${wardsSince}, when Toronto had ${FORMER_WARD_MODEL} other wards`
        : `${verb} of wards that are not on it`;
      const others = without > 0 ? `, and ${integer(without)} ${without === 1 ? "has" : "have"} no ward` : "";
      return `${of} ${count === 1 ? "is" : "are"} not on the map: ${integer(off)} ${why}${others}.`;
    },
    offFsas: (without: number, total: number) => {
      const subject = `${counted(without)} (${percent(without / total)})`;
      return without === 1
        ? `${subject} has no postal area and is not on this map.`
        : `${subject} have no postal area, mostly because they were reported at an intersection. They are not on this map.`;
    },
  },

  ranking: {
    title: { ward: "Wards ranked", fsa: "Postal areas ranked" } satisfies Record<AreaKind, string>,
    caption: (kind: AreaKind, measure: string) =>
      `${kind === "ward" ? "Wards" : "Postal areas"} ranked by ${measure.toLowerCase()}`,
    area: { ward: "Ward", fsa: "Postal area" } satisfies Record<AreaKind, string>,
    rank: "Rank",
    requests: "Requests",
    versus: (before: string) => `vs ${before}`,
    fewHomes: "* few homes, so not ranked.",
    intervals: "Small figures: 95% interval.",
    keys: "Up and down arrow keys move between areas.",
    select: "Selects the area",
  },

  area: {
    back: { ward: "All wards", fsa: "All postal areas" } satisfies Record<AreaKind, string>,
    close: "Close",
    compareTitle: "Compare areas",
    remove: (name: string) => `Remove ${name} from the comparison`,
    mostOf: (count: number) => `At most ${integer(count)} areas: the next replaces the last.`,
    requests: "Requests",
    ranked: (rank: number, of: number) => `${ordinal(rank)} of ${integer(of)}`,
    topTitle: (name: string) => `What ${name} reports most`,
    stillOpen: "Still open when the file was published",
    wardPage: "Print this page (one sheet)",
    follow: "Follow this ward (feed)",
  },
  compareNote:
    "Toronto's rates count only requests that have an area. Share and change cover the same months as the map.",

  series: {
    title: (name: string) => `${name} by month`,
    titleDays: "By day, whole city",
    kinds: {
      month: "By month",
      day: "Running total",
      "30": "Last 30 days",
      "90": "Last 90 days",
      "365": "Last 365 days",
    } satisfies Record<SeriesKind, string>,
    label: "Trend",
    months: "Requests by month",
    daysOf: (count: number) => `Requests by day in the last ${integer(count)} days`,
    since: "Requests since January 1",
    previous: "a year before",
    previousYears: (span: string) => `${span} range`,
    earlier: "Show earlier years",
    wholeCity: "The whole city: area, season, status and division do not apply.",
    lastDays: (count: number, first: string, last: string, requests: number, change: string | null) =>
      `Last ${integer(count)} days (${first}–${last}): ${counted(requests)}${change ? `, ${change} than in the same days a year before` : ""}.`,
    more: (share: string) => `${share} more`,
    fewer: (share: string) => `${share} fewer`,
    keys: "Use the arrow keys to read the values.",
    asTable: "Show as a table",
    month: "Month",
    monthUntil: (month: string, day: string) => `${month} (to ${day})`,
    day: "Day",
    loading: "Loading the days",
    loadingMonths: "Loading the months",
  },

  categories: {
    differs: (name: string) => `What ${name} reports more and less than the city`,
    most: "What residents report most",
    legend: (name: string) => `● ${name}  ○ Toronto, share of requests`,
    row: (requests: number, share: string, city: string) => `${counted(requests)}: ${share} (city ${city})`,
    countOnly: (requests: number, share: string) => `${counted(requests)}, ${share}`,
    none: "Nothing differs by more than chance explains.",
  },

  heat: {
    title: "How areas differ",
    help: {
      share:
        "Each cell compares a category's share of an area's requests with its share in the whole city. Orange is higher, purple lower.",
      count: "Requests by category and area.",
    },
    keys: "Use the arrow keys to move between cells.",
    legend: { share: "Compared with the city (1× = the same)", count: "Requests" },
    ratio: (low: number, high: number) =>
      low === 0 ? `under ${high}×` : high === Infinity ? `over ${low}×` : `${low}–${high}×`,
    count: (low: number, high: number) => (low === high ? integer(low) : `${integer(low)}–${integer(high)}`),
    cell: (requests: number, share: string, shareOfCity: string) =>
      `${counted(requests)}: ${share} of the area's requests (city ${shareOfCity})`,
    none: "no requests",
    group: "Category",
    area: (id: string, name: string) => (id === name ? id : `${id}, ${name}`),
    all: (count: number) => `Show all ${integer(count)} categories`,
    fewer: "Show fewer categories",
    choose: "Filters by the category",
    as: "Show",
    asShare: "Compared with the city",
    asCount: "Requests",
  },

  duration: {
    title: "How long it takes",
    half: (what: string, place: string, time: Bounds) =>
      time.upper === null
        ? `Half of the requests about ${what} in ${place} take ${days(time)}`
        : `Half of the requests about ${what} in ${place} are closed within ${days(time)}`,
    open: (share: string) => `${share} are still open after 90 days`,
    table: (place: string) => `How long requests in ${place} take, by category`,
    category: "Category",
    halfClosed: "Half closed within",
    openAfter: "Open after 90 days",
    days,
    curve: "Closed requests by age",
    curveDay: "Days after the request",
    standard: (standard: Standard) => `City's aim: ${standards[standard]}`,
    standardSource: (standard: Standard) =>
      `City's aim: ${standards[standard]}, as City staff told CityNews in February 2022. It is not measured from these data.`,
    stillOpenTitle: "What is still open",
    stillOpen: (what: string, place: string, share: string, age: string, requests: number) =>
      `Of ${counted(requests)} about ${what} in ${place} made ${age} before the data end, ${share} are still open.`,
    ages: {
      month: "1 to 3 months",
      quarter: "3 to 6 months",
      half: "6 to 12 months",
      year: "more than a year",
    },
    method: [
      "The City does not publish closing dates, but each of its files shows how old every request was on the day of the file, and whether it was still open.",
      "From the files of the three latest years we estimate the share of requests that is closed at each age; a range such as “4 to 7 days” is as exact as they allow.",
      "Cancelled requests are left out, and we assume that requests take as long in one season and year as in another.",
    ],
    methodTitle: "How this is estimated",
    loading: "Loading times",
    none: "There are too few requests to say how long they take.",
  },

  unusual: {
    title: (month: string) => `Unusual in ${month}`,
    loading: "Loading what was unusual",
    none: (month: string) => `Nothing was unusual in ${month}.`,
    more: (group: string, name: string, requests: number, low: number, high: number) =>
      `${group} in ${name}: ${counted(requests)}, expected ${integer(low)} to ${integer(high)}`,
    view: "Show it",
    note: "The expected range comes from the same month of up to five earlier years. Differences that are small, or that chance explains, are not listed.",
    times: (ratio: number) => `${decimal(ratio)}×`,
  },

  statuses: {
    title: "Current status",
    caption: "Requests by status",
    note: "As of the day when the file was published.",
  },
  divisions: {
    title: "Responsible City division",
    caption: "Requests by division",
    formerly: (names: readonly string[]) =>
      `including ${list(names)}, its former ${names.length === 1 ? "name" : "names"}`,
    names: { "311": "311 Toronto (answered by 311 itself)", Unknown: "Division not stated" } as Record<
      string,
      string
    >,
  },

  about: {
    title: "About the data",
    coverage: [
      "The City publishes the requests to the divisions listed above whose location it could confirm. They show what people reported, not the condition of the city: some neighbourhoods report more readily than others.",
      "Many contacts with 311 are questions and are not in the data; neither are matters of other agencies, such as transit and police.",
    ],
    old: `Before ${wardsSince} Toronto had ${FORMER_WARD_MODEL} wards. Those years cannot be shown on today's map of ${WARD_MODEL}; use postal areas.`,
    renamed:
      "Types and divisions that were renamed, most of them in 2025, are counted under their current name.",
    terms: [
      ["Ward", `One of ${WARD_MODEL} districts that each elect a councillor.`],
      [
        "Postal area",
        "The area of all postal codes with the same first three characters. Canada Post calls it a forward sortation area (FSA).",
      ],
      ["Category", "Request types that belong together, grouped by this project."],
      ["Homes", "Occupied private dwellings in the 2021 census."],
      [
        "People",
        "In the 2021 census: for wards those in private households, for postal areas all residents.",
      ],
      ["95% interval", "The range within which chance alone would move the figure, 19 times in 20."],
    ] as readonly (readonly [term: string, meaning: string])[],
    termsTitle: "Glossary",
    source: "The City's dataset",
    code: "Source code",
    report: "Report a problem to 311",
    notCity: "This page is independent. It is not made by the City of Toronto.",
    changes: "What the City changed after first publishing a year",
    change: ({ year, on, added, gone, restatused, relabelled }: PublicationChange) =>
      `${year}, file of ${format.day(on)}: ${[
        plural(added, { one: "# request added", other: "# requests added" }),
        plural(gone, { one: "# request removed", other: "# requests removed" }),
        plural(restatused, { one: "# status changed", other: "# statuses changed" }),
        plural(relabelled, { one: "# other change", other: "# other changes" }),
      ].join(", ")}`,
    census: (sources: readonly string[]) => `People and homes: ${sources.join("; ")}.`,
    places: { names: "Names of neighbourhoods:", source: "GeoNames", licence: "CC BY 4.0" },
  },
  quality: {
    title: "Every row accounted for",
    intro: (through: string, published: string | null) =>
      `The data cover requests to ${through}.${published ? ` The City published the newest file on ${published}.` : ""} The table accounts for every row of the City's files: used, repaired, or excluded with a reason.`,
    loading: "Loading data quality",
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
  },
  driftOf: ({ kind: measure, subject, rows }: YearQuality["drift"][number]) => {
    const kind = measure.replace(/^drift_/, "");
    return [
      drift[kind] ?? kind.replaceAll("_", " "),
      WITHOUT_SUBJECT.includes(kind) ? "" : subject,
      // An oddity of the whole file has no rows.
      rows > 0 ? integer(rows) : "",
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
    const others = refusals
      .filter(({ year }) => year === null)
      .map(({ partition }) => boundaries[partition] ?? partition);
    const named = years.length > LISTED ? [`${years.length} years`] : years.map(String);
    const isOne = years.length === 1 && others.length === 0;
    return `${list([...named, ...others])} ${isOne ? "is" : "are"} not up to date`;
  },

  share: {
    share: "Share",
    copyLink: "Copy link",
    link: "Link to this view",
    linkNote: "The link keeps its years when newer data are published.",
    linkNoteOfDays:
      "The link names its days. Once newer data are published, it shows their last days instead, and says so.",
    copied: "Link copied.",
    copyFailed: "The link could not be copied. Copy it from the field.",
    cite: "Cite as",
    citation: (
      { what, where, when }: Record<"what" | "where" | "when", string>,
      source: string,
      through: string,
      address: string,
      day: string,
    ) =>
      [
        `“Toronto 311 requests: ${what}, ${where}, ${when}.”`,
        // The City's attribution is a sentence.
        ...(source === "" ? [] : [source.replace(/\.?$/, ".")]),
        `Data to ${through}. ${address}, accessed ${day}.`,
      ].join(" "),
    download: "Download",
    areas: "This table of areas (CSV)",
    months: "Months of each area (CSV)",
    categories: "Categories of each area (CSV)",
    statusTable: "Statuses (CSV)",
    divisionTable: "City divisions (CSV)",
    daysTable: "Days of the whole city (CSV)",
    durationsTable: "How long it takes (CSV)",
    tableFailed: "The data for this file could not be read. Check the connection and try again.",
    svg: "Map (SVG)",
    png: "Map (PNG)",
    pictureFailed: "The PNG could not be made. Download the SVG instead.",
    print: "Print",
    saved: (name: string) => `Saved ${name}.`,
    embed: "Embed",
    embedWhat: "What to embed",
    embeds: {
      all: "Everything",
      answer: "The answer",
      map: "The map",
      ranking: "The ranking",
      trend: "The trend",
    } satisfies Record<Embed, string>,
    theme: "Theme",
    themes: { light: "Light", dark: "Dark", auto: "The reader's" } satisfies Record<Theme, string>,
    embedHelp: "Copy this code into your page:",
    embedNote:
      "The frame reports its height to the page around it, in a message of type “toronto-311-height”.",
    openFull: "Open the full page",
    source: (through: string) => `Data to ${through}`,
  },

  loading: "Loading the requests",
  unknown: {
    /** `shown` is `null` if there are no data for the whole choice. */
    year: (names: readonly string[], shown: string | null) =>
      `No data for ${list(names)}.${shown === null ? "" : ` Showing ${shown}.`}`,
    days: (last: string, shown: string) =>
      `This link is to days that ended on ${last}, and the data end on another day. Showing the ${shown}.`,
    what: (names: string) => `Unknown request type: ${names}.`,
    status: (name: string) => `Unknown status: ${name}.`,
    division: (name: string) => `Unknown City division in these years: ${name}.`,
    area: (ids: string) => `Unknown area on this map: ${ids}.`,
  },
  misread: (words: string) => `Part of this link was not recognized and was ignored: ${words}.`,
  oldFile: (age: number) =>
    `The newest file is ${integer(age)} days old. The City publishes monthly, so this site may be out of date.`,
  oldData: (through: string) =>
    `The data end on ${through}. The City publishes monthly, so newer requests are missing.`,
  gaps: {
    year: (year: number) => `${year} could not be read, so there are no changes from it.`,
    homes: "The numbers of homes and people could not be read, so there are no rates for them.",
    days: (count: number) =>
      `The data do not have all of the last ${integer(count)} days, so the latest year is shown.`,
    vocabulary:
      "The lists of request types and statuses could not be read in full, so some choices are missing.",
  },
  retry: "Try again",
  problem: {
    missing: (path: string) =>
      `A data file is missing (${path}). The site may be updating; try again in a minute.`,
    damaged: (path: string) => `A data file is damaged (${path}), so its figures are not shown.`,
    other_format: (path: string) =>
      `The data are in a format that this page does not read (${path}). Reload the page; if this message stays, the page and the data come from different versions.`,
    unreachable: (path: string) =>
      `The data cannot be reached (${path}). Check the connection and try again.`,
    no_code: () => "A part of this page could not be loaded. Check the connection and try again.",
  } satisfies Record<ProblemKind, (path: string) => string>,
  failed: "Something went wrong",
  kept: "The figures below are those of your last choice.",
  unexpected: (message: string) => `This is a bug in the page: ${message}`,
  boundaries:
    "Wards: City of Toronto. Postal areas are forward sortation areas, the first three characters of postal codes: adapted from Statistics Canada, Forward Sortation Area Boundary File, 2016 Census; this does not constitute an endorsement by Statistics Canada. Some areas are drawn with a part of the lake; rates use the land area where it is known.",
  docs: "Data dictionary",
  /** The page "Use the data". */
  use: {
    title: "Use the data",
    back: "Map and rankings",
    intro:
      "Everything on this site is made from the tables below. They are Parquet files: most tools read them from their address, and fetch only the parts that they need. There is nothing to sign up for.",
    through: (day: string) => `Requests to ${day}`,
    published: (day: string) => `newest City file of ${day}`,
    tables: "Tables",
    table: "Table",
    rows: "Rows",
    size: "Size",
    files: "Files",
    columns: (count: number) => plural(count, { one: "# column", other: "# columns" }),
    column: "Column",
    type: "Type",
    meaning: "Meaning",
    bytes: (bytes: number) =>
      bytes < 1000
        ? `${integer(bytes)} B`
        : bytes < 1e6
          ? `${integer(Math.round(bytes / 1e3))} kB`
          : `${decimal(bytes / 1e6)} MB`,
    year: (year: number, format: string) =>
      format === "parquet" ? `${year}` : `${year} (${format.toUpperCase()})`,
    whole: (format: string) => (format === "parquet" ? "Parquet" : format.toUpperCase()),
    dictionary: "Data dictionary: every table, column, test and where it comes from",
    recipes: "Query them",
    recipesIntro: "Each of these counts the requests of every ward in the latest year.",
    tools: {
      duckdb: "DuckDB",
      pandas: "pandas",
      polars: "Polars",
      r: "R",
      javascript: "JavaScript",
      spreadsheet: "Excel",
    },
    notes: {
      duckdb: "SQL, in DuckDB's command line or any of its clients.",
      pandas: "Needs pyarrow.",
      polars: "",
      r: "Needs the package arrow.",
      javascript: "Needs the package hyparquet, in Node.js or a browser.",
      spreadsheet:
        "Data, Get Data, From Other Sources, Blank Query: this line loads the table. For a table of what you see on the map, choose Download there.",
    },
    copy: "Copy",
    copied: "Copied.",
    agents: "Agents begin with llms.txt, which says how to answer a question from the tables.",
    addresses:
      "The addresses in these lines stay, and their content changes when the City publishes. The files that the catalog lists never change: an analysis that has to be repeatable uses those, and checks their SHA-256.",
    terms: "Licence and citation",
    licence: "Licence",
    noLicence: "These data are generated and are not the City's, so its licence does not apply.",
    cite: "Cite as",
    follow: "Follow",
    followIntro: "Feeds for a news reader:",
    publications: "What the City changed, with each publication",
    wards: "One feed per ward: its requests each month, and what was unusual",
    ward: (id: number) => `Ward ${id}`,
    changes: "The same for programs: changes.json",
    descriptions: "Descriptions for programs",
    described: {
      "data/catalog.json": "Catalog: every file with its size and SHA-256",
      "data/datapackage.json": "Data Package (Frictionless Data)",
      "data/croissant.json": "Croissant (MLCommons)",
      "data/dcat.jsonld": "DCAT-AP 3",
      "llms.txt": "llms.txt",
    },
    contract: "contract",
  },
  printed: (address: string, day: string) => `${address} · printed ${day}`,
};

/** The catalogue of a language: all words of the site, and how it writes numbers and dates. */
export type Words = typeof en;
