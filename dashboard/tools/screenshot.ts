// A picture of the site in SITE_DIR: npm run screenshot, which writes docs/dashboard.png.
import { join } from "node:path";

import { Visitor, launch } from "../e2e/browser.ts";
import { serveSite } from "../e2e/site.ts";

const [browser, site] = await Promise.all([launch(), serveSite()]);
try {
  const visitor = await Visitor.open(browser, site.url, { viewport: { width: 1366, height: 860 } });
  await visitor.view("?group=Snow+and+ice");
  await visitor.page.screenshot({ path: join(import.meta.dirname, "../../docs/dashboard.png") });
} finally {
  await browser.close();
  await site.close();
}
