import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll } from "vitest";

import { Visitor, launch } from "./browser.ts";
import { serveSite } from "./site.ts";

/** A browser and the served site, shared by the tests of a file. */
export interface Session {
  readonly browser: Browser;
  readonly url: string;
  /** Opens the browser for a new visitor, with an empty profile. */
  visit: (options?: BrowserContextOptions) => Promise<Visitor>;
}

/** Launches a browser and serves the site before the tests of a file, and closes both after them. */
export function withSite(): Session {
  let browser: Browser;
  let site: Awaited<ReturnType<typeof serveSite>>;
  beforeAll(async () => {
    [browser, site] = await Promise.all([launch(), serveSite()]);
  });
  afterAll(async () => {
    await browser.close();
    await site.close();
  });
  return {
    get browser() {
      return browser;
    },
    get url() {
      return site.url;
    },
    visit: (options) => Visitor.open(browser, site.url, options),
  };
}
