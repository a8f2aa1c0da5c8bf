import { expect, test } from "vitest";

import { index, search } from "./search.ts";

const entries = index({
  groups: [{ name: "Potholes and road damage", definition: "Potholes, sinking and damaged roads" }],
  types: [
    {
      name: "Road Pothole / Road Damage",
      group: "Potholes and road damage",
      formerNames: ["Road - Pot hole"],
      requests: 90,
    },
    { name: "Café noise", group: "Noise", formerNames: [], requests: 7 },
  ],
  statuses: [],
});
const found = (query: string) =>
  search(entries, query).map(({ choice, formerly }) => [choice.name, formerly]);

test("types are found by their current and former names", () => {
  expect(found("pothole")).toEqual([
    ["Potholes and road damage", null],
    ["Road Pothole / Road Damage", null],
  ]);
  expect(found("ROAD pot h")).toEqual([["Road Pothole / Road Damage", "Road - Pot hole"]]);
});

test("accents and word order do not matter, and an unknown word finds nothing", () => {
  expect(found("noise cafe")).toEqual([["Café noise", null]]);
  expect(found("dragon")).toEqual([]);
});
