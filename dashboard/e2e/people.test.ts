import { afterEach, beforeEach, expect, test } from "vitest";

import type { Visitor } from "./browser.ts";
import { query, valueOf } from "./duckdb.ts";
import { withSite } from "./set_up.ts";
import { table } from "./site.ts";

// The page as a person uses it.

const site = withSite();
let visitor: Visitor;

beforeEach(async () => {
  visitor = await site.visit({ permissions: ["clipboard-read", "clipboard-write"] });
});
afterEach(async () => {
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});

const headline = () => visitor.number("[data-figure=requests].figure");

test("a type is found by its former name, chosen, and undone by the browser's back button", async () => {
  await visitor.view();
  const all = await headline();
  const { page } = visitor;
  await page.getByRole("combobox", { name: "Request type" }).fill("cadaver wild");
  const option = page.getByRole("option").first();
  expect(await option.innerText()).toMatch(/Pick up Dead Wildlife[\s\S]*formerly Cadaver - Wildlife/);
  await option.click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("type")).toEqual(["Pick up Dead Wildlife"]);
  const chosen = await headline();
  expect(chosen).toBe(
    await valueOf(`select sum(requests) from ${table("requests_by_ward")}
      where source_year = 2025 and type_name = 'Pick up Dead Wildlife'`),
  );
  expect(await page.title()).toMatch(/^(Generated sample: )?Pick up Dead Wildlife · Toronto 311$/);
  await page.goBack();
  await visitor.settled();
  expect(await headline()).toBe(all);
  expect(await page.title()).toMatch(/^(Generated sample: )?All requests · Toronto 311$/);
  await page.goForward();
  await visitor.settled();
  expect(await headline()).toBe(chosen);
  await page.getByRole("button", { name: "Remove Pick up Dead Wildlife" }).click();
  await visitor.settled();
  expect(await headline()).toBe(all);
});

test("the search counts its matches, and shows the active option", async () => {
  await visitor.view();
  const { page } = visitor;
  const search = page.getByRole("combobox", { name: "Request type" });
  const [row] = await query(`
    select count(distinct type_name) + count(distinct type_group) from ${table("types_in_use")}`);
  await search.click();
  const counted = async () => parseInt(await visitor.text(".combobox [role=status]"));
  expect(await counted()).toBeGreaterThanOrEqual(Number(row?.[0]));
  const isActiveVisible = () =>
    page.evaluate(() => {
      const list = document.querySelector(".combobox [role=listbox]")?.getBoundingClientRect();
      const option = document.querySelector(".combobox [aria-selected=true]")?.getBoundingClientRect();
      return !!list && !!option && option.top >= list.top - 1 && option.bottom <= list.bottom + 1;
    });
  await search.press("Escape");
  await search.press("ArrowUp");
  expect(await isActiveVisible()).toBe(true);
  await search.press("s");
  expect(await isActiveVisible()).toBe(true);
});

test("filters narrow all sections, and can be cleared", async () => {
  await visitor.view();
  const { page } = visitor;
  const all = await headline();
  await page.locator("#from").selectOption("2024");
  await page.locator("#season").selectOption("summer");
  await page.locator("#status").selectOption("Cancelled");
  await page.locator("#division").selectOption("Toronto Water");
  await visitor.settled();
  const expected = await valueOf(`select sum(requests) from ${table("requests_by_month_group_ward")}
    where source_year >= 2024 and month(created_month) between 6 and 8 and status = 'Cancelled'
      and division = 'Toronto Water'`);
  expect(await headline()).toBe(expected);
  // The list of each filter shows the choice with its figure, and what else could be chosen.
  expect(await page.locator("#statuses tr").count()).toBeGreaterThan(1);
  for (const row of ["#statuses tr", "#divisions tr"]) {
    const chosen = page.locator(row).filter({ has: page.locator("[aria-pressed=true]") });
    expect(await chosen.count()).toBe(1);
    expect(Number((await chosen.locator("td").first().innerText()).replaceAll(",", ""))).toBe(expected);
  }
  await page.locator("#seasons").getByRole("button", { name: "Summer", pressed: true }).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await visitor.settled();
  expect(await headline()).toBe(all);
  expect(new URL(page.url()).search).toBe("");
});

test("the map describes the area under the pointer, and pins two areas to compare", async () => {
  await visitor.view();
  const { page } = visitor;
  await page.locator('#map [data-area="3"]').hover();
  expect(await visitor.text(".tooltip")).toContain("Etobicoke-Lakeshore (3)");
  await page.locator('#map [data-area="3"]').click();
  await page.locator('#ranking [data-area="13"] th button').click();
  await visitor.settled();
  const search = new URL(page.url()).searchParams;
  expect(search.getAll("area")).toEqual(["3", "13"]);
  const cells = await page.locator("#compare tbody tr").first().locator("td").allInnerTexts();
  const expected = await query(`
    select sum(requests) filter (ward_id = 3 and ward_model = 25),
           sum(requests) filter (ward_id = 13 and ward_model = 25), sum(requests)
    from ${table("requests_by_month_type_ward")} where source_year = 2025`);
  expect(cells.map((text) => Number(text.replaceAll(",", "")))).toEqual(expected[0]);
  expect(await page.locator("#months .line.second").count()).toBe(1);
  // The name does not change when it is pressed: "Unpin, pressed" would contradict itself.
  const pin = page.getByRole("button", { name: "Select Toronto Centre (13)", exact: true, pressed: true });
  expect(await pin.count()).toBe(1);
  await page.locator('#map [data-area="3"]').click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["13"]);
});

test("the map is one stop of Tab", async () => {
  await visitor.view("?by=fsa");
  const { page } = visitor;
  const stop = page.locator('#map [tabindex="0"]');
  expect(await stop.count()).toBe(1);
  await stop.focus();
  await page.keyboard.press("ArrowRight");
  const reached = await visitor.focused();
  expect(await stop.getAttribute("aria-label")).toBe(reached);
  await page.keyboard.press("Tab");
  expect(await visitor.focused()).toBe("Zoom in");
  await page.keyboard.press("Shift+Tab");
  expect(await visitor.focused()).toBe(reached);
});

test("a finger moves the map once it is enlarged, and before that the page", async () => {
  const phone = await site.visit({
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  await phone.view();
  const { page } = phone;
  const fingers = await page.context().newCDPSession(page);
  /** Swipes the map upwards, and returns what moved. */
  const stroke = async () => {
    const map = page.locator("#map");
    await map.evaluate((svg) => {
      svg.scrollIntoView({ block: "center" });
    });
    const state = async () => ({
      page: await page.evaluate(() => scrollY),
      map: await page.locator("#map > g").getAttribute("transform"),
    });
    const before = await state();
    const { x, y, width, height } = (await map.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const point = (up: number) => [{ x: x + width / 2, y: y + height / 2 - up }];
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", touchPoints: { x: number; y: number }[]) =>
      fingers.send("Input.dispatchTouchEvent", { type, touchPoints });
    await touch("touchStart", point(0));
    for (let up = 8; up <= 80; up += 8) {
      await touch("touchMove", point(up));
      // A frame, as a finger takes.
      await page.waitForTimeout(16);
    }
    await touch("touchEnd", []);
    const after = await state();
    return { page: after.page !== before.page, map: after.map !== before.map };
  };
  expect(await stroke()).toEqual({ page: true, map: false });
  await page.getByRole("button", { name: "Zoom in" }).tap();
  await page.getByRole("button", { name: "Reset map" }).waitFor();
  expect(await stroke()).toEqual({ page: false, map: true });
  await phone.close();
});

test("the map zooms by button and wheel, and comes back", async () => {
  await visitor.view();
  const { page } = visitor;
  const transform = async () => (await page.locator("#map > g").getAttribute("transform")) ?? "";
  await page.getByRole("button", { name: "Zoom in" }).click();
  expect(await transform()).toMatch(/scale\(1\.6\)/);
  await page.locator("#map").hover();
  const enlarged = await transform();
  const box = await page.locator("#map").boundingBox();
  await page.mouse.down();
  await page.mouse.move((box?.x ?? 0) + 100, (box?.y ?? 0) + 100, { steps: 3 });
  await page.mouse.up();
  expect(await transform()).toMatch(/scale\(1\.6\)/);
  expect(await transform()).not.toBe(enlarged);
  await page.getByRole("button", { name: "Reset map" }).click();
  expect(await transform()).toBe("translate(0,0) scale(1)");
  await page.locator("#map").hover();
  await page.mouse.wheel(0, -200);
  expect(await transform()).toBe("translate(0,0) scale(1)");
  await page.locator("#map").hover();
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -200);
  await page.keyboard.up("Control");
  await expect.poll(transform).not.toBe("translate(0,0) scale(1)");
  await page.getByRole("button", { name: "Reset map" }).click();
  expect(await transform()).toBe("translate(0,0) scale(1)");
});

test("measures and classes colour the map and order the ranking", async () => {
  await visitor.view();
  const { page } = visitor;
  const share = page.getByRole("button", { name: "Share of the area's requests" });
  expect(await share.isDisabled()).toBe(true);
  const colours = () =>
    page
      .locator("#map path")
      .evaluateAll((paths) => new Set(paths.map((path) => getComputedStyle(path).fill)).size);
  for (const [name, column] of [
    ["Requests", "Rank"],
    ["Change from 2024", "Change"],
    ["Per km²", "Per km²"],
  ] as const) {
    await page.locator(".map-panel").getByRole("button", { name, exact: true }).click();
    await visitor.settled();
    expect(await page.locator("#ranking th[aria-sort]").innerText()).toContain(column);
    expect(await colours()).toBeGreaterThan(1);
  }
  // Equal counts: 25 wards in five classes.
  for (const shade of [0, 1, 2, 3, 4])
    expect(await page.locator(`#map .area.fill-class-${shade}`).count()).toBe(5);
  const before = await page.locator(".legend").first().innerText();
  await page.getByLabel("Colour scale").selectOption("ckmeans");
  await visitor.settled();
  expect(await page.locator(".legend").first().innerText()).not.toBe(before);
  const densest = await query(`
    select cast(ward_id as varchar) from ${table("requests_by_ward")}
    where source_year = 2025 and ward_model = 25 group by 1 order by sum(requests) desc`);
  await page.locator("#ranking thead button", { hasText: "Requests" }).click();
  await visitor.settled();
  expect(await page.locator("#ranking tbody tr").first().getAttribute("data-area")).toBe(densest[0]?.[0]);
  await page.locator("#ranking thead button", { hasText: "Requests" }).click();
  await visitor.settled();
  expect(await page.locator("#ranking tbody tr").last().getAttribute("data-area")).toBe(densest[0]?.[0]);
  await page.locator("#ranking thead button", { hasText: "Share" }).click();
  await visitor.settled();
  expect(await page.locator("#ranking th[aria-sort=descending]").innerText()).toContain("Share");
  expect(await page.locator("#ranking tbody tr").first().getAttribute("data-area")).toBe(densest[0]?.[0]);
});

test("the keyboard alone finds, filters, pins, sorts and reads", async () => {
  await visitor.view();
  const { page } = visitor;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the ranking");
  const tabUntil = async (reached: () => Promise<boolean>) => {
    for (let step = 0; step < 60; step++) {
      if (await reached()) return;
      await page.keyboard.press("Tab");
    }
    throw new Error("the keyboard does not reach it");
  };
  await tabUntil(() => page.evaluate(() => document.activeElement?.id === "search"));
  await page.keyboard.type("snow");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await visitor.settled();
  expect(new URL(page.url()).searchParams.get("group")).toBe("Snow and ice");

  await tabUntil(() => page.evaluate(() => document.activeElement?.matches("#map path") ?? false));
  const first = await focused();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  const reached = await focused();
  expect(reached).not.toBe(first);
  expect(reached).toMatch(/^.+ \(\d+\): [\d.,]+, rank \d+, [\d,]+ requests$/);
  expect(await visitor.text(".tooltip")).toContain(reached.split(":")[0]);
  await page.keyboard.press("+");
  await page.getByRole("button", { name: "Reset map" }).waitFor();
  await page.keyboard.press("0");
  await page.getByRole("button", { name: "Reset map" }).waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toHaveLength(1);
  expect(await focused()).toBe(reached);
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-pressed"))).toBe("true");

  await tabUntil(() =>
    page.evaluate(
      () =>
        document.activeElement?.closest("thead") !== null && document.activeElement?.textContent === "Ward",
    ),
  );
  await page.keyboard.press("Enter");
  await visitor.settled();
  expect(await page.locator("#ranking th[aria-sort=ascending]").innerText()).toContain("Ward");

  await tabUntil(() => page.evaluate(() => document.activeElement?.getAttribute("role") === "slider"));
  await page.keyboard.press("Home");
  const january = await page.evaluate(() => document.activeElement?.getAttribute("aria-valuetext"));
  await page.keyboard.press("ArrowRight");
  const february = await page.evaluate(() => document.activeElement?.getAttribute("aria-valuetext"));
  expect(january).toMatch(/^January 2025: /);
  expect(february).toMatch(/^February 2025: /);
});

test("link, table and pictures have the view of the address", async () => {
  await visitor.view("?group=Trees&measure=share&area=4");
  const { page } = visitor;
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByText("Link copied.").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(page.url());

  const csv = await visitor.download("Table (CSV)");
  expect(csv.name).toMatch(/^(generated-)?toronto-311-ward-2025\.csv$/);
  const [header, ...rows] = csv.bytes.toString().trim().split("\r\n");
  expect(header).toBe(
    "data,rank,ward,name,requests,per_km2,share_of_area,change,what,season,status,division,years",
  );
  const expected = await query(`
    select cast(ward_id as varchar), sum(requests) from ${table("requests_by_ward")}
    where source_year = 2025 and ward_model = 25 and type_group = 'Trees' group by 1`);
  expect(rows.map((row) => [row.split(",")[2], Number(row.split(",")[4])]).sort()).toEqual(expected.sort());

  // 25 wards, and the outline of the one that is pinned, in its casing.
  const svg = await visitor.download("Map (SVG)");
  const drawing = svg.bytes.toString();
  expect(drawing.match(/<path /g)).toHaveLength(27);
  expect(drawing).toContain("Trees, 2025");
  expect(drawing).toMatch(/Open Government Licence|Generated data/);
  expect(drawing).not.toMatch(/class=|style=|<script/);
  const png = await visitor.download("Map (PNG)");
  expect(png.bytes.subarray(1, 4).toString()).toBe("PNG");
  expect(png.bytes.readUInt32BE(16)).toBe(1640);
  expect(png.bytes.length).toBeGreaterThan(20_000);
});

test("the columns of the table describe its filters, and no choice is a formula", async () => {
  await visitor.view("?group=Trees&season=fall&status=open&division=%3Dcmd&years=2024-2025");
  const { bytes } = await visitor.download("Table (CSV)");
  const [, ...rows] = bytes.toString().trim().split("\r\n");
  expect(rows).toHaveLength(25);
  for (const row of rows) expect(row).toMatch(/,Trees,fall,open,'=cmd,2024-2025$/);
});

test("long titles and legends fit into a picture", async () => {
  const types = [
    "Pick up Dead Wildlife",
    "General Tree Maintenance",
    "Road - Pot hole",
    "Garbage Bin Missing",
  ];
  const named = [...types, ...types].map((name, at) => `type=${encodeURIComponent(`${name} ${at}`)}`);
  // Where nothing changed from nothing, areas have no value.
  await visitor.view(`?measure=change&group=Snow+and+ice&season=spring&by=fsa&${named.join("&")}`);
  const { page } = visitor;
  const { bytes } = await visitor.download("Map (SVG)");
  const boxes = await page.evaluate((drawing) => {
    const { documentElement: svg } = new DOMParser().parseFromString(drawing, "image/svg+xml");
    document.body.append(svg);
    return [...svg.querySelectorAll("text")].map((words) => {
      const { x, y, width, height } = words.getBBox();
      return { words: words.textContent, x, y, right: x + width, bottom: y + height };
    });
  }, bytes.toString());
  const svg = page.locator("body > svg");
  const [, , width, height] = ((await svg.getAttribute("viewBox")) ?? "").split(" ").map(Number);
  expect(boxes.map(({ words }) => words).join(" ")).toContain("Garbage Bin Missing 7");
  expect(boxes.map(({ words }) => words)).toContain("no data");
  for (const { x, y, right, bottom } of boxes) {
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(right).toBeLessThanOrEqual(width ?? 0);
    expect(bottom).toBeLessThanOrEqual(height ?? 0);
  }
});

test("a printed page has no controls", async () => {
  await visitor.page.addInitScript(() => {
    window.print = () => {
      document.documentElement.setAttribute("data-printed", "");
    };
  });
  await visitor.view();
  await visitor.page.getByRole("button", { name: "Print" }).click();
  await visitor.page.locator("html[data-printed]").waitFor();
  await visitor.page.emulateMedia({ media: "print" });
  expect(await visitor.page.locator(".filters").isVisible()).toBe(false);
  expect(await visitor.page.locator(".share").isVisible()).toBe(false);
  expect(await visitor.page.locator("#ranking tr").last().isVisible()).toBe(true);
  expect(await visitor.page.getByRole("button", { name: /^Show all/ }).isVisible()).toBe(false);
});

test.for(["?area=3", "?by=fsa"])("a printed page is complete, and nothing covers it: %s", async (address) => {
  const { page } = visitor;
  // Between the margins of a sheet.
  await page.setViewportSize({ width: 740, height: 1000 });
  await visitor.view(address);
  await page.emulateMedia({ media: "print" });
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  const overflowing = await page.locator(".panel").evaluateAll((panels) =>
    panels.flatMap((panel) => {
      const { right, bottom } = panel.getBoundingClientRect();
      const inside = [...panel.querySelectorAll("table")].map((table) => table.getBoundingClientRect());
      return inside.some((table) => table.bottom > bottom || table.right > right)
        ? [panel.getAttribute("aria-labelledby")]
        : [];
    }),
  );
  expect(overflowing).toEqual([]);
});

test("an embedded view has no controls, and links to the full page", async () => {
  await visitor.view("?group=Noise&embed=1");
  const { page } = visitor;
  expect(await page.locator("header, .filters, .share, #quality").count()).toBe(0);
  expect(await page.locator("footer").innerText()).toMatch(/Open Government Licence|Generated data/);
  const link = page.getByRole("link", { name: "Open the full dashboard" });
  expect(await link.getAttribute("href")).toBe("/?group=Noise");
  await visitor.view("?group=Noise");
  await page.getByRole("button", { name: "Embed" }).click();
  const code = await page.getByLabel("Copy this code into your page:").inputValue();
  expect(code).toContain(`src="${site.url}?group=Noise&amp;embed=1"`);
});

test("the heat map chooses groups and pins areas", async () => {
  await visitor.view();
  const { page } = visitor;
  const few = await page.locator("#heat tbody tr").count();
  await page.getByRole("button", { name: /^Show all \d+ categories/ }).click();
  expect(await page.locator("#heat tbody tr").count()).toBeGreaterThan(few);
  await page.getByRole("button", { name: "Filter by Trees" }).click();
  await visitor.settled();
  expect(await headline()).toBe(
    await valueOf(
      `select sum(requests) from ${table("requests_by_status")} where source_year = 2025 and type_group = 'Trees'`,
    ),
  );
  await page.locator("#heat thead button").nth(4).click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["5"]);
});

/** A cell of the heat map. */
const heatCell = (row: number, column: number) =>
  visitor.page.locator("#heat tbody tr").nth(row).locator("td").nth(column);

test("the heat map is read by keys, from cell to cell", async () => {
  await visitor.view();
  const { page } = visitor;
  await page.getByRole("button", { name: /^Show all \d+ categories/ }).focus();
  await page.keyboard.press("Shift+Tab");
  const shownText = async () => [await visitor.focused(), await visitor.text("#heat .tooltip")];
  const [first, tip] = await shownText();
  expect(first).toMatch(/^[\d,]+ requests: [\d.]+% of the area's requests \(city [\d.]+%\)$/);
  expect(tip).toMatch(/^.+ \(1\), .+: /);
  expect(tip).toContain(first);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  const reached = heatCell(1, 1);
  expect(await shownText()).toEqual([
    await reached.getAttribute("aria-label"),
    expect.stringContaining((await reached.getAttribute("aria-label")) ?? "-"),
  ]);
  await page.keyboard.press("Control+End");
  expect(await visitor.focused()).toBe(await page.locator("#heat td").last().getAttribute("aria-label"));
  await page.keyboard.press("Control+Home");
  expect(await visitor.focused()).toMatch(/^Filter by /);
  // It has one stop of Tab, where the focus was last.
  expect(await page.locator("#heat table [tabindex='0']").count()).toBe(1);
  await page.keyboard.press("Tab");
  expect(await visitor.focused()).toMatch(/^Show all/);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["1"]);
});

test("a cell with the focus is not behind the sticky names", async () => {
  await visitor.page.setViewportSize({ width: 320, height: 640 });
  await visitor.view();
  await heatCell(1, 12).focus();
  for (let column = 11; column >= 0; column--) {
    await visitor.page.keyboard.press("ArrowLeft");
    const cell = await heatCell(1, column).boundingBox();
    const names = await visitor.page.locator("#heat tbody th").nth(1).boundingBox();
    if (!cell || !names) throw new Error("the cell is not shown");
    expect(cell.x + cell.width / 2).toBeGreaterThan(names.x + names.width);
  }
});

test("a finger reads the heat map and the map", async () => {
  const phone = await site.visit({
    viewport: { width: 390, height: 844 },
    hasTouch: true,
  });
  await phone.view();
  const cell = phone.page.locator("#heat td").nth(2);
  await cell.tap();
  expect(await phone.text("#heat .tooltip")).toContain(await cell.getAttribute("aria-label"));
  const area = phone.page.locator('#map [data-area="3"]');
  await area.tap();
  expect(await phone.text(".map .tooltip")).toContain("Etobicoke-Lakeshore (3)");
  expect(await phone.page.locator(".tooltip").count()).toBe(1);
  expect(phone.complaints).toEqual([]);
  await phone.close();
});

test("the legend of the heat map has the colours of its counts", async () => {
  await visitor.view("?measure=count");
  const { page } = visitor;
  const legend = await page.locator("#heat .legend li").evaluateAll((items) =>
    items.map((item) => {
      const [low, high] = item.textContent.split("–").map((text) => Number(text.replaceAll(",", "")));
      const swatch = item.querySelector(".swatch");
      return {
        low: low ?? NaN,
        high: high ?? low ?? NaN,
        colour: swatch && getComputedStyle(swatch).backgroundColor,
      };
    }),
  );
  expect(legend.length).toBeGreaterThan(3);
  const cells = await page.locator("#heat td").evaluateAll((found) =>
    found.map((cell) => ({
      requests: Number(cell.textContent.replaceAll(",", "")),
      colour: getComputedStyle(cell).backgroundColor,
    })),
  );
  for (const { requests, colour } of cells) {
    expect(legend.find(({ low, high }) => low <= requests && requests <= high)?.colour).toBe(colour);
  }
});

const TIPS: [name: string, shown: string, trigger: string][] = [
  ["the map", ".map", '#map [data-area="3"]'],
  ["the months", "#series", "#months"],
  ["the heat map", "#heat", "#heat tbody tr:nth-child(6) td:nth-child(12)"],
];
test.for(TIPS)("the tooltip of %s can be pointed at, and dismissed", async ([, shown, trigger]) => {
  await visitor.view();
  const { page } = visitor;
  const tip = page.locator(`${shown} .tooltip`);
  await page.locator(trigger).hover();
  const shownText = await tip.innerText();
  const from = await page.locator(trigger).boundingBox();
  const to = await tip.boundingBox();
  if (!from || !to) throw new Error("the tooltip is not shown");
  // Straight up or down, as far as it is within the tooltip.
  const x = Math.min(to.x + to.width - 4, Math.max(to.x + 4, from.x + from.width / 2));
  await page.mouse.move(x, to.y + to.height / 2, { steps: 8 });
  await page.waitForTimeout(400);
  expect(await tip.innerText()).toBe(shownText);
  await page.keyboard.press("Escape");
  await tip.waitFor({ state: "detached" });
  // The target that it covered does not show one, as long as the pointer rests.
  await page.waitForTimeout(400);
  expect(await tip.count()).toBe(0);
  await page.locator(trigger).hover();
  await tip.waitFor();
  await page.keyboard.press("Escape");
  await tip.waitFor({ state: "detached" });
  await page.locator(trigger).hover();
  await page.mouse.move(1, 1);
  await tip.waitFor({ state: "detached" });
});

test("Escape hides a tooltip, and the focus stays", async () => {
  await visitor.view();
  const { page } = visitor;
  for (const focusable of ["#map path[tabindex='0']", "#series [role=slider]", "#heat td[tabindex='0']"]) {
    await page.locator(focusable).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".tooltip").waitFor();
    const focused = await visitor.focused();
    await page.keyboard.press("Escape");
    await page.locator(".tooltip").waitFor({ state: "detached" });
    expect(await visitor.focused()).toBe(focused);
  }
});

test("the focus moves on when its element disappears", async () => {
  await visitor.view("?group=Trees&group=Noise&group=Snow+and+ice");
  const { page } = visitor;
  const press = async (name: string) => {
    await page.getByRole("button", { name }).press("Enter");
    await visitor.settled();
    await page.getByRole("button", { name }).waitFor({ state: "detached" });
    return visitor.focused();
  };
  const search = () => page.evaluate(() => document.activeElement?.id);
  expect(await press("Remove Noise")).toBe("Remove Snow and ice");
  expect(await press("Remove Snow and ice")).toBe("Remove Trees");
  await press("Remove Trees");
  expect(await search()).toBe("search");
  await visitor.view("?season=fall");
  await press("Clear filters");
  expect(await search()).toBe("search");
  await page.getByRole("button", { name: "Zoom in" }).press("Enter");
  expect(await press("Reset map")).toBe("Zoom in");
  await visitor.view("?years=2018");
  expect(await press("Show postal areas")).toBe("Requests per km² by postal area, 2018");
});
