import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();

export type Value = string | number | boolean | null;

/** The rows of a query; integers are numbers. */
export async function query(sql: string): Promise<Value[][]> {
  const reader = await connection.runAndReadAll(sql);
  return reader
    .getRows()
    .map((row) => row.map((value) => (typeof value === "bigint" ? Number(value) : (value as Value))));
}

/** The one value of a query. */
export async function valueOf(sql: string): Promise<Value> {
  const [row] = await query(sql);
  if (row?.[0] === undefined) throw new Error(`no rows: ${sql}`);
  return row[0];
}

/** The rows of a query as a Parquet file. */
export async function parquetOf(sql: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "dashboard-"));
  try {
    const path = join(folder, "rows.parquet");
    await query(`copy (${sql}) to '${path}' (format parquet, compression snappy)`);
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
