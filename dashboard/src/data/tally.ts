import type { Season } from "./calendar.ts";
import { SEASONS, seasonOf } from "./calendar.ts";
import type { Cube, Names } from "./cube.ts";
import { NO_AREA, OFF_MAP } from "./cube.ts";
import type { Figures } from "./figures.ts";
import { increase, sumOf } from "./figures.ts";
import type { Period } from "./period.ts";
import { flagsOfMonths } from "./period.ts";
import type { Question } from "./question.ts";

/** What a tally counts. */
export interface Totals {
  areas: Figures[];
  /** Areas on the map and requests that are not. */
  city: Figures;
  /** The same in the months that the map has, which the areas are compared with. */
  cityOfMap: Figures;
  /** Requests without an area, and those of areas that the map does not have. */
  withoutArea: number;
  offMap: number;
  /** For the whole city. Each leaves out its own filter, so that it lists the other choices too. */
  byStatus: Map<string, number>;
  bySeason: Record<Season, number>;
  byDivision: Map<string, number>;
}

/**
 * Where an area's counts are in an array. A cube numbers areas from 0, NO_AREA is -1 and OFF_MAP is -2, so the slots are:
 *
 *     OFF_MAP, NO_AREA, area 0, area 1, ..., OFF_MAP, NO_AREA
 *
 * The first two are of the months that the map has, the last two of the other months, in which no area has requests.
 */
class Slots {
  /** The slots of the months that the map has. */
  readonly ofMap: number;
  readonly count: number;

  constructor(areas: number) {
    this.ofMap = areas - OFF_MAP;
    this.count = this.ofMap - OFF_MAP;
  }

  /** The slot of an area in a month that the map has, or in another. */
  of(area: number, isMapMonth: boolean): number {
    return isMapMonth ? area - OFF_MAP : this.ofMap + area - OFF_MAP;
  }
}

/** Adds up the requests of a question, one cube after another, and reads each row once. */
export class Tally {
  private readonly slots: Slots;
  private readonly months: number;
  private readonly groups: number;
  private readonly comparable: Uint8Array;
  private readonly comparableOnMap: Uint8Array;
  private readonly season = Uint8Array.from({ length: 13 }, (_, month) => SEASONS.indexOf(seasonOf(month)));
  private readonly chosen: Record<"groups" | "types", Uint8Array>;
  private readonly hasStatus: Uint8Array;
  private readonly hasDivision: Uint8Array;

  // Flat arrays by slot: a question about all years adds up more than a million rows between two frames.
  private readonly requestsIn: Uint32Array;
  private readonly ofAllIn: Uint32Array;
  private readonly ofAllTypesIn: Uint32Array;
  private readonly comparableIn: Uint32Array;
  private readonly yearBeforeIn: Uint32Array;
  private readonly monthsIn: Uint32Array;
  private readonly groupsIn: Uint32Array;
  /** The change of the city is of all comparable months, and not only of those that the map has. */
  private readonly ofCity = { comparable: 0, yearBefore: 0 };
  private readonly byStatus = new Float64Array(256);
  private readonly byDivision = new Float64Array(256);
  private readonly bySeason = new Float64Array(SEASONS.length);

  constructor(
    private readonly question: Question,
    private readonly period: Period,
    private readonly names: Names,
    areas: number,
  ) {
    const { chosen, statuses, division } = question;
    this.slots = new Slots(areas);
    this.months = period.mapMonths.length;
    this.groups = names.groups.names.length;
    this.comparable = flagsOfMonths((month) => period.comparableMonths.includes(month));
    this.comparableOnMap = flagsOfMonths((month) => period.comparableOnMap.includes(month));
    this.chosen = {
      groups: flags(names.groups.names, (name) => chosen.isAll || chosen.groups.has(name)),
      types: flags(names.types.names, (name) => chosen.types.has(name)),
    };
    this.hasStatus = flags(names.statuses.names, (name) => statuses?.has(name) ?? true);
    this.hasDivision = flags(names.divisions.names, (name) => division === null || division === name);
    const counts = (perSlot = 1) => new Uint32Array(this.slots.count * perSlot);
    this.requestsIn = counts();
    this.ofAllIn = counts();
    this.ofAllTypesIn = counts();
    this.comparableIn = counts();
    this.yearBeforeIn = counts();
    this.monthsIn = counts(this.months);
    this.groupsIn = counts(this.groups);
  }

  /** Adds the cube of a year, by group or by type. */
  add(year: number, cube: Cube, by: "groups" | "types") {
    const { from, to } = this.question;
    const { inSeason, mapMonths } = this.period;
    const { slots, season, hasStatus, hasDivision, comparable, comparableOnMap, months, groups } = this;
    const { requestsIn, ofAllIn, ofAllTypesIn, monthsIn, groupsIn, bySeason, byStatus, byDivision } = this;
    const { status: statusOf, division: divisionOf, month: monthOf, what: whatOf, area: areaOf } = cube;
    const isChosen = this.chosen[by];
    const inRange = year >= from && year <= to;
    const isGroupInRange = inRange && by === "groups";
    const january = (year - from + 1) * 12;
    const compared = year === to ? this.comparableIn : year === to - 1 ? this.yearBeforeIn : null;
    let comparedOfCity = 0;
    for (let row = 0; row < cube.rows; row++) {
      const status = statusOf[row] as number;
      const division = divisionOf[row] as number;
      const month = monthOf[row] as number;
      const requests = cube.requests[row] as number;
      const slot = slots.of(areaOf[row] as number, mapMonths[january + month - 1] === 1);
      if (isGroupInRange && inSeason[month]) increase(ofAllIn, slot, requests);
      // A row with neither the status nor the division is in no other count.
      if (!hasStatus[status] && !hasDivision[division]) continue;
      const what = whatOf[row] as number;
      const matches = isChosen[what];
      if (hasStatus[status] && hasDivision[division]) {
        if (matches && inRange) increase(bySeason, season[month] as number, requests);
        if (matches && inSeason[month]) {
          if (inRange) increase(requestsIn, slot, requests);
          if (compared && comparable[month]) {
            comparedOfCity += requests;
            if (comparableOnMap[month]) increase(compared, slot, requests);
          }
          increase(monthsIn, slot * months + january + month - 1, requests);
        }
        if (isGroupInRange && inSeason[month]) {
          increase(ofAllTypesIn, slot, requests);
          increase(groupsIn, slot * groups + what, requests);
        }
      }
      if (matches && inRange && inSeason[month]) {
        if (hasDivision[division]) increase(byStatus, status, requests);
        if (hasStatus[status]) increase(byDivision, division, requests);
      }
    }
    this.ofCity[year === to ? "comparable" : "yearBefore"] += comparedOfCity;
  }

  /** Returns what was added up. */
  result(): Totals {
    const { slots, names } = this;
    const { inSeason, mapMonths } = this.period;
    const isKnown = mapMonths.subarray(12).some((has, at) => has && inSeason[(at % 12) + 1]);
    const all = Array.from({ length: slots.count }, (_, slot) => this.figuresOf(slot, isKnown));
    const requestsOf = (area: number) =>
      [true, false].reduce((sum, is) => sum + (this.requestsIn[slots.of(area, is)] as number), 0);
    return {
      areas: all.slice(slots.of(0, true), slots.ofMap),
      city: { ...sumOf(all), ...this.ofCity },
      cityOfMap: { ...sumOf(all.slice(0, slots.ofMap)), isKnown },
      withoutArea: requestsOf(NO_AREA),
      offMap: requestsOf(OFF_MAP),
      byStatus: countsOf(names.statuses.names, this.byStatus),
      bySeason: Object.fromEntries(SEASONS.map((one, at) => [one, this.bySeason[at]])) as Totals["bySeason"],
      byDivision: countsOf(names.divisions.names, this.byDivision),
    };
  }

  private figuresOf(slot: number, isKnown: boolean): Figures {
    const { months, groups } = this;
    return {
      isKnown,
      requests: this.requestsIn[slot] as number,
      ofAll: this.ofAllIn[slot] as number,
      ofAllTypes: this.ofAllTypesIn[slot] as number,
      comparable: this.comparableIn[slot] as number,
      yearBefore: this.yearBeforeIn[slot] as number,
      months: this.monthsIn.subarray(slot * months, (slot + 1) * months),
      groups: this.groupsIn.subarray(slot * groups, (slot + 1) * groups),
    };
  }
}

/** A flag for each name. */
function flags(names: readonly string[], isOne: (name: string) => boolean): Uint8Array {
  return Uint8Array.from(names, (name) => Number(isOne(name)));
}

/** Counts by name, without those that are zero. */
function countsOf(names: readonly string[], counts: Float64Array): Map<string, number> {
  const all = names.map((name, at): [string, number] => [name, counts[at] ?? 0]);
  return new Map(all.filter(([, count]) => count > 0));
}
