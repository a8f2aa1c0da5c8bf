import { geoMercator, geoPath } from "d3-geo";

import type { Boundary } from "../../data/boundaries.ts";

/** Units of the map's drawing. */
export const WIDTH = 660;
export const HEIGHT = 452;
const MARGIN = 8;
/** Where a label is tried, as shares of the height of an area. */
const HEIGHTS = [0.5, 0.46, 0.54, 0.42, 0.58, 0.37, 0.63, 0.32, 0.68];
/** How far the second line of a label is below the first. */
const LINE = 12;
/** A label may be this much farther from the middle for each unit of room that it gains. */
const WORTH = 0.9;
/** Room that is enough for any name. */
const ENOUGH = 84;

type Point = [x: number, y: number];

/** An area as it is drawn. */
export interface Shape {
  path: string;
  centre: [number, number];
  bounds: [[number, number], [number, number]];
  /** Where its label is, and how wide the area is there. */
  label: { x: number; y: number; room: number; roomBelow: number };
}

/** Draws the areas, as large as the map allows. */
export function draw(boundaries: readonly Boundary[]): Shape[] {
  const projection = geoMercator().fitExtent(
    [
      [MARGIN, MARGIN],
      [WIDTH - MARGIN, HEIGHT - MARGIN],
    ],
    { type: "FeatureCollection", features: boundaries.map(({ shape }) => shape) },
  );
  const path = geoPath(projection).digits(1);
  return boundaries.map(({ shape }) => {
    const { geometry } = shape;
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    const rings = polygons
      .flat()
      .map((ring) => ring.map((point): Point => projection(point as Point) ?? [0, 0]));
    const bounds = path.bounds(shape);
    return { path: path(shape) ?? "", centre: path.centroid(shape), bounds, label: labelAt(rings, bounds) };
  });
}

/** Finds a place for a label: wide, and near the middle of the area. */
function labelAt(rings: Point[][], [[, top], [, bottom]]: Shape["bounds"]): Shape["label"] {
  let best = { x: 0, y: 0, room: 0, roomBelow: 0 };
  let most = -Infinity;
  for (const share of HEIGHTS) {
    const y = top + (bottom - top) * share;
    for (const [left, right] of widthsAt(rings, y)) {
      const room = right - left;
      const x = (left + right) / 2;
      const below = widthsAt(rings, y + LINE).find(([from, to]) => from <= x && to >= x) ?? [x, x];
      const roomBelow = 2 * Math.min(x - below[0], below[1] - x);
      const worth = Math.min(room, roomBelow, ENOUGH) * WORTH - Math.abs(share - 0.5) * (bottom - top);
      if (worth > most) {
        most = worth;
        best = { x, y, room, roomBelow };
      }
    }
  }
  return best;
}

/** Returns where a horizontal line is inside the rings, as pairs of left and right. */
function widthsAt(rings: Point[][], y: number): [number, number][] {
  const crossings = rings
    .flatMap((ring) =>
      ring.flatMap(([x, from], at) => {
        const [nextX, to] = ring[(at + 1) % ring.length] as [number, number];
        return from > y === to > y ? [] : [x + ((y - from) / (to - from)) * (nextX - x)];
      }),
    )
    .sort((a, b) => a - b);
  return crossings.flatMap((left, at) => {
    const right = crossings[at + 1];
    return at % 2 === 0 && right !== undefined ? [[left, right] as [number, number]] : [];
  });
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
export function besideOf(
  { bounds, centre }: Shape,
  { k, x: left, y: above }: { k: number; x: number; y: number },
) {
  const within = (share: number) => Math.min(1, Math.max(0, share));
  const [top, bottom] = [bounds[0][1], bounds[1][1]].map((y) => within((y * k + above) / HEIGHT)) as [
    number,
    number,
  ];
  const x = within((centre[0] * k + left) / WIDTH);
  return top > 1 - bottom ? { x, y: top, side: "above" as const } : { x, y: bottom, side: "below" as const };
}
