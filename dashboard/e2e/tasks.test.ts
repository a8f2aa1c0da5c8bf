import { readFileSync, readdirSync } from "node:fs";

import { expect, test } from "vitest";

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
const SOURCE = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".test.ts"))
  .map(read)
  .join("\n");
/** The titles of all tests. One of several cases has `%s` or `%i` for each of its values. */
const TITLES = [...SOURCE.matchAll(/\(\s*"([^"\n]+)",\s*async \(|^test\("([^"\n]+)"/gm)].map(
  ([, ofCases, ofOne]) => ofCases ?? ofOne ?? "",
);

/** Whether a title is that of a test, or of one of its cases, whose value is in the source as well. */
function exists(title: string): boolean {
  return TITLES.some((template) => {
    if (template === title) return true;
    const parts = template.split(/%[si]/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const values = new RegExp(`^${parts.join("(.+)")}$`).exec(title)?.slice(1) ?? [];
    return values.length > 0 && values.every((value) => SOURCE.includes(`"${value}"`) || /^\d+$/.test(value));
  });
}

test("each task of the list names tests that exist", () => {
  const rows = read("README.md")
    .split("\n")
    .filter((line) => line.startsWith("|") && line.includes("`"));
  const numbers = rows.flatMap((row) => /^\| (\d+) /.exec(row)?.slice(1) ?? []).map(Number);
  expect(numbers).toEqual(Array.from({ length: 48 }, (_, at) => at + 1));
  const named = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, title = ""]) => title));
  expect(named.length).toBeGreaterThan(rows.length);
  expect(named.filter((title) => !exists(title))).toEqual([]);
  expect(exists("a test that does not exist")).toBe(false);
  expect(exists("wards: a value that does not exist")).toBe(false);
});
