// Measures how long a person waits: npm run bench, with the site in SITE_DIR. Prints one line of JSON.
import { gzipSync } from "node:zlib";

import type { Browser, Page, Request } from "playwright-core";

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
/** A slow phone: 400 kbit/s, 400 ms for each response, a quarter of the CPU. */
const SLOW_LOADS = 3;
const SLOW_LINK = { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 };
const SLOW_CPU = 4;

/** Returns the bytes of a response: its header, and its body plain and compressed. */
async function bytesOf(request: Request): Promise<{ plain: number; gzip: number }> {
  const response = await request.response();
  const body = (await response?.body()) ?? Buffer.alloc(0);
  const { responseHeadersSize } = await request.sizes();
  return { plain: responseHeadersSize + body.length, gzip: responseHeadersSize + gzipSync(body).length };
}

/**
 * Returns the milliseconds from each choice, of every kind, to the frame with its figures, and whether files were fetched
 * for it. The heat map follows a moment later. The view's years are already loaded; the time includes other files that a
 * choice needs.
 */
async function choiceToPaint(page: Page): Promise<{ time: number; isFetched: boolean }[]> {
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
      performance.setResourceTimingBufferSize(10_000);
      const fetched = () => performance.getEntriesByType("resource").length;
      const times: { time: number; isFetched: boolean }[] = [];
      const measure = async (choose: () => void) => {
        const before = fetched();
        const start = performance.now();
        const whole = followed();
        choose();
        await whole;
        // A task after the frame's callbacks runs once the frame is painted.
        await frame();
        await task(0);
        times.push({ time: performance.now() - start, isFetched: fetched() > before });
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

/**
 * Returns the milliseconds until the first figure is painted on a slow phone, which the page itself has, and until the answer
 * is, with its rates; and by how much the layout shifts until all sections are shown.
 */
async function slowLoad(browser: Browser, url: string): Promise<Slow> {
  const context = await browser.newContext(VIEWPORT);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", SLOW_LINK);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW_CPU });
  await page.addInitScript(() => {
    const seen = { figure: 0, answer: 0, shift: 0 };
    Object.assign(window, { seen });
    const follow = (name: "figure" | "answer", selector: string) => {
      const observer = new MutationObserver(() => {
        if (!/\d/.test(document.querySelector(selector)?.textContent ?? "")) return;
        observer.disconnect();
        // A task after the frame's callbacks runs once the frame is painted.
        requestAnimationFrame(() => setTimeout(() => (seen[name] = performance.now())));
      });
      observer.observe(document, { subtree: true, childList: true, characterData: true });
    };
    follow("figure", ".answer h2");
    follow("answer", ".answer .context");
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        seen.shift += (entry as PerformanceEntry & { value: number }).value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForSelector(WHOLE);
  const seen = await page.evaluate(() => (window as unknown as { seen: Slow }).seen);
  await context.close();
  return seen;
}

interface Slow {
  figure: number;
  answer: number;
  shift: number;
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
  const slow: Slow[] = [];
  for (let load = 0; load < SLOW_LOADS; load++) slow.push(await slowLoad(browser, site.url));
  const filters: Record<string, ReturnType<typeof spread> & { loaded: ReturnType<typeof spread> }> = {};
  for (const [name, query] of [
    ["wards, the latest year", ""],
    [`wards, ${years.length} years`, `?${all}`],
    [`postal areas, ${years.length} years`, `?by=fsa&${all}`],
  ] as const) {
    const page = await browser.newPage(VIEWPORT);
    await page.goto(site.url + query);
    await page.waitForSelector(WHOLE);
    await page.waitForLoadState("networkidle");
    const choices = await choiceToPaint(page);
    const timesOf = (some: typeof choices) => spread(some.map(({ time }) => time));
    filters[name] = { ...timesOf(choices), loaded: timesOf(choices.filter(({ isFetched }) => !isFetched)) };
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
      slow: {
        first_figure: spread(slow.map(({ figure }) => figure)),
        first_answer: spread(slow.map(({ answer }) => answer)),
        shift: Math.max(...slow.map(({ shift }) => shift)),
      },
      filters,
    }),
  );
} finally {
  await browser.close();
  await site.close();
}
