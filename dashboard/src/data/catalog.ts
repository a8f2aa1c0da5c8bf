import { takeAhead } from "./ahead.ts";
import type { AreaKind } from "./area_kind.ts";
import { Problem } from "./problem.ts";

/** The format of the catalog that this page reads; dbt-runner/README.md describes it. */
const FORMAT = "v1";
/** The folder of the data, relative to the page. */
export const DATA = "data/";

/** The files of the marts, without what describes them: all that the dashboard needs of the catalog. */
const LISTING = "files.json";

/** A file of a table. */
export interface PublishedFile {
  /** Relative to the catalog. */
  path: string;
  /** The year of all its rows, if the mart has one file per year. */
  year?: number;
  bytes: number;
  /** Hex digest. */
  sha256: string;
}

export interface PublishedTable {
  name: string;
  rows: number;
  files: PublishedFile[];
}

/** The published data of the site. */
export interface Catalog {
  catalog: string;
  /** When the newest file in it was published, ISO 8601. */
  as_of: string | null;
  /** The day of the latest request, ISO 8601. */
  data_through: string | null;
  /** Whether the data are a generated sample, and not the City's. Older catalogs lack it. */
  generated: boolean;
  /** `null` for generated data. */
  licence: { name: string; url: string } | null;
  /** What the licence requires wherever the data are shown; `null` for generated data. */
  attribution: string | null;
  /** The address of the repository of the code, if it is known. Older catalogs lack it. */
  source_code?: string | null;
  marts: PublishedTable[];
}

/**
 * Fetches the site's listing, or a catalog that has more, past the cache.
 *
 * @throws Problem if it is missing, damaged or of another format.
 */
export async function fetchCatalog<Of extends Catalog = Catalog>(name = LISTING): Promise<Of> {
  const path = DATA + name;
  const response = await get(path, { cache: "no-cache" });
  let catalog: Partial<Of>;
  try {
    catalog = (await response.json()) as Partial<Of>;
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
  // The City's licence and attribution are never shown with generated data, even if the catalog has them.
  const terms = generated ? { licence: null, attribution: null } : {};
  return { ...(catalog as Of), generated, ...terms };
}

/**
 * Reads a file of the site. A damaged one is fetched again past the cache, which may hold the damaged copy.
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
 * @throws Problem if it does not exist or the site cannot be reached.
 */
async function get(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await ((init ? undefined : takeAhead(path)) ?? fetch(path, init));
  } catch (error) {
    throw new Problem("unreachable", path, String(error));
  }
  if (response.status === 404 || response.status === 403) throw new Problem("missing", path);
  if (!response.ok) throw new Problem("unreachable", path, `status ${response.status}`);
  return response;
}

/** Returns a mart of the catalog. Older catalogs lack some. */
function findTable(catalog: Catalog, mart: string): PublishedTable | undefined {
  return catalog.marts.find(({ name }) => name === mart);
}

/** Whether the catalog has a mart. */
export function hasMart(catalog: Catalog, mart: string): boolean {
  return findTable(catalog, mart) !== undefined;
}

/**
 * Returns the files of a mart.
 *
 * @throws Problem if the catalog does not have it.
 */
export function filesOf(catalog: Catalog, mart: string): PublishedFile[] {
  const found = findTable(catalog, mart);
  if (!found) throw new Problem("missing", `${mart}.parquet`, "it is not in the catalog");
  return found.files;
}

/**
 * Returns the file of a mart and a year.
 *
 * @throws Problem if the catalog does not have it.
 */
export function fileOfYear(catalog: Catalog, mart: string, year: number): PublishedFile {
  const file = filesOf(catalog, mart).find((file) => file.year === year);
  if (!file) throw new Problem("missing", `${mart}-${year}.parquet`, "it is not in the catalog");
  return file;
}

/** The mart of the requests by month and group. */
export function groupMart(kind: AreaKind): string {
  return `requests_by_month_group_${kind}`;
}

/** The mart of the requests of the last days. Older catalogs lack it. */
export function lastDaysMart(kind: AreaKind): string {
  return `requests_in_last_days_${kind}`;
}

/** The mart of the requests by month and ward alone: a few kilobytes, for a first answer. Older catalogs lack it. */
export const TOTALS = "requests_by_month_ward";

/** The mart of the people, homes and land of areas. */
export const DENOMINATORS = "area_denominators";

/** Returns the years of the data, in order. */
export function yearsOf(catalog: Catalog): number[] {
  return filesOf(catalog, groupMart("ward"))
    .flatMap(({ year }) => (year === undefined ? [] : [year]))
    .sort((a, b) => a - b);
}
