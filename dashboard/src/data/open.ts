import type { Catalog } from "./catalog.ts";
import { isOfWardToday } from "./area_kind.ts";
import { readRows } from "./marts.ts";

/** Requests of one age that were not cancelled: how many there are, and how many of them are open. */
export interface OpenByAge {
  group: string;
  /** `null` in the figures of wards, which are by group. */
  type: string | null;
  /** The ward's number, or `null` for the city. */
  ward: string | null;
  /** The lower bound of the age in days. */
  days: number;
  requests: number;
  open: number;
}

const COUNTS = ["type_group", "age_days", "requests", "open_requests"] as const;

/** Reads the open requests of the city by age and type. A catalog without the mart has none. */
export async function readOpenOfCity(catalog: Catalog): Promise<OpenByAge[]> {
  const rows = await readRows(catalog, "open_by_age_type", [...COUNTS, "type_name"]);
  return rows.map((row) => ({ ...countsOf(row), type: row.type_name as string, ward: null }));
}

/** Reads the open requests of the wards by age and group. A catalog without the mart has none. */
export async function readOpenOfWards(catalog: Catalog): Promise<OpenByAge[]> {
  const rows = await readRows(catalog, "open_by_age_group_ward", [...COUNTS, "ward_model", "ward_id"]);
  return rows
    .filter(isOfWardToday)
    .map((row) => ({ ...countsOf(row), type: null, ward: String(row.ward_id) }));
}

function countsOf(row: Record<(typeof COUNTS)[number], unknown>) {
  return {
    group: row.type_group as string,
    days: row.age_days as number,
    requests: row.requests as number,
    open: row.open_requests as number,
  };
}
