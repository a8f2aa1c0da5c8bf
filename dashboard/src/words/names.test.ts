import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { en } from "./en.ts";
import { STANDARDS } from "./standards.ts";

const SEED = new URL("../../../dbt-runner/project/seeds/service_request_types.csv", import.meta.url);

/** The current names of types and categories, to which the seed maps the City's former ones. */
const current = new Set(
  readFileSync(SEED, "utf8")
    .split("\n")
    .slice(1)
    // A quoted field can have commas, and no field has a quotation mark.
    .flatMap((line) => [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].slice(1))
    .map(([, quoted, plain]) => quoted ?? plain),
);

test.for([
  ["plain labels", en.typeLabels],
  ["the City's aims", STANDARDS],
] as const)("%s are of types and categories by their current names", ([, named]) => {
  expect(current).toContain("Trees");
  expect(Object.keys(named).filter((name) => !current.has(name))).toEqual([]);
});
