import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import type { BrowserContextOptions } from "playwright-core";
import { afterEach, beforeEach, expect, test } from "vitest";

import { violations } from "./axe.ts";
import type { Visitor } from "./browser.ts";
import { query } from "./duckdb.ts";
import { withSite } from "./set_up.ts";
import { cityCatalog, generatedCatalog, json, readCatalog, table } from "./site.ts";

// The page "Use the data". Its lines are executed as they are, against the served site.

const site = withSite();
let visitor: Visitor;
const PYTHON = process.env["CONSUMERS_PYTHON"] ?? "";

beforeEach(async () => {
  visitor = await site.visit();
});
afterEach(async () => {
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});

async function open(query = "", page = visitor.page): Promise<void> {
  await page.goto(`${site.url}use.html${query}`);
  await page.waitForSelector(".use main[aria-busy=false] #descriptions");
}

/** Executes a program without a network but loopback's, and returns what it prints. */
async function run(program: string, argument: string[], extension: string): Promise<string> {
  // Node.js looks for packages beside the program.
  const folder = mkdtempSync(join(extension === "mjs" ? import.meta.dirname : tmpdir(), "lines-"));
  try {
    const path = join(folder, `lines.${extension}`);
    writeFileSync(path, program);
    const [command, home] = extension === "mjs" ? [process.execPath, ""] : [PYTHON, dirname(dirname(PYTHON))];
    // DuckDB's extensions are installed in this home.
    const env = home === "" ? process.env : { ...process.env, HOME: home };
    // This process serves the site meanwhile.
    const { stdout } = await promisify(execFile)(command, [path, ...argument], { encoding: "utf8", env });
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The three wards with the most requests in the latest year, according to DuckDB on the files. */
function expected() {
  const wards = table("requests_by_ward");
  return query(`
    select ward_name, sum(requests) from ${wards}
    where ward_id is not null and source_year = (select max(source_year) from ${wards})
    group by ward_name order by 2 desc, 1 limit 3`);
}

const TOOLS: [tool: string, extension: string, around: (lines: string) => string][] = [
  ["duckdb", "py", (lines) => `import duckdb\nprint(duckdb.sql("""${lines}""").fetchall())`],
  ["pandas", "py", (lines) => lines],
  ["polars", "py", (lines) => lines],
  ["javascript", "mjs", (lines) => lines],
];
test.for(TOOLS)("the lines for %s answer", async ([tool, extension, around]) => {
  await open();
  const lines = await visitor.page.locator(`[data-tool=${tool}]`).innerText();
  expect(lines).toContain(`${site.url}data/`);
  const printed = await run(around(lines), [], extension);
  for (const [ward, requests] of await expected()) {
    const line = printed.split("\n").find((one) => one.includes(String(ward)));
    expect(line ?? printed).toMatch(new RegExp(`\\b${String(requests)}\\b`));
  }
});

test("the program for agents answers", async () => {
  const guide = await (await fetch(`${site.url}llms.txt`)).text();
  const program = /```python\n([^]+?)```/.exec(guide)?.[1] ?? "";
  const printed = await run(program, [site.url], "py");
  const [first] = printed.split("\n");
  const [[ward, requests] = []] = await expected();
  expect(first).toMatch(new RegExp(`^${String(ward)}: ${String(requests)} requests in \\d{4}$`));
});

test("every link leads somewhere", async () => {
  await open();
  const addresses = await visitor.page
    .locator("a[href]")
    .evaluateAll((found) => found.map((link) => (link as HTMLAnchorElement).href));
  const ours = [...new Set(addresses)].filter((address) => address.startsWith(site.url));
  expect(ours.length).toBeGreaterThan(60);
  const guide = await (await fetch(`${site.url}llms.txt`)).text();
  const linked = [...guide.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => new URL(path ?? "", site.url).href);
  expect(linked.length).toBeGreaterThan(30);
  const answers = await Promise.all(
    [...ours, ...linked].map(async (address) => {
      const { status, headers } = await fetch(address, { method: "HEAD" });
      // The server answers what does not exist with the first page.
      const isPage = headers.get("content-type")?.startsWith("text/html") ?? false;
      return status === 200 && isPage === /\.html(#.*)?$/.test(address) ? [] : [address];
    }),
  );
  expect(answers.flat()).toEqual([]);
});

test("tables are listed with their rows and columns, and the first page leads here", async () => {
  await visitor.view("?area=9");
  expect(await visitor.page.locator(".area-panel a").getAttribute("href")).toBe("feeds/ward-09.atom");
  await visitor.page.locator("footer").getByRole("link", { name: "Use the data" }).click();
  await visitor.page.waitForSelector("#descriptions");
  const { marts } = readCatalog();
  const { page } = visitor;
  const name = page.locator("th > code", { hasText: /^requests_by_season$/ });
  const row = page.locator(".tables tbody tr", { has: name });
  const season = marts.find(({ name }) => name === "requests_by_season");
  expect(await row.locator("td").first().innerText()).toBe(season?.rows.toLocaleString("en-CA"));
  await row.locator("summary").click();
  expect(await row.locator("dl").innerText()).toContain("season");
});

test("generated data are marked, and the City's have their licence", async () => {
  const { page } = visitor;
  await page.route("**/catalog.json", (route) => route.fulfill(json(generatedCatalog())));
  await open();
  expect(await visitor.text("aside.generated")).toContain("not the City of Toronto's");
  expect(await page.title()).toMatch(/^Generated sample: /);
  expect(await visitor.text("body")).not.toContain("Open Government");
  await page.unroute("**/catalog.json");
  await page.route("**/catalog.json", (route) => route.fulfill(json(cityCatalog())));
  await open();
  expect(await page.locator("aside.generated").count()).toBe(0);
  const terms = await visitor.text("section:has(#terms)");
  expect(terms).toContain("Open Government Licence - Toronto");
  expect(terms).toContain(`${readCatalog().citation} ${site.url}use.html`);
});

test("the catalog is read again after a failure", async () => {
  const { page } = visitor;
  let isDown = true;
  await page.route("**/catalog.json", (route) =>
    isDown ? route.fulfill({ status: 404 }) : route.continue(),
  );
  await page.goto(`${site.url}use.html`);
  expect(await page.getByRole("alert").innerText()).toContain("missing");
  isDown = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector("#descriptions");
  visitor.complaints.splice(0);
});

const SCREENS: [name: string, query: string, options: BrowserContextOptions][] = [
  ["use", "", {}],
  ["use-dark", "", { colorScheme: "dark" }],
  ["use-phone", "", { viewport: { width: 390, height: 844 }, hasTouch: true }],
  ["use-pseudo", "?lang=en-XA", { viewport: { width: 1366, height: 900 } }],
];
test.for(SCREENS)("%s has no violation, and fits", async ([name, query, options]) => {
  const other = await site.visit(options);
  await open(query, other.page);
  await other.picture(name);
  expect(await violations(other.page)).toEqual([]);
  const { page } = other;
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  expect(other.complaints).toEqual([]);
  await other.close();
});
