import { readFileSync } from "node:fs";

import { geoCentroid } from "d3-geo";
import { polygonContains } from "d3-polygon";
import { expect, test } from "vitest";

import type { AreaKind } from "../data/area_kind.ts";
import { AREAS, BOUNDARIES } from "../data/areas.ts";
import type { Boundaries, Boundary } from "../data/boundaries.ts";
import { boundariesOf } from "../data/boundaries.ts";
import named from "../data/places.json";
import type { Vocabulary } from "../data/vocabulary.ts";
import { seed } from "../words/testing.ts";
import { areaAt } from "./locate.ts";
import { elsewhere, indexOf, search } from "./search_what.ts";
import type { Place } from "./search_where.ts";
import { findPlaces } from "./search_where.ts";
import { distance } from "./words.ts";

const vocabulary: Vocabulary = {
  groups: [
    { name: "Potholes and road damage", definition: "Potholes, sinking and damaged roads" },
    { name: "Noise", definition: "Noise of people, machines and music" },
    { name: "Dead animals", definition: "Dead wildlife and dead pets to pick up" },
    { name: "Wildlife", definition: "Injured, dangerous and trapped wild animals" },
    { name: "Missed yard waste", definition: "Yard waste and Christmas trees that were not collected" },
  ],
  types: [
    {
      name: "Road Pothole / Road Damage",
      group: "Potholes and road damage",
      formerNames: ["Road - Pot hole"],
      requests: 9,
    },
    { name: "Road - Sinking", group: "Potholes and road damage", formerNames: [], requests: 2 },
    { name: "Café noise", group: "Noise", formerNames: [], requests: 5 },
    {
      name: "Amplified or Musical Instrument Noise",
      group: "Noise",
      formerNames: ["Amplified Sound"],
      requests: 8,
    },
    {
      name: "Pick up Dead Wildlife",
      group: "Dead animals",
      formerNames: ["Cadaver - Wildlife"],
      requests: 7,
    },
  ],
  statuses: [],
  problem: null,
};
const entries = indexOf(vocabulary);
const found = (query: string) => search(entries, query).map(({ label, formerly }) => [label, formerly]);

test("types are found by the beginnings of words, by plain labels and by former names", () => {
  expect(found("pothole")).toEqual([
    ["Potholes and road damage", null],
    ["Pothole or damaged road", null],
  ]);
  expect(found("ROAD pot h")).toEqual([["Pothole or damaged road", "Road - Pot hole"]]);
  expect(found("loud")).toContainEqual(["Loud music", null]);
});

test("the only type of a group is found as the group", () => {
  expect(found("cadaver")).toEqual([["Dead animals", null]]);
});

test("words that people use, and typing errors", () => {
  expect(found("raccoon").map(([name]) => name)).toEqual(["Dead animals", "Wildlife"]);
  expect(found("leaf").map(([name]) => name)).toEqual(["Missed yard waste"]);
  expect(found("loud music").map(([name]) => name)).toEqual(["Noise", "Loud music"]);
  expect(found("bruit").map(([name]) => name)).toEqual(["Noise"]);
  expect(found("potholl").map(([name]) => name)).toContain("Potholes and road damage");
  expect(found("noize").map(([name]) => name)).toContain("Noise");
});

test("accents and word order do not matter, and an unknown word finds nothing", () => {
  expect(found("noise cafe")).toEqual([["Café noise", null]]);
  expect(found("dragon")).toEqual([]);
});

test("if nothing has all words, those are found that have the most, and are called so", () => {
  const matches = (query: string) => search(entries, query).map(({ label, isLoose }) => [label, isLoose]);
  expect(matches("sinking dragon road")).toEqual([
    ["Potholes and road damage", true],
    ["Road: Sinking", true],
  ]);
  expect(matches("noise complaint")).toEqual([
    ["Noise", true],
    ["Loud music", true],
    ["Café noise", true],
  ]);
  // What people mean by a part of it comes before words that are mistyped.
  expect(matches("dead raccoon")).toEqual([
    ["Dead animals", false],
    ["Wildlife", false],
  ]);
  expect(matches("complaint")).toEqual([]);
});

const ofCity = indexOf({
  groups: seed("type_groups.csv").map(([name = "", definition = ""]) => ({ name, definition })),
  types: seed("service_request_types.csv").flatMap(([published, name = "", group = ""]) =>
    published === name ? [{ name, group, formerNames: [], requests: 1 }] : [],
  ),
  statuses: [],
  problem: null,
});
test.for([
  ["noise complaint", "Noise"],
  ["barking dog", "Noise"],
  ["garbage pickup", "Missed garbage"],
  ["my garbage was not picked up", "Missed garbage"],
  ["trash can", "Public litter bins"],
  ["dog poop", "Dogs and pets"],
  ["dead raccoon", "Dead animals"],
  ["bed bugs", "Property standards"],
  ["mold", "Property standards"],
  ["water main break", "Water supply"],
  ["basement flooding", "Sewers"],
  ["cracked sidewalk", "Sidewalks and boulevards"],
  ["illegally parked car", "Parking"],
  ["e-scooter", "Traffic safety"],
  ["red light camera", "Traffic signals"],
] as const)("residents find what they mean among the City's types: %s", ([words, group]) => {
  expect(search(ofCity, words).map(({ label }) => label)[0]).toBe(group);
});

test("what 311 has no type for has advice", () => {
  expect(elsewhere("streetlight")).toBe("street_light");
  expect(elsewhere("street lights")).toBe("street_light");
  expect(elsewhere("the street light is out")).toBe("street_light");
  expect(elsewhere("TTC")).toBe("transit");
  expect(elsewhere("pothole")).toBeNull();
  expect(elsewhere("")).toBeNull();
});

test("the distance of words", () => {
  expect(distance("pothole", "pothole")).toBe(0);
  expect(distance("potholl", "pothole")).toBe(1);
  expect(distance("dvaenport", "davenport")).toBe(1);
  expect(distance("abc", "")).toBe(3);
});

/** Reads the boundaries as the page does. */
function boundaries(kind: AreaKind) {
  const path = new URL(`../../public/${BOUNDARIES[kind]}`, import.meta.url);
  return boundariesOf(kind, JSON.parse(readFileSync(path, "utf8")) as Boundaries);
}
const wards = boundaries("ward");
const fsas = boundaries("fsa");
const places = {
  wards: AREAS.ward,
  fsas: AREAS.fsa,
  wardsOf: new Map([
    [
      "M5V",
      [
        { ward: "10", share: 0.93 },
        { ward: "11", share: 0.065 },
        { ward: "13", share: 0.005 },
      ],
    ],
  ]),
  named,
};
const idsOf = (query: string) => findPlaces(query, places).map(({ kind, id }: Place) => `${kind} ${id}`);

test("every ward is found by number, name, the City's spelling and a typing error", () => {
  for (const { id, name } of AREAS.ward) {
    expect(idsOf(name)[0], name).toBe(`ward ${id}`);
    expect(idsOf(`Ward ${id}`)[0]).toBe(`ward ${id}`);
    expect(idsOf(id)[0]).toBe(`ward ${id}`);
    expect(idsOf(`${name.toUpperCase()} (${id.padStart(2, "0")})`)[0], name).toBe(`ward ${id}`);
    // Two letters of the longest word are swapped.
    const longest = name.split(/[^a-z]+/i).sort((a, b) => b.length - a.length)[0] ?? "";
    const typo = name.replace(longest, longest.replace(/^(..)(.)(.)/, "$1$3$2"));
    expect(idsOf(typo), typo).toContain(`ward ${id}`);
  }
  expect(idsOf("St Pauls")[0]).toBe("ward 12");
  expect(idsOf("st. paul’s")[0]).toBe("ward 12");
});

test("every postal area is found by a full postal code, in any writing", () => {
  for (const { id } of fsas) {
    for (const query of [id, id.toLowerCase(), `${id} 2T6`, `${id.toLowerCase()}2t6`, `${id}-2T6`]) {
      expect(idsOf(query), query).toContain(`fsa ${id}`);
    }
  }
});

test("a postal code names the wards of its requests, without those of a few", () => {
  expect(findPlaces("m5v 2t6", places).map(({ id, ofFsa }) => [id, ofFsa?.share ?? null])).toEqual([
    ["10", 0.93],
    ["11", 0.065],
    ["M5V", null],
  ]);
});

test("former wards lead to those of now, and nonsense to none", () => {
  expect(findPlaces("Trinity-Spadina", places).map(({ id, former }) => [id, former])).toEqual([
    ["10", "Trinity-Spadina"],
    ["11", "Trinity-Spadina"],
  ]);
  expect(idsOf("York West")).toContain("ward 7");
  expect(idsOf("Atlantis")).toEqual([]);
  expect(idsOf("K1A 0B1")).toEqual([]);
});

test("neighbourhoods lead to the ward and the postal area of their middle", () => {
  const found = (query: string) => findPlaces(query, places).map(({ id, around }) => [id, around]);
  for (const query of ["the Annex", "annex", "ANNEX", "anex"]) {
    expect(found(query), query).toEqual([
      ["11", ["Annex"]],
      ["M5R", ["Annex"]],
    ]);
  }
  // A ward of the name comes first, and each area once.
  expect(idsOf("beaches")).toEqual(["ward 19", "fsa M4E"]);
  expect(found("Yonge and Eglinton")[0]?.[1]).toEqual(["Yonge-Eglinton"]);
  expect(found("rexdale")[0]).toEqual(["1", ["Elms-Old Rexdale", "Rexdale-Kipling"]]);
  for (const { name, ward } of named) expect(idsOf(name), name).toContain(`ward ${ward}`);
  expect(idsOf("ro")).not.toContain("fsa M1B");
});

/** The area that contains a point on a flat map, by another implementation than the page's. A hole is a ring too. */
function flatAreaAt(areas: readonly Boundary[], point: [number, number]): string | null {
  const contains = ({ shape: { geometry } }: Boundary) => {
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    const around = polygons.flat().filter((ring) => polygonContains(ring as [number, number][], point));
    return around.length % 2 === 1;
  };
  return areas.find(contains)?.id ?? null;
}

const KINDS: [name: string, areas: readonly Boundary[]][] = [
  ["wards", wards],
  ["postal areas", fsas],
];
test.for(KINDS)(
  "the area of a location is the same by another implementation, at 1,000 points: %s",
  ([, areas]) => {
    // The same points in every run: the fractions of multiples of irrational numbers fill the map evenly.
    const points = Array.from({ length: 1000 }, (_, at): [number, number] => [
      -79.65 + 0.55 * ((at * Math.SQRT2) % 1),
      43.57 + 0.29 * ((at * Math.sqrt(3)) % 1),
    ]);
    const found = points.map((point) => {
      const id = areaAt(areas, point)?.id ?? null;
      expect(id, point.join(", ")).toBe(flatAreaAt(areas, point));
      return id;
    });
    expect(new Set(found).size).toBeGreaterThan(areas.length * 0.8);
  },
);

test("each neighbourhood lies in its areas by another implementation", () => {
  expect(named.length).toBeGreaterThan(130);
  for (const { name, at, ward, fsa } of named) {
    const point = at as [number, number];
    expect([flatAreaAt(wards, point), flatAreaAt(fsas, point)], name).toEqual([ward, fsa]);
  }
});

test("each postal area is found at its middle", () => {
  const middles = fsas.map((area) => ({ id: area.id, middle: geoCentroid(area.shape) }));
  const inside = middles.filter(({ id, middle }) => {
    const flat = flatAreaAt(fsas, middle);
    expect(areaAt(fsas, middle)?.id ?? null, id).toBe(flat);
    return flat === id;
  });
  // The middle of a crescent is outside it.
  expect(inside.length).toBeGreaterThan(90);
});
