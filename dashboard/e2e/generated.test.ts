import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

import type { BrowserContextOptions } from "playwright-core";
import { expect, test } from "vitest";

import { violations } from "./axe.ts";
import type { Visitor } from "./browser.ts";
import { withSite } from "./set_up.ts";
import type { Catalog } from "./site.ts";
import { cityCatalog, generatedCatalog, json, readCatalog } from "./site.ts";

// Generated data cannot be mistaken for the City's.

const NOTICE = "Generated data: not the City of Toronto's, not real requests";
const LICENCE = /Open Government Licence|Contains information licensed|open-data-license/;
const BANNER = "aside.generated";

const site = withSite();

/** Opens the page with another catalog, runs `visit`, and expects no complaints. */
async function visiting(
  catalog: Catalog,
  visit: (visitor: Visitor) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const visitor = await site.visit(options);
  await visitor.page.route("**/files.json", (route) => route.fulfill(json(catalog)));
  await visit(visitor);
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
}

test("the site's own catalog has a banner only if it is generated", async () => {
  const catalog = readCatalog();
  await visiting(catalog, async (visitor) => {
    await visitor.view();
    expect(await visitor.page.locator(BANNER).count()).toBe(catalog.generated ? 1 : 0);
  });
});

const SCREENS: [name: string, address: string, options: BrowserContextOptions][] = [
  ["light", "", {}],
  ["dark", "", { colorScheme: "dark" }],
  ["phone", "?area=3", { viewport: { width: 390, height: 844 }, hasTouch: true, deviceScaleFactor: 2 }],
  ["narrow and dark", "", { viewport: { width: 320, height: 480 }, colorScheme: "dark" }],
  ["forced colours", "", { forcedColors: "active" }],
  ["embedded", "?embed=map", {}],
  ["embedded on a phone", "?embed=all", { viewport: { width: 320, height: 640 } }],
];
test.for(SCREENS)(
  "generated data are marked at every scroll position: %s",
  async ([name, address, options]) => {
    await visiting(
      generatedCatalog(),
      async (visitor) => {
        await visitor.view(address);
        const { page } = visitor;
        const banner = page.locator(BANNER);
        expect(await banner.innerText()).toBe(NOTICE);
        expect(await violations(page)).toEqual([]);
        for (const part of [0, 0.3, 1]) {
          await page.evaluate((part) => {
            scrollTo(0, part * document.documentElement.scrollHeight);
          }, part);
          const box = await banner.boundingBox();
          expect(box?.y).toBe(0);
          expect(box?.height).toBeLessThan(70);
          // Nothing covers it: it is the element at its own position.
          const found = await page.evaluate(
            ([x, y]) => document.elementFromPoint(x ?? 0, y ?? 0)?.closest("aside")?.className,
            [(box?.width ?? 0) / 2, (box?.height ?? 0) / 2],
          );
          expect(found).toBe("generated");
        }
        await page.screenshot({ path: `e2e/artifacts/generated-${name.replaceAll(" ", "-")}.png` });
        expect(await page.title()).toMatch(/^Generated sample: /);
      },
      options,
    );
  },
);

test("the banner covers nothing at the top, and nothing closes it", async () => {
  await visiting(generatedCatalog(), async (visitor) => {
    await visitor.view();
    const { page } = visitor;
    const bottom = async () => {
      const box = await page.locator(BANNER).boundingBox();
      return (box?.y ?? NaN) + (box?.height ?? NaN);
    };
    const header = await page.locator("header").boundingBox();
    expect(header?.y).toBeGreaterThanOrEqual(await bottom());
    expect(await page.locator(`${BANNER} :is(a, button, input, summary, [tabindex])`).count()).toBe(0);
    // The first stop of Tab is fully visible below the banner.
    await page.keyboard.press("Tab");
    const skip = await page.locator(".skip").boundingBox();
    expect(skip?.y).toBeGreaterThanOrEqual(await bottom());
    await page.keyboard.press("Escape");
    await page.locator(BANNER).click();
    await page.reload();
    await visitor.settled();
    expect(await page.locator(BANNER).isVisible()).toBe(true);
    await page.getByRole("button", { name: "Dark theme" }).click();
    expect(await page.locator(BANNER).isVisible()).toBe(true);
  });
});

test.for([1440, 320])(
  "the element with the focus is not behind the banner, %i pixels wide",
  async (width) => {
    await visiting(
      generatedCatalog(),
      async (visitor) => {
        await visitor.view();
        const { page } = visitor;
        const behind = () =>
          page.evaluate((banner) => {
            const covered = document.querySelector(banner)?.getBoundingClientRect().bottom ?? NaN;
            const { activeElement: element } = document;
            const { top } = element?.getBoundingClientRect() ?? { top: NaN };
            return !element || element === document.body || top >= covered
              ? []
              : [
                  `${element.outerHTML.slice(0, 80)} ${top} ${element.getBoundingClientRect().bottom} ${covered}`,
                ];
          }, BANNER);
        await page.evaluate(() => {
          scrollTo(0, document.documentElement.scrollHeight);
        });
        await page.locator("#statuses button").last().focus();
        for (let stop = 0; stop < 60; stop++) {
          await page.keyboard.press("Shift+Tab");
          expect(await behind()).toEqual([]);
        }
      },
      { viewport: { width, height: 600 } },
    );
  },
);

test("generated data never have the City's words", async () => {
  // A catalog that contradicts itself has no licence either.
  const { licence, attribution } = cityCatalog();
  for (const catalog of [generatedCatalog(), { ...generatedCatalog(), licence, attribution }]) {
    await visiting(catalog, async (visitor) => {
      await visitor.view();
      const { page } = visitor;
      expect(await page.locator("footer").innerText()).toContain(NOTICE);
      expect(await page.content()).not.toMatch(LICENCE);
      expect(await page.locator("main").innerText()).not.toMatch(
        /The City publish|every row of the City's files/,
      );
      expect(await visitor.text(".as-of")).toMatch(/^Generated data to \w+ \d+, \d{4}$/);
      expect(await visitor.text("#about")).toContain("They say nothing about Toronto.");
    });
  }
});

test("downloads of generated data are marked", async () => {
  await visiting(generatedCatalog(), async (visitor) => {
    await visitor.view("?group=Trees&area=4");
    const { page } = visitor;
    const csv = await visitor.download("This table of areas (CSV)");
    expect(csv.name).toBe("generated-toronto-311_trees_wards_2025.csv");
    const [header, ...rows] = csv.bytes.toString().trim().split("\r\n");
    expect(header).toMatch(/^data,rank,ward,name,requests,/);
    expect(rows).toHaveLength(25);
    for (const row of rows) expect(row).toMatch(/^generated sample,\d+,/);

    const svg = await visitor.download("Map (SVG)");
    expect(svg.name).toBe("generated-toronto-311_trees_wards-map_2025.svg");
    const drawing = svg.bytes.toString();
    // At the top and at the bottom.
    expect(drawing.split(NOTICE)).toHaveLength(3);
    expect(drawing).not.toMatch(LICENCE);

    const png = await visitor.download("Map (PNG)");
    expect(png.name).toBe("generated-toronto-311_trees_wards-map_2025.png");
    const corners = await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const picture = await createImageBitmap(new Blob([bytes]));
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const paper = canvas.getContext("2d", { willReadFrequently: true });
      paper?.drawImage(picture, 0, 0);
      return [4, picture.width - 4].map((x) => [...(paper?.getImageData(x, 4, 1, 1).data ?? [])]);
    }, png.bytes.toString("base64"));
    expect(corners).toEqual([
      [255, 212, 59, 255],
      [255, 212, 59, 255],
    ]);

    await page.getByRole("button", { name: "Embed" }).click();
    expect(await page.getByLabel("Copy this code into your page:").inputValue()).toContain(
      'title="Generated sample: Parkdale-High Park made ',
    );
  });
});

/** Counts the pages of a PDF by Chromium, and its streams that paint in the colour of the banner. */
function pagesOf(pdf: Buffer): { pages: number; painted: number } {
  const words = pdf.toString("latin1");
  let painted = 0;
  for (const { index, 0: start } of words.matchAll(/stream\r?\n/g)) {
    if (words.slice(index - 3, index) === "end") continue;
    const from = index + start.length;
    const stream = pdf.subarray(from, words.indexOf("endstream", from));
    try {
      if (/\b1 \.831\d* \.231\d* rg\b/.test(inflateSync(stream).toString("latin1"))) painted += 1;
    } catch {
      // It is not compressed: a font, or the like.
    }
  }
  return { pages: words.match(/\/Type\s*\/Page\b/g)?.length ?? 0, painted };
}

test.for(["", "?embed=all&by=fsa"])("every printed page has the banner: %s", async (address) => {
  await visiting(generatedCatalog(), async (visitor) => {
    await visitor.view(address);
    const pdf = await visitor.page.pdf({
      path: `e2e/artifacts/generated${address.slice(1, 6)}.pdf`,
      format: "Letter",
    });
    const { pages, painted } = pagesOf(pdf);
    expect(pages).toBeGreaterThan(1);
    expect(painted).toBe(pages);
  });
});

test("the City's data have no banner, and its attribution", async () => {
  const code = "https://code.test/owner/311";
  for (const catalog of [cityCatalog(), { ...cityCatalog(), generated: false, source_code: code }]) {
    await visiting(catalog, async (visitor) => {
      await visitor.view();
      const { page } = visitor;
      const links = await page
        .getByRole("link", { name: "Source code" })
        .evaluateAll((found) => found.map((link) => link.getAttribute("href")));
      expect(links).toEqual(catalog.source_code ? [code] : []);
      expect(await page.locator("body").innerText()).not.toMatch(/generated/i);
      expect(await page.title()).toBe("All requests · Toronto 311");
      expect(await page.locator("footer").innerText()).toContain(catalog.attribution);
      expect(await visitor.text(".as-of")).toMatch(/^Data to .+ · City file updated .+/);
      const addressOf = (name: string) => page.getByRole("link", { name }).first().getAttribute("href");
      expect(await addressOf("The City's dataset")).toMatch(/^https:\/\/open\.toronto\.ca\/dataset\//);
      expect(await addressOf("Report a problem to 311")).toBe("https://www.toronto.ca/311");
      expect(await page.locator("footer").innerText()).toContain("not made by the City of Toronto");
      expect(await visitor.text("#about")).toContain("same first three characters");
      const csv = await visitor.download("This table of areas (CSV)");
      expect(csv.name).toBe("toronto-311_wards_2025.csv");
      const [, row] = csv.bytes.toString().split("\r\n");
      expect(row).toMatch(/^Contains information licensed under the Open Government Licence - Toronto\.,1,/);
      const drawing = (await visitor.download("Map (SVG)")).bytes.toString();
      expect(drawing).toContain(catalog.attribution);
      expect(drawing).not.toContain("Generated");
      expect(pagesOf(await page.pdf({ format: "Letter" })).painted).toBe(0);
    });
  }
});

test("before the catalog is read, the page does not mention the City's data", () => {
  const html = readFileSync(new URL("../index.html", import.meta.url), "utf8");
  expect(html).not.toMatch(LICENCE);
  expect(html).not.toMatch(/report to the City/);
  expect(html).toContain("<title>Toronto 311</title>");
  const shown = html.replace(/<!--[\s\S]*?-->/g, "");
  for (const card of ["og:title", "og:description", "twitter:card"]) expect(shown).toContain(`"${card}"`);
  // dbt-runner publishes these where the site's address is known.
  const [, published = ""] = /<!-- published: address\n([\s\S]*?)-->/.exec(html) ?? [];
  const [, image = ""] = /"og:image" content="\{address\}([^"]+)"/.exec(published) ?? [];
  const picture = readFileSync(new URL(`../public/${image}`, import.meta.url));
  expect(picture.subarray(1, 4).toString()).toBe("PNG");
});
