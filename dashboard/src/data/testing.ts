import type { Cube, Names } from "./cube.ts";
import { monthsOnMap } from "./cube.ts";

/** A row of a cube in a test. */
export type Row = [
  month: number,
  what: string,
  division: string,
  status: string,
  area: number,
  requests: number,
];

/** Returns a cube of some rows, for tests. */
export function cubeOf(rows: readonly Row[], names: Names, by: "groups" | "types" = "groups"): Cube {
  const month = Uint8Array.from(rows, ([month]) => month);
  const area = Int16Array.from(rows, ([, , , , area]) => area);
  return {
    rows: rows.length,
    month,
    what: Uint16Array.from(rows, ([, what]) => names[by].add(what)),
    division: Uint8Array.from(rows, ([, , division]) => names.divisions.add(division)),
    status: Uint8Array.from(rows, ([, , , status]) => names.statuses.add(status)),
    area,
    requests: Uint32Array.from(rows, ([, , , , , requests]) => requests),
    onMap: monthsOnMap(month, area),
  };
}
