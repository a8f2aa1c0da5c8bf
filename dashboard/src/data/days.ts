import type { Catalog } from "./catalog.ts";
import { filesOf } from "./catalog.ts";
import { dayOf } from "./calendar.ts";
import { readColumns } from "./parquet.ts";
import type { Chosen } from "./question.ts";

/**
 * Reads the requests of the whole city by `dayOf`. Days after the last request are left out.
 *
 * @throws Problem
 */
export async function readDays(catalog: Catalog, year: number, chosen: Chosen): Promise<Uint32Array> {
  const file = filesOf(catalog, "requests_by_day").find((file) => file.year === year);
  if (!file) return new Uint32Array();
  const columns = await readColumns(file, ["created_on", "type_group", "type_name", "requests"]);
  const days = new Uint32Array(366);
  let last = -1;
  for (let row = 0; row < columns.requests.length; row++) {
    const day = dayOf(columns.created_on[row] as Date);
    last = Math.max(last, day);
    const isChosen =
      chosen.isAll ||
      chosen.groups.has(columns.type_group[row] as string) ||
      chosen.types.has(columns.type_name[row] as string);
    if (isChosen) days[day] = (days[day] ?? 0) + (columns.requests[row] as number);
  }
  return days.slice(0, last + 1);
}
