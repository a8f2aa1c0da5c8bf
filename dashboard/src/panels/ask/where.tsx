import { useState } from "preact/hooks";

import { AREAS } from "../../data/areas.ts";
import { readFsaWards } from "../../data/fsa_wards.ts";
import { readPlaces } from "../../data/places.ts";
import type { Store } from "../../data/store.ts";
import type { Found, Option } from "../../parts/combobox.tsx";
import { Chip, Combobox } from "../../parts/combobox.tsx";
import { format, text } from "../../strings.ts";
import type { Place, Places } from "../../view/search_where.ts";
import { findPlaces } from "../../view/search_where.ts";
import { useRead } from "../../view/use_read.ts";
import type { View } from "../../view/view.ts";
import { MOST_PINS, togglePin } from "../../view/view.ts";
import type { AskProps } from "./props.ts";

/** Choices that are not areas. */
type Chosen = Place | "city" | "locate";

/** The choice of wards and postal areas, by name, number, postal code or location. */
export function Where({ store, view, change, shown }: AskProps) {
  const [isOpened, setOpened] = useState(false);
  const [said, say] = useState("");
  const { value: wardsOf, error } = useRead(store, "fsa_wards", readFsaWards, isOpened);
  const named = useRead(store, "places", readPlaces, isOpened);
  // Postal areas are listed below their wards, or alone if these cannot be read.
  const isRead = (wardsOf !== null || error !== null) && (named.value !== null || named.error !== null);
  const places = {
    wards: AREAS.ward,
    fsas: isRead ? AREAS.fsa : [],
    wardsOf: wardsOf ?? new Map<string, never>(),
    named: named.value ?? [],
  };
  // As the data name them.
  const pins = shown?.asked === view ? shown.view.pins : view.pins;
  const choose = (chosen: Chosen) => {
    say("");
    if (chosen === "city") change({ pins: [] });
    else if (chosen !== "locate") change(pinned({ ...view, pins }, chosen));
    else {
      say(text.where.locating);
      findHere(store, view).then(
        (found) => {
          say(typeof found === "string" ? found : "");
          if (typeof found !== "string") change(found);
        },
        () => {
          say(text.where.notLocated);
        },
      );
    }
  };
  const areaOf = (id: string) =>
    [...AREAS.ward, ...AREAS.fsa].find((one) => one.id === id) ?? { id, name: id };
  return (
    <Combobox
      id="where"
      label={text.ask.where}
      hint={pins.length === 0 ? text.ask.whereHint : pins.length === 1 ? text.ask.whereMore : "+"}
      find={(query) => found(query, places, isRead)}
      said={said}
      onOpen={() => {
        setOpened(true);
      }}
      onChoose={choose}
    >
      {pins.map((id) => (
        <Chip
          key={id}
          name={id === areaOf(id).name ? id : text.where.wardChosen(areaOf(id).name, id)}
          // More names than two have no room, and the map and the ranking have the numbers of wards.
          short={pins.length > 2 ? id : areaOf(id).name}
          onRemove={() => {
            change({ pins: pins.filter((one) => one !== id) });
          }}
        />
      ))}
    </Combobox>
  );
}

/** The options for a query: without one, the city, the location and all wards. */
function found(query: string, places: Places, isRead: boolean): Found<Chosen> {
  const isSearch = query.trim() !== "";
  const general: Option<Chosen>[] = isSearch
    ? []
    : [
        { key: "city", value: "city", name: text.where.city, note: "", aside: "" },
        { key: "locate", value: "locate", name: text.where.locate, note: text.where.locateNote, aside: "" },
      ];
  const options = [...general, ...findPlaces(query, places).map(optionOf)];
  const note =
    isSearch && options.length === 0
      ? isRead
        ? text.where.none(query)
        : `${text.where.loading}…`
      : options.some(({ value }) => typeof value !== "string" && value.around.length > 0)
        ? text.where.middle
        : options.some(({ value }) => typeof value !== "string" && value.kind === "fsa")
          ? text.where.notNeighbourhood
          : null;
  return { options, count: options.length, note };
}

function optionOf(place: Place): Option<Chosen> {
  const { kind, id, name, ofFsa, former, around } = place;
  return {
    key: `${kind} ${id}`,
    value: place,
    name: kind === "ward" ? name : text.where.fsa(id),
    note: ofFsa
      ? text.where.ofPostalCode(ofFsa.fsa, format.percent(ofFsa.share))
      : former
        ? text.where.former(former)
        : around.length > 0
          ? text.where.around(around)
          : "",
    aside: kind === "ward" ? text.where.ward(id) : "",
  };
}

/** The view with one more area. An area of the other kind replaces all. */
function pinned(view: View, { kind, id }: { kind: View["by"]; id: string }): Partial<View> {
  if (kind !== view.by) return { by: kind, pins: [id], zoom: null };
  return view.pins.includes(id) ? {} : { pins: togglePin(view.pins.slice(0, MOST_PINS), id) };
}

/** The view with the area that the visitor is in, or a sentence about why it is not known. */
async function findHere(store: Store, view: View): Promise<Partial<View> | string> {
  const { locateIn } = await import("../../view/locate.ts");
  const found = await locateIn(store, view.by);
  return typeof found === "string" ? text.where[found] : { pins: [found.id] };
}
