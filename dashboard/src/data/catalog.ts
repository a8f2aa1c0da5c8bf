import { Problem } from "./problem.ts";

/** The format of the catalog that this page reads; dbt-runner/README.md describes it. */
const FORMAT = "v1";
/** Where the data are, from the page. */
export const DATA = "data/";

/** A Parquet file of a mart. */
export interface PublishedFile {
  /** Relative to the catalog. */
  path: string;
  /** The year of all its rows, if the mart has a file a year. */
  year?: number;
  rows: number;
  bytes: number;
  /** Hex digest. */
  sha256: string;
}

export interface PublishedMart {
  name: string;
  description: string;
  rows: number;
  bytes: number;
  files: PublishedFile[];
}

/** What the site has. */
export interface Catalog {
  catalog: string;
  fingerprint: string;
  run: string;
  /** When the newest file in it was published, ISO 8601. */
  as_of: string | null;
  /** The day of the latest request, ISO 8601. */
  data_through: string | null;
  /** Whether the data are a generated sample, and not the City's. Catalogs did not always have it. */
  generated: boolean;
  /** `null` for generated data. */
  licence: { name: string; url: string } | null;
  /** What the licence requires wherever the data are shown; `null` for generated data. */
  attribution: string | null;
  marts: PublishedMart[];
}

/**
 * The site's catalog, never from a cache.
 *
 * @throws Problem if there is none, or none that this page reads.
 */
export async function fetchCatalog(): Promise<Catalog> {
  const path = `${DATA}catalog.json`;
  const response = await get(path, { cache: "no-cache" });
  let catalog: Partial<Catalog>;
  try {
    catalog = (await response.json()) as Partial<Catalog>;
  } catch (error) {
    throw new Problem("damaged", path, String(error));
  }
  if (catalog.catalog !== FORMAT) {
    throw new Problem("other_format", path, `${String(catalog.catalog)}, not ${FORMAT}`);
  }
  const { generated = false } = catalog;
  const isDate = (date: string | null | undefined) => date === null || !Number.isNaN(Date.parse(date ?? ""));
  if (
    !Array.isArray(catalog.marts) ||
    typeof generated !== "boolean" ||
    !(generated || (catalog.licence && catalog.attribution)) ||
    !isDate(catalog.as_of) ||
    !isDate(catalog.data_through)
  ) {
    throw new Problem("damaged", path, "it lacks marts, origin, licence or dates");
  }
  // Nothing of the City's is shown with generated data, whatever the catalog has.
  const terms = generated ? { licence: null, attribution: null } : {};
  return { ...(catalog as Catalog), generated, ...terms };
}

/**
 * What `read` makes of a file of the site. If that is damaged, the server is asked past the cache, which may have kept it
 * so.
 *
 * @throws Problem
 */
export async function readFile<T>(path: string, read: (response: Response) => Promise<T>): Promise<T> {
  try {
    return await read(await get(path));
  } catch (error) {
    if (!(error instanceof Problem && error.kind === "damaged")) throw error;
    return read(await get(path, { cache: "reload" }));
  }
}

/**
 * Fetches a file of the site.
 *
 * @throws Problem if it is not there or the site cannot be reached.
 */
async function get(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    throw new Problem("unreachable", path, String(error));
  }
  if (response.status === 404 || response.status === 403) throw new Problem("missing", path);
  if (!response.ok) throw new Problem("unreachable", path, `status ${response.status}`);
  return response;
}

/**
 * The files of a mart.
 *
 * @throws Problem if the catalog does not have it.
 */
export function filesOf(catalog: Catalog, mart: string): PublishedFile[] {
  const found = catalog.marts.find(({ name }) => name === mart);
  if (!found) throw new Problem("missing", `${mart}.parquet`, "the catalog does not name it");
  return found.files;
}

/** The years that a mart has a file of, in order. */
export function yearsOf(catalog: Catalog, mart: string): number[] {
  return filesOf(catalog, mart)
    .flatMap(({ year }) => (year === undefined ? [] : [year]))
    .sort((a, b) => a - b);
}
