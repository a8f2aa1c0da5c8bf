import type { Catalog, PublishedFile, PublishedTable } from "../data/catalog.ts";
import { fetchCatalog } from "../data/catalog.ts";

/** A file with its address that stays when its content changes, relative to the catalog. Older catalogs have none. */
export interface DescribedFile extends PublishedFile {
  address?: string;
}

export interface DescribedTable extends PublishedTable {
  description: string;
  /** The address of all its rows that stays when they change, relative to the catalog, if it has one. */
  address?: string;
  bytes: number;
  columns?: { name: string; type: string; description: string }[];
  files: DescribedFile[];
}

/** The catalog, with what describes its tables. */
export interface DescribedCatalog extends Catalog {
  /** How to cite the data, without their address. Older catalogs lack it. */
  citation?: string;
  marts: DescribedTable[];
  /** The requests themselves, the quarantine and the boundaries. Older catalogs lack them. */
  datasets?: DescribedTable[];
}

/**
 * Fetches the site's catalog, past the cache.
 *
 * @throws Problem if it is missing, damaged or of another format.
 */
export function fetchDescribed(): Promise<DescribedCatalog> {
  return fetchCatalog<DescribedCatalog>("catalog.json");
}

/** Returns a mart of the catalog. */
export function findMart({ marts }: DescribedCatalog, mart: string): DescribedTable | undefined {
  return marts.find(({ name }) => name === mart);
}
