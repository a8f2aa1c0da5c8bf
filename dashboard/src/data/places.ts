import type { AreaKind } from "./area_kind.ts";

/** A place that people name, such as a neighbourhood: one point near its middle, and the areas that it lies in. */
export interface NamedPlace {
  name: string;
  /** Degrees east and north. */
  at: readonly number[];
  ward: string;
  fsa: string;
}

/** Reads the places of Toronto. They are a file of the page's code, which a search and postal areas need. */
export async function readPlaces(): Promise<readonly NamedPlace[]> {
  return (await import("./places.json")).default;
}

/** Returns the names of the places in an area. */
export function placesIn(places: readonly NamedPlace[], kind: AreaKind, id: string): string[] {
  return places.filter((place) => place[kind] === id).map(({ name }) => name);
}
