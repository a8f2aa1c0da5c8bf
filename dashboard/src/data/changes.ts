import type { Catalog } from "./catalog.ts";
import { readRows } from "./marts.ts";

const MART = "publication_changes";
const COLUMNS = [
  "source_year",
  "load_number",
  "content_changed",
  "rules_changed",
  "new_observed_at",
  "rows_added",
  "rows_gone",
  "rows_restatused",
  "rows_relabelled",
] as const;

/** What the City changed when it published a year again. */
export interface PublicationChange {
  year: number;
  on: Date;
  added: number;
  gone: number;
  restatused: number;
  relabelled: number;
}

/** Reads the changes that are the City's alone, the latest first. A catalog without the mart has none. */
export async function readChanges(catalog: Catalog): Promise<PublicationChange[]> {
  const rows = await readRows(catalog, MART, COLUMNS);
  return rows
    .filter(
      (row) =>
        (row.load_number as number) > 1 && row.content_changed && !row.rules_changed && row.new_observed_at,
    )
    .map((row) => ({
      year: row.source_year as number,
      on: row.new_observed_at as Date,
      added: row.rows_added as number,
      gone: row.rows_gone as number,
      restatused: row.rows_restatused as number,
      relabelled: row.rows_relabelled as number,
    }))
    .sort((a, b) => b.on.getTime() - a.on.getTime() || b.year - a.year);
}
