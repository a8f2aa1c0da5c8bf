import type { AreaKind } from "../data/area_kind.ts";
import type { NamedArea } from "../data/areas.ts";
import type { WardShare } from "../data/fsa_wards.ts";
import type { NamedPlace } from "../data/places.ts";
import type { Fit } from "./words.ts";
import { fitOf, wordsOf } from "./words.ts";

/** The areas that can be searched for. */
export interface Places {
  wards: readonly NamedArea[];
  fsas: readonly NamedArea[];
  /** The wards of each postal area, if the data have them. */
  wardsOf: ReadonlyMap<string, WardShare[]>;
  /** Neighbourhoods and other places that people name. */
  named: readonly NamedPlace[];
}

/** A place that was found. */
export interface Place {
  kind: AreaKind;
  id: string;
  name: string;
  /** The postal area that was searched for, and the share of its requests in this ward. */
  ofFsa: { fsa: string; share: number } | null;
  /** The former ward that was searched for. */
  former: string | null;
  /** The neighbourhoods that were searched for, whose middle is in this area. */
  around: readonly string[];
}

/** A postal code, in full or only its first three characters, written with or without a space. */
const POSTAL_CODE = /^\s*(m\d[a-z])\s*-?\s*(?:\d[a-z]?\d?)?\s*$/i;
/** Wards of a postal area that have less are left out. */
const LEAST_SHARE = 0.01;
/** Letters that the name of a neighbourhood needs, because there are many. */
const LEAST_LETTERS = 3;

/** Words that people say with a name: "the Annex", "Yonge and Eglinton". */
const SPOKEN = ["ward", "the", "and"];

/**
 * Wards until 2018 whose names are no longer used, and today's wards that cover most of them. Toronto's wards of 2000 were
 * halves of the federal ridings of 2003, and those of 2018 are the ridings of 2015.
 */
const FORMER: readonly { name: string; wards: readonly string[] }[] = [
  { name: "York West", wards: ["7", "6"] },
  { name: "Trinity-Spadina", wards: ["10", "11"] },
  { name: "St. Paul's", wards: ["12"] },
  { name: "Toronto Centre-Rosedale", wards: ["13", "11"] },
  { name: "Scarborough-Rouge River", wards: ["23", "25"] },
  { name: "Scarborough East", wards: ["25", "24"] },
];

/** Returns the places that a query names: wards by number or name, and postal areas with their wards. */
export function findPlaces(query: string, places: Places): Place[] {
  const code = POSTAL_CODE.exec(query)?.[1]?.toUpperCase();
  if (code !== undefined) return placesOf(code, places);
  const words = wordsOf(query);
  const number = words.length <= 2 && words.every((word) => word === "ward" || /^\d+$/.test(word));
  const digits = number ? words.find((word) => /^\d+$/.test(word)) : undefined;
  if (digits !== undefined) {
    const id = String(Number(digits));
    return inOrder(places.wards.filter((ward) => ward.id === id || ward.id.startsWith(id)).map(asWard));
  }
  // "Davenport (09)" is the spelling of the City's files.
  const wanted = words.filter((word) => !SPOKEN.includes(word) && !/^\d+$/.test(word));
  if (wanted.length === 0) return inOrder(places.wards.map(asWard));
  const fits = <T extends { name: string }>(all: readonly T[], fit: Fit) =>
    all.filter(({ name }) => fitOf(wanted, wordsOf(name)) === fit);
  const isLong = wanted.join("").length >= LEAST_LETTERS;
  const named = (fit: Fit) => ({
    wards: fits(places.wards, fit),
    around: isLong ? fits(places.named, fit) : [],
  });
  const exact = named("exact");
  const { wards, around } = exact.wards.length + exact.around.length > 0 ? exact : named("typo");
  return distinct([
    ...inOrder(wards.map(asWard)),
    ...fits(FORMER, "exact").flatMap(({ name, wards: ids }) =>
      ids.flatMap((id) =>
        places.wards.filter((ward) => ward.id === id).map((ward) => ({ ...asWard(ward), former: name })),
      ),
    ),
    ...areasAround(around, "ward", places.wards, asWard),
    ...places.fsas.filter(({ id }) => id.toLowerCase().startsWith(wanted.join(""))).map(asFsa),
    ...areasAround(around, "fsa", places.fsas, asFsa),
  ]);
}

/** Returns the areas of a kind that neighbourhoods lie in, in the order of the neighbourhoods. */
function areasAround(
  around: readonly NamedPlace[],
  kind: AreaKind,
  areas: readonly NamedArea[],
  placeOf: (area: NamedArea) => Place,
): Place[] {
  const ids = new Set(around.map((place) => place[kind]));
  return [...ids].flatMap((id) =>
    areas
      .filter((area) => area.id === id)
      .map((area) => ({
        ...placeOf(area),
        around: around.filter((place) => place[kind] === id).map(({ name }) => name),
      })),
  );
}

/** Returns each area once: as it was found first. */
function distinct(found: readonly Place[]): Place[] {
  return found.filter(
    ({ kind, id }, at) => found.findIndex((one) => one.kind === kind && one.id === id) === at,
  );
}

/** Returns a postal area and the wards that its requests lie in. */
function placesOf(fsa: string, { wards, fsas, wardsOf }: Places): Place[] {
  const area = fsas.find(({ id }) => id === fsa);
  const shares = (wardsOf.get(fsa) ?? []).filter(({ share }) => share >= LEAST_SHARE);
  return [
    ...shares.flatMap(({ ward: id, share }) =>
      wards.filter((ward) => ward.id === id).map((ward) => ({ ...asWard(ward), ofFsa: { fsa, share } })),
    ),
    ...(area ? [asFsa(area)] : []),
  ];
}

function asWard({ id, name }: NamedArea): Place {
  return { kind: "ward", id, name, ofFsa: null, former: null, around: [] };
}

function asFsa({ id, name }: NamedArea): Place {
  return { kind: "fsa", id, name, ofFsa: null, former: null, around: [] };
}

function inOrder(found: Place[]): Place[] {
  return found.sort((a, b) => Number(a.id) - Number(b.id));
}
