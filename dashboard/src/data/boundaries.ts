import type { Feature, MultiPolygon, Polygon } from "geojson";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";

import type { AreaKind } from "./area_kind.ts";
import { AREAS, BOUNDARIES } from "./areas.ts";
import { readFile } from "./catalog.ts";
import { Problem } from "./problem.ts";

/** The shape of an area. */
export interface Boundary {
  id: string;
  shape: Feature<Polygon | MultiPolygon>;
}

export type Boundaries = Topology<{ areas: GeometryCollection }>;

/** Fetches the boundaries of the areas of a kind, in the order of `AREAS`. */
export function fetchBoundaries(kind: AreaKind): Promise<Boundary[]> {
  const path = BOUNDARIES[kind];
  return readFile(path, async (response) => {
    try {
      return boundariesOf(kind, (await response.json()) as Boundaries);
    } catch (error) {
      throw new Problem("damaged", path, String(error));
    }
  });
}

/**
 * Returns the boundaries of a file.
 *
 * @throws Error if it lacks an area.
 */
export function boundariesOf(kind: AreaKind, topology: Boundaries): Boundary[] {
  const { features } = feature(topology, topology.objects.areas);
  const shapes = new Map(features.map((shape) => [String(shape.id), shape]));
  return AREAS[kind].map(({ id }) => {
    const shape = shapes.get(id);
    if (!shape) throw new Error(`it lacks ${id}`);
    return { id, shape: shape as Boundary["shape"] };
  });
}
