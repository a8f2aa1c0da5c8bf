import type { Area } from "./boundaries.ts";
import type { Cube, Names } from "./cube.ts";
import { NO_AREA, OFF_MAP } from "./cube.ts";
import type { StatusGroup } from "./vocabulary.ts";

export const SEASONS = ["winter", "spring", "summer", "fall"] as const;
/** Meteorological; winter is January, February and December of one year. */
export type Season = (typeof SEASONS)[number];

/** The season of a month, 1 to 12. */
export function seasonOf(month: number): Season {
  return SEASONS[Math.floor((month % 12) / 3)] as Season;
}

/** What is asked, as chosen. */
export interface Chosen {
  /** Nothing is chosen, so all is asked for. */
  isAll: boolean;
  groups: Set<string>;
  /** Types that are in none of the chosen groups. */
  types: Set<string>;
}

export interface Question {
  /** First and last year. */
  from: number;
  to: number;
  chosen: Chosen;
  season: Season | null;
  /** Names of statuses; all if null. */
  statuses: Set<string> | null;
  division: string | null;
}

/** Requests of one area, or of all. */
export interface Figures {
  /** Whether the map has any of the months asked for; if not, that there are no requests says nothing of an area. */
  isKnown: boolean;
  /** That match the question. */
  requests: number;
  /** Of the years and the season, whatever else is asked. */
  ofAll: number;
  /** Of the statuses and the division as well, whatever types are asked. */
  ofAllTypes: number;
  /** Of the last year, in months that the year before has whole as well; with `yearBefore` it makes the change. */
  comparable: number;
  yearBefore: number;
  /** By month since January of the year before the first. */
  months: Uint32Array;
  /** `ofAllTypes` by group, as numbered in the names. */
  groups: Uint32Array;
}

/** All that the page shows of the marts by month. */
export interface Answer {
  question: Question;
  areas: Figures[];
  /** Areas on the map and requests that are not. */
  city: Figures;
  /** The same in the months that the map has: what its areas compare with. */
  cityOfMap: Figures;
  /** Requests that name no area, and those of areas that the map does not have. */
  withoutArea: number;
  offMap: number;
  /** For the whole city. */
  byStatus: Map<string, number>;
  bySeason: Record<Season, { requests: number; days: number }>;
  byDivision: Map<string, number>;
  /** Months compared with the year before, 1 to 12, and of these the ones that the map has in that year. */
  comparableMonths: number[];
  comparableOnMap: number[];
  /** Whether the areas of the map have requests, by month since January of the year before the first. */
  mapMonths: Uint8Array;
}

/** What there is to answer from. */
export interface Cubes {
  groups: ReadonlyMap<number, Cube>;
  /** Only if types are chosen. */
  types: ReadonlyMap<number, Cube>;
}

/** Adds up the cubes. Reads each row once. */
export function answer(
  question: Question,
  cubes: Cubes,
  names: Names,
  areas: readonly Area[],
  dataThrough: Date,
): Answer {
  const { from, to, chosen } = question;
  const months = (to - from + 2) * 12;
  const groupCount = names.groups.names.length;
  // A slot for each area, and two at either end for requests that no area on the map has: in front for the months that
  // the map has, behind for the others. Flat arrays: a question of all years adds up more than a million rows between two
  // frames.
  const afterAreas = areas.length - OFF_MAP;
  const slots = afterAreas - OFF_MAP;
  const requestsIn = new Uint32Array(slots);
  const ofAllIn = new Uint32Array(slots);
  const ofAllTypesIn = new Uint32Array(slots);
  const comparableIn = new Uint32Array(slots);
  const yearBeforeIn = new Uint32Array(slots);
  const monthsIn = new Uint32Array(slots * months);
  const groupsIn = new Uint32Array(slots * groupCount);
  const mapMonths = mapMonthsOf(from, to, cubes.groups);
  const ofCity = { comparable: 0, yearBefore: 0 };
  const statusCounts = new Float64Array(256);
  const divisionCounts = new Float64Array(256);
  const seasonCounts = new Float64Array(SEASONS.length);

  const seasonOfMonth = Uint8Array.from({ length: 13 }, (_, month) => SEASONS.indexOf(seasonOf(month)));
  const inSeason = Uint8Array.from({ length: 13 }, (_, month) =>
    Number(question.season === null || seasonOf(month) === question.season),
  );
  const hasYearBefore = cubes.groups.has(to - 1);
  const comparableMonths = hasYearBefore
    ? Array.from({ length: 12 }, (_, index) => index + 1).filter(
        (month) => inSeason[month] && isWhole(to, month, dataThrough),
      )
    : [];
  const isComparable = Uint8Array.from({ length: 13 }, (_, month) =>
    Number(comparableMonths.includes(month)),
  );
  // Wards that are not of the map's model leave its months empty.
  const lastJanuary = (to - from) * 12;
  const comparableOnMap = comparableMonths.filter((month) => mapMonths[lastJanuary + month - 1]);
  const isComparableOnMap = Uint8Array.from({ length: 13 }, (_, month) =>
    Number(comparableOnMap.includes(month)),
  );
  const statusKept = flags(names.statuses.names, (name) => question.statuses?.has(name) ?? true);
  const divisionKept = flags(
    names.divisions.names,
    (name) => question.division === null || question.division === name,
  );

  const add = (year: number, cube: Cube, isChosen: Uint8Array, isByGroup: boolean) => {
    const inRange = year >= from && year <= to;
    const january = (year - from + 1) * 12;
    const compared = year === to ? comparableIn : year === to - 1 ? yearBeforeIn : null;
    const comparedOfCity = year === to ? "comparable" : "yearBefore";
    const { month: monthOf, what: whatOf, division: divisionOf, status: statusOf, area: areaOf } = cube;
    for (let row = 0; row < cube.rows; row++) {
      const division = divisionOf[row] as number;
      const status = statusOf[row] as number;
      const month = monthOf[row] as number;
      const requests = cube.requests[row] as number;
      const place = (areaOf[row] as number) - OFF_MAP;
      const slot = mapMonths[january + month - 1] ? place : afterAreas + place;
      if (isByGroup && inRange && inSeason[month]) increase(ofAllIn, slot, requests);
      // Counted neither itself nor in a list of what else could be chosen.
      if (!statusKept[status] && !divisionKept[division]) continue;
      const what = whatOf[row] as number;
      const matches = isChosen[what];
      if (statusKept[status] && divisionKept[division]) {
        if (matches) {
          if (inRange) increase(seasonCounts, seasonOfMonth[month] as number, requests);
          if (inSeason[month]) {
            if (inRange) increase(requestsIn, slot, requests);
            if (compared && isComparable[month]) {
              ofCity[comparedOfCity] += requests;
              if (isComparableOnMap[month]) increase(compared, slot, requests);
            }
            increase(monthsIn, slot * months + january + month - 1, requests);
          }
        }
        if (isByGroup && inRange && inSeason[month]) {
          increase(ofAllTypesIn, slot, requests);
          increase(groupsIn, slot * groupCount + what, requests);
        }
      }
      if (matches && inRange && inSeason[month]) {
        if (divisionKept[division]) increase(statusCounts, status, requests);
        if (statusKept[status]) increase(divisionCounts, division, requests);
      }
    }
  };

  const groupChosen = flags(names.groups.names, (name) => chosen.isAll || chosen.groups.has(name));
  const typeChosen = flags(names.types.names, (name) => chosen.types.has(name));
  for (let year = from - 1; year <= to; year++) {
    const byGroup = cubes.groups.get(year);
    if (byGroup) add(year, byGroup, groupChosen, true);
    const byType = chosen.types.size > 0 && cubes.types.get(year);
    if (byType) add(year, byType, typeChosen, false);
  }

  const isKnown = mapMonths.subarray(12).some((has, at) => has && inSeason[(at % 12) + 1]);
  const figuresOf = (slot: number): Figures => ({
    isKnown,
    requests: requestsIn[slot] as number,
    ofAll: ofAllIn[slot] as number,
    ofAllTypes: ofAllTypesIn[slot] as number,
    comparable: comparableIn[slot] as number,
    yearBefore: yearBeforeIn[slot] as number,
    months: monthsIn.subarray(slot * months, (slot + 1) * months),
    groups: groupsIn.subarray(slot * groupCount, (slot + 1) * groupCount),
  });
  const all = Array.from({ length: slots }, (_, slot) => figuresOf(slot));
  const requestsOf = (area: number) =>
    (requestsIn[area - OFF_MAP] as number) + (requestsIn[afterAreas + area - OFF_MAP] as number);
  const bySeason = seasonsOf(from, to, dataThrough, cubes.groups);
  SEASONS.forEach((season, index) => (bySeason[season].requests = seasonCounts[index] as number));
  return {
    question,
    areas: all.slice(-OFF_MAP, afterAreas),
    city: { ...sumOf(all), ...ofCity },
    cityOfMap: { ...sumOf(all.slice(0, afterAreas)), isKnown },
    withoutArea: requestsOf(NO_AREA),
    offMap: requestsOf(OFF_MAP),
    byStatus: countsOf(names.statuses.names, statusCounts),
    bySeason,
    byDivision: countsOf(names.divisions.names, divisionCounts),
    comparableMonths,
    comparableOnMap,
    mapMonths,
  };
}

/** For each month since January of the year before the first whether any area of the map has requests. */
function mapMonthsOf(from: number, to: number, cubes: ReadonlyMap<number, Cube>): Uint8Array {
  const mapMonths = new Uint8Array((to - from + 2) * 12);
  for (const [year, { onMap }] of cubes) {
    if (year >= from - 1 && year <= to) mapMonths.set(onMap.subarray(1), (year - from + 1) * 12);
  }
  return mapMonths;
}

function increase(counts: Uint32Array | Float64Array, at: number, by: number) {
  counts[at] = (counts[at] as number) + by;
}

/** For each name whether it is one of those. */
function flags(names: readonly string[], isOne: (name: string) => boolean): Uint8Array {
  return Uint8Array.from(names, (name) => Number(isOne(name)));
}

/** Counts by name, where there are any. */
function countsOf(names: readonly string[], counts: Float64Array): Map<string, number> {
  const all = names.map((name, at): [string, number] => [name, counts[at] ?? 0]);
  return new Map(all.filter(([, count]) => count > 0));
}

/** The figures of several areas together. */
function sumOf(figures: readonly Figures[]): Figures {
  const total: Figures = {
    isKnown: true,
    requests: 0,
    ofAll: 0,
    ofAllTypes: 0,
    comparable: 0,
    yearBefore: 0,
    months: new Uint32Array(figures[0]?.months.length ?? 0),
    groups: new Uint32Array(figures[0]?.groups.length ?? 0),
  };
  for (const one of figures) {
    total.requests += one.requests;
    total.ofAll += one.ofAll;
    total.ofAllTypes += one.ofAllTypes;
    total.comparable += one.comparable;
    total.yearBefore += one.yearBefore;
    one.months.forEach((value, at) => {
      increase(total.months, at, value);
    });
    one.groups.forEach((value, at) => {
      increase(total.groups, at, value);
    });
  }
  return total;
}

/** Requests by status group, from those by status. */
export function byStatusGroup(byStatus: Map<string, number>, groupOf: (status: string) => StatusGroup) {
  const groups: Record<StatusGroup, number> = { open: 0, done: 0, cancelled: 0, unknown: 0 };
  for (const [status, requests] of byStatus) groups[groupOf(status)] += requests;
  return groups;
}

/** Whether the data cover the month to its last day. */
function isWhole(year: number, month: number, dataThrough: Date): boolean {
  return Date.UTC(year, month, 0) <= dataThrough.getTime();
}

/** The days of each season in the years that there are data of. */
function seasonsOf(
  from: number,
  to: number,
  dataThrough: Date,
  cubes: ReadonlyMap<number, Cube>,
): Answer["bySeason"] {
  const seasons = {
    winter: { requests: 0, days: 0 },
    spring: { requests: 0, days: 0 },
    summer: { requests: 0, days: 0 },
    fall: { requests: 0, days: 0 },
  };
  for (let year = from; year <= to; year++) {
    if (!cubes.has(year)) continue;
    for (let month = 1; month <= 12; month++) {
      const first = Date.UTC(year, month - 1, 1);
      const end = Math.min(Date.UTC(year, month, 1), dataThrough.getTime() + 86_400_000);
      seasons[seasonOf(month)].days += Math.max(0, Math.round((end - first) / 86_400_000));
    }
  }
  return seasons;
}
