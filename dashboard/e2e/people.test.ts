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

const headline = () => visitor.requests();

test("a type is found by its former name, chosen, and undone by the browser's back button", async () => {
  await visitor.view();
  const all = await headline();
  const { page } = visitor;
  await page.getByRole("combobox", { name: "What" }).fill("cadaver wild");
  const option = page.getByRole("option").first();
  expect(await option.innerText()).toMatch(
    /Dead wild animal to pick up[\s\S]*City's name: Pick up Dead Wildlife · formerly Cadaver - Wildlife/,
  );
  await option.click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("type")).toEqual(["Pick up Dead Wildlife"]);
  const chosen = await headline();
  expect(chosen).toBe(
    await valueOf(`select sum(requests) from ${table("requests_by_ward")}
      where source_year = 2025 and type_name = 'Pick up Dead Wildlife'`),
  );
  expect(await page.title()).toMatch(/^(Generated sample: )?Dead wild animal to pick up · Toronto 311$/);
  await page.goBack();
  await visitor.settled();
  expect(await headline()).toBe(all);
  expect(await page.title()).toMatch(/^(Generated sample: )?All requests · Toronto 311$/);
  await page.goForward();
  await visitor.settled();
  expect(await headline()).toBe(chosen);
  await page.getByRole("button", { name: "Remove Dead wild animal to pick up" }).click();
  await visitor.settled();
  expect(await headline()).toBe(all);
});

test("the search counts its matches, and shows the active option", async () => {
  await visitor.view();
  const { page } = visitor;
  const search = page.getByRole("combobox", { name: "What" });
  const [row] = await query(`select count(distinct type_group) from ${table("types_in_use")}`);
  await search.click();
  const counted = async () => parseInt(await visitor.text(".combobox:has(#what) > [role=status]"));
  expect(await counted()).toBeGreaterThanOrEqual(Number(row?.[0]));
  const isActiveVisible = () =>
    page.evaluate(() => {
      const frame = document.querySelector(".combobox:has(#what) [role=listbox]");
      const list = frame?.getBoundingClientRect();
      const option = frame?.querySelector("[aria-selected=true]")?.getBoundingClientRect();
      return !!list && !!option && option.top >= list.top - 1 && option.bottom <= list.bottom + 1;
    });
  await search.press("Escape");
  await search.press("ArrowUp");
  expect(await isActiveVisible()).toBe(true);
  await search.press("s");
  expect(await isActiveVisible()).toBe(true);
});

test("types are found in the words of residents, and what 311 does not have is said", async () => {
  await visitor.view();
  const { page } = visitor;
  const search = page.getByRole("combobox", { name: "What" });
  const first = async (words: string) => {
    await search.fill(words);
    return visitor.text(".combobox:has(#what) .option-name");
  };
  for (const [words, name] of [
    ["raccoon", "Dead animals"],
    ["loud music", "Noise"],
    ["leaf", "Missed yard waste"],
    ["potholl", "Potholes and road damage"],
    ["rats", "Property standards"],
    ["neige", "Snow and ice"],
  ] as const) {
    expect(await first(words), words).toBe(name);
  }
  await search.fill("streetlight");
  expect(await visitor.text(".combobox:has(#what) .option-none")).toContain("Toronto Hydro");
});

const PLACES = [
  ["Davenport", "9"],
  ["ward 9", "9"],
  ["9", "9"],
  ["Davenport (09)", "9"],
  ["davnport", "9"],
  ["st pauls", "12"],
] as const;
test.for(PLACES)(
  "a ward is found by name, number, old spelling and typing error: %s",
  async ([words, ward]) => {
    await visitor.view();
    const { page } = visitor;
    await page.getByRole("combobox", { name: "Where" }).fill(words);
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("Enter");
    await visitor.settled();
    expect(new URL(page.url()).searchParams.getAll("area")).toEqual([ward]);
    expect(await visitor.text(".area-panel h2")).toContain(`(Ward ${ward})`);
    expect(await headline()).toBe(
      await valueOf(`select sum(requests) from ${table("requests_by_ward")}
      where source_year = 2025 and ward_model = 25 and ward_id = ${ward}`),
    );
  },
);

test("a postal code leads to its wards, with shares, and to its postal area", async () => {
  await visitor.view();
  const { page } = visitor;
  const search = page.getByRole("combobox", { name: "Where" });
  await search.fill("m5v 2t6");
  const options = page.getByRole("option");
  await options.filter({ hasText: "Postal area M5V" }).waitFor();
  const [share] = await query(`
    select ward_id, share from ${table("fsa_wards")} where fsa = 'M5V' order by share desc limit 1`);
  expect(await options.first().innerText()).toContain(`Ward ${share?.[0] ?? ""}`);
  expect(await options.first().innerText()).toContain(`${(Number(share?.[1]) * 100).toFixed(1)}%`);
  await options.filter({ hasText: "Postal area M5V" }).click();
  await visitor.settled();
  expect(page.url()).toContain("by=fsa");
  expect(page.url()).toContain("area=M5V");
  await page.locator(".wards-of button").first().click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual([String(share?.[0])]);
});

test("a neighbourhood leads to the ward and the postal area of its middle", async () => {
  await visitor.view();
  const { page } = visitor;
  const search = page.getByRole("combobox", { name: "Where" });
  await search.fill("the annex");
  const options = page.getByRole("option");
  await options.filter({ hasText: "Postal area M5R" }).waitFor();
  expect(await options.first().innerText()).toMatch(/University-Rosedale[\s\S]*Around Annex/);
  expect(await visitor.text(".combobox:has(#where) .option-none")).toContain("found by its middle");
  await options.filter({ hasText: "Postal area M5R" }).click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["M5R"]);
  await page.locator(".area-panel .around").getByText("Annex").waitFor();
  // Their source wants to be named.
  expect(await visitor.text("#about")).toContain("Names of neighbourhoods: GeoNames (CC BY 4.0)");
  expect(await visitor.text("#about")).toContain("158 neighbourhoods, which are not in the data");
  await search.fill("atlantis");
  expect(await visitor.text(".combobox:has(#where) .option-none")).toContain("Nothing matches “atlantis”");
});

test("postal areas have the names of their neighbourhoods, and are said to be others", async () => {
  await visitor.view("?by=fsa");
  const { page } = visitor;
  await page.locator('#ranking [data-area="M5R"]').getByText("Annex").waitFor();
  await page.locator('#map [data-area="M5R"]').hover();
  expect(await visitor.text(".map .tooltip")).toContain("Around Annex");
  expect(await visitor.text(".map-notes")).toContain("the first three characters of a postal code");
  // A code that is cut off would say nothing.
  const { cut, codes } = await page.locator("#ranking tbody .name button").evaluateAll((names) => ({
    cut: names.filter((name) => name.scrollWidth > name.clientWidth).length,
    codes: names.map((name) => {
      const code = document.createRange();
      code.selectNodeContents(name.firstChild ?? name);
      return code.getBoundingClientRect().right < name.getBoundingClientRect().right;
    }),
  }));
  expect(cut).toBeGreaterThan(0);
  expect(codes).not.toContain(false);
});

test("a location finds its ward in the page, and a refusal is a sentence", async () => {
  const located = await site.visit({
    permissions: ["geolocation"],
    geolocation: { latitude: 43.6426, longitude: -79.3871 },
  });
  await located.view();
  const requests: string[] = [];
  located.page.on("request", (request) => requests.push(request.url()));
  const choose = async (of: Visitor) => {
    await of.page.getByRole("combobox", { name: "Where" }).click();
    await of.page.getByRole("option", { name: "Use my location" }).click();
  };
  await choose(located);
  await located.page.locator(".area-panel").waitFor();
  // The CN Tower.
  expect(new URL(located.page.url()).searchParams.getAll("area")).toEqual(["10"]);
  for (const url of requests) expect(url).not.toMatch(/43\.6|79\.3/);
  expect(located.complaints).toEqual([]);
  await located.close();
  await visitor.view();
  await choose(visitor);
  await visitor.page.getByText("Your browser did not share a location.").waitFor();
});

test("an address or a councillor leads to a sentence about what can be typed", async () => {
  await visitor.view();
  const search = visitor.page.getByRole("combobox", { name: "Where" });
  for (const typed of ["100 Queen Street West", "Councillor Nguyen"]) {
    await search.fill(typed);
    await expect
      .poll(() => visitor.text(".combobox:has(#where) .option-none"))
      .toBe(
        `Nothing matches “${typed}”. Try a ward's name or number, a postal code such as M5V 2T6, or a neighbourhood.`,
      );
  }
});

test("a location that cannot be looked up is a sentence", async () => {
  const located = await site.visit({
    permissions: ["geolocation"],
    geolocation: { latitude: 43.6426, longitude: -79.3871 },
  });
  await located.page.route("**/assets/locate-*.js", (route) => route.abort());
  await located.view();
  await located.page.getByRole("combobox", { name: "Where" }).click();
  await located.page.getByRole("option", { name: "Use my location" }).click();
  await located.page.getByText("Your location could not be looked up.").waitFor();
  expect(await located.page.getByText("Finding your location").count()).toBe(0);
  await located.close();
});

test("years, months and the last months are chosen", async () => {
  await visitor.view();
  const { page } = visitor;
  const when = async (name: string) => {
    await page.locator("#when").click();
    await page.locator(".popover-panel").getByRole("button", { name, exact: true }).click();
    await visitor.settled();
    return new URL(page.url()).searchParams;
  };
  expect((await when("2024")).get("years")).toBe("2024");
  expect((await when("Last 3 months")).get("months")).toBe("2025-10..2025-12");
  expect((await when("Last month")).get("months")).toBe("2025-12");
  await page.locator("#when").click();
  await page.getByLabel("From year").selectOption("2024");
  await page.getByLabel("From month").selectOption("11");
  await visitor.settled();
  expect(new URL(page.url()).searchParams.get("months")).toBe("2024-11..2025-12");
  expect(await headline()).toBe(
    await valueOf(`select sum(requests) from ${table("requests_by_month_group_ward")}
      where created_month >= date '2024-11-01'`),
  );
});

test("filters narrow all sections, and can be cleared", async () => {
  await visitor.view("?years=2024-2025");
  const { page } = visitor;
  await visitor.filter("season", "summer");
  await visitor.filter("status", "Cancelled");
  await visitor.filter("division", "Toronto Water");
  await visitor.settled();
  const expected = await valueOf(`select sum(requests) from ${table("requests_by_month_group_ward")}
    where source_year >= 2024 and month(created_month) between 6 and 8 and status = 'Cancelled'
      and division = 'Toronto Water'`);
  expect(await headline()).toBe(expected);
  expect(await visitor.text("#more")).toContain("(3)");
  // Each status is under the heading of those that it belongs to.
  const headed = await page
    .locator("#status optgroup")
    .evaluateAll((groups) => groups.map((one) => one.textContent));
  expect(headed[1]).toMatch(/^All: completed or closed.*Completed$/);
  // The list of each filter shows the choice with its figure, and what else could be chosen.
  expect(await page.locator("#statuses [data-status]").count()).toBeGreaterThan(1);
  for (const row of ["#statuses tr", "#divisions tr"]) {
    const chosen = page.locator(row).filter({ has: page.locator("[aria-pressed=true]") });
    expect(await chosen.count()).toBe(1);
    expect(Number((await chosen.locator("td").first().innerText()).replaceAll(",", ""))).toBe(expected);
  }
  await page.getByRole("button", { name: "Clear filters" }).last().click();
  await visitor.settled();
  expect(new URL(page.url()).search).toBe("");
});

test("nothing found is a sentence with the filter to blame, and a button", async () => {
  await visitor.view("?type=Construction+Noise&division=Toronto+Water");
  const { page } = visitor;
  expect(await visitor.text(".answer h2")).toBe("No requests match these filters.");
  expect(await visitor.text(".answer .context")).toMatch(
    /Without the City division there would be [\d,]+ requests?\./,
  );
  expect(new Set(await page.locator("#ranking .rank").allInnerTexts())).toEqual(new Set(["Rank", "–"]));
  expect(await page.locator("#map .area:not(.fill-none)").count()).toBe(0);
  expect(await page.locator("#ranking .help").count()).toBe(0);
  // No chart of zeros.
  expect(await page.locator("#series svg").count()).toBe(0);
  await page.locator(".answer").getByRole("button", { name: "Clear filters" }).click();
  await visitor.settled();
  expect(await headline()).toBeGreaterThan(0);
});

test("the map describes the area under the pointer, and up to four areas are compared", async () => {
  await visitor.view("?measure=count");
  const { page } = visitor;
  await page.locator('#map [data-area="3"]').hover();
  expect(await visitor.text(".tooltip")).toContain("Etobicoke-Lakeshore (Ward 3)");
  // The row of the ranking is marked as well, and the reverse, also when the pointer goes from one to the other.
  expect(await page.locator('#ranking [data-area="3"]').getAttribute("class")).toContain("pointed");
  await page.locator('#ranking [data-area="5"]').hover();
  const path = async (of: string) => page.locator(of).getAttribute("d");
  const shape = await path('#map [data-area="5"]');
  await expect.poll(() => path("#map .outline.active")).toBe(shape);
  await page.locator('#map [data-area="3"]').click();
  await visitor.settled();
  await page.locator('#map [data-area="13"]').click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["3", "13"]);
  const cells = await page.locator(".area-panel tr[data-measure=count] td").allInnerTexts();
  const expected = await query(`
    select sum(requests) filter (ward_id = 3 and ward_model = 25),
           sum(requests) filter (ward_id = 13 and ward_model = 25), sum(requests)
    from ${table("requests_by_month_type_ward")} where source_year = 2025`);
  expect(cells.map((text) => Number(text.replaceAll(",", "")))).toEqual(expected[0]);
  // The second area has one colour on the map, in the table and in the chart, and the heads do not break.
  const colour = (of: string, property: string) =>
    page.locator(of).evaluate((one, property) => getComputedStyle(one).getPropertyValue(property), property);
  const second = await colour("#months .line.second", "stroke");
  expect(await colour("#map .outline.pinned-1", "stroke")).toBe(second);
  expect(await colour(".area-panel th.pin-1", "color")).toBe(second);
  const heads = await page.locator(".area-panel thead th").evaluateAll((all) =>
    all.map((head) => {
      const words = document.createRange();
      words.selectNodeContents(head.firstChild ?? head);
      return { name: head.firstChild?.textContent ?? "", lines: words.getClientRects().length };
    }),
  );
  for (const { name, lines } of heads) expect(lines, name).toBeLessThanOrEqual(name.split(/[ -]/).length);
  for (const ward of ["9", "10", "11"]) {
    await page.locator(`#map [data-area="${ward}"]`).click();
    await visitor.settled();
  }
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["3", "13", "9", "11"]);
  await page.getByRole("button", { name: "Remove Davenport (Ward 9) from the comparison" }).click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["3", "13", "11"]);
  await page.locator('#map [data-area="3"]').click();
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual(["13", "11"]);
});

test.for<[name: string, width: number, height: number]>([
  ["a laptop", 1366, 768],
  ["a small laptop", 1280, 720],
  ["a screen", 1920, 1080],
])("the map, its legend and all wards are on the first screen of %s", async ([, width, height]) => {
  await visitor.page.setViewportSize({ width, height });
  await visitor.view();
  for (const selector of ["#map", ".map-legend", "#ranking tbody tr:last-child"]) {
    const box = await visitor.page.locator(selector).boundingBox();
    expect((box?.y ?? NaN) + (box?.height ?? NaN), selector).toBeLessThanOrEqual(height);
  }
});

test.for([1001, 1080, 1081, 1279, 1280, 1366])(
  "the filters are in one row, %i pixels wide",
  async (width) => {
    const { page } = visitor;
    await page.setViewportSize({ width, height: 768 });
    await visitor.view("?area=7&group=Snow+and+ice&months=2024-11..2025-03&status=open");
    const middles = await page
      .locator(".ask :is(.box, .when button, .segments, #more)")
      .evaluateAll((found) =>
        found.map((one) => {
          const { top, height } = one.getBoundingClientRect();
          return top + height / 2;
        }),
      );
    expect(middles.length).toBe(5);
    expect(Math.max(...middles) - Math.min(...middles)).toBeLessThan(4);
    // All filters can be cleared.
    const clear = page.getByRole("button", { name: "Clear filters" });
    if (!(await clear.first().isVisible())) await page.locator("#more").click();
    await clear.and(page.locator(":visible")).click();
    await visitor.settled();
    expect(new URL(page.url()).search).toBe("");
  },
);

test("a choice restyles what it changes, and not the whole page", async () => {
  const { page } = visitor;
  await visitor.view("?by=fsa");
  const all = await page.locator("*").count();
  for (const choose of [
    () => page.getByRole("button", { name: "Requests", exact: true }).first().click(),
    () => page.locator('#map [data-area="M4C"]').click(),
  ]) {
    await site.browser.startTracing(page, { categories: ["devtools.timeline"] });
    await choose();
    await visitor.settled();
    const { traceEvents } = JSON.parse((await site.browser.stopTracing()).toString()) as {
      traceEvents: { name: string; args: { elementCount?: number } }[];
    };
    const restyled = traceEvents.filter(({ name }) => name === "UpdateLayoutTree");
    expect(restyled.length).toBeGreaterThan(0);
    expect(Math.max(...restyled.map(({ args }) => args.elementCount ?? 0))).toBeLessThan(all / 2);
  }
});

test("many choices leave the map on the first screen", async () => {
  await visitor.page.setViewportSize({ width: 1366, height: 768 });
  const types = await query(`
    select type_name from ${table("types_in_use")} group by 1 order by sum(requests) desc limit 14`);
  const chosen = types.map(([name]) => `type=${encodeURIComponent(String(name))}`).join("&");
  await visitor.view(`?${chosen}&season=summer&status=done&division=Toronto+Water&area=9`);
  const { page } = visitor;
  const map = await page.locator("#map").boundingBox();
  expect((map?.y ?? NaN) + (map?.height ?? NaN)).toBeLessThanOrEqual(768);
  await visitor.picture("many-choices");
  expect(await visitor.text(".answer h2")).toMatch(
    /, .+ and 11 others that are completed or closed for Toronto Water/,
  );
  expect((await page.title()).length).toBeLessThan(200);
});

test.for<[name: string, width: number, height: number]>([
  ["a small laptop", 1024, 768],
  ["a tablet", 768, 1024],
])("a choice on the map moves nothing below the pointer on %s", async ([, width, height]) => {
  const { page } = visitor;
  await page.setViewportSize({ width, height });
  await visitor.view("?group=Potholes+and+road+damage");
  const top = async () => Math.round((await page.locator("#map").boundingBox())?.y ?? NaN);
  const choose = async (ward: string) => {
    await page.locator(`#map [data-area="${ward}"]`).click();
    await visitor.settled();
  };
  let before = await top();
  // A sheet has the map scrolled above it.
  if (width <= 1000) {
    await choose("9");
    await expect.poll(top).not.toBe(before);
    before = await top();
  }
  // The sentences about a ward are longer than those about the city.
  for (const ward of ["25", "7", "23", "23", "7", "25"]) {
    await choose(ward);
    expect(Math.abs((await top()) - before), ward).toBeLessThanOrEqual(2);
  }
});

test("a choice on the map moves nothing below the pointer, is in sight, and is announced", async () => {
  await visitor.page.setViewportSize({ width: 1366, height: 768 });
  await visitor.view();
  const { page } = visitor;
  const top = async () => (await page.locator("#map").boundingBox())?.y;
  const before = await top();
  for (const ward of ["12", "25", "9"]) {
    await page.locator(`#map [data-area="${ward}"]`).click();
    await visitor.settled();
    expect(await top()).toBe(before);
    // No rectangle of the browser around what was clicked.
    expect(
      await page.evaluate(
        () => document.activeElement && getComputedStyle(document.activeElement).outlineStyle,
      ),
    ).toBe("none");
  }
  const panel = await page.locator(".area-panel").boundingBox();
  expect(panel?.y).toBeLessThan(300);
  expect(await visitor.text(".answer [role=status]")).toContain("Toronto-St. Paul's made");
  // The same point is the same ward: a second click drops it.
  await page.goBack();
  await visitor.settled();
  expect(await top()).toBe(before);
});

test("on a phone the panel of an area is a sheet in sight, and the map is on the first screen", async () => {
  const phone = await site.visit({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await phone.view();
  expect(await phone.shift()).toBeLessThanOrEqual(0.05);
  const endOf = async (selector: string) => {
    const box = await phone.page.locator(selector).boundingBox();
    return (box?.x ?? NaN) + (box?.width ?? NaN);
  };
  expect(await endOf("#ranking th:has-text('vs 2024')")).toBeLessThanOrEqual(await endOf("#ranking .scroll"));
  // The figures that it explains are not shown.
  expect(await phone.page.getByText("Small figures: 95% interval.").isVisible()).toBe(false);
  const map = await phone.page.locator("#map").boundingBox();
  expect((map?.y ?? NaN) + (map?.height ?? NaN)).toBeLessThanOrEqual(844);
  await phone.page.locator('#map [data-area="1"]').tap();
  await phone.settled();
  const sheet = await phone.page.locator(".area-panel").boundingBox();
  expect(sheet?.y).toBeGreaterThan(300);
  expect(sheet?.y).toBeLessThan(844);
  expect(await phone.page.locator(".area-panel h2").innerText()).toBe("Etobicoke North (Ward 1)");
  // The map is in sight above it, and stays where it is when another ward is tapped.
  const topOf = async () => (await phone.page.locator("#map").boundingBox())?.y ?? NaN;
  await expect.poll(topOf).toBeLessThanOrEqual((sheet?.y ?? NaN) - (map?.height ?? NaN) + 1);
  const top = await topOf();
  expect(top).toBeGreaterThan(0);
  await phone.page.locator('#map [data-area="25"]').tap();
  await phone.settled();
  expect(await phone.page.locator(".area-panel h2").innerText()).toBe("Compare areas");
  expect(Math.abs((await topOf()) - top)).toBeLessThanOrEqual(1);
  // Nor do the buttons of the map cover a ward.
  expect(
    await phone.page.locator('#map [data-area="25"]').evaluate((ward) => {
      const { right, top, height } = ward.getBoundingClientRect();
      return document.elementFromPoint(right - 6, top + height / 2)?.closest(".zoom") ?? null;
    }),
  ).toBeNull();
  await phone.page.getByRole("button", { name: "Close ×" }).tap();
  await phone.page.locator(".area-panel").waitFor({ state: "detached" });
  expect(phone.complaints).toEqual([]);
  await phone.close();
});

test("the section of the map is called what the map shows", async () => {
  await visitor.view("?measure=density&years=2025");
  const map = visitor.page.getByRole("region", { name: "Requests per km² by ward, 2025", exact: true });
  expect(await map.getAttribute("id")).toBe("map-panel");
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
  // Not a tap, which ends the scrolling of the page, if that still goes on, and does nothing else.
  await page.getByRole("button", { name: "Zoom in" }).click();
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

test("the zoom is in the address", async () => {
  await visitor.view();
  const { page } = visitor;
  await page.getByRole("button", { name: "Zoom in" }).click();
  await expect.poll(() => new URL(page.url()).searchParams.get("zoom")).toMatch(/^1\.6,/);
  const transform = await page.locator("#map > g").getAttribute("transform");
  await page.reload();
  await visitor.settled();
  expect(await page.locator("#map > g").getAttribute("transform")).toBe(transform);
});

test("measures colour the map and order the ranking", async () => {
  await visitor.view();
  const { page } = visitor;
  const tab = (name: string) => page.locator(".tabs").getByRole("button", { name, exact: true });
  expect(await tab("Per 1,000 homes").getAttribute("aria-pressed")).toBe("true");
  expect(await tab("% of ward's").getAttribute("aria-disabled")).toBe("true");
  // A finger has no tooltip. Playwright would wait until the button is enabled.
  await tab("% of ward's").click({ force: true });
  await page.getByRole("status").getByText("To see shares, first choose a request type").waitFor();
  for (const [name, column] of [
    ["Requests", "Requests"],
    ["Change", "Change"],
    ["Per 1,000 people", "Per 1,000 people"],
    ["Per km²", "Per km²"],
  ] as const) {
    await tab(name).click();
    await visitor.settled();
    expect(await page.locator("#ranking th[aria-sort]").innerText()).toContain(column);
    // Two colours may be one grey, so each change is written on its ward.
    if (name === "Change") {
      const labels = (await page.locator("#map .label").allTextContents()).join(" ");
      expect(labels.match(/[+−]\d+\.\d%|0\.0%/g)?.length).toBeGreaterThan(15);
    }
  }
  const most = await query(`
    select cast(ward_id as varchar) from ${table("requests_by_ward")}
    where source_year = 2025 and ward_model = 25 group by 1 order by sum(requests) desc`);
  const sort = page.locator("#ranking thead button", { hasText: "Requests" });
  const steps = await page.evaluate(() => history.length);
  await sort.click();
  await visitor.settled();
  expect(await page.locator("#ranking tbody tr").first().getAttribute("data-area")).toBe(most[0]?.[0]);
  await sort.click();
  await visitor.settled();
  expect(await page.locator("#ranking tbody tr").last().getAttribute("data-area")).toBe(most[0]?.[0]);
  // A change of presentation does not add to the history.
  expect(await page.evaluate(() => history.length)).toBe(steps);
});

test("the bounds of the legend are rounded, and each area has the colour of its value", async () => {
  await visitor.view("?measure=count&years=2017-2025&by=fsa");
  const { page } = visitor;
  const bounds = (await page.locator(".map-legend li").allInnerTexts()).flatMap((words) =>
    [...words.matchAll(/[\d,]+/g)].map(([number]) => Number(number.replaceAll(",", ""))),
  );
  expect(bounds.length).toBeGreaterThan(2);
  for (const bound of bounds) expect(bound % 5).toBe(0);
  // From the lowest class to the highest: their colours, and the values that each area has in the ranking.
  const colours = await page
    .locator(".map-legend .swatch")
    .evaluateAll((swatches) => swatches.map((one) => getComputedStyle(one).backgroundColor));
  const limits = [...new Set(bounds)].sort((a, b) => a - b);
  const areas = await page.locator("#ranking tbody tr").evaluateAll((rows) =>
    rows.map((row) => {
      const id = row.getAttribute("data-area") ?? "";
      const area = document.querySelector(`#map [data-area="${id}"]`);
      return {
        id,
        requests: Number(
          (row.querySelector("[data-figure=requests]")?.textContent ?? "").replaceAll(",", ""),
        ),
        colour: area && getComputedStyle(area).fill,
      };
    }),
  );
  expect(areas).toHaveLength(96);
  for (const { id, requests, colour } of areas) {
    expect(colour, id).toBe(colours[limits.filter((limit) => requests >= limit).length]);
  }
  expect(await visitor.text(".map-legend .unit")).toBe("requests");
});

test("the keyboard alone finds, filters, chooses, sorts and reads", async () => {
  await visitor.view();
  const { page } = visitor;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("the answer");
  const tabUntil = async (reached: () => Promise<boolean>) => {
    for (let step = 0; step < 60; step++) {
      if (await reached()) return;
      await page.keyboard.press("Tab");
    }
    throw new Error("the keyboard does not reach it");
  };
  await tabUntil(() => page.evaluate(() => document.activeElement?.id === "what"));
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
  expect(reached).toMatch(/^.+ \(Ward \d+\): [\d.,]+, \d+(st|nd|rd|th), [\d,]+ requests$/);
  expect(await visitor.text(".tooltip")).toContain(reached.split(":")[0]);
  await page.keyboard.press("+");
  await page.getByRole("button", { name: "Reset map" }).waitFor();
  await page.keyboard.press("0");
  await page.getByRole("button", { name: "Reset map" }).waitFor({ state: "detached" });

  await tabUntil(() =>
    page.evaluate(
      () =>
        document.activeElement?.closest("thead") !== null && document.activeElement?.textContent === "Ward",
    ),
  );
  await page.keyboard.press("Enter");
  await visitor.settled();
  expect(await page.locator("#ranking th[aria-sort=ascending]").innerText()).toContain("Ward");

  // The ranking is one stop of Tab, and arrow keys move over its rows.
  await tabUntil(() => page.evaluate(() => document.activeElement?.closest("#ranking tbody") !== null));
  const row = () =>
    page.evaluate(() => document.activeElement?.closest("tr")?.getAttribute("data-area") ?? "");
  const before = await row();
  await page.keyboard.press("ArrowDown");
  expect(await row()).not.toBe(before);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.closest("#ranking"))).toBeNull();
  await page.keyboard.press("Shift+Tab");
  const chosen = await row();
  await page.keyboard.press("Enter");
  await visitor.settled();
  expect(new URL(page.url()).searchParams.getAll("area")).toEqual([chosen]);

  await tabUntil(() => page.evaluate(() => document.activeElement?.getAttribute("role") === "slider"));
  await page.keyboard.press("Home");
  const january = await page.evaluate(() => document.activeElement?.getAttribute("aria-valuetext"));
  await page.keyboard.press("ArrowRight");
  const february = await page.evaluate(() => document.activeElement?.getAttribute("aria-valuetext"));
  expect(january).toMatch(/^January: 2025 \d+, 2024 \d+$/);
  expect(february).toMatch(/^February: 2025 /);
});

test("the heat map chooses groups and pins areas", async () => {
  await visitor.view();
  const { page } = visitor;
  const few = await page.locator("#heat tbody tr").count();
  await page.getByRole("button", { name: /^Show all \d+ categories/ }).click();
  expect(await page.locator("#heat tbody tr").count()).toBeGreaterThan(few);
  // The head of a row is the name alone, which is read before each of its cells.
  await page.locator("#heat").getByRole("button", { name: "Trees", exact: true }).click();
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
  expect(tip).toMatch(/^.+ \(Ward 1\), .+: /);
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
  expect(await visitor.focused()).toBe(await page.locator("#heat tbody th").first().innerText());
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
  // Away from the sticky names.
  await cell.evaluate((element) => {
    element.scrollIntoView({ block: "center", inline: "center" });
  });
  await cell.tap();
  expect(await phone.text("#heat .tooltip")).toContain(await cell.getAttribute("aria-label"));
  const area = phone.page.locator('#map [data-area="3"]');
  await area.tap();
  expect(await phone.text(".map .tooltip")).toContain("Etobicoke-Lakeshore (Ward 3)");
  expect(await phone.page.locator(".tooltip").count()).toBe(1);
  expect(phone.complaints).toEqual([]);
  await phone.close();
});

test("the legend of the heat map has the colours of its counts", async () => {
  await visitor.view();
  const { page } = visitor;
  await page.locator("#heat").getByRole("button", { name: "Requests", exact: true }).click();
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
  const press = async (name: string, within = "body") => {
    await page.locator(within).getByRole("button", { name, exact: true }).press("Enter");
    await visitor.settled();
    await page.locator(within).getByRole("button", { name, exact: true }).waitFor({ state: "hidden" });
    return visitor.focused();
  };
  const focusedId = () => page.evaluate(() => document.activeElement?.id);
  expect(await press("Remove Noise")).toBe("Remove Snow and ice");
  expect(await press("Remove Snow and ice")).toBe("Remove Trees");
  await press("Remove Trees");
  expect(await focusedId()).toBe("what");
  await visitor.view("?season=fall");
  await press("Clear filters");
  expect(await focusedId()).toBe("where");
  await page.getByRole("button", { name: "Zoom in" }).press("Enter");
  expect(await press("Reset map")).toBe("Zoom in");
  await visitor.view("?area=9");
  await press("← All wards");
  expect(await focusedId()).toBe("where");
  await visitor.view("?years=2018");
  await press("Show postal areas");
  expect(await focusedId()).toBe("map-panel");
});
