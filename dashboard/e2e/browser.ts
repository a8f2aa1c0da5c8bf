import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { chromium } from "playwright-core";

const ARTIFACTS = join(import.meta.dirname, "artifacts");
const EXECUTABLES = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
// No sandbox, because containers do not have one and only pages of this project are opened. The other flags keep the browser
// from sending requests to its maker. Playwright starts it with an empty profile.
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Launches Debian's Chromium, or that of the variable CHROMIUM, without a window. */
export async function launch(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? EXECUTABLES.find((path) => existsSync(path));
  if (!executablePath) throw new Error("cannot find Chromium: make chromium installs it");
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** A page that records complaints: requests to other hosts, errors, breaches of the Content-Security-Policy. */
export class Visitor {
  readonly complaints: string[] = [];

  private constructor(
    readonly page: Page,
    readonly url: string,
  ) {}

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
    const page = await context.newPage();
    const visitor = new Visitor(page, url);
    page.on("console", (message) => {
      // A slow machine takes some seconds to use what it has preloaded.
      if (message.text().includes("was preloaded using link preload but not used")) return;
      if (message.type() === "error" || message.type() === "warning") visitor.complaints.push(message.text());
    });
    page.on("pageerror", (error) => visitor.complaints.push(error.message));
    page.on("dialog", (dialog) => {
      visitor.complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.route(
      (address) => !["127.0.0.1"].includes(address.hostname) && address.protocol.startsWith("http"),
      (route) => {
        visitor.complaints.push(`a request to ${route.request().url()}`);
        return route.abort();
      },
    );
    return visitor;
  }

  /** Opens a view and waits until it is complete. */
  async view(query = ""): Promise<void> {
    await this.page.goto(this.url + query);
    await this.settled();
  }

  /** Waits until what was done last is shown: nothing is loading, and the last section is rendered. */
  async settled(): Promise<void> {
    // What was done last is rendered one frame later.
    await this.page.evaluate(
      () =>
        new Promise((resolve) => {
          requestAnimationFrame(() => requestAnimationFrame(resolve));
        }),
    );
    await this.page.waitForSelector(
      "main[aria-busy=false]:not(:has([aria-busy=true])) :is(#about, .open-full)",
      { timeout: 45_000 },
    );
  }

  /** Returns the number of requests in the answer. */
  async requests(): Promise<number> {
    const [, requests = "0"] = /made ([\d,]+) requests?/.exec(await this.text(".answer h2")) ?? [];
    return Number(requests.replaceAll(",", ""));
  }

  /** Returns the requests of each area in the ranking. */
  async ranking(): Promise<[area: string, requests: number][]> {
    return (await this.column("requests")).map(([area, cell]) => [area, Number(cell.replaceAll(",", ""))]);
  }

  /** Returns the values of the measure in the ranking, by area. */
  async measured(): Promise<Map<string, number>> {
    const cells = await this.column("measure");
    return new Map(
      cells.map(([area, cell]) => [area, Number(cell.replaceAll(/[,%+*]/g, "").replace("−", "-"))]),
    );
  }

  /** Returns each area of the ranking, and the text of one of its figures. */
  private column(figure: "requests" | "measure"): Promise<[area: string, cell: string][]> {
    return this.page.locator("#ranking tbody tr").evaluateAll(
      (rows, name) =>
        rows.map((row): [string, string] => {
          const cell = row.querySelector(`[data-figure=${name}]`);
          return [row.getAttribute("data-area") ?? "", cell?.textContent ?? ""];
        }),
      figure,
    );
  }

  /** Opens "More filters" and chooses a value of one of them. */
  async filter(id: string, value: string): Promise<void> {
    if (!(await this.page.locator(`#${id}`).isVisible())) await this.page.locator("#more").click();
    await this.page.locator(`#${id}`).selectOption(value);
  }

  /** Returns the text of the first match of `selector`. */
  text(selector: string): Promise<string> {
    return this.page.locator(selector).first().innerText();
  }

  /** Returns the number in the text of `selector`. */
  async number(selector: string): Promise<number> {
    return Number((await this.text(selector)).replace(/[^\d.-]/g, ""));
  }

  /** Returns by how much the layout has shifted since the page was opened, without what follows a choice. */
  shift(): Promise<number> {
    return this.page.evaluate(() => {
      const observer = new PerformanceObserver(() => undefined);
      observer.observe({ type: "layout-shift", buffered: true });
      const shifts = observer.takeRecords() as (PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
      })[];
      return shifts.reduce((sum, { value, hadRecentInput }) => sum + (hadRecentInput ? 0 : value), 0);
    });
  }

  /** Returns the accessible name of the element with the focus, or else its text. */
  focused(): Promise<string> {
    return this.page.evaluate(() => {
      const { activeElement } = document;
      const label = activeElement?.getAttribute("aria-labelledby");
      const named = label ? document.getElementById(label) : activeElement;
      return named?.getAttribute("aria-label") ?? named?.textContent ?? "";
    });
  }

  /** Opens the menu of downloads, and returns the file that one of its buttons saves. */
  async download(button: string): Promise<{ name: string; bytes: Buffer }> {
    const item = this.page.getByRole("button", { name: button });
    if (!(await item.isVisible())) await this.page.getByRole("button", { name: "Download" }).click();
    const [download] = await Promise.all([this.page.waitForEvent("download"), item.click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  }

  /** Saves a picture to look at. */
  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(ARTIFACTS, `${name}.png`), fullPage: true });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
