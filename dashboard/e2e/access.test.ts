import type { BrowserContextOptions, Page } from "playwright-core";
import { expect, test } from "vitest";

import { violations } from "./axe.ts";
import { query } from "./duckdb.ts";
import { withSite } from "./set_up.ts";
import { table } from "./site.ts";

// Accessibility: WCAG 2.2 AA as far as axe-core can check, in light and dark, on large and small screens.

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, deviceScaleFactor: 2 };

const site = withSite();

const SCREENS: [name: string, address: string, options: BrowserContextOptions][] = [
  ["light", "", {}],
  ["dark", "", { colorScheme: "dark" }],
  ["phone", "", PHONE],
  ["phone-dark", "?by=fsa&area=M5V", { ...PHONE, colorScheme: "dark" }],
  ["compare", "?group=Snow+and+ice&measure=share&area=13&area=3", {}],
  ["change-dark", "?measure=change&series=day", { colorScheme: "dark" }],
  ["postal-areas", "?by=fsa&years=2024-2025&measure=count", {}],
  ["old-wards", "?years=2018", {}],
  ["embedded", "?embed=map", {}],
  ["embedded-dark", "?embed=all&theme=dark", {}],
  ["empty", "?type=Construction+Noise&division=Toronto+Water", {}],
  ["ward", "?area=9", { viewport: { width: 1366, height: 768 } }],
  ["ward-phone", "?area=9&group=Potholes+and+road+damage", PHONE],
  ["tablet", "?area=9", { viewport: { width: 768, height: 1024 } }],
  ["laptop", "", { viewport: { width: 1366, height: 768 } }],
  ["wide", "?group=Trees", { viewport: { width: 1920, height: 1080 } }],
  ["four", "?area=9&area=10&area=11&area=12", {}],
  ["narrow", "?by=fsa&area=M5V&area=M4C&season=fall", { viewport: { width: 320, height: 640 } }],
  ["wall", "", { viewport: { width: 2560, height: 1440 } }],
];

test.for(SCREENS)("%s has no violation, and fits", async ([name, address, options]) => {
  const visitor = await site.visit(options);
  await visitor.view(address);
  await visitor.picture(name);
  expect(await violations(visitor.page)).toEqual([]);
  expect(
    await visitor.page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
  ).toBeLessThanOrEqual(0);
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});

test("the open search has no violation", async () => {
  const visitor = await site.visit();
  await visitor.view();
  await visitor.page.getByRole("combobox", { name: "What" }).fill("tree");
  await visitor.picture("search");
  expect(await violations(visitor.page)).toEqual([]);
  await visitor.page.getByRole("combobox", { name: "What" }).fill("dragon");
  expect(await visitor.text(".combobox:has(#what) .option-none")).toBe(
    "No request type matches “dragon”. Try another word, or browse all types.",
  );
  expect(await violations(visitor.page)).toEqual([]);
  await visitor.close();
});

/** Returns the words that are cut off, or that leave their panel. */
function cutIn(page: Page): Promise<string[]> {
  return page
    .locator("button, label, summary, h2, h3, legend, th, .help, .chip span, .sheet, .popover-panel, input")
    .evaluateAll((found) =>
      found.flatMap((one) => {
        if (!one.checkVisibility() || one.closest(".hidden")) return [];
        const paper = document.createElement("canvas").getContext("2d");
        const { overflowX, font, paddingLeft, paddingRight } = getComputedStyle(one);
        const hint = one instanceof HTMLInputElement ? one.placeholder : "";
        if (paper) paper.font = font;
        const room = one.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
        const words = document.createRange();
        words.selectNodeContents(one);
        const { left, right, width } = words.getBoundingClientRect();
        // What is scrolled to does not leave it.
        const around =
          width === 0 || one.closest(".scroll, .scroll-x, .tabs")
            ? null
            : one.closest(".panel, .popover-panel, .ask, .top");
        const box = around?.getBoundingClientRect();
        const isCut =
          hint === ""
            ? (overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1) ||
              (box !== undefined && (left < box.left - 1 || right > box.right + 1))
            : (paper?.measureText(hint).width ?? 0) > room;
        return isCut ? [hint || one.textContent] : [];
      }),
    );
}

/** Returns the words without brackets, which are not from the catalogue of the language that has them. */
function plainIn(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found: string[] = [];
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const isOfMap = text.parentElement?.closest("#map .label, script, style");
      if (!isOfMap) found.push((text.textContent ?? "").trim());
    }
    for (const one of document.body.querySelectorAll("[aria-label], [title], [placeholder], optgroup"))
      for (const name of ["aria-label", "title", "placeholder", "label"])
        found.push(one.getAttribute(name) ?? "");
    return found.filter((words) => /[a-z]{3}/i.test(words) && !words.includes("["));
  });
}

const LONGER: [name: string, width: number, address: string][] = [
  ["a ward", 1366, "&area=9&group=Trees"],
  ["a ward on a phone", 390, "&area=9&group=Trees"],
  ["the city", 1366, ""],
];
test.for(LONGER)("a longer language fits, and has every word: %s", async ([name, width, address]) => {
  const visitor = await site.visit({ viewport: { width, height: 900 } });
  // English with accents, 40% longer.
  await visitor.view(`?lang=en-XA${address}`);
  const { page } = visitor;
  await visitor.picture(`pseudo-${name.replaceAll(" ", "-")}`);
  // Words that are not from the catalogue are names of the data.
  const names = await query(`
    select type_name from ${table("types_in_use")} union select type_group from ${table("types_in_use")}
    union select definition from ${table("type_groups")} union select status from ${table("statuses")}
    union select definition from ${table("statuses")} union select division from ${table("requests_by_status")}
    union select ward_name from ${table("wards")}`);
  const known = new Set(names.flat());
  const menus = page.locator(".popover > button:visible");
  // The page as it is, and with each of its menus.
  for (let menu = -1; menu < (await menus.count()); menu++) {
    if (menu >= 0) {
      await menus.nth(menu).click();
      await page.locator(".popover-panel:visible > *").first().waitFor();
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    expect(await cutIn(page)).toEqual([]);
    expect((await plainIn(page)).filter((words) => !known.has(words))).toEqual([]);
    if (menu >= 0) await page.keyboard.press("Escape");
  }
  await visitor.close();
});

test("the open menus have no violation", async () => {
  const visitor = await site.visit();
  await visitor.view("?area=9");
  for (const name of ["2025", "More filters", "Share", "Download", "Embed"]) {
    await visitor.page.getByRole("button", { name }).first().click();
    expect(await violations(visitor.page, ".popover:has([aria-expanded=true])"), name).toEqual([]);
    await visitor.page.keyboard.press("Escape");
    expect(await visitor.page.locator(".popover-panel:visible").count()).toBe(0);
  }
  await visitor.close();
});

test("the theme is the system's, also when that changes, until somebody chooses", async () => {
  const visitor = await site.visit({ colorScheme: "dark" });
  await visitor.view();
  const theme = () => visitor.page.evaluate(() => document.documentElement.dataset["theme"]);
  expect(await theme()).toBe("dark");
  await visitor.page.emulateMedia({ colorScheme: "light" });
  await expect.poll(theme).toBe("light");
  await visitor.page.emulateMedia({ colorScheme: "dark" });
  await visitor.page.getByRole("button", { name: "Light theme" }).click();
  await expect.poll(theme).toBe("light");
  await visitor.page.reload();
  await visitor.settled();
  expect(await theme()).toBe("light");
  await visitor.close();
});

test("words of the charts can be read on a phone", async () => {
  const visitor = await site.visit(PHONE);
  await visitor.view("?years=2017-2025");
  const label = visitor.page.locator("#months .tick-label").first();
  await expect.poll(async () => (await label.boundingBox())?.height ?? 0).toBeGreaterThan(10);
  await visitor.close();
});

/** The spacing of WCAG 1.4.12. */
const SPACED = `* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
                p { margin-bottom: 2em !important }`;
const TEXT = [
  ["spaced on a screen", 1440, SPACED],
  ["spaced on a phone", 360, SPACED],
  ["twice as large", 1440, "html { font-size: 200% !important }"],
] as const;
test.for(TEXT)("text that is %s is not cut off", async ([name, width, content]) => {
  // A reader's own style sheet is not subject to the page's policy.
  const visitor = await site.visit({ viewport: { width, height: 900 }, bypassCSP: true });
  await visitor.view("?area=3&area=13&group=Trees");
  const { page } = visitor;
  await page.addStyleTag({ content });
  await visitor.picture(`text-${name.replaceAll(" ", "-")}`);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  const clipped = await page.locator("th, td, button, p, li").evaluateAll((found) =>
    found.flatMap((one) => {
      const { overflowX } = getComputedStyle(one);
      return overflowX === "hidden" && one.scrollWidth > one.clientWidth ? [one.textContent] : [];
    }),
  );
  expect(clipped).toEqual([]);
  await visitor.close();
});

test("on a wall the page is larger, and uses the width", async () => {
  const visitor = await site.visit({ viewport: { width: 2560, height: 1440 } });
  await visitor.view();
  const { width } = (await visitor.page.locator("main").boundingBox()) ?? { width: 0 };
  expect(width).toBeGreaterThan(2000);
  const size = await visitor.page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
  expect(size).toBeGreaterThan(18);
  await visitor.close();
});

test.for([390, 1366, 1920, 2560])("what is at the left edge is aligned, %i pixels wide", async (width) => {
  const visitor = await site.visit({ viewport: { width, height: 900 } });
  await visitor.view();
  const edges = await visitor.page
    .locator("h1, .ask > :first-child, .answer h2, #explore > :first-child, footer p")
    .evaluateAll((found) => found.map((one) => Math.round(one.getBoundingClientRect().left)));
  expect(edges.length).toBeGreaterThan(4);
  expect(new Set(edges).size, edges.join(" ")).toBe(1);
  await visitor.close();
});

const MAPS = ["", "?by=fsa", "?by=fsa&measure=change", "?measure=change"];
test.for(MAPS)("labels of the map do not overlap: %s", async (view) => {
  const visitor = await site.visit({ viewport: { width: 1366, height: 768 } });
  await visitor.view(view);
  const overlapping = await visitor.page.locator("#map .label").evaluateAll((labels) => {
    const boxes = labels.flatMap((label) =>
      [...label.children].map((line) => ({
        words: label.textContent,
        label,
        box: line.getBoundingClientRect(),
      })),
    );
    // A line is higher than its letters.
    return boxes.flatMap((one, at) =>
      boxes
        .slice(at + 1)
        .filter(
          (other) =>
            other.label !== one.label &&
            Math.min(one.box.right, other.box.right) > Math.max(one.box.left, other.box.left) &&
            Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top) > 4,
        )
        .map((other) => `${one.words} and ${other.words}`),
    );
  });
  expect(overlapping).toEqual([]);
  await visitor.close();
});

const TABS = ["homes", "count", "people", "density", "share", "change"];
/** Widths of screens, and how long the longest bar is at least. */
const BARS: [width: number, bar: number][] = [
  [1024, 30],
  [1280, 50],
  [1366, 90],
  [1920, 55],
];
test.for(TABS.flatMap((measure) => BARS.map(([width, bar]) => [measure, width, bar] as const)))(
  "the table of the ranking has room for its words and bars: %s, %i pixels wide",
  async ([measure, width, least]) => {
    const visitor = await site.visit({ viewport: { width, height: 768 } });
    for (const sort of ["measure", "requests", "change"]) {
      await visitor.view(`?group=Trees&measure=${measure}&sort=${sort}`);
      const boxes = await visitor.page.locator("#ranking :is(thead, tbody) tr").evaluateAll((rows) =>
        rows.map((row) =>
          [...row.querySelectorAll("th:not(.rank), td.number:not(.rank)")].flatMap((cell) => {
            if (!cell.checkVisibility()) return [];
            const words = document.createRange();
            words.selectNodeContents(cell);
            const { left, right } = words.getBoundingClientRect();
            return [{ words: cell.textContent, left, right }];
          }),
        ),
      );
      const table = await visitor.page.locator("#ranking table").boundingBox();
      const end = (table?.x ?? NaN) + (table?.width ?? NaN);
      for (const row of boxes) {
        for (const [at, { words, left, right }] of row.entries()) {
          expect(left, `${sort}: ${words}`).toBeGreaterThanOrEqual(row[at - 1]?.right ?? 0);
          expect(right, `${sort}: ${words}`).toBeLessThanOrEqual(end);
        }
      }
    }
    // Long enough to compare.
    const bar = await visitor.page.locator("#ranking tbody td.bar-cell").first().boundingBox();
    expect(bar?.width).toBeGreaterThan(least);
    await visitor.close();
  },
);

test.for([320, 360, 390, 1366])("names in the ranking do not cover its figures: %i", async (width) => {
  const visitor = await site.visit({ viewport: { width, height: 768 } });
  await visitor.view();
  const covered = await visitor.page.locator("#ranking tbody tr").evaluateAll((rows) =>
    rows.flatMap((row) => {
      const boxOf = (selector: string) => {
        const words = document.createRange();
        words.selectNodeContents(row.querySelector(selector) ?? row);
        return words.getBoundingClientRect();
      };
      return boxOf(".name button").right > boxOf(".rate").left ? [row.textContent] : [];
    }),
  );
  expect(covered).toEqual([]);
  await visitor.close();
});

test("the names of postal areas do not overlap in the heat map", async () => {
  const visitor = await site.visit();
  await visitor.view("?by=fsa");
  const boxes = await visitor.page.locator("#heat thead button").evaluateAll((names) =>
    names.map((name) => {
      const { left, right } = name.getBoundingClientRect();
      return { left, right };
    }),
  );
  expect(boxes.length).toBe(96);
  for (const [at, { left }] of boxes.entries()) {
    expect(left).toBeGreaterThanOrEqual((boxes[at - 1]?.right ?? 0) - 0.5);
  }
  await visitor.close();
});

test("an embedded page is light, unless its address says otherwise", async () => {
  const visitor = await site.visit({ colorScheme: "dark" });
  const theme = () => visitor.page.evaluate(() => document.documentElement.dataset["theme"]);
  for (const [address, expected] of [
    ["?embed=map", "light"],
    ["?embed=map&theme=dark", "dark"],
    ["?embed=map&theme=auto", "dark"],
  ] as const) {
    await visitor.view(address);
    expect(await theme(), address).toBe(expected);
  }
  await visitor.page.emulateMedia({ media: "print" });
  expect(await visitor.page.evaluate(() => getComputedStyle(document.body).color)).toBe("rgb(23, 32, 42)");
  await visitor.close();
});

/** The contrast of two colours, as WCAG 2.2 defines it. */
function contrast(one: string, other: string): number {
  const [lighter, darker] = [one, other].map(luminance).sort((a, b) => b - a) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** The relative luminance of an opaque colour as browsers compute it: `rgb(12, 34, 56)`. */
function luminance(colour: string): number {
  const channels = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour);
  if (!channels) throw new Error(`no opaque colour: ${colour}`);
  const [red, green, blue] = channels.slice(1).map((channel) => {
    const share = Number(channel) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The elements that a graphic cannot be understood without, and the property with their colour. */
const GRAPHICS: [selector: string, property: string][] = [
  ["#map .coast", "stroke"],
  ["#map .outline", "stroke"],
  ["#heat .legend .swatch", "border-top-color"],
  ["#months .line", "stroke"],
  [".legend .stroke", "background-color"],
  ["#statuses .stack span", "background-color"],
  ["#statuses .swatch", "background-color"],
  ["#categories .point", "background-color"],
];

test.for(["light", "dark"] as const)("graphics have enough contrast, %s", async (colorScheme) => {
  const visitor = await site.visit({ colorScheme });
  await visitor.view("?area=3&area=13");
  for (const [selector, property] of GRAPHICS) {
    const found = await visitor.page.locator(selector).evaluateAll(
      (elements, property) =>
        elements.map((element) => ({
          of: element.getAttribute("class") ?? element.tagName,
          colour: getComputedStyle(element).getPropertyValue(property),
          behind: getComputedStyle(element.closest(".panel") ?? document.body).backgroundColor,
        })),
      property,
    );
    expect(found.length).toBeGreaterThan(0);
    const tooFaint = found.filter(({ colour, behind }) => contrast(colour, behind) < 3);
    expect(tooFaint, `${selector} ${property}`).toEqual([]);
  }
  // Pins stand out from dark areas too: by a casing in the colour of the panel.
  const casings = await visitor.page
    .locator("#map .casing:has(+ .outline)")
    .evaluateAll((paths) =>
      paths.map((path) => [
        getComputedStyle(path).stroke,
        getComputedStyle(path.closest(".panel") ?? document.body).backgroundColor,
      ]),
    );
  expect(casings).toHaveLength(2);
  for (const [casing, panel] of casings) expect(casing).toBe(panel);
  // The label of an area can be read on its colour.
  const labels = await visitor.page.locator("#map .label").evaluateAll((found) =>
    found.map((label) => {
      const [, fill = ""] = /on-(fill-[a-z]+-?\d?)/.exec(label.getAttribute("class") ?? "") ?? [];
      const area = document.querySelector(`#map .area.${fill}`);
      return { label: getComputedStyle(label).fill, area: area ? getComputedStyle(area).fill : "" };
    }),
  );
  expect(labels.length).toBeGreaterThan(20);
  for (const { label, area } of labels) expect(contrast(label, area)).toBeGreaterThanOrEqual(4.5);
  await visitor.close();
});

test("nothing moves for those who prefer that", async () => {
  const durations = async (reducedMotion: "reduce" | "no-preference") => {
    const visitor = await site.visit({ reducedMotion });
    await visitor.view();
    const found = await visitor.page
      .locator("#map .area")
      .evaluateAll((areas) => areas.map((area) => getComputedStyle(area).transitionDuration));
    await visitor.close();
    return new Set(found);
  };
  expect(await durations("reduce")).toEqual(new Set(["0s"]));
  expect(await durations("no-preference")).not.toContain("0s");
});

test("a window that becomes narrow shows the whole page", async () => {
  const visitor = await site.visit({ viewport: { width: 1366, height: 768 } });
  await visitor.view("?area=9");
  const { page } = visitor;
  for (const width of [1366, 1000, 720, 360]) {
    await page.setViewportSize({ width, height: 768 });
    await visitor.settled();
    const tooWide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await expect.poll(tooWide, { message: `${width}` }).toBeLessThanOrEqual(0);
    // The panel of the area stays open, beside the map or over it.
    expect(await visitor.text(".area-panel h2")).toBe("Davenport (Ward 9)");
    const map = await page.locator("#map").boundingBox();
    expect((map?.x ?? NaN) + (map?.width ?? NaN)).toBeLessThanOrEqual(width);
  }
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});

test("colours with a meaning stay when the system forces colours", async () => {
  const visitor = await site.visit({ forcedColors: "active" });
  await visitor.view();
  for (const selector of ["#heat td", ".map-panel .swatch", "#statuses .stack span"]) {
    const colours = await visitor.page
      .locator(selector)
      .evaluateAll((found) => new Set(found.map((one) => getComputedStyle(one).backgroundColor)).size);
    expect(colours, selector).toBeGreaterThan(2);
  }
  // The active option has an outline, because the system removes its background.
  await visitor.page.getByRole("combobox", { name: "What" }).fill("tree");
  const { outlineStyle, outlineColor } = await visitor.page
    .locator(".combobox [aria-selected=true]")
    .evaluate((option) => {
      const { outlineStyle, outlineColor } = getComputedStyle(option);
      return { outlineStyle, outlineColor };
    });
  expect(outlineStyle).toBe("solid");
  expect(outlineColor).toMatch(/^rgb\(/);
  await visitor.close();
});
