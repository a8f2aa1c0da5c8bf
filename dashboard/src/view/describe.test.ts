import { expect, test } from "vitest";

import { aboutOf } from "./describe.ts";
import { DEFAULT_VIEW } from "./view.ts";

test("a sentence quotes types, whose labels are one request, and names categories as words", () => {
  const type = { kind: "type", name: "Residential or Park Tree Removal" } as const;
  const group = { kind: "group", name: "Noise" } as const;
  expect(aboutOf({ ...DEFAULT_VIEW, what: [type] })).toBe(" about “Tree to remove”");
  expect(aboutOf({ ...DEFAULT_VIEW, what: [group, type] })).toBe(" about noise and “Tree to remove”");
  // The City's names keep their capitals.
  const ofCity = { kind: "type", name: "Toronto Water Service Card Request" } as const;
  expect(aboutOf({ ...DEFAULT_VIEW, what: [ofCity] })).toBe(" about “Toronto Water Service Card Request”");
});
