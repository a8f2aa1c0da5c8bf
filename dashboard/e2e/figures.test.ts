import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { Visitor } from "./browser.ts";
import { query, valueOf } from "./duckdb.ts";
import { publish } from "./publish.ts";
import { withSite } from "./set_up.ts";
import { table } from "./site.ts";

// The figures on the screen, compared with sums of the marts by DuckDB.

const site = withSite();
let visitor: Visitor;
const WARDS = table("requests_by_month_type_ward");
const FSAS = table("requests_by_month_type_fsa");

beforeEach(async () => {
  visitor = await site.visit();
});
afterEach(async () => {
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});

const WINTER = "month(created_month) in (12, 1, 2)";
const VIEWS = [
  ["the latest year", "", "source_year = 2025"],
  ["two years", "years=2024-2025", "source_year in (2024, 2025)"],
  ["a season", "season=winter", `source_year = 2025 and ${WINTER}`],
  ["a group", "group=Snow+and+ice&measure=share", "source_year = 2025 and type_group = 'Snow and ice'"],
  ["a status", "status=In+Progress", "source_year = 2025 and status = 'In Progress'"],
  ["all that is open", "status=open", "source_year = 2025 and status in ('New', 'Initiated', 'In Progress')"],
  ["a division", "division=Toronto+Water", "source_year = 2025 and division = 'Toronto Water'"],
  ["a type", "type=Pick+up+Dead+Wildlife", "source_year = 2025 and type_name = 'Pick up Dead Wildlife'"],
  [
    "a type, a group, a season and a status",
    "type=Pick+up+Dead+Wildlife&group=Trees&season=winter&status=Completed&years=2024-2025",
    `source_year in (2024, 2025) and (type_name = 'Pick up Dead Wildlife' or type_group = 'Trees')
     and ${WINTER} and status = 'Completed'`,
  ],
] as const;

test.for(VIEWS)("wards: %s", async ([, address, where]) => {
  await visitor.view(`?${address}`);
  const total = await valueOf(`select sum(requests) from ${WARDS} where ${where}`);
  expect(await visitor.requests()).toBe(total);
  const expected = await query(`
    select cast(ward_id as varchar), sum(requests) from ${WARDS}
    where ward_model = 25 and ${where} group by 1`);
  const shown = new Map(await visitor.ranking());
  expect(shown.size).toBe(25);
  expect([...shown].filter(([, requests]) => requests > 0).sort()).toEqual(expected.sort());
});

test.for(VIEWS.slice(0, 3))("postal areas: %s", async ([, address, where]) => {
  await visitor.view(`?by=fsa&${address}`);
  const expected = await query(`
    select fsa, sum(requests) from ${FSAS} where fsa is not null and ${where} group by 1`);
  const shown = await visitor.ranking();
  expect(shown).toHaveLength(96);
  expect(shown.filter(([, requests]) => requests > 0).sort()).toEqual(expected.sort());
});

const RATES_OF = [
  ["per 1,000 homes of each ward", "measure=homes", "homes / 1000", "ward", "true"],
  [
    "of noise per 1,000 people of each ward",
    "measure=people&group=Noise",
    "population / 1000",
    "ward",
    "Noise",
  ],
  [
    "of noise per km² of each postal area",
    "by=fsa&measure=density&group=Noise",
    "land_area_km2",
    "fsa",
    "Noise",
  ],
] as const;
test.for(RATES_OF)("requests %s", async ([, address, divisor, kind, group]) => {
  await visitor.view(`?${address}`);
  const shown = await visitor.measured();
  const [cube, id] = kind === "ward" ? [WARDS, "ward_id"] : [FSAS, "fsa"];
  const expected = await query(`
    select cast(a.${id} as varchar), sum(requests) / any_value(${divisor})
    from ${cube} as r join ${table("area_denominators")} as a on r.${id} = a.${id}
    where source_year = 2025 and a.area_type = '${kind}' ${kind === "ward" ? "and r.ward_model = 25" : ""}
      ${group === "true" ? "" : `and type_group = '${group}'`}
    group by 1 order by 2 desc`);
  expect(expected.length).toBeGreaterThan(kind === "ward" ? 24 : 80);
  for (const [area, rate] of expected) {
    expect(Math.abs((shown.get(String(area)) ?? 0) - Number(rate)), String(area)).toBeLessThanOrEqual(0.051);
  }
  expect(shown.keys().next().value).toBe(expected[0]?.[0]);
});

test("requests about a category in a ward, whether that grows, its rate and its rank", async () => {
  await visitor.view("?area=9&group=Potholes+and+road+damage");
  const where = "type_group = 'Potholes and road damage' and ward_model = 25";
  const [row] = await query(`
    with wards as (
      select ward_id, sum(requests) filter (source_year = 2025) as now,
             sum(requests) filter (source_year = 2024) as before
      from ${WARDS} where ${where} group by 1),
    ranked as (
      select wards.*, now / homes * 1000 as rate, rank() over (order by now / homes desc) as place
      from wards join ${table("area_denominators")} as a on a.ward_id = wards.ward_id and a.area_type = 'ward')
    select now, before, rate, place from ranked where ward_id = 9`);
  const [now, before, rate, place] = row as [number, number, number, number];
  const sentence = await visitor.text(".answer h2");
  expect(sentence).toContain(`Davenport made ${now} requests about potholes and road damage in 2025`);
  const change = now / before - 1;
  expect(sentence).toContain(
    before < 30
      ? `from ${before} in 2024`
      : `${(Math.abs(change) * 100).toFixed(1)}% ${change > 0 ? "more" : "fewer"} than in 2024`,
  );
  const context = await visitor.text(".answer .context");
  // "That" is the ward of the sentence above, and not the city.
  expect(context.startsWith(`That is ${rate.toFixed(1)} per 1,000 homes (`), context).toBe(true);
  expect(context).toMatch(new RegExp(`Davenport is ${place}(st|nd|rd|th) of 25 wards\\.`));
});

test("rates of several years are those of an average year", async () => {
  await visitor.view("?years=2024-2025&measure=homes");
  const shown = await visitor.measured();
  const expected = await query(`
    select cast(a.ward_id as varchar), sum(requests) / any_value(homes / 1000) / 2
    from ${WARDS} as r join ${table("area_denominators")} as a on r.ward_id = a.ward_id
    where r.ward_model = 25 and source_year in (2024, 2025) and a.area_type = 'ward' group by 1`);
  for (const [ward, rate] of expected) {
    expect(Math.abs((shown.get(String(ward)) ?? 0) - Number(rate))).toBeLessThanOrEqual(0.1);
  }
  expect(await visitor.text(".answer")).toContain("Rates are yearly averages.");
  expect(await visitor.text(".map-legend .unit")).toBe("requests per 1,000 homes per year");
});

test("the rates of two areas and the city leave out requests without an area", async () => {
  await visitor.view("?by=fsa&area=M5V&area=M4C");
  const row = visitor.page.locator(".area-panel tr[data-measure=homes] td");
  const shown = (await row.allInnerTexts()).map((words) => Number.parseFloat(words.replaceAll(",", "")));
  const [rates] = await query(`
    with areas as (select fsa, homes from ${table("area_denominators")} where area_type = 'fsa'),
         counts as (select fsa, sum(requests) as requests from ${FSAS} where source_year = 2025 group by fsa)
    select max(requests / homes * 1000) filter (fsa = 'M5V'), max(requests / homes * 1000) filter (fsa = 'M4C'),
           sum(requests) / sum(homes) * 1000
    from areas join counts using (fsa) where fsa <> 'M7A'`);
  for (const [at, rate] of (rates ?? []).entries()) {
    expect(Math.abs((shown[at] ?? NaN) - Number(rate))).toBeLessThanOrEqual(0.051);
  }
});

test("postal areas with few homes have a rate and no rank", async () => {
  await visitor.view("?by=fsa");
  const few = await query(`
    select fsa from ${table("area_denominators")}
    where area_type = 'fsa' and homes < 2000 and fsa <> 'M7A' order by 1`);
  expect(few.length).toBeGreaterThan(0);
  for (const [fsa] of few) {
    const row = visitor.page.locator(`#ranking [data-area="${String(fsa)}"]`);
    expect(await row.locator(".rank").innerText()).toBe("–");
    expect(await row.locator("[data-figure=measure]").innerText()).toMatch(/^[\d.]+\*$/);
    expect(await visitor.page.locator(`#map [data-area="${String(fsa)}"]`).getAttribute("class")).toContain(
      "fill-few",
    );
  }
});

test("the signs of the ranking are explained below it", async () => {
  const note = visitor.page.locator("#ranking .help");
  await visitor.view("?by=fsa&measure=homes");
  expect(await visitor.text("#ranking tbody")).toContain("*");
  expect(await note.innerText()).toBe("* few homes, so not ranked. Small figures: 95% interval.");
  await visitor.view("?measure=count");
  expect(await note.count()).toBe(0);
});

test("any months, and the same months a year before", async () => {
  await visitor.view("?months=2024-11..2025-02&measure=count");
  const months = (year: string) =>
    `created_month between date '${year}-11-01' and date '${year}-11-01' + interval 3 month`;
  const shown = new Map(await visitor.ranking());
  const expected = await query(`
    select cast(ward_id as varchar), sum(requests) from ${WARDS} where ward_model = 25 and ${months("2024")} group by 1`);
  expect([...shown].sort()).toEqual(expected.sort());
  expect(await visitor.text(".answer h2")).toContain("in November 2024–February 2025");
  await visitor.view("?months=2025-03..2025-08");
  const change = await valueOf(`
    select sum(requests) filter (source_year = 2025) / sum(requests) filter (source_year = 2024) - 1
    from ${WARDS} where month(created_month) between 3 and 8`);
  const [, size, direction] = /([\d.]+)% (more|fewer)/.exec(await visitor.text(".answer h2")) ?? [];
  expect(Math.abs(Number(size) * (direction === "fewer" ? -1 : 1) - Number(change) * 100)).toBeLessThan(
    0.051,
  );
});

const RATES = [
  [
    "share",
    "sum(requests) filter (type_group = 'Trees' and source_year = 2025) / sum(requests) filter (source_year = 2025)",
  ],
  [
    "change",
    `case when sum(requests) filter (type_group = 'Trees' and source_year = 2024) >= 30
          then sum(requests) filter (type_group = 'Trees' and source_year = 2025)
               / sum(requests) filter (type_group = 'Trees' and source_year = 2024) - 1 end`,
  ],
] as const;
test.for(RATES)("the %s of each ward, in the ranking and on the map", async ([measure, expression]) => {
  await visitor.view(`?group=Trees&measure=${measure}`);
  const shown = await visitor.measured();
  const expected = await query(`
    select cast(ward_id as varchar), ${expression} from ${WARDS} where ward_model = 25 group by 1 order by 2 desc nulls last`);
  expect(expected).toHaveLength(25);
  for (const [ward, value] of expected) {
    const label = await visitor.page.locator(`#map [data-area="${String(ward)}"]`).getAttribute("aria-label");
    if (value === null) {
      expect(label).toContain("too few requests to compare");
      continue;
    }
    const percent = Number(value) * 100;
    expect(Math.abs((shown.get(String(ward)) ?? 0) - percent)).toBeLessThanOrEqual(0.051);
    expect(label).toContain(`${Math.abs(shown.get(String(ward)) ?? 0).toFixed(1)}%`);
  }
  expect(shown.keys().next().value).toBe(expected[0]?.[0]);
});

test("the heat map's counts and its shares against the city's", async () => {
  await visitor.view();
  const { page } = visitor;
  await page.locator("#heat").getByRole("button", { name: "Requests", exact: true }).click();
  await page.getByRole("button", { name: /^Show all \d+ categories/ }).click();
  const cells = () =>
    page.locator("#heat tbody tr").evaluateAll((rows) =>
      rows.flatMap((row) => {
        const group = row.querySelector("th")?.textContent ?? "";
        return [...row.querySelectorAll("td")].map((cell, at): [string, number, string, string] => [
          group,
          at + 1,
          cell.textContent,
          cell.className,
        ]);
      }),
    );
  const counts = await query(`
    select type_group, cast(ward_id as integer), sum(requests) from ${WARDS}
    where ward_model = 25 and source_year = 2025 group by 1, 2`);
  const expected = new Map(
    counts.map(([group, ward, requests]) => [`${String(group)} ${String(ward)}`, requests]),
  );
  const shown = await cells();
  expect(shown.length).toBeGreaterThan(25 * 16);
  for (const [group, ward, requests] of shown) {
    expect(Number(requests.replaceAll(",", ""))).toBe(expected.get(`${group} ${ward}`) ?? 0);
  }
  await page.getByRole("button", { name: "Compared with the city", exact: true }).click();
  await expect.poll(async () => (await cells())[0]?.[2]).toMatch(/%$/);
  const ratios = await query(`
    with cells as (select type_group, ward_id, ward_model, sum(requests) as requests from ${WARDS}
                   where source_year = 2025 group by all),
         shares as (select *, requests / sum(requests) over (partition by ward_model, ward_id) as share,
                    sum(requests) over (partition by type_group) / sum(requests) over () as of_city from cells)
    select type_group, cast(ward_id as integer), share / of_city from shares where ward_model = 25`);
  const colours = new Map((await cells()).map(([group, ward, , colour]) => [`${group} ${ward}`, colour]));
  for (const [group, ward, ratio] of ratios) {
    const value = Number(ratio);
    const bounds = [0.5, 0.75, 0.9, 1.1, 1.33, 2];
    expect(colours.get(`${String(group)} ${String(ward)}`)).toBe(
      `fill-change-${bounds.filter((bound) => value >= bound).length}`,
    );
  }
});

test("the note counts the requests that are not on the map", async () => {
  await visitor.view("?years=2018");
  const [row] = await query(`
    select sum(requests) filter (ward_model = 44), sum(requests) filter (ward_id is null), sum(requests)
    from ${WARDS} where source_year = 2018`);
  const note = await visitor.text("[data-note=off-map]");
  const numbers = [...note.matchAll(/[\d,]{3,}|\d+/g)].map(([text]) => Number(text.replaceAll(",", "")));
  const [old, without, total] = row as [number, number, number];
  expect(numbers).toEqual([old + without, total, old, 2018, 44, without]);
  await visitor.page.getByRole("button", { name: "Show postal areas" }).click();
  await visitor.settled();
  expect(visitor.page.url()).toContain("by=fsa&years=2018");
  expect((await visitor.ranking()).reduce((sum, [, requests]) => sum + requests, 0)).toBeGreaterThan(
    total / 2,
  );
});

test("the note counts the requests without a postal area, and says why", async () => {
  await visitor.view("?by=fsa");
  const [row] = await query(`
    select sum(requests) filter (fsa is null), sum(requests) from ${FSAS} where source_year = 2025`);
  const [without, total] = row as [number, number];
  const note = await visitor.text("[data-note=off-map]");
  expect(note).toContain(
    `${without.toLocaleString("en-CA")} requests (${((without / total) * 100).toFixed(1)}%) have no postal area, mostly`,
  );
  expect(note).toContain("at an intersection");
});

test("months, and the previous year beside them", async () => {
  await visitor.view("?years=2025&status=Completed");
  await visitor.page.locator("#series summary").click();
  const months = visitor.page.locator("#series details tbody tr");
  // Shown a moment after it is opened.
  await months.last().waitFor();
  const shown = await months.evaluateAll((rows) =>
    rows.map((row) =>
      [...row.querySelectorAll("td")].map((cell) => Number(cell.textContent.replaceAll(",", ""))),
    ),
  );
  const expected = await query(`
    select sum(requests) filter (source_year = 2025), sum(requests) filter (source_year = 2024)
    from ${WARDS} where status = 'Completed' and source_year >= 2024
    group by month(created_month) order by month(created_month)`);
  expect(shown).toEqual(expected);
});

test("days are added up", async () => {
  await visitor.view("?series=day&group=Trees");
  await visitor.page.locator("#series summary").click();
  await visitor.page.locator("#series details tbody tr").last().waitFor();
  const last = await visitor.page.locator("#series details tbody tr").last().locator("td").allInnerTexts();
  const expected = await query(`
    select sum(requests) filter (source_year = 2025), sum(requests) filter (source_year = 2024)
    from ${table("requests_by_day")} where type_group = 'Trees'`);
  const numbers = last.map((text) => Number(text.replaceAll(",", "")));
  expect(numbers).toEqual(expected[0]);
  expect(await visitor.requests()).toBe(expected[0]?.[0]);

  // 2024 is a leap year, and its days have the same positions nevertheless.
  const march = visitor.page.locator("#series details tbody tr", { hasText: "Mar 1" }).first();
  const atMarch = (await march.locator("td").allInnerTexts()).map((text) => Number(text.replaceAll(",", "")));
  const untilMarch = await query(`
    select sum(requests) filter (source_year = 2025), sum(requests) filter (source_year = 2024)
    from ${table("requests_by_day")}
    where type_group = 'Trees' and (month(created_on) < 3 or (month(created_on) = 3 and day(created_on) = 1))`);
  expect(atMarch).toEqual(untilMarch[0]);
});

test("the share of a division and a status in all requests of a ward", async () => {
  await visitor.view("?division=Toronto+Water&status=Completed&measure=share");
  const shown = await visitor.measured();
  const expected = await query(`
    select cast(ward_id as varchar), sum(requests) filter (division = 'Toronto Water' and status = 'Completed') / sum(requests)
    from ${WARDS} where ward_model = 25 and source_year = 2025 group by 1`);
  expect(expected).toHaveLength(25);
  for (const [ward, value] of expected) {
    expect(Math.abs((shown.get(String(ward)) ?? 0) - Number(value) * 100)).toBeLessThanOrEqual(0.051);
  }
});

test("a ward's change from the first year of its wards compares the months that both years have", async () => {
  await visitor.view("?years=2019&measure=change");
  const shown = await visitor.measured();
  const expected = await query(`
    select cast(ward_id as varchar),
           sum(requests) filter (source_year = 2019) / sum(requests) filter (source_year = 2018) - 1
    from ${WARDS} where ward_model = 25 and month(created_month) = 12 group by 1
    having sum(requests) filter (source_year = 2018) >= 30`);
  expect(expected.length).toBeGreaterThan(0);
  for (const [ward, value] of expected) {
    expect(Math.abs((shown.get(String(ward)) ?? 0) - Number(value) * 100)).toBeLessThanOrEqual(0.051);
  }
  await visitor.view("?years=2019&area=3");
  expect(await visitor.text(".answer h2")).toMatch(
    /; December 2019: [\d.]+% (more|fewer) than in December 2018\.$/,
  );
  const change = await valueOf(`
    select sum(requests) filter (source_year = 2019) / sum(requests) filter (source_year = 2018) - 1
    from ${WARDS} where month(created_month) = 12`);
  const cells = await visitor.page.locator(".area-panel tr[data-measure=change] td").allInnerTexts();
  const toronto = Number.parseFloat((cells[1] ?? "").replace("−", "-"));
  expect(Math.abs(toronto - Number(change) * 100)).toBeLessThanOrEqual(0.051);
});

test("an area's shares are compared with the city in the months that the map has", async () => {
  await visitor.view("?years=2018");
  const shares = await query(`
    with cells as (select type_group, ward_id, ward_model, sum(requests) as requests from ${WARDS}
                   where source_year = 2018 and month(created_month) = 12 group by all),
         shares as (select *, requests / sum(requests) over (partition by ward_model, ward_id) as share,
                    sum(requests) over (partition by type_group) / sum(requests) over () as of_city from cells)
    select type_group, cast(ward_id as integer), share, of_city from shares where ward_model = 25`);
  const cells = new Map(
    await visitor.page
      .locator("#heat tbody tr")
      .evaluateAll((rows) =>
        rows.flatMap((row) =>
          [...row.querySelectorAll("td")].map((cell, at): [string, string] => [
            `${row.querySelector("th")?.textContent ?? ""} ${at + 1}`,
            cell.ariaLabel ?? "",
          ]),
        ),
      ),
  );
  const shown = shares.filter(([group, ward]) => cells.has(`${String(group)} ${String(ward)}`));
  expect(shown.length).toBeGreaterThan(100);
  for (const [group, ward, share, ofCity] of shown) {
    const label = cells.get(`${String(group)} ${String(ward)}`) ?? "";
    const percents = [...label.matchAll(/([\d.]+)%/g)].map(([, percent]) => Number(percent));
    expect(percents).toHaveLength(2);
    for (const [at, value] of [share, ofCity].entries()) {
      // "< 0.1%" represents less than 0.05%.
      expect(Math.abs((percents[at] ?? NaN) - Number(value) * 100)).toBeLessThanOrEqual(
        label.includes("<") ? 0.1 : 0.051,
      );
    }
  }
});

test("wards have no figures for years with other wards", async () => {
  await visitor.view("?years=2017");
  expect(new Set(await visitor.page.locator("#ranking td.number").allInnerTexts())).toEqual(new Set(["–"]));
  const labels = await visitor.page
    .locator("#map .area")
    .evaluateAll((paths) => paths.map((path) => path.getAttribute("aria-label") ?? ""));
  expect(labels).toHaveLength(25);
  for (const label of labels) expect(label).toMatch(/: no data$/);
  await visitor.view("?years=2017&area=3");
  expect(await visitor.text(".answer h2")).toBe("There are no figures for Etobicoke-Lakeshore in 2017.");
  expect(await visitor.text(".answer .context")).toContain("Before December 2018 Toronto had 44 wards.");
  const figures = await visitor.page.locator(".area-panel .figures td.number").allInnerTexts();
  // Only the number of the city's requests is known.
  expect(figures.filter((one) => one !== "–")).toHaveLength(1);
  for (const section of ["#categories", "#series", "#heat"]) {
    expect(await visitor.text(section)).toContain("No requests on the map match these filters.");
  }
});

test("the first year of the wards is that of the months that they have", async () => {
  await visitor.view("?years=2018&area=3");
  const [row] = await query(`
    select sum(requests) filter (ward_model = 25 and ward_id = 3), sum(requests)
    from ${WARDS} where created_month = date '2018-12-01'`);
  const [ofWard, ofCity] = (row ?? []).map((count) => count?.toLocaleString("en-CA"));
  expect(await visitor.text(".answer h2")).toBe(
    `Etobicoke-Lakeshore made ${ofWard ?? ""} requests in December 2018.`,
  );
  expect(await visitor.text(".answer .context")).toContain(`Toronto: ${ofCity ?? ""}.`);
});

test("a month between two without values is visible", async () => {
  await visitor.view("?season=winter&years=2025");
  // December, of this year and of the one before.
  expect(await visitor.page.locator("#months circle").count()).toBe(2);
});

test("statuses, divisions and the types of a category, with what they mean", async () => {
  await visitor.view("?group=Trees");
  const where = "source_year = 2025 and type_group = 'Trees'";
  for (const [status, requests] of await query(
    `select status, sum(requests) from ${table("requests_by_status")} where ${where} group by 1`,
  )) {
    expect(await visitor.number(`[data-status="${String(status)}"] td`)).toBe(requests);
  }
  for (const [status, definition] of await query(`select status, definition from ${table("statuses")}`)) {
    const row = visitor.page.locator(`[data-status="${String(status)}"]`);
    if ((await row.count()) > 0) expect(await row.innerText()).toContain(definition);
  }
  const types = await query(`
    select type_name, sum(requests) from ${table("types_in_use")} where type_group = 'Trees' group by 1 order by 2 desc`);
  const rows = visitor.page.locator("#types tbody tr");
  expect(await rows.count()).toBe(types.length);
  for (const [at, [name, requests]] of types.entries()) {
    const words = await rows.nth(at).innerText();
    expect(words).toContain(Number(requests).toLocaleString("en-CA"));
    // The City's name is below the plain one, unless they are the same.
    expect(words).toContain(name);
  }
  const divisions = await query(`
    select division, sum(requests) from ${table("requests_by_status")} where ${where} group by 1 order by 2 desc`);
  expect(divisions.length).toBeGreaterThan(0);
  // Divisions that were renamed are one.
  const renamed = ["Parks, Forestry & Recreation", "Parks and Recreation", "Environment, Climate & Forestry"];
  const sum = divisions.reduce(
    (all, [name, requests]) => all + (renamed.includes(String(name)) ? Number(requests) : 0),
    0,
  );
  const row = visitor.page.locator("#divisions tr", { hasText: "Environment, Climate & Forestry" });
  expect(Number((await row.locator("td").innerText()).replaceAll(",", ""))).toBe(sum);
});

test("figures of the whole city say so beside an area, and each chosen category has its types", async () => {
  await visitor.view("?area=9&group=Trees&group=Noise");
  const titles = ["#types", "#statuses", "#divisions"].map((section) => visitor.text(`${section} h2`));
  expect(await Promise.all(titles)).toEqual([
    "Types in “Trees” and “Noise”, whole city",
    "Current status, whole city",
    "Responsible City division, whole city",
  ]);
  const count = await valueOf(`
    select count(distinct type_name) from ${table("types_in_use")} where type_group in ('Trees', 'Noise')`);
  expect(await visitor.page.locator("#types th[scope=row]").count()).toBe(Number(count));
  expect(await visitor.page.locator("#types th[scope=rowgroup]").allInnerTexts()).toEqual([
    expect.stringContaining("Trees"),
    expect.stringContaining("Noise"),
  ]);
});

test("the open share of an area is that of all statuses", async () => {
  const row = visitor.page.locator(".area-panel [data-measure=open]");
  await visitor.view("?area=9");
  const open = await valueOf(`
    select sum(requests) filter (status in (select status from ${table("statuses")} where status_group = 'open'))
           / sum(requests)
    from ${table("requests_by_month_group_ward")} where ward_model = 25 and ward_id = 9 and source_year = 2025`);
  expect(await row.locator("td").first().innerText()).toBe(`${(Number(open) * 100).toFixed(1)}%`);
  // Of completed requests none is open.
  await visitor.view("?area=9&status=done");
  expect(await visitor.page.locator(".area-panel [data-measure=homes]").count()).toBe(1);
  expect(await row.count()).toBe(0);
});

test("the change matches the mart of trends", async () => {
  await visitor.view("?group=Trees");
  const [row] = await query(`
    select change_from_year_before from ${table("type_trends")} where type_group = 'Trees' and source_year = 2025`);
  const [, size, direction] = /([\d.]+)% (more|fewer)/.exec(await visitor.text(".answer h2")) ?? [];
  expect(Number(size) * (direction === "fewer" ? -1 : 1)).toBeCloseTo(Number(row?.[0]) * 100, 0);
});

test("the quality of each year", async () => {
  await visitor.view();
  const measures = ["rows_read", "rows_kept", "rows_repaired", "rows_quarantined"];
  const rows = await query(`
    select source_year, ${measures.map((one) => `sum(row_count) filter (measure = '${one}')`).join(", ")}
    from ${table("data_quality")} where is_current group by 1`);
  expect(rows.length).toBeGreaterThan(0);
  await visitor.page.locator("#quality [data-year]").first().waitFor();
  for (const [year, ...expected] of rows) {
    const cells = await visitor.page.locator(`#quality [data-year="${String(year)}"] td`).allInnerTexts();
    expect(cells.slice(0, 4).map((text) => Number(text.replaceAll(",", "")))).toEqual(expected);
  }
});

test("the map has the areas of the marts", async () => {
  await visitor.view();
  const ids = async () =>
    (
      await visitor.page
        .locator("#map .area")
        .evaluateAll((paths) => paths.map((path) => path.getAttribute("data-area") ?? ""))
    ).sort();
  const wards = await query(
    `select cast(ward_id as varchar) from ${table("wards")} where ward_model = 25 order by 1`,
  );
  expect(await ids()).toEqual(wards.flat());
  await visitor.view("?by=fsa");
  const fsas = await query(`
    select distinct fsa from ${table("requests_by_fsa")} where fsa is not null order by 1`);
  const shown = new Set(await ids());
  expect(shown.size).toBe(96);
  expect(fsas.flat().filter((fsa) => !shown.has(String(fsa)))).toEqual([]);
});

test("dbt's exposure lists the marts that the page reads", async () => {
  const read = new Set<string>();
  visitor.page.on("request", (request) => {
    const mart = /\/data\/(\w+)-[\w-]+\.parquet$/.exec(request.url())?.[1];
    if (mart) read.add(mart);
  });
  for (const by of ["ward", "fsa"]) {
    for (const filter of ["", "type=Pick+up+Dead+Wildlife", "area=M4C", "group=Trees&area=4", "days=30"])
      await visitor.view(`?by=${by}&series=day&${filter}`);
  }
  // Read once they are near the screen.
  for (const [section, mart] of [
    ["#unusual", "unusual_months"],
    ["#about", "publication_changes"],
  ] as const) {
    await visitor.page.locator(section).scrollIntoViewIfNeeded();
    await expect.poll(() => [...read]).toContain(mart);
  }
  const manifest = join(import.meta.dirname, "../../dbt-runner/project/target/duckdb/manifest.json");
  const { exposures } = JSON.parse(readFileSync(manifest, "utf8")) as {
    exposures: Record<string, { depends_on: { nodes: string[] } }>;
  };
  const listed = exposures["exposure.toronto_311.dashboard"]?.depends_on.nodes.map((node) =>
    node.replace(/^.*\./, ""),
  );
  // Only read if it has rows.
  expect([...read, "refused_publications"].sort()).toEqual(listed?.sort());
});

test("what is still open by age, and how long half of the requests take", async () => {
  await visitor.view("?group=Trees");
  const section = visitor.page.locator("#duration");
  const [row] = await query(`
    select round(lower_days_median), upper_days_median, open_share_90_days from ${table("time_to_close")}
    where type_group = 'Trees' and type_name is null and ward_id is null`);
  const [lower, upper, open] = row as [number, number | null, number];
  const sentence = await section.locator(".lead").innerText();
  expect(sentence).toContain(
    upper === null
      ? `take more than ${lower} days`
      : `within ${lower === 0 ? "" : `${lower} to `}${Math.round(upper)} days`,
  );
  expect(sentence).toContain(`${(open * 100).toFixed(1)}% are still open after 90 days`);
  const [share] = await query(`
    select sum(open_requests) / sum(requests) from ${table("open_by_age_type")}
    where type_group = 'Trees' and age_days >= 365`);
  expect(await section.locator(".open-ages li").last().innerText()).toContain(
    `${(Number(share?.[0]) * 100).toFixed(1)}% are still open`,
  );
});

test("how long requests take names the place that it is of", async () => {
  const section = visitor.page.locator("#duration");
  const [found] = await query(`
    select ward_id, type_group from ${table("time_to_close")}
    where type_name is null and ward_id is not null and upper_days_median is not null
    order by requests desc, ward_id limit 1`);
  const [ward, group] = (found ?? []).map(String);
  await visitor.view(`?area=${ward ?? ""}&group=${encodeURIComponent(group ?? "")}`);
  const name = (await visitor.text(".area-panel h2")).replace(/ \(.*/, "");
  expect(await section.locator(".lead").innerText()).toContain(` in ${name} `);
  expect(await section.locator(".open-ages").innerText()).not.toContain("in Toronto made");
  await visitor.view(`?area=${ward ?? ""}`);
  expect(await section.locator("caption").innerText()).toBe(`How long requests in ${name} take, by category`);
  // There are no times by type and ward, nor by postal area.
  await visitor.view(`?area=${ward ?? ""}&type=General+Tree+Maintenance`);
  expect(await section.locator(".open-ages li").last().innerText()).toMatch(/^Of .+ in Toronto made/);
  await visitor.view("?by=fsa&area=M5V&group=Trees");
  expect(await section.locator(".lead").innerText()).toContain("about trees in Toronto ");
});

test("what was unusual in the last month is a sentence with a link to it, or that nothing was", async () => {
  await visitor.view();
  const { page } = visitor;
  const section = page.locator("#unusual");
  // Read once it is near the screen.
  await section.scrollIntoViewIfNeeded();
  const [published] = await query(`
    select count(*) from ${table("unusual_months")}
    where created_month = date '2025-12-01' and type_group not in ('Other', 'Undisclosed')`);
  if (published?.[0] === 0) {
    await section.getByText("Nothing was unusual in December 2025.").waitFor();
  } else {
    await expect.poll(() => section.locator("li").count()).toBe(Math.min(8, Number(published?.[0])));
  }
  // The same mart with a row of the last month and one of the month before.
  const planted = await valueOf(`
    select sum(requests) from ${WARDS}
    where type_group = 'Trees' and ward_model = 25 and ward_id = 9 and created_month = date '2025-12-01'`);
  const row = (month: string) => `
    select cast('${month}' as date) as created_month, 25 as ward_model, 9 as ward_id, cast(null as varchar) as fsa,
           'Trees' as type_group, cast(${String(planted)} as integer) as requests, 1.0::double as expected,
           0.2::double as lower, 2.5::double as upper, 9.0::double as score`;
  await publish(page, "unusual_months", `${row("2025-12-01")} union all ${row("2025-11-01")}`);
  // What is unusual is so without filters.
  await visitor.view("?season=summer&status=open&division=Toronto+Water");
  await section.scrollIntoViewIfNeeded();
  const item = section.locator("li");
  expect(await item.innerText()).toContain(`Trees in Davenport: ${String(planted)} request`);
  expect(await item.innerText()).toContain("expected 1 to 2");
  await item.getByRole("button").click();
  await visitor.settled();
  const { searchParams } = new URL(page.url());
  expect([searchParams.get("months"), searchParams.get("area")]).toEqual(["2025-12", "9"]);
  expect(await visitor.requests()).toBe(planted);
});

test("the last days of the data, and the same days a year before", async () => {
  await visitor.view("?series=30");
  const [row] = await query(`
    select sum(requests) filter (created_on > date '2025-12-01'),
           sum(requests) filter (created_on between date '2024-12-02' and date '2024-12-31')
    from ${table("requests_by_day")}`);
  const [now, before] = row as [number, number];
  const sentence = await visitor.text("[data-figure=last-days]");
  expect(sentence).toContain("(December 2, 2025–December 31, 2025)");
  expect(await visitor.text("#series .legend")).toContain("Last 30 days");
  expect(sentence).toContain(`${now.toLocaleString("en-CA")} requests`);
  expect(sentence).toContain(
    `${(Math.abs(now / before - 1) * 100).toFixed(1)}% ${now > before ? "more" : "fewer"}`,
  );
});

test("earlier years are a band behind the months", async () => {
  await visitor.view("?years=2025");
  await visitor.page.getByRole("button", { name: "Show earlier years" }).click();
  await visitor.page.locator("#months path.band").waitFor();
  expect(await visitor.text("#series .legend")).toContain("range");
});

test("the categories of a ward beside the city's", async () => {
  await visitor.view("?area=13");
  const shares = new Map(
    (
      await query(`
        with cells as (select type_group, ward_id, ward_model, sum(requests) as requests from ${WARDS}
                       where source_year = 2025 group by all)
        select type_group, sum(requests) filter (ward_model = 25 and ward_id = 13)
               / (select sum(requests) from cells where ward_model = 25 and ward_id = 13),
               sum(requests) / (select sum(requests) from cells)
        from cells group by 1`)
    ).map(([group, share, ofCity]) => [String(group), [Number(share), Number(ofCity)]]),
  );
  const rows = visitor.page.locator("#categories tbody tr");
  expect(await rows.count()).toBeGreaterThan(0);
  for (const row of await rows.all()) {
    const expected = shares.get(await row.locator("th").innerText()) ?? [NaN, NaN];
    const shown = (await row.locator("td.number").allInnerTexts()).map((words) => Number.parseFloat(words));
    for (const [at, share] of expected.entries()) {
      expect(Math.abs((shown[at] ?? NaN) - share * 100)).toBeLessThanOrEqual(0.051);
    }
  }
});
