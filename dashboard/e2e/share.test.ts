import { afterEach, beforeEach, expect, test } from "vitest";

import type { Visitor } from "./browser.ts";
import { query } from "./duckdb.ts";
import { withSite } from "./set_up.ts";
import { serveSite, table } from "./site.ts";

// What people take from the page: links, tables, pictures, sheets of paper, and frames.

const site = withSite();
let visitor: Visitor;

beforeEach(async () => {
  visitor = await site.visit({ permissions: ["clipboard-read", "clipboard-write"] });
});
afterEach(async () => {
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});

test("a shared link has its years and measure, and restores the view", async () => {
  await visitor.view("?type=Construction+Noise&area=9");
  const { page } = visitor;
  const sentence = await visitor.text(".answer h2");
  await page.getByRole("button", { name: "Share" }).click();
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByText("Link copied.").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toContain("years=2025");
  expect(link).toContain("measure=homes");
  const citation = await page.getByLabel("Cite as").inputValue();
  expect(citation).toMatch(
    /^“Toronto 311 requests: Construction noise, Davenport, 2025\.” \S.+\. Data to December 31, 2025\. /,
  );
  expect(citation).toContain(link);
  expect(await page.title()).toMatch(/Davenport: Construction noise · Toronto 311$/);
  await page.goto(link);
  await visitor.settled();
  expect(await visitor.text(".answer h2")).toBe(sentence);
});

test("tables and pictures have the view of the address", async () => {
  await visitor.view("?group=Trees&measure=share&area=4");
  const { page } = visitor;
  const csv = await visitor.download("This table of areas (CSV)");
  expect(csv.name).toMatch(/^(generated-)?toronto-311_trees_wards_2025\.csv$/);
  const [header, ...rows] = csv.bytes.toString().trim().split("\r\n");
  expect(header).toBe(
    "data,rank,ward,name,requests,years,homes,people,land_km2,per_1000_homes,per_1000_homes_low," +
      "per_1000_homes_high,per_1000_people,per_km2,requests_of_all_types,share_of_area,compared_requests," +
      "compared_requests_year_before,change,what,season,status,division,months,data_through",
  );
  const expected = await query(`
    select cast(ward_id as varchar), sum(requests) from ${table("requests_by_ward")}
    where source_year = 2025 and ward_model = 25 and type_group = 'Trees' group by 1`);
  expect(rows.map((row) => [row.split(",")[2], Number(row.split(",")[4])]).sort()).toEqual(expected.sort());
  for (const row of rows) {
    const cells = row.split(",");
    // Rounded, and the rate is that of its numerator and denominator.
    expect(Math.abs(Number(cells[9]) - (Number(cells[4]) / Number(cells[6])) * 1000)).toBeLessThan(0.006);
    expect(row).not.toMatch(/\d\.\d{5}/);
  }

  const months = (await visitor.download("Months of each area (CSV)")).bytes.toString();
  const [ofJune] = await query(`
    select sum(requests) from ${table("requests_by_month_type_ward")}
    where ward_model = 25 and ward_id = 4 and created_month = date '2025-06-01' and type_group = 'Trees'`);
  expect(months).toContain(`,4,Parkdale-High Park,2025-06,${String(ofJune?.[0])},Trees,`);
  const categories = (await visitor.download("Categories of each area (CSV)")).bytes.toString();
  expect(categories.split("\r\n")[0]).toContain("category,requests,matching_requests,share_of_matching");
  const statuses = (await visitor.download("Statuses (CSV)")).bytes.toString();
  // It lists every status, so that it has no column for the filter.
  expect(statuses).toMatch(/^data,status,status_group,requests,what,season,division,months,data_through\r\n/);
  expect(statuses).toContain(",Completed,done,");
  const divisions = (await visitor.download("City divisions (CSV)")).bytes.toString();
  expect(divisions).toMatch(/^data,division,requests,what,season,status,months,data_through\r\n/);
  expect(divisions).toContain(',"Environment, Climate & Forestry",');

  // The coast, 25 wards, and the outline of the one that is chosen, in its casing.
  const svg = await visitor.download("Map (SVG)");
  const drawing = svg.bytes.toString();
  expect(drawing.match(/<path /g)).toHaveLength(28);
  expect(drawing).toContain("Trees: share of each ward's requests by ward, 2025");
  expect(drawing).toContain(
    "Toronto 311 requests · share of all requests from the area · Data to December 31, 2025",
  );
  expect(drawing).toMatch(/Open Government Licence|Generated data/);
  // A sentence about what the map leaves out, over two lines.
  const words = drawing.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
  expect(words).toContain((await visitor.text("[data-note=off-map]")).trim());
  expect(drawing).not.toMatch(/ class=| style=|<script/);
  const png = await visitor.download("Map (PNG)");
  expect(png.bytes.subarray(1, 4).toString()).toBe("PNG");
  expect(png.bytes.readUInt32BE(16)).toBe(1980);
  expect(png.bytes.length).toBeGreaterThan(20_000);
  expect(await page.locator(".popover-panel [role=status]").innerText()).toContain(png.name);
});

test("days and times are tables too, of the chosen category", async () => {
  await visitor.view("?group=Trees&months=2025-02..2025-03");
  const days = await visitor.download("Days of the whole city (CSV)");
  expect(days.name).toMatch(/^(generated-)?toronto-311_trees_city-by-day_2025-02_2025-03\.csv$/);
  const [header, ...rows] = days.bytes.toString().trim().split("\r\n");
  expect(header).toBe("data,day,requests,what,data_through");
  const expected = await query(`
    select strftime(created_on, '%Y-%m-%d'), sum(requests) from ${table("requests_by_day")}
    where type_group = 'Trees' and created_on between date '2025-02-01' and date '2025-03-31' group by 1 order by 1`);
  expect(rows).toHaveLength(28 + 31);
  const counts = rows.map((row) => row.split(",")).map(([, day, requests]) => [day, Number(requests)]);
  expect(counts.filter(([, requests]) => requests !== 0)).toEqual(expected);

  const saved = await visitor.download("How long it takes (CSV)");
  // Times are not of months.
  expect(saved.name).toMatch(/^(generated-)?toronto-311_trees_times\.csv$/);
  const times = saved.bytes.toString();
  const [row] = await query(`
    select requests, round(lower_days_median), round(upper_days_median), round(open_share_90_days, 4)
    from ${table("time_to_close")} where type_group = 'Trees' and type_name is null and ward_id is null`);
  const ofCity = times.split("\r\n").find((line) => line.includes(",Trees,,,")) ?? "";
  const cells = ofCity.split(",").map((cell) => (cell === "" ? null : Number(cell)));
  expect([cells[4], cells[7], cells[8], cells[11]]).toEqual(row);
  for (const line of times.trim().split("\r\n").slice(1)) expect(line).toContain(",Trees,,");
});

test("the columns of the table describe its filters, and no choice is a formula", async () => {
  await visitor.view("?group=Trees&season=fall&status=open&division=%3Dcmd&years=2024-2025");
  const { bytes } = await visitor.download("This table of areas (CSV)");
  const [, ...rows] = bytes.toString().trim().split("\r\n");
  expect(rows).toHaveLength(25);
  for (const row of rows) expect(row).toMatch(/,Trees,fall,open,'=cmd,2024-01\/2025-12,2025-12-31$/);
  // Nothing matches, so that no area has a rank.
  for (const row of rows) expect(row).toMatch(/^[^,]+,,\d/);
});

test("long titles and legends fit into a picture", async () => {
  const types = [
    "Pick up Dead Wildlife",
    "General Tree Maintenance",
    "Road - Pot hole",
    "Garbage Bin Missing",
  ];
  const named = [...types, ...types].map((name, at) => `type=${encodeURIComponent(`${name} ${at}`)}`);
  // Where few requests are compared, areas have no value.
  await visitor.view(`?measure=change&group=Snow+and+ice&season=spring&by=fsa&${named.join("&")}`);
  const { page } = visitor;
  const { bytes } = await visitor.download("Map (SVG)");
  const boxes = await page.evaluate((drawing) => {
    const { documentElement: svg } = new DOMParser().parseFromString(drawing, "image/svg+xml");
    document.body.append(svg);
    return [...svg.querySelectorAll(":scope > text")].map((words) => {
      const { x, y, width, height } = (words as SVGTextElement).getBBox();
      return { words: words.textContent, x, y, right: x + width, bottom: y + height };
    });
  }, bytes.toString());
  const svg = page.locator("body > svg");
  const [, , width, height] = ((await svg.getAttribute("viewBox")) ?? "").split(" ").map(Number);
  expect(boxes.map(({ words }) => words).join(" ")).toContain("Garbage Bin Missing 7");
  expect(boxes.map(({ words }) => words)).toContain("too few requests to compare");
  for (const { x, y, right, bottom } of boxes) {
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(right).toBeLessThanOrEqual(width ?? 0);
    expect(bottom).toBeLessThanOrEqual(height ?? 0);
  }
});

test("a printed page has no controls, and its address and date", async () => {
  await visitor.page.addInitScript(() => {
    window.print = () => {
      document.documentElement.setAttribute("data-printed", "");
    };
  });
  await visitor.view("?area=9");
  const { page } = visitor;
  await page.getByRole("button", { name: "Print this page (one sheet)" }).click();
  await page.locator("html[data-printed]").waitFor();
  await page.emulateMedia({ media: "print" });
  for (const selector of [
    ".ask",
    ".tools button",
    ".tabs",
    ".zoom",
    "#series .segments",
    "#heat",
    "#about",
  ]) {
    expect(await page.locator(selector).first().isVisible(), selector).toBe(false);
  }
  expect(await visitor.text(".print-head")).toContain("?measure=homes&years=2025&area=9");
  for (const selector of ["#map", ".area-panel", "#series", "#categories", "#duration"]) {
    expect(await page.locator(selector).isVisible(), selector).toBe(true);
  }
  for (const format of ["A4", "Letter"]) {
    const pdf = await page.pdf({ format, path: `e2e/artifacts/ward-${format}.pdf`, printBackground: true });
    expect(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g), format).toHaveLength(1);
  }
});

test.for([390, 768, 1366, 1920])("the sheet of a ward is one page from every screen: %i", async (width) => {
  const { page } = visitor;
  await page.setViewportSize({ width, height: 900 });
  await visitor.view("?area=9");
  for (const section of ["#series", "#categories", "#duration", "#unusual"]) {
    await page.locator(section).scrollIntoViewIfNeeded();
  }
  await visitor.settled();
  const pdf = await page.pdf({ format: "A4" });
  expect(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)).toHaveLength(1);
  await page.emulateMedia({ media: "print" });
  const edges = await page
    .locator("h1, .print-head, .answer h2, #explore > :first-child")
    .evaluateAll((found) => found.map((one) => Math.round(one.getBoundingClientRect().left)));
  expect(new Set(edges).size, edges.join(" ")).toBe(1);
});

test.for(["", "?area=3", "?by=fsa"])(
  "a printed page is complete, and nothing covers it: %s",
  async (address) => {
    const { page } = visitor;
    // Between the margins of a sheet.
    await page.setViewportSize({ width: 740, height: 1000 });
    await visitor.view(address);
    await page.emulateMedia({ media: "print" });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
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
  },
);

const EMBEDDED = [
  ["answer", ".answer"],
  ["map", "#map"],
  ["ranking", "#ranking"],
  ["trend", "#months"],
  ["all", "#map"],
] as const;
test.for(EMBEDDED)(
  "the %s is embedded with title, date and source, and is as high as it says",
  async ([part, selector]) => {
    await visitor.page.route("**/host", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<!doctype html><title>Host</title><body><script>addEventListener("message", ({ data }) => {
        if (data.type === "toronto-311-height") document.querySelector("iframe").height = data.height;
      });</script>
      <iframe src="/?group=Noise&amp;years=2025&amp;embed=${part}" width="600" height="100"></iframe>`,
      }),
    );
    const { page } = visitor;
    await page.goto(`${visitor.url}host`);
    const frame = page.frameLocator("iframe");
    await frame.locator(selector).waitFor();
    await frame.locator(".open-full").waitFor();
    expect(await frame.locator("header, .ask, .tools, #about").count()).toBe(part === "answer" ? 1 : 0);
    expect(await frame.locator(":is(h1, .answer h2)").first().innerText()).toContain("about noise in 2025");
    expect(await frame.locator(".open-full").innerText()).toMatch(/ata to December 31, 2025/);
    expect(await frame.locator("footer").innerText()).toMatch(/Open Government Licence|Generated data/);
    const link = frame.getByRole("link", { name: "Open the full page" });
    expect(await link.getAttribute("href")).toBe("/?years=2025&group=Noise");
    // No scrolling inside the frame.
    const overflow = () =>
      page.frames()[1]?.evaluate(() => {
        const { scrollWidth, scrollHeight } = document.documentElement;
        return Math.max(scrollWidth - innerWidth, scrollHeight - innerHeight);
      }) ?? NaN;
    for (const width of ["600", "320"]) {
      await page.locator("iframe").evaluate((frame, width) => {
        frame.setAttribute("width", width);
      }, width);
      await expect.poll(overflow, { message: width }).toBeLessThanOrEqual(0);
    }
  },
);

test("the code to embed has years, theme, and the sentence as title", async () => {
  await visitor.view("?group=Noise");
  const { page } = visitor;
  await page.getByRole("button", { name: "Embed" }).click();
  await page.getByLabel("What to embed").selectOption("trend");
  await page.getByLabel("Theme").selectOption("dark");
  const code = await page.getByLabel("Copy this code into your page:").inputValue();
  expect(code).toContain(
    `src="${site.url}?measure=homes&amp;years=2025&amp;group=Noise&amp;embed=trend&amp;theme=dark"`,
  );
  expect(code).toMatch(/title="(Generated sample: )?Toronto made [\d,]+ requests about noise in 2025/);
});

test("the page works in a sandboxed frame of a host that allows all origins", async () => {
  const host = await serveSite("/", (_request, response, next) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    next();
  });
  try {
    await visitor.page.route("**/host", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<!doctype html><title>Host</title><iframe sandbox="allow-scripts" src="/?embed=map" width="600" height="700"></iframe>`,
      }),
    );
    await visitor.page.goto(`${host.url}host`);
    await visitor.page.frameLocator("iframe").locator("#map .area").first().waitFor();
  } finally {
    await host.close();
  }
});
