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
  private readonly divisions: number;
  private readonly chosen: Record<"groups" | "types", Uint8Array>;
  private readonly hasStatus: Uint8Array;
  private readonly hasDivision: Uint8Array;
  private readonly isInSeason: Uint8Array;

  // Flat arrays by slot: a question about all years adds up more than a million rows between two frames. The other figures
  // are sums of these.
  private readonly ofAllIn: Uint32Array;
  private readonly monthsIn: Uint32Array;
  private readonly groupsIn: Uint32Array;
  private readonly statusesIn: Uint32Array;
  /** By status and division, whichever are chosen. */
  private readonly byBoth: Uint32Array;

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
    this.divisions = names.divisions.names.length;
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
    this.ofAllIn = counts();
    this.monthsIn = counts(this.months);
    this.groupsIn = counts(this.groups);
    this.statusesIn = counts(this.statuses);
    this.byBoth = new Uint32Array(this.statuses * this.divisions);
  }

  /** Adds the cube of a year, by group or by type. */
  add(year: number, cube: Cube, by: "groups" | "types") {
    const { inSpan, mapMonths, start } = this.period;
    const { slots, hasStatus, hasDivision, isInSeason, months, groups, statuses, divisions } = this;
    const { ofAllIn, monthsIn, groupsIn, statusesIn, byBoth } = this;
    const { status: statusOf, division: divisionOf, month: monthOf, what: whatOf, area: areaOf } = cube;
    const isChosen = this.chosen[by];
    const isByGroup = by === "groups";
    const january = monthAt(year, 1) - start;
    for (let row = 0; row < cube.rows; row++) {
      const month = january + (monthOf[row] as number) - 1;
      if (!isInSeason[month]) continue;
      const status = statusOf[row] as number;
      const division = divisionOf[row] as number;
      const what = whatOf[row] as number;
      const requests = cube.requests[row] as number;
      const slot = slots.of(areaOf[row] as number, mapMonths[month] === 1);
      const matches = isChosen[what] === 1;
      const isInSpan = inSpan[month] === 1;
      if (isInSpan && isByGroup) increase(ofAllIn, slot, requests);
      if (isInSpan && matches) increase(byBoth, status * divisions + division, requests);
      if (!hasStatus[status] || !hasDivision[division]) continue;
      if (matches) {
        increase(monthsIn, slot * months + month, requests);
        if (isInSpan) increase(statusesIn, slot * statuses + status, requests);
      }
      if (isInSpan && isByGroup) increase(groupsIn, slot * groups + what, requests);
    }
  }

  /** Returns what was added up. */
  result(): Totals {
    const { slots, names, divisions } = this;
    const { inSpan, mapMonths, isNow, isBefore } = this.period;
    const isKnown = mapMonths.some((has, at) => has && inSpan[at]);
    const all = Array.from({ length: slots.count }, (_, slot) => this.figuresOf(slot, isKnown));
    const city = sumOf(all);
    const requestsOf = (area: number) =>
      [true, false].reduce((sum, is) => sum + (all[slots.of(area, is)] as Figures).requests, 0);
    // Each leaves out its own filter.
    const byStatus = new Uint32Array(this.statuses);
    const byDivision = new Uint32Array(divisions);
    this.byBoth.forEach((requests, at) => {
      const [status, division] = [Math.floor(at / divisions), at % divisions];
      if (this.hasDivision[division]) increase(byStatus, status, requests);
      if (this.hasStatus[status]) increase(byDivision, division, requests);
    });
    return {
      areas: all.slice(slots.of(0, true), slots.ofMap),
      // The change of the city is of all comparable months, and not only of those that the map has.
      city: {
        ...city,
        comparable: sumIn(city.months, (month) => isNow[month] === 1),
        yearBefore: sumIn(city.months, (month) => isBefore[month] === 1),
      },
      cityOfMap: { ...sumOf(all.slice(0, slots.ofMap)), isKnown },
      withoutArea: requestsOf(NO_AREA),
      offMap: requestsOf(OFF_MAP),
      byStatus: countsOf(names.statuses.names, byStatus),
      byDivision: countsOf(names.divisions.names, byDivision),
    };
  }

  private figuresOf(slot: number, isKnown: boolean): Figures {
    const { inSpan, isNow, isBefore, mapMonths } = this.period;
    const of = (counts: Uint32Array, perSlot: number) =>
      counts.subarray(slot * perSlot, (slot + 1) * perSlot);
    const months = of(this.monthsIn, this.months);
    const groups = of(this.groupsIn, this.groups);
    return {
      isKnown,
      requests: sumIn(months, (month) => inSpan[month] === 1),
      ofAll: this.ofAllIn[slot] as number,
      ofAllTypes: sumIn(groups, () => true),
      comparable: sumIn(months, (month) => isNow[month] === 1 && mapMonths[month - 12] === 1),
      yearBefore: sumIn(months, (month) => isBefore[month] === 1 && mapMonths[month] === 1),
      months,
      groups,
      statuses: of(this.statusesIn, this.statuses),
    };
  }
}

/** The sum of the counts at some positions. */
function sumIn(counts: Uint32Array, isOne: (at: number) => boolean): number {
  return counts.reduce((sum, count, at) => (isOne(at) ? sum + count : sum), 0);
}

/** A flag for each name. */
function flags(names: readonly string[], isOne: (name: string) => boolean): Uint8Array {
  return Uint8Array.from(names, (name) => Number(isOne(name)));
}

/** Counts by name, without those that are zero. */
function countsOf(names: readonly string[], counts: Uint32Array): Map<string, number> {
  const all = names.map((name, at): [string, number] => [name, counts[at] ?? 0]);
  return new Map(all.filter(([, count]) => count > 0));
}
