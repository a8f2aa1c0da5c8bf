import type { AsyncBuffer, ParquetQueryFilter } from "hyparquet";
import { parquetScan } from "hyparquet";

import type { PublishedFile } from "./catalog.ts";
import { DATA, get } from "./catalog.ts";
import { Problem } from "./problem.ts";

/** Files up to this size are fetched whole, and their digest is checked; of larger ones, what is needed. */
const WHOLE_BYTES = 2 ** 19;

/** A value of a mart, as Parquet has it: dates are Date. */
export type Value = string | number | boolean | Date | null;
/** Columns of equal length, by name. */
export type Columns<Name extends string> = Record<Name, ArrayLike<Value>>;

/**
 * Columns of a mart's file. With `pruning`, row groups that cannot match it are left out; others come whole.
 *
 * @throws Problem
 */
export async function readColumns<Name extends string>(
  published: PublishedFile,
  names: readonly Name[],
  pruning?: ParquetQueryFilter,
): Promise<Columns<Name>> {
  const path = DATA + published.path;
  const file =
    pruning && published.bytes > WHOLE_BYTES ? remote(path, published.bytes) : await whole(path, published);
  try {
    const scan = await parquetScan({ file, columns: [...names], ...(pruning && { pruningFilter: pruning }) });
    const columns = {} as Columns<Name>;
    for (const column of names) {
      const parts: ArrayLike<Value>[] = [];
      for (const range of scan.ranges) {
        parts.push((await scan.readColumn({ column, ...range })) as ArrayLike<Value>);
      }
      columns[column] = parts.length === 1 && parts[0] ? parts[0] : parts.flatMap((part) => Array.from(part));
    }
    return columns;
  } catch (error) {
    throw error instanceof Problem ? error : new Problem("damaged", path, String(error));
  }
}

async function whole(path: string, published: PublishedFile): Promise<AsyncBuffer> {
  const response = await get(path);
  let bytes: ArrayBuffer;
  try {
    bytes = await response.arrayBuffer();
  } catch (error) {
    throw new Problem("unreachable", path, String(error));
  }
  if (bytes.byteLength !== published.bytes) {
    throw new Problem("damaged", path, `${bytes.byteLength} bytes, not ${published.bytes}`);
  }
  // Browsers digest on secure origins only: https and loopback.
  if ("subtle" in crypto) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hex !== published.sha256) throw new Problem("damaged", path, "its digest differs from the catalog's");
  }
  return bytes;
}

/** The file by ranges; a server that knows none answers with the whole, once. */
function remote(path: string, byteLength: number): AsyncBuffer {
  let entire: Promise<ArrayBuffer> | undefined;
  return {
    byteLength,
    async slice(start, end = byteLength) {
      if (entire) return (await entire).slice(start, end);
      const response = await get(path, { headers: { Range: `bytes=${start}-${end - 1}` } });
      if (response.status === 206) return response.arrayBuffer();
      entire = response.arrayBuffer();
      return (await entire).slice(start, end);
    },
  };
}
