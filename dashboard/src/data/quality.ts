import type { Catalog } from "./catalog.ts";
import { readMart, rowsOf } from "./marts.ts";

/** What happened to a year's rows in the current version. */
export interface YearQuality {
  year: number;
  read: number;
  kept: number;
  repaired: number;
  quarantined: number;
  /** Excluded rows by reason. */
  reasons: Map<string, number>;
  /** What differs from the contract: the kind, what it is about, and rows. */
  drift: { kind: string; subject: string; rows: number }[];
}

/** Reads the quality of each year, in order. */
export async function readQuality(catalog: Catalog): Promise<YearQuality[]> {
  const columns = ["source_year", "is_current", "measure", "subject", "row_count"] as const;
  const years = new Map<number, YearQuality>();
  for (const row of rowsOf(await readMart(catalog, "data_quality", columns))) {
    if (row.is_current !== true) continue;
    const year = row.source_year as number;
    const rows = row.row_count as number;
    const subject = (row.subject ?? "") as string;
    const quality = years.get(year) ?? {
      year,
      read: 0,
      kept: 0,
      repaired: 0,
      quarantined: 0,
      reasons: new Map<string, number>(),
      drift: [],
    };
    years.set(year, quality);
    const measure = row.measure as string;
    if (measure === "rows_read") quality.read = rows;
    else if (measure === "rows_kept") quality.kept = rows;
    else if (measure === "rows_repaired") quality.repaired = rows;
    else if (measure === "rows_quarantined") quality.quarantined = rows;
    else if (measure === "quarantined") quality.reasons.set(subject, rows);
    else if (/^drift_|^unlisted_type$/.test(measure)) quality.drift.push({ kind: measure, subject, rows });
  }
  return [...years.values()].sort((a, b) => a.year - b.year);
}
