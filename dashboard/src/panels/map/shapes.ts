import { geoMercator, geoPath } from "d3-geo";
import type { ZoomTransform } from "d3-zoom";

import type { Area } from "../../data/boundaries.ts";

/** Units of the map's drawing. */
export const WIDTH = 820;
export const HEIGHT = 560;
const MARGIN = 12;

/** An area as it is drawn. */
export interface Shape {
  path: string;
  centre: [number, number];
  bounds: [[number, number], [number, number]];
}

/** Draws the areas, as large as the map allows. */
export function draw(areas: readonly Area[]): Shape[] {
  const projection = geoMercator().fitExtent(
    [
      [MARGIN, MARGIN],
      [WIDTH - MARGIN, HEIGHT - MARGIN],
    ],
    { type: "FeatureCollection", features: areas.map(({ shape }) => shape) },
  );
  const path = geoPath(projection).digits(1);
  return areas.map(({ shape }) => ({
    path: path(shape) ?? "",
    centre: path.centroid(shape),
    bounds: path.bounds(shape),
  }));
}

/** The area that an arrow key leads to: near, and in that direction. Home and End lead to the first and the last. */
export function neighbour(shapes: readonly Shape[], at: number, key: string): number | null {
  if (key === "Home") return 0;
  if (key === "End") return shapes.length - 1;
  const directions: Record<string, [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const direction = directions[key];
  const from = shapes[at];
  if (!direction || !from) return null;
  let best = at;
  let lowest = Infinity;
  shapes.forEach(({ centre }, to) => {
    const dx = centre[0] - from.centre[0];
    const dy = centre[1] - from.centre[1];
    const along = dx * direction[0] + dy * direction[1];
    const across = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
    if (to === at || along <= 0 || across > along * 1.5) return;
    const cost = along + 2 * across;
    if (cost < lowest) {
      lowest = cost;
      best = to;
    }
  });
  return best;
}

/** The position of an area's tooltip: above or below the area, where there is more room, so that it does not cover it. */
export function besideOf({ bounds, centre }: Shape, transform: ZoomTransform) {
  const within = (share: number) => Math.min(1, Math.max(0, share));
  const [top, bottom] = [bounds[0][1], bounds[1][1]].map((y) => within(transform.applyY(y) / HEIGHT)) as [
    number,
    number,
  ];
  const x = within(transform.applyX(centre[0]) / WIDTH);
  return top > 1 - bottom ? { x, y: top, side: "above" as const } : { x, y: bottom, side: "below" as const };
}
