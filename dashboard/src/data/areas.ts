import type { AreaKind } from "./area_kind.ts";
import published from "./areas.json";
import type { Denominators } from "./denominators.ts";

/** An area without the denominators, which are published data. */
export interface NamedArea {
  /** The ward's number, or the FSA, as the marts and the URL have it. */
  id: string;
  name: string;
  /** Square kilometres: of land, if the data have that, or else of the boundary, which may include lake. */
  km2: number;
}

export interface Area extends NamedArea {
  /** People, and occupied homes; `null` if the data do not have them. */
  people: number | null;
  homes: number | null;
}

/** The areas of each kind, in the order of cubes and boundaries. */
export const AREAS: Readonly<Record<AreaKind, readonly NamedArea[]>> = published;

/** The file of the boundaries of each kind. */
export const BOUNDARIES: Readonly<Record<AreaKind, string>> = {
  ward: "boundaries/wards.topo.json",
  fsa: "boundaries/fsas.topo.json",
};

/** Returns the areas of a kind with the denominators of the data. */
export function withDenominators(kind: AreaKind, denominators: ReadonlyMap<string, Denominators>): Area[] {
  return AREAS[kind].map((area) => {
    const { people = null, homes = null, landKm2 = null } = denominators.get(area.id) ?? {};
    return { ...area, km2: landKm2 ?? area.km2, people, homes };
  });
}
