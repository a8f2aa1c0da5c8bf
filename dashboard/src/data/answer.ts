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
  /** That match the question. */
  requests: number;
  /** The same whatever is asked. */
  ofAll: number;
  /** Of the last year, in months that the year before has whole as well; with `yearBefore` it makes the change. */
  comparable: number;
  yearBefore: number;
  /** By month since January of the year before the first. */
  months: Uint32Array;
  /** By group whatever is asked, as numbered in the names. */
  groups: Uint32Array;
}

/** All that the page shows of the marts by month. */
export interface Answer {
  question: Question;
  areas: Figures[];
  /** Areas on the map and requests that are not. */
  city: Figures;
  /** Requests that name no area, and those of areas that the map does not have. */
  withoutArea: number;
  offMap: number;
  /** For the whole city. */
  byStatus: Map<string, number>;
  bySeason: Record<Season, { requests: number; days: number }>;
  byDivision: Map<string, number>;
  /** Months compared with the year before, 1 to 12. */
  comparableMonths: number[];
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
  const figures = (): Figures => ({
    requests: 0,
    ofAll: 0,
    comparable: 0,
    yearBefore: 0,
    months: new Uint32Array(months),
    groups: new Uint32Array(groupCount),
  });
  const inSeason = Array.from(
    { length: 13 },
    (_, month) => month > 0 && (question.season === null || seasonOf(month) === question.season),
  );
  const hasYearBefore = cubes.groups.has(to - 1);
  const comparableMonths = hasYearBefore
    ? Array.from({ length: 12 }, (_, index) => index + 1).filter(
        (month) => inSeason[month] && isWhole(to, month, dataThrough),
      )
    : [];
  const isComparable = new Set(comparableMonths);

  const result: Answer = {
    question,
    areas: areas.map(figures),
    city: figures(),
    withoutArea: 0,
    offMap: 0,
    byStatus: new Map(),
    bySeason: seasonsOf(from, to, dataThrough, cubes.groups),
    byDivision: new Map(),
    comparableMonths,
  };
  const { city } = result;
  const statusCounts = new Float64Array(256);
  const divisionCounts = new Float64Array(256);
  const statusKept = names.statuses.names.map((name) => question.statuses?.has(name) ?? true);
  const divisionKept = names.divisions.names.map(
    (name) => question.division === null || question.division === name,
  );

  const add = (year: number, cube: Cube, isChosen: boolean[], isByGroup: boolean) => {
    const inRange = year >= from && year <= to;
    for (let row = 0; row < cube.rows; row++) {
      const month = cube.month[row] as number;
      const what = cube.what[row] as number;
      const matches = isChosen[what] === true;
      const requests = cube.requests[row] as number;
      const division = cube.division[row] as number;
      const status = cube.status[row] as number;
      const place = cube.area[row] as number;
      const area = result.areas[place];
      if (statusKept[status] && divisionKept[division]) {
        if (matches) {
          const index = (year - from + 1) * 12 + month - 1;
          if (inSeason[month]) {
            if (inRange) {
              city.requests += requests;
              if (area) area.requests += requests;
              else if (place === NO_AREA) result.withoutArea += requests;
              else if (place === OFF_MAP) result.offMap += requests;
            }
            if (isComparable.has(month)) {
              if (year === to) {
                city.comparable += requests;
                if (area) area.comparable += requests;
              } else if (year === to - 1) {
                city.yearBefore += requests;
                if (area) area.yearBefore += requests;
              }
            }
            city.months[index] = (city.months[index] ?? 0) + requests;
            if (area) area.months[index] = (area.months[index] ?? 0) + requests;
          }
          if (inRange) result.bySeason[seasonOf(month)].requests += requests;
        }
        if (isByGroup && inRange && inSeason[month]) {
          city.ofAll += requests;
          city.groups[what] = (city.groups[what] ?? 0) + requests;
          if (area) {
            area.ofAll += requests;
            area.groups[what] = (area.groups[what] ?? 0) + requests;
          }
        }
      }
      if (matches && inRange && inSeason[month]) {
        if (divisionKept[division]) statusCounts[status] = (statusCounts[status] ?? 0) + requests;
        if (statusKept[status]) divisionCounts[division] = (divisionCounts[division] ?? 0) + requests;
      }
    }
  };

  const groupChosen = names.groups.names.map((name) => chosen.isAll || chosen.groups.has(name));
  const typeChosen = names.types.names.map((name) => chosen.types.has(name));
  for (let year = from - 1; year <= to; year++) {
    const byGroup = cubes.groups.get(year);
    if (byGroup) add(year, byGroup, groupChosen, true);
    const byType = chosen.types.size > 0 && cubes.types.get(year);
    if (byType) add(year, byType, typeChosen, false);
  }
  names.statuses.names.forEach((name, index) => {
    const count = statusCounts[index] ?? 0;
    if (count) result.byStatus.set(name, count);
  });
  names.divisions.names.forEach((name, index) => {
    const count = divisionCounts[index] ?? 0;
    if (count) result.byDivision.set(name, count);
  });
  return result;
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
