import type { Area, AreaKind } from "./boundaries.ts";
import type { Catalog, PublishedFile } from "./catalog.ts";
import { filesOf } from "./catalog.ts";
import { Dictionary } from "./dictionary.ts";
import type { Value } from "./parquet.ts";
import { readColumns } from "./parquet.ts";
import { Problem } from "./problem.ts";

/** In place of an area's number: the request names no area. */
export const NO_AREA = -1;
/** In place of an area's number: the map does not have it, as a ward of the 44-ward model. */
export const OFF_MAP = -2;

/** The names in cubes: one set for all, so that their numbers agree. */
export class Names {
  readonly groups = new Dictionary();
  readonly types = new Dictionary();
  readonly divisions = new Dictionary();
  readonly statuses = new Dictionary();
}

/** How many requests there are by month, what is asked, division, status and area: one year, one row an index. */
export interface Cube {
  rows: number;
  /** 1 to 12. */
  month: Uint8Array;
  /** Number of the group, in a cube of types that of the type. */
  what: Uint16Array;
  division: Uint8Array;
  status: Uint8Array;
  /** Position among the areas, or NO_AREA, or OFF_MAP. */
  area: Int16Array;
  requests: Uint32Array;
  /** By month, from 1: whether any area of the map has requests. */
  onMap: Uint8Array;
}

/** The year's cube by group. */
export async function readGroupCube(
  catalog: Catalog,
  kind: AreaKind,
  year: number,
  names: Names,
  areas: Area[],
) {
  return readCube(fileOf(catalog, `requests_by_month_group_${kind}`, year), kind, names, areas);
}

/** The year's cube by type, of which only `types` are sure to be in it. */
export async function readTypeCube(
  catalog: Catalog,
  kind: AreaKind,
  year: number,
  names: Names,
  areas: Area[],
  types: { group: string; name: string }[],
) {
  const file = fileOf(catalog, `requests_by_month_type_${kind}`, year);
  return readCube(file, kind, names, areas, types);
}

function fileOf(catalog: Catalog, mart: string, year: number): PublishedFile {
  const file = filesOf(catalog, mart).find((file) => file.year === year);
  if (!file) throw new Problem("missing", `${mart}-${year}.parquet`, "the catalog does not name it");
  return file;
}

async function readCube(
  file: PublishedFile,
  kind: AreaKind,
  names: Names,
  areas: Area[],
  types?: { group: string; name: string }[],
): Promise<Cube> {
  const what = types ? "type_name" : "type_group";
  const place = kind === "ward" ? (["ward_model", "ward_id"] as const) : (["fsa"] as const);
  // Rows are in the order of groups, then types: the statistics of the groups find the row groups.
  const pruning = types && { type_group: { $in: types.map(({ group }) => group) } };
  const columns = await readColumns(
    file,
    ["created_month", what, "division", "status", "requests", ...place],
    pruning,
  );
  const rows = columns.requests.length;
  const positions = new Map(areas.map(({ id }, position) => [id, position]));
  const area = new Int16Array(rows);
  const id = kind === "ward" ? columns.ward_id : columns.fsa;
  for (let row = 0; row < rows; row++) {
    const value = id[row] ?? null;
    if (value === null) area[row] = NO_AREA;
    else if (kind === "ward" && columns.ward_model[row] !== areas.length) area[row] = OFF_MAP;
    else area[row] = positions.get(String(value)) ?? OFF_MAP;
  }
  const month = Uint8Array.from(columns.created_month, (date) => (date as Date).getUTCMonth() + 1);
  return {
    rows,
    month,
    what: Uint16Array.from(numbers(columns[what], types ? names.types : names.groups)),
    division: Uint8Array.from(numbers(columns.division, names.divisions)),
    status: Uint8Array.from(numbers(columns.status, names.statuses)),
    area,
    requests: Uint32Array.from(columns.requests as ArrayLike<number>),
    onMap: monthsOnMap(month, area),
  };
}

/** The months, from 1, in which any area of the map has requests. */
export function monthsOnMap(month: Uint8Array, area: Int16Array): Uint8Array {
  const onMap = new Uint8Array(13);
  area.forEach((place, row) => {
    if (place >= 0) onMap[month[row] as number] = 1;
  });
  return onMap;
}

function numbers(column: ArrayLike<Value>, dictionary: Dictionary): number[] {
  return Array.from(column, (name) => dictionary.add(name as string));
}
