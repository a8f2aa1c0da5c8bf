import type { Cubes } from "./answer.ts";
import type { AreaKind } from "./area_kind.ts";
import type { LastDays } from "./calendar.ts";
import type { Catalog } from "./catalog.ts";
import { filesOf, hasMart, lastDaysMart } from "./catalog.ts";
import type { Cube, Names } from "./cube.ts";
import { monthsOnMap, numbers, placesOf } from "./cube.ts";
import { divisionNamed } from "./divisions.ts";
import type { Value } from "./parquet.ts";
import { readColumns } from "./parquet.ts";

/**
 * Reads the requests of the last days, as cubes of the year of the last day, and those of the same days a year before, if the
 * data have them. All are in the month of the last day. `null` if the data do not have all of these days.
 */
export async function readLastDays(
  catalog: Catalog,
  kind: AreaKind,
  { length, last }: LastDays,
  names: Names,
): Promise<Cubes | null> {
  const mart = lastDaysMart(kind);
  const [file] = hasMart(catalog, mart) ? filesOf(catalog, mart) : [];
  if (!file) return null;
  const areaColumns = kind === "ward" ? (["ward_model", "ward_id"] as const) : (["fsa"] as const);
  const columns = await readColumns(
    file,
    [
      "last_days",
      "type_group",
      "type_name",
      "division",
      "status",
      "requests",
      "requests_year_before",
      ...areaColumns,
    ],
    // Rows are sorted by the number of days.
    { last_days: { $eq: length } },
  );
  const rows = Array.from(columns.last_days, (_, row) => row);
  const ofDays = rows.filter((row) => columns.last_days[row] === length);
  if (ofDays.length === 0) return null;
  const area = placesOf(kind, kind === "ward" ? columns.ward_id : columns.fsa, columns.ward_model);
  const division = numbers(
    Array.from(columns.division, (name) => divisionNamed(name as string)),
    names.divisions,
  );
  const status = numbers(columns.status, names.statuses);
  const what = {
    groups: numbers(columns.type_group, names.groups),
    types: numbers(columns.type_name, names.types),
  };
  const cubeOf = (by: keyof Cubes, counts: ArrayLike<Value>): Cube => {
    const counted = ofDays.filter((row) => Number(counts[row] ?? 0) > 0);
    const of = (values: ArrayLike<Value>) => counted.map((row) => values[row] as number);
    const month = new Uint8Array(counted.length).fill(last.getUTCMonth() + 1);
    const areas = Int16Array.from(of(area));
    return {
      rows: counted.length,
      month,
      what: Uint16Array.from(of(what[by])),
      division: Uint8Array.from(of(division)),
      status: Uint8Array.from(of(status)),
      area: areas,
      requests: Uint32Array.from(of(counts)),
      onMap: monthsOnMap(month, areas),
    };
  };
  const year = last.getUTCFullYear();
  // It is null in all rows of so many days, or in none.
  const hasYearBefore = (columns.requests_year_before[ofDays[0] ?? 0] ?? null) !== null;
  const cubesOf = (by: keyof Cubes) =>
    new Map([
      [year, cubeOf(by, columns.requests)],
      ...(hasYearBefore ? ([[year - 1, cubeOf(by, columns.requests_year_before)]] as const) : []),
    ]);
  return { groups: cubesOf("groups"), types: cubesOf("types") };
}
