// What a person waits for: npm run bench, with SITE_DIR the site that is measured. Prints one line of JSON.
import { gzipSync } from "node:zlib";

import type { Page, Request } from "playwright-core";

import { launch } from "../e2e/browser.ts";
import { readCatalog, serveSite } from "../e2e/site.ts";

const LOADS = 9;
/** Choices of each kind. */
const CHOICES = 12;
const VIEWPORT = { viewport: { width: 1440, height: 1000 } };
const USABLE = "main[aria-busy=false] #map path";
const WHOLE = "main[aria-busy=false] #heat";

/** Bytes of a response over the wire: its header, and its body as a web server compresses it. */
async function bytesOf(request: Request): Promise<{ plain: number; gzip: number }> {
  const response = await request.response();
  const body = (await response?.body()) ?? Buffer.alloc(0);
  const { responseHeadersSize } = await request.sizes();
  return { plain: responseHeadersSize + body.length, gzip: responseHeadersSize + gzipSync(body).length };
}

/** Milliseconds from each choice in a filter to the frame after the figures follow it. The years are loaded already. */
async function filterToPaint(page: Page): Promise<number[]> {
  return page.evaluate(async (count) => {
    const figure = () => document.querySelector("[data-figure=requests].figure")?.textContent ?? "";
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const task = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    const times: number[] = [];
    for (const filter of ["season", "status", "division"]) {
      const select = document.getElementById(filter) as HTMLSelectElement;
      const values = [...select.options].map(({ value }) => value);
      for (let at = 1; at <= count; at++) {
        const before = figure();
        const start = performance.now();
        // The last of each filter is all again.
        select.value = at === count ? "" : (values[at % values.length] as string);
        select.dispatchEvent(new Event("change", { bubbles: true }));
        // A choice that leaves the figure as it was shows nothing to wait for.
        while (figure() === before && performance.now() - start < 1000) await frame();
        // A task after the frame's callbacks comes when it is painted.
        await frame();
        await task(0);
        if (figure() !== before) times.push(performance.now() - start);
        await task(150);
      }
    }
    return times;
  }, CHOICES);
}

function spread(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const quantile = (at: number) => sorted[Math.floor((sorted.length - 1) * at)] ?? NaN;
  return { count: sorted.length, median: quantile(0.5), p95: quantile(0.95) };
}

const [browser, site] = await Promise.all([launch(), serveSite()]);
try {
  const usable: number[] = [];
  const whole: number[] = [];
  let firstView: { plain: number; gzip: number }[] = [];
  for (let load = 0; load < LOADS; load++) {
    const context = await browser.newContext(VIEWPORT);
    const page = await context.newPage();
    const finished: Promise<{ plain: number; gzip: number }>[] = [];
    page.on("requestfinished", (request) => finished.push(bytesOf(request)));
    await page.goto(site.url, { waitUntil: "commit" });
    await page.waitForSelector(USABLE);
    usable.push(await page.evaluate(() => performance.now()));
    await page.waitForSelector(WHOLE);
    whole.push(await page.evaluate(() => performance.now()));
    await page.waitForLoadState("networkidle");
    firstView = await Promise.all(finished);
    await context.close();
  }
  const years = readCatalog()
    .marts.filter(({ name }) => name === "requests_by_month_group_ward")
    .flatMap(({ files }) => files.map(({ year }) => year ?? 0))
    .sort();
  const all = `years=${years[0] ?? ""}-${years.at(-1) ?? ""}`;
  const filters: Record<string, ReturnType<typeof spread>> = {};
  for (const [name, query] of [
    ["wards, the latest year", ""],
    [`wards, ${years.length} years`, `?${all}`],
    [`neighbourhoods, ${years.length} years`, `?by=fsa&${all}`],
  ] as const) {
    const page = await browser.newPage(VIEWPORT);
    await page.goto(site.url + query);
    await page.waitForSelector(WHOLE);
    await page.waitForLoadState("networkidle");
    filters[name] = spread(await filterToPaint(page));
    await page.close();
  }
  const total = (kind: "plain" | "gzip") => firstView.reduce((sum, bytes) => sum + bytes[kind], 0);
  console.log(
    JSON.stringify({
      years,
      browser: browser.version(),
      first_view: { requests: firstView.length, bytes: total("plain"), gzip_bytes: total("gzip") },
      usable: spread(usable),
      whole: spread(whole),
      filters,
    }),
  );
} finally {
  await browser.close();
  await site.close();
}
