import { createHash } from "node:crypto";

import type { Page } from "playwright-core";

import { parquetOf } from "./duckdb.ts";
import { json, readCatalog } from "./site.ts";

/** Serves a mart with the rows of a query in place of its own. Its file is damaged while `isDamaged` returns true. */
export async function publish(page: Page, name: string, sql: string, isDamaged = () => false): Promise<void> {
  const bytes = await parquetOf(sql);
  const path = `${name}-0123456789abcdef.parquet`;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const catalog = readCatalog();
  const mart = { name, rows: 1, files: [{ path, bytes: bytes.length, sha256 }] };
  const marts = [...catalog.marts.filter((one) => one.name !== name), mart];
  await page.route("**/files.json", (route) => route.fulfill(json({ ...catalog, marts })));
  await page.route(`**/${path}`, (route) => route.fulfill({ body: isDamaged() ? bytes.subarray(1) : bytes }));
}
