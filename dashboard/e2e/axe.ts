import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Returns the violations that axe finds in the page, or in the elements of `selector`, as rule and element. */
export async function violations(page: Page, selector = "html"): Promise<string[]> {
  // Through the debugger, because the page's policy forbids other scripts.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResults, readonly [string[], string]>(
    ([tags, selector]) =>
      (window as unknown as { axe: { run: (on: unknown, options: unknown) => Promise<AxeResults> } }).axe.run(
        // axe takes the boxes of paths for what is behind the labels. Their contrast has its own test.
        { include: [[selector]], exclude: [["#map .label"]] },
        { runOnly: tags },
      ),
    [TAGS, selector] as const,
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}
