import type { Feature, MultiPolygon, Polygon } from "geojson";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";

import type { AreaKind } from "./area_kind.ts";
import { readFile } from "./catalog.ts";
import type { Denominators } from "./denominators.ts";
import { Problem } from "./problem.ts";

export interface Area {
  /** The ward's number, or the FSA, as the marts and the URL have it. */
  id: string;
  name: string;
  /** Square kilometres: of land, if the data have that, or else of the boundary, which may include lake. */
  km2: number;
  /** People, and occupied homes; `null` if the data do not have them. */
  people: number | null;
  homes: number | null;
  shape: Feature<Polygon | MultiPolygon>;
}

/** An area without the denominators, which are published data. */
export type Boundary = Omit<Area, "people" | "homes">;

type Boundaries = Topology<{ areas: GeometryCollection<{ name: string; km2: number }> }>;

const FILES: Record<AreaKind, string> = {
  ward: "boundaries/wards.topo.json",
  fsa: "boundaries/fsas.topo.json",
};

/** The name of an area: "Etobicoke-Lakeshore (3)" for a ward, the code for an FSA. */
export function nameOf(area: Area, kind: AreaKind): string {
  return kind === "ward" ? `${area.name} (${area.id})` : area.name;
}

/** Returns the areas of a kind with the denominators of the data. */
export function withDenominators(
  boundaries: readonly Boundary[],
  denominators: ReadonlyMap<string, Denominators>,
): Area[] {
  return boundaries.map((boundary) => {
    const { people = null, homes = null, landKm2 = null } = denominators.get(boundary.id) ?? {};
    return { ...boundary, km2: landKm2 ?? boundary.km2, people, homes };
  });
}

/** Fetches the boundaries of the areas of a kind. */
export function fetchBoundaries(kind: AreaKind): Promise<Boundary[]> {
  const path = FILES[kind];
  return readFile(path, async (response) => {
    try {
      return boundariesOf((await response.json()) as Boundaries);
    } catch (error) {
      throw new Problem("damaged", path, String(error));
    }
  });
}

function boundariesOf(topology: Boundaries): Boundary[] {
  const { features } = feature(topology, topology.objects.areas);
  return features.map((shape) => ({
    id: String(shape.id),
    name: shape.properties.name,
    km2: shape.properties.km2,
    shape: shape as Feature<Polygon | MultiPolygon>,
  }));
}
