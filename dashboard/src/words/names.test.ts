import { expect, test } from "vitest";

import { en } from "./en.ts";
import { STANDARDS } from "./standards.ts";
import { SYNONYMS } from "./synonyms.ts";
import { seed } from "./testing.ts";

/** The current names of types and categories, to which the seed maps the City's former ones. */
const current = new Set(
  seed("service_request_types.csv").flatMap(([, type = "", group = ""]) => [type, group]),
);

test.for([
  ["plain labels", Object.keys(en.typeLabels)],
  ["the City's aims", Object.keys(STANDARDS)],
  ["the words that people search for", SYNONYMS.flatMap(([, groups]) => groups)],
] as const)("%s are of types and categories by their current names", ([, names]) => {
  expect(current).toContain("Trees");
  expect(names.filter((name) => !current.has(name))).toEqual([]);
});
