import type { Catalog } from "./catalog.ts";
import { isOfWardToday } from "./area_kind.ts";
import { readRows } from "./marts.ts";
import type { Month } from "./span.ts";
import { monthAt } from "./span.ts";

const MART = "unusual_months";
const COLUMNS = [
  "created_month",
  "ward_model",
  "ward_id",
  "fsa",
  "type_group",
  "requests",
  "expected",
  "lower",
  "upper",
  "score",
] as const;

/** A month in which an area, or the city, had many more or many fewer requests of a group than expected. */
export interface Unusual {
  month: Month;
  area: { kind: "ward" | "fsa"; id: string } | null;
  group: string;
  requests: number;
  expected: number;
  /** Between these the requests would have been as expected. */
  lower: number;
  upper: number;
  score: number;
}

/** Reads the unusual counts, the most unusual first. A catalog without the mart has none. */
export async function readUnusual(catalog: Catalog): Promise<Unusual[]> {
  const rows = await readRows(catalog, MART, COLUMNS);
  return rows
    .filter((row) => row.ward_id === null || isOfWardToday(row))
    .map((row) => {
      const date = row.created_month as Date;
      const area: Unusual["area"] =
        row.ward_id !== null
          ? { kind: "ward", id: String(row.ward_id) }
          : row.fsa !== null
            ? { kind: "fsa", id: row.fsa as string }
            : null;
      return {
        month: monthAt(date.getUTCFullYear(), date.getUTCMonth() + 1),
        area,
        group: row.type_group as string,
        requests: row.requests as number,
        expected: row.expected as number,
        lower: row.lower as number,
        upper: row.upper as number,
        score: row.score as number,
      };
    })
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
}
