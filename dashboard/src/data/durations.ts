import type { Catalog } from "./catalog.ts";
import { isOfWardToday } from "./area_kind.ts";
import { readRows } from "./marts.ts";
import type { Value } from "./parquet.ts";

/** Days between which a share of the requests is closed. `upper` is null if it may be any longer time. */
export interface Bounds {
  lower: number;
  upper: number | null;
}

/** How long requests stay open. */
export interface Duration {
  group: string;
  /** `null` for the whole group. */
  type: string | null;
  /** The ward's number, or `null` for the city. */
  ward: string | null;
  requests: number;
  /** The days within which a quarter, half and three quarters are closed; `null` where nothing is known. */
  quarter: Bounds | null;
  half: Bounds | null;
  threeQuarters: Bounds | null;
  /** The share that is still open after 90 days, 0 to 1. */
  openAfter90: number | null;
}

/** A point of the curve of closed requests. */
export interface Closed {
  days: number;
  /** The share that is closed by then, 0 to 1. */
  share: number;
}

const KEYS = ["type_group", "type_name", "ward_model", "ward_id"] as const;
const BOUNDS = ["q25", "median", "q75"] as const;

/** Reads how long requests take, of the city and of its wards. A catalog without the mart has nothing. */
export async function readDurations(catalog: Catalog): Promise<Duration[]> {
  const columns = [
    ...KEYS,
    "requests",
    ...BOUNDS.flatMap((at) => [`lower_days_${at}`, `upper_days_${at}`] as const),
    "open_share_90_days",
  ] as const;
  const rows = await readRows(catalog, "time_to_close", columns);
  return rows.filter(isShown).map((row) => {
    const bounds = (at: (typeof BOUNDS)[number]): Bounds | null => {
      const lower = row[`lower_days_${at}`] as number | null;
      const upper = row[`upper_days_${at}`] as number | null;
      // Any time from no day on says nothing.
      return lower === null || (lower < 0.5 && upper === null) ? null : { lower, upper };
    };
    return {
      ...keyOf(row),
      requests: row.requests as number,
      quarter: bounds("q25"),
      half: bounds("median"),
      threeQuarters: bounds("q75"),
      openAfter90: row.open_share_90_days as number | null,
    };
  });
}

/** Reads the curves of closed requests, each under its `curveKey`. A catalog without the mart has none. */
export async function readCurves(catalog: Catalog): Promise<Map<string, Closed[]>> {
  const curves = new Map<string, Closed[]>();
  const columns = [...KEYS, "age_days", "done_share"] as const;
  const rows = await readRows(catalog, "time_to_close_curve", columns);
  for (const row of rows.filter(isShown)) {
    const { group, type, ward } = keyOf(row);
    const key = curveKey(group, type, ward);
    const point = { days: row.age_days as number, share: row.done_share as number };
    curves.set(key, [...(curves.get(key) ?? []), point]);
  }
  for (const curve of curves.values()) curve.sort((a, b) => a.days - b.days);
  return curves;
}

/** Identifies the curve of a group or type, in a ward or in the city. */
export function curveKey(group: string, type: string | null, ward: string | null): string {
  return JSON.stringify([group, type, ward]);
}

type Row = Record<(typeof KEYS)[number], Value>;

/** Whether a row is of the city or of today's wards. */
function isShown(row: Row): boolean {
  return row.ward_id === null || isOfWardToday(row);
}

function keyOf({ type_group, type_name, ward_id }: Row) {
  return {
    group: type_group as string,
    type: type_name as string | null,
    ward: ward_id === null ? null : String(ward_id),
  };
}
