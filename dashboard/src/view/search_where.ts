import type { AreaKind } from "../data/area_kind.ts";
import type { NamedArea } from "../data/areas.ts";
import type { WardShare } from "../data/fsa_wards.ts";
import { fitOf, wordsOf } from "./words.ts";

/** The areas that can be searched for. */
export interface Places {
  wards: readonly NamedArea[];
  fsas: readonly NamedArea[];
  /** The wards of each postal area, if the data have them. */
  wardsOf: ReadonlyMap<string, WardShare[]>;
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
}

/** A postal code, in full or only its first three characters, written with or without a space. */
const POSTAL_CODE = /^\s*(m\d[a-z])\s*-?\s*(?:\d[a-z]?\d?)?\s*$/i;
/** Wards of a postal area that have less are left out. */
const LEAST_SHARE = 0.01;

/**
 * Wards until 2018 whose names are no longer used, and today's wards that cover most of them. Toronto's wards of 2000 were
 * halves of the federal ridings of 2003, and those of 2018 are the ridings of 2015.
 */
const FORMER: readonly [name: string, wards: readonly string[]][] = [
  ["York West", ["7", "6"]],
  ["Trinity-Spadina", ["10", "11"]],
  ["St. Paul's", ["12"]],
  ["Toronto Centre-Rosedale", ["13", "11"]],
  ["Scarborough-Rouge River", ["23", "25"]],
  ["Scarborough East", ["25", "24"]],
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
  const wanted = words.filter((word) => word !== "ward" && !/^\d+$/.test(word));
  if (wanted.length === 0) return inOrder(places.wards.map(asWard));
  const fits = places.wards.map((ward) => ({ ward, fit: fitOf(wanted, wordsOf(ward.name)) }));
  const exact = fits.filter(({ fit }) => fit === "exact");
  const found = inOrder(
    (exact.length > 0 ? exact : fits.filter(({ fit }) => fit === "typo")).map(({ ward }) => asWard(ward)),
  );
  const former = FORMER.filter(([name]) => fitOf(wanted, wordsOf(name)) === "exact").flatMap(
    ([name, wards]) =>
      wards.flatMap((id) =>
        places.wards.filter((ward) => ward.id === id).map((ward) => ({ ...asWard(ward), former: name })),
      ),
  );
  const fsas = places.fsas.filter(({ id }) => id.toLowerCase().startsWith(wanted.join("")));
  const all = [
    ...found,
    ...former.filter(({ id }) => !found.some((one) => one.id === id)),
    ...fsas.map(asFsa),
  ];
  return all;
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
  return { kind: "ward", id, name, ofFsa: null, former: null };
}

function asFsa({ id, name }: NamedArea): Place {
  return { kind: "fsa", id, name, ofFsa: null, former: null };
}

function inOrder(found: Place[]): Place[] {
  return found.sort((a, b) => Number(a.id) - Number(b.id));
}
