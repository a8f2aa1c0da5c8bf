import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import type { Connect } from "vite";
import { preview } from "vite";

/** The site under test: published data, and the page built into it. */
export const SITE = resolve(process.env["SITE_DIR"] ?? "../.local/site");

/** Serves the site in a folder, on a free port of loopback. `answer` can answer a request first. */
export async function serveSite(
  folder = "/",
  answer: Connect.NextHandleFunction = (_request, _response, next) => {
    next();
  },
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = await preview({
    logLevel: "error",
    base: folder,
    plugins: [
      {
        name: "answer",
        configurePreviewServer: ({ middlewares }) => {
          middlewares.use(answer);
        },
      },
    ],
    build: { outDir: SITE },
    preview: { host: "127.0.0.1", port: 0, strictPort: false },
  });
  const [url] = server.resolvedUrls?.local ?? [];
  if (!url) throw new Error("the site is not served");
  return { url, close: () => server.close() };
}

export interface Catalog {
  catalog: string;
  as_of: string;
  data_through: string;
  generated?: boolean;
  source_code?: string | null;
  licence: { name: string; url: string } | null;
  attribution: string | null;
  citation: string;
  marts: {
    name: string;
    rows: number;
    files: { path: string; year?: number; bytes: number; sha256: string }[];
  }[];
}

/** Reads the site's catalog. */
export function readCatalog(): Catalog {
  return JSON.parse(readFileSync(join(SITE, "data/catalog.json"), "utf8")) as Catalog;
}

/** Returns the site's catalog as that of generated data. */
export function generatedCatalog(): Catalog {
  return { ...readCatalog(), generated: true, licence: null, attribution: null };
}

/** Returns the site's catalog as that of the City's data. Older catalogs do not have `generated`, and are all of these. */
export function cityCatalog(): Catalog {
  const catalog = readCatalog();
  delete catalog.generated;
  return {
    ...catalog,
    licence: {
      name: "Open Government Licence - Toronto",
      url: "https://open.toronto.ca/open-data-license/",
    },
    attribution: "Contains information licensed under the Open Government Licence - Toronto.",
  };
}

/** Returns a response with `value` as JSON. */
export function json(value: unknown) {
  return { contentType: "application/json", body: JSON.stringify(value) };
}

/** Returns the files of a mart. */
export function filesOf(mart: string, year?: number) {
  const found = readCatalog().marts.find(({ name }) => name === mart);
  if (!found) throw new Error(`the site has no ${mart}`);
  return found.files.filter((file) => year === undefined || file.year === year);
}

/** Returns a mart as a table expression of DuckDB. */
export function table(mart: string): string {
  const paths = filesOf(mart).map(({ path }) => `'${join(SITE, "data", path)}'`);
  return `read_parquet([${paths.join(", ")}])`;
}
