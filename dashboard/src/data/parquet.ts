import type { ParquetQueryFilter } from "hyparquet";
import { parquetScan } from "hyparquet";

import type { PublishedFile } from "./catalog.ts";
import { DATA, readFile } from "./catalog.ts";
import { Problem } from "./problem.ts";

/** A value of a mart. Dates are Date. */
export type Value = string | number | boolean | Date | null;
/** Columns of equal length, by name. */
export type Columns<Name extends string> = Record<Name, ArrayLike<Value>>;

/**
 * Reads columns of a mart's file. With `pruning`, row groups that cannot match are skipped; others are returned whole.
 *
 * @throws Problem
 */
export async function readColumns<Name extends string>(
  published: PublishedFile,
  names: readonly Name[],
  pruning?: ParquetQueryFilter,
): Promise<Columns<Name>> {
  const path = DATA + published.path;
  const file = await readFile(path, (response) => intact(response, path, published));
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

/** Returns the body if its length and digest are those of the catalog. */
async function intact(response: Response, path: string, published: PublishedFile): Promise<ArrayBuffer> {
  let bytes: ArrayBuffer;
  try {
    bytes = await response.arrayBuffer();
  } catch (error) {
    throw new Problem("unreachable", path, String(error));
  }
  if (bytes.byteLength !== published.bytes) {
    throw new Problem("damaged", path, `${bytes.byteLength} bytes, not ${published.bytes}`);
  }
  // Browsers compute digests on secure origins only: https and loopback.
  if ("subtle" in crypto) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hex !== published.sha256) throw new Problem("damaged", path, "its digest differs from the catalog's");
  }
  return bytes;
}
