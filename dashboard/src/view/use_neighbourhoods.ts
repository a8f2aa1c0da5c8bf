import { placesIn, readPlaces } from "../data/places.ts";
import type { Shown } from "./shown.ts";
import { useRead } from "./use_read.ts";

/** Returns how to find the names of the places in a postal area. There are none in a ward, or until they are read. */
export function useNeighbourhoods({ store, view }: Pick<Shown, "store" | "view">): (id: string) => string[] {
  const isWanted = view.by === "fsa";
  const { value } = useRead(store, "places", readPlaces, isWanted);
  return (id) => (isWanted ? placesIn(value ?? [], "fsa", id) : []);
}
