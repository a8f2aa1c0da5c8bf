import { seasonOf } from "./calendar.ts";
import type { Cube, Names } from "./cube.ts";
import { NO_AREA, OFF_MAP } from "./cube.ts";
import type { Figures } from "./figures.ts";
import { increase, sumOf } from "./figures.ts";
import type { Period } from "./period.ts";
import type { Question } from "./question.ts";
import { monthAt } from "./span.ts";

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
  private readonly statuses: number;
  private readonly chosen: Record<"groups" | "types", Uint8Array>;
  private readonly hasStatus: Uint8Array;
  private readonly hasDivision: Uint8Array;
  private readonly isInSeason: Uint8Array;

  // Flat arrays by slot: a question about all years adds up more than a million rows between two frames.
  private readonly requestsIn: Uint32Array;
  private readonly ofAllIn: Uint32Array;
  private readonly ofAllTypesIn: Uint32Array;
  private readonly comparableIn: Uint32Array;
  private readonly yearBeforeIn: Uint32Array;
  private readonly monthsIn: Uint32Array;
  private readonly groupsIn: Uint32Array;
  private readonly statusesIn: Uint32Array;
  /** The change of the city is of all comparable months, and not only of those that the map has. */
  private readonly ofCity = { comparable: 0, yearBefore: 0 };
  private readonly byStatus = new Float64Array(256);
  private readonly byDivision = new Float64Array(256);

  constructor(
    question: Question,
    private readonly period: Period,
    private readonly names: Names,
    areas: number,
  ) {
    const { chosen, statuses, division, season } = question;
    this.slots = new Slots(areas);
    this.months = period.mapMonths.length;
    this.groups = names.groups.names.length;
    this.statuses = names.statuses.names.length;
    this.chosen = {
      groups: flags(names.groups.names, (name) => chosen.isAll || chosen.groups.has(name)),
      types: flags(names.types.names, (name) => chosen.types.has(name)),
    };
    this.hasStatus = flags(names.statuses.names, (name) => statuses?.has(name) ?? true);
    this.hasDivision = flags(names.divisions.names, (name) => division === null || division === name);
    this.isInSeason = Uint8Array.from(period.mapMonths, (_, at) =>
      Number(season === null || seasonOf((at % 12) + 1) === season),
    );
    const counts = (perSlot = 1) => new Uint32Array(this.slots.count * perSlot);
    this.requestsIn = counts();
    this.ofAllIn = counts();
    this.ofAllTypesIn = counts();
    this.comparableIn = counts();
    this.yearBeforeIn = counts();
    this.monthsIn = counts(this.months);
    this.groupsIn = counts(this.groups);
    this.statusesIn = counts(this.statuses);
  }

  /** Adds the cube of a year, by group or by type. */
  add(year: number, cube: Cube, by: "groups" | "types") {
    const { inSpan, isNow, isBefore, mapMonths, start } = this.period;
    const { slots, hasStatus, hasDivision, isInSeason, months, groups, statuses } = this;
    const { requestsIn, ofAllIn, ofAllTypesIn, monthsIn, groupsIn, statusesIn, byStatus, byDivision } = this;
    const { status: statusOf, division: divisionOf, month: monthOf, what: whatOf, area: areaOf } = cube;
    const isChosen = this.chosen[by];
    const january = monthAt(year, 1) - start;
    for (let row = 0; row < cube.rows; row++) {
      const status = statusOf[row] as number;
      const division = divisionOf[row] as number;
      const month = january + (monthOf[row] as number) - 1;
      const requests = cube.requests[row] as number;
      const isOnMap = mapMonths[month] === 1;
      const slot = slots.of(areaOf[row] as number, isOnMap);
      const isGroupInSpan = by === "groups" && inSpan[month];
      if (isGroupInSpan) increase(ofAllIn, slot, requests);
      // A row with neither the status nor the division is in no other count.
      if (!hasStatus[status] && !hasDivision[division]) continue;
      const what = whatOf[row] as number;
      const matches = isChosen[what];
      if (hasStatus[status] && hasDivision[division]) {
        if (matches) {
          if (inSpan[month]) {
            increase(requestsIn, slot, requests);
            increase(statusesIn, slot * statuses + status, requests);
          }
          if (isInSeason[month]) increase(monthsIn, slot * months + month, requests);
          if (isNow[month])
            this.compare(this.comparableIn, "comparable", slot, requests, mapMonths[month - 12]);
          if (isBefore[month])
            this.compare(this.yearBeforeIn, "yearBefore", slot, requests, mapMonths[month]);
        }
        if (isGroupInSpan) {
          increase(ofAllTypesIn, slot, requests);
          increase(groupsIn, slot * groups + what, requests);
        }
      }
      if (matches && inSpan[month]) {
        if (hasDivision[division]) increase(byStatus, status, requests);
        if (hasStatus[status]) increase(byDivision, division, requests);
      }
    }
  }

  /** Counts a compared row: for the city in every month, and for its area in months that the map has in both years. */
  private compare(
    counts: Uint32Array,
    ofCity: "comparable" | "yearBefore",
    slot: number,
    requests: number,
    isOnMap: number | undefined,
  ) {
    this.ofCity[ofCity] += requests;
    if (isOnMap) increase(counts, slot, requests);
  }

  /** Returns what was added up. */
  result(): Totals {
    const { slots, names } = this;
    const { inSpan, mapMonths } = this.period;
    const isKnown = mapMonths.some((has, at) => has && inSpan[at]);
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
      byDivision: countsOf(names.divisions.names, this.byDivision),
    };
  }

  private figuresOf(slot: number, isKnown: boolean): Figures {
    const { months, groups, statuses } = this;
    return {
      isKnown,
      requests: this.requestsIn[slot] as number,
      ofAll: this.ofAllIn[slot] as number,
      ofAllTypes: this.ofAllTypesIn[slot] as number,
      comparable: this.comparableIn[slot] as number,
      yearBefore: this.yearBeforeIn[slot] as number,
      months: this.monthsIn.subarray(slot * months, (slot + 1) * months),
      groups: this.groupsIn.subarray(slot * groups, (slot + 1) * groups),
      statuses: this.statusesIn.subarray(slot * statuses, (slot + 1) * statuses),
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
