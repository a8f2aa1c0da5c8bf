// Draws the picture of a link's preview: npm run card. It has the wards and no figures, so that it is never out of date.
import { readFileSync } from "node:fs";

import { launch } from "../e2e/browser.ts";
import { BOUNDARIES } from "../src/data/areas.ts";
import type { Boundaries } from "../src/data/boundaries.ts";
import { boundariesOf } from "../src/data/boundaries.ts";
import { HEIGHT, WIDTH, draw } from "../src/panels/map/shapes.ts";

/** The size that sites show a preview with: https://ogp.me/ names the properties, each site its size. */
const SIZE = { width: 1200, height: 630 };

const file = readFileSync(`public/${BOUNDARIES.ward}`, "utf8");
const wards = draw(boundariesOf("ward", JSON.parse(file) as Boundaries));
/** The classes of the map's colours, in an order that means nothing. */
const colours = ["#dce9f3", "#b5d2e7", "#7fb1d5", "#2f79ad", "#0b4a7d"];
const paths = wards.map(
  ({ path }, at) => `<path d="${path}" fill="${colours[(at * 2) % colours.length] ?? ""}"/>`,
);
const html = `<style>
  body { margin: 0; display: grid; grid-template-columns: 380px 1fr; align-items: center; gap: 30px; padding: 0 50px;
         height: 630px; box-sizing: border-box; background: #fff; color: #0b2942; font-family: system-ui, sans-serif }
  h1 { margin: 0 0 20px; font-size: 58px; line-height: 1.05 } p { margin: 0; font-size: 30px; line-height: 1.25 }
</style>
<div><h1>Toronto 311 requests</h1><p>by ward and postal area</p></div>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" stroke="#fff" stroke-width="1.5">${paths.join("")}</svg>`;

const browser = await launch();
try {
  const page = await browser.newPage({ viewport: SIZE });
  await page.setContent(html);
  await page.screenshot({ path: "public/card.png" });
} finally {
  await browser.close();
}
