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
