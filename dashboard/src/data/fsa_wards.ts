import type { Catalog } from "./catalog.ts";
import { isOfWardToday } from "./area_kind.ts";
import { readRows } from "./marts.ts";

const MART = "fsa_wards";
const COLUMNS = ["fsa", "ward_model", "ward_id", "share"] as const;

/** A ward that the requests of a postal area lie in. */
export interface WardShare {
  /** The number of a ward of today. */
  ward: string;
  /** The share of the postal area's requests, 0 to 1. */
  share: number;
}

/** Reads the wards of each postal area, the largest share first. A catalog without the mart has none. */
export async function readFsaWards(catalog: Catalog): Promise<Map<string, WardShare[]>> {
  const wards = new Map<string, WardShare[]>();
  for (const row of (await readRows(catalog, MART, COLUMNS)).filter(isOfWardToday)) {
    const fsa = row.fsa as string;
    wards.set(fsa, [...(wards.get(fsa) ?? []), { ward: String(row.ward_id), share: row.share as number }]);
  }
  for (const shares of wards.values()) shares.sort((a, b) => b.share - a.share);
  return wards;
}
