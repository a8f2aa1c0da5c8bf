/** Requests of one area, or of all. */
export interface Figures {
  /** Whether the map has any month of the question. If not, zero requests mean nothing. */
  isKnown: boolean;
  /** Those that match the question. */
  requests: number;
  /** Those of the span and the season, with any type, status and division. */
  ofAll: number;
  /** Those of the statuses and the division as well, with any type. */
  ofAllTypes: number;
  /** Those of the months that are compared with the previous year. */
  comparable: number;
  /** Those of the same months a year before. */
  yearBefore: number;
  /** Requests by month since the start of the period, in the span and outside it. */
  months: Uint32Array;
  /** `ofAllTypes` by group, as numbered in the names. */
  groups: Uint32Array;
  /** `requests` by status, as numbered in the names. */
  statuses: Uint32Array;
}

/** The sum of the figures of several areas. */
export function sumOf(figures: readonly Figures[]): Figures {
  const total: Figures = {
    isKnown: true,
    requests: 0,
    ofAll: 0,
    ofAllTypes: 0,
    comparable: 0,
    yearBefore: 0,
    months: new Uint32Array(figures[0]?.months.length ?? 0),
    groups: new Uint32Array(figures[0]?.groups.length ?? 0),
    statuses: new Uint32Array(figures[0]?.statuses.length ?? 0),
  };
  for (const one of figures) {
    total.requests += one.requests;
    total.ofAll += one.ofAll;
    total.ofAllTypes += one.ofAllTypes;
    total.comparable += one.comparable;
    total.yearBefore += one.yearBefore;
    for (const counts of ["months", "groups", "statuses"] as const) {
      one[counts].forEach((value, at) => {
        increase(total[counts], at, value);
      });
    }
  }
  return total;
}

/** Adds to one count of an array. */
export function increase(counts: Uint32Array, at: number, by: number) {
  counts[at] = (counts[at] as number) + by;
}
