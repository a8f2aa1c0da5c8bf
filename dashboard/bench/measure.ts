// Measures how long a person waits: npm run bench, with the site in SITE_DIR. Prints one line of JSON.
import { gzipSync } from "node:zlib";

import type { Page, Request } from "playwright-core";

import { launch } from "../e2e/browser.ts";
import { readCatalog, serveSite } from "../e2e/site.ts";

const LOADS = 9;
/** Choices of each kind. */
const CHOICES = 12;
/** Milliseconds after which a choice has failed. */
const PATIENCE = 30_000;
const VIEWPORT = { viewport: { width: 1440, height: 1000 } };
const USABLE = "main[aria-busy=false] #map path";
const WHOLE = "main[aria-busy=false] #about";

/** Returns the bytes of a response: its header, and its body plain and compressed. */
async function bytesOf(request: Request): Promise<{ plain: number; gzip: number }> {
  const response = await request.response();
  const body = (await response?.body()) ?? Buffer.alloc(0);
  const { responseHeadersSize } = await request.sizes();
  return { plain: responseHeadersSize + body.length, gzip: responseHeadersSize + gzipSync(body).length };
}

/**
 * Returns the milliseconds from each choice, of every kind, to the frame with its figures. The heat map follows a moment
 * later. The view's years are already loaded; the time includes other files that a choice needs.
 */
async function choiceToPaint(page: Page): Promise<number[]> {
  return page.evaluate(
    async ({ count, patience }) => {
      const one = (selector: string): HTMLElement => {
        const found = document.querySelector<HTMLElement>(selector);
        if (!found) throw new Error(`cannot find ${selector}`);
        return found;
      };
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const task = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
      const main = one("main");
      /** Resolves when the page has been busy with a choice and has finished. */
      const followed = () =>
        new Promise<void>((resolve, reject) => {
          const timer = setTimeout(reject, patience, new Error("the page does not follow a choice"));
          const observer = new MutationObserver(() => {
            if (main.getAttribute("aria-busy") === "true") return;
            observer.disconnect();
            clearTimeout(timer);
            resolve();
          });
          observer.observe(main, { attributeFilter: ["aria-busy"] });
        });
      const times: number[] = [];
      const measure = async (choose: () => void) => {
        const start = performance.now();
        const whole = followed();
        choose();
        await whole;
        // A task after the frame's callbacks runs once the frame is painted.
        await frame();
        await task(0);
        times.push(performance.now() - start);
        // The next choice waits until the heat map is drawn.
        await task(150);
      };
      const select = (id: string, value: string) => () => {
        const list = one(`#${id}`) as HTMLSelectElement;
        list.value = value;
        list.dispatchEvent(new Event("change", { bubbles: true }));
      };
      // The filters are there while their panel is open.
      one("#more").click();
      await task(50);
      for (const id of ["season", "status", "division"]) {
        const list = one(`#${id}`) as HTMLSelectElement;
        const usual = list.value;
        const others = [...list.options].map(({ value }) => value).filter((value) => value !== usual);
        // The last choice of each list restores its value.
        for (let at = 1; at < count; at++) await measure(select(id, others[at % others.length] ?? usual));
        await measure(select(id, usual));
      }
      one("#more").click();
      for (let at = 0; at < count; at++) {
        one("#when").click();
        await task(50);
        const years = document.querySelectorAll<HTMLElement>(".years button:not([aria-pressed=true])");
        await measure(() => years[at % years.length]?.click());
      }
      for (let at = 0; at < count; at++) {
        const measures = document.querySelectorAll<HTMLElement>(
          ".tabs button:not([aria-disabled=true], [aria-pressed=true])",
        );
        await measure(() => measures[at % measures.length]?.click());
      }
      for (let at = 0; at < count; at++) {
        const areas = document.querySelectorAll<SVGElement>("#map .area");
        await measure(() =>
          areas[(at * 7) % areas.length]?.dispatchEvent(new MouseEvent("click", { bubbles: true })),
        );
      }
      const words = [
        "tree",
        "pothole",
        "noise",
        "bin",
        "snow",
        "water",
        "dead",
        "sign",
        "sidewalk",
        "litter",
      ];
      for (let at = 0; at < count; at++) {
        const search = one("#what") as HTMLInputElement;
        search.value = words[at % words.length] ?? "";
        search.dispatchEvent(new Event("input", { bubbles: true }));
        await task(50);
        const types = document.querySelectorAll<HTMLElement>("[role=option]:not([aria-disabled])");
        // Groups come first: the last is a type.
        await measure(() => types[types.length - 1]?.click());
        // One at a time.
        await measure(() => {
          one(".combobox:has(#what) .chip").click();
        });
      }
      return times;
    },
    { count: CHOICES, patience: PATIENCE },
  );
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
    [`postal areas, ${years.length} years`, `?by=fsa&${all}`],
  ] as const) {
    const page = await browser.newPage(VIEWPORT);
    await page.goto(site.url + query);
    await page.waitForSelector(WHOLE);
    await page.waitForLoadState("networkidle");
    filters[name] = spread(await choiceToPaint(page));
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
