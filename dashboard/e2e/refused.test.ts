import type { BrowserContextOptions } from "playwright-core";
import { beforeEach, expect, test } from "vitest";

import { violations } from "./axe.ts";
import type { Visitor } from "./browser.ts";
import { publish } from "./publish.ts";
import { withSite } from "./set_up.ts";
import { json, readCatalog } from "./site.ts";

// Publications that the pipeline refused.

const MART = "refused_publications";
const MARKUP = `</li><img src=x onerror=alert(1)><script>alert(2)</script>`;
/** A row of the mart. */
type Row = [
  partition: string,
  year: number | null,
  stage: string,
  exit: number,
  cause: string,
  observed: string | null,
  published: string | null,
  seen: string | null,
  loaded: string | null,
];
const OLDER: Row = [
  "2019",
  2019,
  "transform",
  20,
  "cannot read SR2019.csv: the column Ward is missing",
  "2026-06-01 12:00:00+00",
  "2026-05-03 04:00:00+00",
  "2026-05-04 12:00:00+00",
  "2026-05-04 12:05:00+00",
];
const MISSING: Row = [
  "2021",
  2021,
  "extract",
  30,
  "cannot fetch SR2021.zip: connection refused",
  "2026-06-01 12:00:00+00",
  null,
  null,
  null,
];

const site = withSite();
let visitor: Visitor;

beforeEach(() => async () => {
  await visitor.close();
});

/** Opens the page of a site with refusals. Their file is damaged while `isDamaged` returns true. */
async function open(rows: Row[], options: BrowserContextOptions = {}, isDamaged = () => false) {
  visitor = await site.visit(options);
  const text = (value: string | null) => (value === null ? "null" : `'${value.replaceAll("'", "''")}'`);
  const time = (value: string | null) => `cast(${text(value)} as timestamptz)`;
  const selects = rows.map(
    ([partition, year, stage, exit, cause, observed, published, seen, loaded]) =>
      `select ${text(partition)} as partition, cast(${year ?? "null"} as integer) as source_year,
         ${text(stage)} as stage, cast(${exit} as integer) as exit_code, ${text(cause)} as cause,
         ${time(observed)} as observed_at, ${time(published)} as held_published_at,
         ${time(seen)} as held_observed_at, ${time(loaded)} as held_loaded_at`,
  );
  await publish(visitor.page, MART, selects.join(" union all "), isDamaged);
}

const items = () => visitor.page.locator("#quality .refusals li");
const hint = () => visitor.page.locator(".as-of a");

test("a year that is older, and one that is missing", async () => {
  await open([OLDER, MISSING]);
  await visitor.view();
  const { page } = visitor;
  expect(await items().allInnerTexts()).toEqual([
    "2021: not in these data; its file could not be reached on June 1, 2026: cannot fetch SR2021.zip: connection refused",
    "2019: shown as published on May 3, 2026; a newer file was refused on June 1, 2026, because its form is not the one expected: cannot read SR2019.csv: the column Ward is missing",
  ]);
  expect(await hint().innerText()).toBe("2019 and 2021 are not up to date");
  await hint().focus();
  await page.keyboard.press("Enter");
  const title = page.getByRole("heading", { name: "What is not up to date" });
  expect(await visitor.focused()).toBe("What is not up to date");
  const box = await title.boundingBox();
  const banner = await page
    .locator("aside.generated")
    .boundingBox({ timeout: 100 })
    .catch(() => null);
  expect(box?.y).toBeGreaterThanOrEqual(banner?.height ?? 0);
  expect(box?.y).toBeLessThan(1000);
  // The link does not change the view, so going back does not either.
  await page.goBack();
  await visitor.settled();
  expect(visitor.complaints).toEqual([]);
});

test("each refusal is described in plain words", async () => {
  const [, , , , , observed, published, seen, loaded] = OLDER;
  await open([
    ["2018", 2018, "load", 30, "", observed, null, seen, loaded],
    ["2017", 2017, "extract", 70, "", null, null, null, loaded],
    ["2016", 2016, "transform", 10, "", observed, null, null, null],
    ["2015", 2015, "extract", 30, "", observed, published, seen, loaded],
    ["city-wards", null, "extract", 20, "", observed, published, null, null],
  ]);
  await visitor.view();
  expect(await items().allInnerTexts()).toEqual([
    "2018: shown as found on May 4, 2026; a newer file could not be loaded on June 1, 2026, because a service that it needs did not answer",
    "2017: shown as loaded on May 4, 2026; a newer file could not be fetched, because of a fault on our side",
    "2016: not in these data; its file could not be read on June 1, 2026, because of a fault on our side",
    "2015: shown as published on May 3, 2026; its file could not be reached on June 1, 2026",
    "Ward boundaries: shown as published on May 3, 2026; a newer file was refused on June 1, 2026, because its form is not the one expected",
  ]);
  expect(await hint().innerText()).toBe("4 years and Ward boundaries are not up to date");
});

test.for<[name: string, address: string, options: BrowserContextOptions]>([
  ["light", "", {}],
  ["dark, on a phone", "", { viewport: { width: 320, height: 640 }, colorScheme: "dark" }],
  ["embedded", "?embed=map", {}],
])("a cause is text, and bounded: %s", async ([name, address, options]) => {
  const [partition, year, stage, exit, , ...dates] = OLDER;
  const long = `${MARKUP}\r\n\u202e${"x".repeat(5000)}`;
  await open([[partition, year, stage, exit, long, ...dates], MISSING], options);
  await visitor.view(address);
  const { page } = visitor;
  if (address === "") {
    const cause = await items().nth(1).locator(".cause").innerText();
    expect(cause.startsWith(`${MARKUP} xxx`)).toBe(true);
    expect(cause).toHaveLength(300);
    await items().nth(1).scrollIntoViewIfNeeded();
  } else {
    expect(await page.locator("footer").innerText()).toContain("2019 and 2021 are not up to date.");
  }
  expect(await page.locator("img, body script[src=''], .refusals script").count()).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  await page.screenshot({ path: `e2e/artifacts/refused-${name.replace(/\W+/g, "-")}.png` });
  expect(await violations(page)).toEqual([]);
  expect(visitor.complaints).toEqual([]);
});

test("a site without refusals, and an older one without the mart", async () => {
  const catalog = readCatalog();
  const without = catalog.marts.filter(({ name }) => name !== MART);
  for (const marts of [without, [...without, { name: MART, rows: 0, files: [] }]]) {
    visitor = await site.visit();
    await visitor.page.route("**/files.json", (route) => route.fulfill(json({ ...catalog, marts })));
    await visitor.view();
    await visitor.page.locator("#quality table").waitFor();
    expect(await visitor.page.locator(".refusals, .as-of a").count()).toBe(0);
    expect(visitor.complaints).toEqual([]);
    await visitor.close();
  }
});

test("refusals that cannot be read do not affect the rest, and can be tried again", async () => {
  let isDamaged = true;
  await open([OLDER], {}, () => isDamaged);
  await visitor.view();
  const { page } = visitor;
  expect(await hint().innerText()).toBe("Some years are not up to date");
  await page.locator("#quality table").waitFor();
  expect(await page.locator(".refusals").getByRole("alert").innerText()).toContain("is damaged");
  isDamaged = false;
  await page.locator(".refusals").getByRole("button", { name: "Try again" }).press("Enter");
  await items().first().waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("quality");
});
