import { WARD_MODEL } from "../generated/contract.ts";

/** What areas are: wards of today, or forward sortation areas. */
export type AreaKind = "ward" | "fsa";

/** Whether the row of a mart is of a ward that exists today. */
export function isOfWardToday(row: { ward_model: unknown; ward_id: unknown }): boolean {
  return row.ward_model === WARD_MODEL && row.ward_id !== null;
}
