import type { Feature, MultiPolygon, Polygon } from "geojson";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";

import { readFile } from "./catalog.ts";
import { Problem } from "./problem.ts";

/** What areas are: wards of the 25-ward model, or forward sortation areas. */
export type AreaKind = "ward" | "fsa";

export interface Area {
  /** The ward's number, or the FSA, as the marts and the URL have it. */
  id: string;
  name: string;
  /** Square kilometres of land and, for some wards, harbour. */
  km2: number;
  shape: Feature<Polygon | MultiPolygon>;
}

type Boundaries = Topology<{ areas: GeometryCollection<{ name: string; km2: number }> }>;

const FILES: Record<AreaKind, string> = {
  ward: "boundaries/wards.topo.json",
  fsa: "boundaries/fsas.topo.json",
};

/** The name of an area: "Etobicoke-Lakeshore (3)" for a ward, the code for an FSA. */
export function nameOf(area: Area, kind: AreaKind): string {
  return kind === "ward" ? `${area.name} (${area.id})` : area.name;
}

/** The areas of a kind, by id. */
export function fetchAreas(kind: AreaKind): Promise<Area[]> {
  const path = FILES[kind];
  return readFile(path, async (response) => {
    try {
      return areasOf((await response.json()) as Boundaries);
    } catch (error) {
      throw new Problem("damaged", path, String(error));
    }
  });
}

function areasOf(topology: Boundaries): Area[] {
  const { features } = feature(topology, topology.objects.areas);
  return features.map((shape) => ({
    id: String(shape.id),
    name: shape.properties.name,
    km2: shape.properties.km2,
    shape: shape as Feature<Polygon | MultiPolygon>,
  }));
}
