import type { AreaKind } from "./area_kind.ts";
import type { Catalog } from "./catalog.ts";
import { DENOMINATORS } from "./catalog.ts";
import { readRows } from "./marts.ts";

const COLUMNS = [
  "area_type",
  "ward_id",
  "fsa",
  "population",
  "homes",
  "land_area_km2",
  "census_year",
  "source",
] as const;

/** What the requests of an area are divided by. */
export interface Denominators {
  /** People: of wards those in private households, of postal areas all. The two are not to be mixed. */
  people: number | null;
  /** Occupied private dwellings. */
  homes: number | null;
  landKm2: number | null;
  censusYear: number | null;
  source: string | null;
}

/** Reads the denominators of a kind of area, by its id. A catalog without the mart has none. */
export async function readDenominators(catalog: Catalog, kind: AreaKind): Promise<Map<string, Denominators>> {
  const rows = await readRows(catalog, DENOMINATORS, COLUMNS);
  return new Map(
    rows
      .filter(({ area_type }) => area_type === kind)
      .map((row) => [
        String(kind === "ward" ? row.ward_id : row.fsa),
        {
          people: row.population as number | null,
          homes: row.homes as number | null,
          landKm2: row.land_area_km2 as number | null,
          censusYear: row.census_year as number | null,
          source: row.source as string | null,
        },
      ]),
  );
}
