import { geoContains } from "d3-geo";

import type { AreaKind } from "../data/area_kind.ts";
import type { Boundary } from "../data/boundaries.ts";
import { fetchBoundaries } from "../data/boundaries.ts";
import type { Store } from "../data/store.ts";

/** Why a location is not known. */
type NotLocated = "refused" | "outside";

/** Milliseconds in which a browser finds where it is. */
const PATIENCE = 10_000;

/** Returns the area that contains a point, in degrees east and north. */
export function areaAt(
  boundaries: readonly Boundary[],
  point: [longitude: number, latitude: number],
): Boundary | null {
  return boundaries.find(({ shape }) => geoContains(shape, point)) ?? null;
}

/** Returns the area that the visitor is in, or why it is not known. The position stays in the page. */
export async function locateIn(store: Store, kind: AreaKind): Promise<{ id: string } | NotLocated> {
  const [point, boundaries] = await Promise.all([
    locate(),
    store.once(`boundaries ${kind}`, () => fetchBoundaries(kind)),
  ]);
  if (!point) return "refused";
  return areaAt(boundaries, point) ?? "outside";
}

/** Asks the browser where it is. */
function locate(): Promise<[longitude: number, latitude: number] | null> {
  return new Promise((resolve) => {
    if (!("geolocation" in navigator)) {
      resolve(null);
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        resolve([coords.longitude, coords.latitude]);
      },
      () => {
        resolve(null);
      },
      { timeout: PATIENCE, maximumAge: 600_000 },
    );
  });
}
