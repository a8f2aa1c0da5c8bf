import type { AreaKind } from "./area_kind.ts";
import { AREAS } from "./areas.ts";
import type { Catalog, PublishedFile } from "./catalog.ts";
import { TOTALS, fileOfYear, groupMart } from "./catalog.ts";
import { divisionNamed } from "./divisions.ts";
import { Dictionary } from "./dictionary.ts";
import type { Columns, Value } from "./parquet.ts";
import { readColumns } from "./parquet.ts";

/** The area of a request without one. */
export const NO_AREA = -1;
/** The area of a request whose area is not on the map, such as a former ward. */
export const OFF_MAP = -2;

/** The names in cubes. All cubes share one set, so that their numbers agree. */
export class Names {
  readonly groups = new Dictionary();
  readonly types = new Dictionary();
  readonly divisions = new Dictionary();
  readonly statuses = new Dictionary();
}

/** The requests of a year by month, type or group, division, status and area. Each index of the arrays is a row. */
export interface Cube {
  rows: number;
  /** 1 to 12. */
  month: Uint8Array;
  /** Number of the group, or of the type in a cube by type. */
  what: Uint16Array;
  division: Uint8Array;
  status: Uint8Array;
  /** Position among the areas, or NO_AREA, or OFF_MAP. */
  area: Int16Array;
  requests: Uint32Array;
  /** By month, from 1: whether any area of the map has requests. */
  onMap: Uint8Array;
}

/** Reads the year's cube by group. */
export async function readGroupCube(catalog: Catalog, kind: AreaKind, year: number, names: Names) {
  return readCube(fileOfYear(catalog, groupMart(kind), year), kind, names);
}

/** Reads the year's cube by type. Only `types` are certain to be in it. */
export async function readTypeCube(
  catalog: Catalog,
  kind: AreaKind,
  year: number,
  names: Names,
  types: { group: string; name: string }[],
) {
  const file = fileOfYear(catalog, `requests_by_month_type_${kind}`, year);
  return readCube(file, kind, names, types);
}

/** Reads the year's requests by month and ward: a cube in which all are of one group, division and status. */
export async function readTotals(catalog: Catalog, year: number, names: Names): Promise<Cube> {
  const columns = await readColumns(fileOfYear(catalog, TOTALS, year), [
    "created_month",
    "requests",
    "ward_model",
    "ward_id",
  ]);
  const rows = columns.requests.length;
  const one = (dictionary: Dictionary) => new Uint8Array(rows).fill(dictionary.add(""));
  return {
    ...placesAndMonths("ward", columns.ward_id, columns),
    what: Uint16Array.from(one(names.groups)),
    division: one(names.divisions),
    status: one(names.statuses),
  };
}

async function readCube(
  file: PublishedFile,
  kind: AreaKind,
  names: Names,
  types?: { group: string; name: string }[],
): Promise<Cube> {
  const what = types ? "type_name" : "type_group";
  const areaColumns = kind === "ward" ? (["ward_model", "ward_id"] as const) : (["fsa"] as const);
  // Rows are sorted by group, so the statistics of that column find the row groups to decode.
  const pruning = types && { type_group: { $in: types.map(({ group }) => group) } };
  const columns = await readColumns(
    file,
    ["created_month", what, "division", "status", "requests", ...areaColumns],
    pruning,
  );
  return {
    ...placesAndMonths(kind, kind === "ward" ? columns.ward_id : columns.fsa, columns),
    what: Uint16Array.from(numbers(columns[what], types ? names.types : names.groups)),
    division: Uint8Array.from(columns.division, (name) => names.divisions.add(divisionNamed(name as string))),
    status: Uint8Array.from(numbers(columns.status, names.statuses)),
  };
}

/** The part of a cube that all cubes have. `ids` are those of the areas. */
function placesAndMonths(
  kind: AreaKind,
  ids: ArrayLike<Value>,
  columns: Columns<"created_month" | "requests"> & Partial<Columns<"ward_model">>,
): Omit<Cube, "what" | "division" | "status"> {
  const rows = columns.requests.length;
  const area = placesOf(kind, ids, columns.ward_model);
  const month = Uint8Array.from(columns.created_month, (date) => (date as Date).getUTCMonth() + 1);
  const requests = Uint32Array.from(columns.requests as ArrayLike<number>);
  return { rows, month, area, requests, onMap: monthsOnMap(month, area) };
}

/** Returns the position of each row's area. `ids` are those of the areas, and `models` those of wards. */
export function placesOf(
  kind: AreaKind,
  ids: ArrayLike<Value | undefined>,
  models?: ArrayLike<Value>,
): Int16Array {
  const known = AREAS[kind];
  const positions = new Map(known.map(({ id }, position) => [id, position]));
  return Int16Array.from(ids, (value, row) =>
    (value ?? null) === null
      ? NO_AREA
      : kind === "ward" && models?.[row] !== known.length
        ? OFF_MAP
        : (positions.get(String(value)) ?? OFF_MAP),
  );
}

/** The months, from 1, in which any area of the map has requests. */
export function monthsOnMap(month: Uint8Array, area: Int16Array): Uint8Array {
  const onMap = new Uint8Array(13);
  area.forEach((position, row) => {
    if (position >= 0) onMap[month[row] as number] = 1;
  });
  return onMap;
}

/** Returns the numbers of names in a dictionary, which learns those that it does not have. */
export function numbers(column: ArrayLike<Value>, dictionary: Dictionary): number[] {
  return Array.from(column, (name) => dictionary.add(name as string));
}
