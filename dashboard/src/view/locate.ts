import { geoContains } from "d3-geo";

import type { Boundary } from "../data/boundaries.ts";

/** Why a location is not known. */
export type NotLocated = "refused" | "outside";

/** Milliseconds in which a browser finds where it is. */
const PATIENCE = 10_000;

/** Returns the area that contains a point, in degrees east and north. */
export function areaAt<Area extends Pick<Boundary, "shape">>(
  areas: readonly Area[],
  point: [longitude: number, latitude: number],
): Area | null {
  return areas.find(({ shape }) => geoContains(shape, point)) ?? null;
}

/** Asks the browser where it is. The position stays in the page. */
export function locate(): Promise<[longitude: number, latitude: number] | null> {
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
