/**
 * Readers of Parquet in JavaScript and WebAssembly, which share no code with the pipeline.
 * `node parquet_readers.mjs FILE` prints, by reader and column, a digest of the column's values: see `column_digest` in
 * readers.py.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { tableFromIPC } from "apache-arrow";
import { parquetMetadata, parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { readParquet } from "parquet-wasm/node";

const bytes = readFileSync(process.argv[2]);

function canonical(value) {
  if (value === null || value === undefined) return "";
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : String(value);
}

function digests(columns, rows, valueOf) {
  return Object.fromEntries(
    columns.map((column) => {
      const hash = createHash("sha256");
      for (let row = 0; row < rows; row += 1) hash.update(`${canonical(valueOf(column, row))}\n`);
      return [column, hash.digest("hex")];
    }),
  );
}

async function hyparquet() {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const columns = parquetSchema(parquetMetadata(file)).children.map((child) => child.element.name);
  const parsers = { timestampFromMicroseconds: (micros) => micros };
  const rows = await parquetReadObjects({ file, compressors, parsers });
  return digests(columns, rows.length, (column, row) => rows[row][column]);
}

function parquetWasm() {
  const table = tableFromIPC(readParquet(new Uint8Array(bytes)).intoIPCStream());
  const columns = table.schema.fields.map((field) => field.name);
  const isTime = new Set(
    table.schema.fields.filter((field) => "timezone" in field.type).map((field) => field.name),
  );
  const vectors = Object.fromEntries(columns.map((column) => [column, table.getChild(column)]));
  return digests(columns, table.numRows, (column, row) => {
    const value = vectors[column].get(row);
    // Arrow returns milliseconds.
    return isTime.has(column) ? Math.round(value * 1000) : value;
  });
}

console.log(JSON.stringify({ hyparquet: await hyparquet(), "parquet-wasm": parquetWasm() }));
