import type { Area } from "../data/areas.ts";
import { text } from "../strings.ts";

/** The name of a ward, if its boundaries are on the map, or else its number. */
export function wardName(id: string, areas: readonly Area[]): string {
  return areas.find((area) => area.id === id)?.name ?? text.where.ward(id);
}
