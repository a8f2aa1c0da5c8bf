import type { Catalog } from "./catalog.ts";
import type { Value } from "./parquet.ts";
import { readMart, rowsOf } from "./marts.ts";

const MART = "refused_publications";
const COLUMNS = [
  "partition",
  "source_year",
  "stage",
  "exit_code",
  "cause",
  "observed_at",
  "held_published_at",
  "held_observed_at",
  "held_loaded_at",
] as const;

/** A publication that the pipeline refused or could not fetch. */
export interface Refusal {
  /** A year, or a dataset of boundaries. */
  partition: string;
  /** `null` for boundaries. */
  year: number | null;
  /** `extract`, `transform` or `load`. */
  stage: string;
  /** The exit code: 20 if the data break the contract, 30 if another system did not answer. */
  exit: number;
  /** The pipeline's error, which may quote the published file: untrusted text. */
  cause: string;
  observed: Date | null;
  /** The older version that is shown instead, with its best known date; `null` if nothing is shown. */
  shown: { by: "published" | "observed" | "loaded"; on: Date } | null;
}

/** Reads the refused publications, the latest year first and boundaries last. Older catalogs have none. */
export async function readRefusals(catalog: Catalog): Promise<Refusal[]> {
  const mart = catalog.marts.find(({ name }) => name === MART);
  if (!mart || mart.rows === 0) return [];
  return rowsOf(await readMart(catalog, MART, COLUMNS))
    .map((row) => ({
      partition: row.partition as string,
      year: row.source_year as number | null,
      stage: row.stage as string,
      exit: row.exit_code as number,
      cause: (row.cause ?? "") as string,
      observed: dateOf(row.observed_at),
      shown: shownOf({
        published: dateOf(row.held_published_at),
        observed: dateOf(row.held_observed_at),
        loaded: dateOf(row.held_loaded_at),
      }),
    }))
    .sort((a, b) => (b.year ?? 0) - (a.year ?? 0) || a.partition.localeCompare(b.partition));
}

function dateOf(value: Value): Date | null {
  return value instanceof Date ? value : null;
}

function shownOf(dates: Record<"published" | "observed" | "loaded", Date | null>): Refusal["shown"] {
  for (const by of ["published", "observed", "loaded"] as const) {
    const on = dates[by];
    if (on) return { by, on };
  }
  return null;
}
