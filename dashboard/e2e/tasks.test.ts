import { readFileSync, readdirSync } from "node:fs";

import { expect, test } from "vitest";

test("each test that the list of what people try names exists", () => {
  const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
  const tests = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".test.ts"));
  const titles = tests.map(read).join("\n");
  const listed = [...read("README.md").matchAll(/\| `(.+)` +\|$/gm)].map(([, title = ""]) => title);
  expect(listed.length).toBeGreaterThan(40);
  expect(listed.filter((title) => !titles.includes(`"${title}"`))).toEqual([]);
});
