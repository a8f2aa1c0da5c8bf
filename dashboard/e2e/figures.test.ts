import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { Visitor } from "./browser.ts";
import { query, valueOf } from "./duckdb.ts";
import { withSite } from "./set_up.ts";
import { SITE, table } from "./site.ts";

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

/** Reads the ranking: area and requests. */
async function ranking(): Promise<[string, number][]> {
  const rows = await visitor.page
    .locator("#ranking tbody tr")
    .evaluateAll((found) =>
      found.map((row) => [
        row.getAttribute("data-area") ?? "",
        Number((row.querySelector("[data-figure=requests]")?.textContent ?? "").replaceAll(",", "")),
      ]),
    );
  return rows as [string, number][];
}

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
  expect(await visitor.number("[data-figure=requests].figure")).toBe(total);
  const expected = await query(`
    select cast(ward_id as varchar), sum(requests) from ${WARDS}
    where ward_model = 25 and ${where} group by 1`);
  const shown = new Map(await ranking());
  expect(shown.size).toBe(25);
  expect([...shown].filter(([, requests]) => requests > 0).sort()).toEqual(expected.sort());
});

test.for(VIEWS.slice(0, 3))("postal areas: %s", async ([, address, where]) => {
  await visitor.view(`?by=fsa&${address}`);
  const expected = await query(`
    select fsa, sum(requests) from ${FSAS} where fsa is not null and ${where} group by 1`);
  const shown = await ranking();
  expect(shown).toHaveLength(96);
  expect(shown.filter(([, requests]) => requests > 0).sort()).toEqual(expected.sort());
});

/** Reads the values of the measure in the ranking, by area. */
async function measured(): Promise<Map<string, number>> {
  const rows = await visitor.page.locator("#ranking tbody tr").evaluateAll((found) =>
    found.map((row): [string, string] => {
      const cell = row.querySelector("[data-figure=measure]");
      cell?.querySelector(".rank")?.remove();
      return [row.getAttribute("data-area") ?? "", cell?.textContent ?? ""];
    }),
  );
  return new Map(rows.map(([area, text]) => [area, Number(text.replaceAll(/[,%+]/g, "").replace("−", "-"))]));
}

test("requests per square kilometre", async () => {
  await visitor.view();
  const boundaries = JSON.parse(readFileSync(join(SITE, "boundaries/wards.topo.json"), "utf8")) as {
    objects: { areas: { geometries: { id: number; properties: { km2: number } }[] } };
  };
  const shown = await measured();
  for (const [ward, requests] of await query(`
    select cast(ward_id as varchar), sum(requests) from ${WARDS}
    where ward_model = 25 and source_year = 2025 group by 1`)) {
    const found = boundaries.objects.areas.geometries.find(({ id }) => String(id) === ward);
    const density = Number(requests) / (found?.properties.km2 ?? 0);
    expect(Math.abs((shown.get(String(ward)) ?? 0) - density)).toBeLessThanOrEqual(
      density < 100 ? 0.051 : 0.51,
    );
  }
});

test("the density of two areas and the city leaves out requests without an area", async () => {
  await visitor.view("?by=fsa&area=M5V&area=M4C");
  const { objects } = JSON.parse(readFileSync(join(SITE, "boundaries/fsas.topo.json"), "utf8")) as {
    objects: { areas: { geometries: { id: string; properties: { km2: number } }[] } };
  };
  const km2 = new Map(objects.areas.geometries.map(({ id, properties }) => [id, properties.km2]));
  const requests = new Map(
    (await query(`select fsa, sum(requests) from ${FSAS} where source_year = 2025 group by 1`)) as [
      string,
      number,
    ][],
  );
  const sumOf = (of: Map<string, number>, fsas: string[]) =>
    fsas.reduce((all, fsa) => all + (of.get(fsa) ?? 0), 0);
  const row = visitor.page.locator("#compare tr", { hasText: "Per km²" });
  const shown = (await row.locator("td").allInnerTexts()).map((text) => Number(text.replaceAll(",", "")));
  const expected = [["M5V"], ["M4C"], [...km2.keys()]].map(
    (fsas) => sumOf(requests, fsas) / sumOf(km2, fsas),
  );
  expect(shown).toEqual(
    expected.map((value) => (value < 100 ? Number(value.toFixed(1)) : Math.round(value))),
  );
});

const RATES = [
  [
    "share",
    "sum(requests) filter (type_group = 'Trees' and source_year = 2025) / sum(requests) filter (source_year = 2025)",
  ],
  [
    "change",
    `sum(requests) filter (type_group = 'Trees' and source_year = 2025)
              / sum(requests) filter (type_group = 'Trees' and source_year = 2024) - 1`,
  ],
] as const;
test.for(RATES)("the %s of each ward, in the ranking and on the map", async ([measure, expression]) => {
  await visitor.view(`?group=Trees&measure=${measure}`);
  const shown = await measured();
  const expected = await query(`
    select cast(ward_id as varchar), ${expression} from ${WARDS} where ward_model = 25 group by 1 order by 2 desc`);
  expect(expected).toHaveLength(25);
  for (const [ward, value] of expected) {
    const percent = Number(value) * 100;
    expect(Math.abs((shown.get(String(ward)) ?? 0) - percent)).toBeLessThanOrEqual(0.051);
    const label = await visitor.page.locator(`#map [data-area="${String(ward)}"]`).getAttribute("aria-label");
    expect(label).toContain(`${String(Math.abs(shown.get(String(ward)) ?? 0))}%`);
  }
  expect(shown.keys().next().value).toBe(expected[0]?.[0]);
});

test("the heat map's counts and its shares against the city's", async () => {
  await visitor.view("?measure=count");
  const { page } = visitor;
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
  await page.getByRole("button", { name: "Per km²" }).click();
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
  expect((await ranking()).reduce((sum, [, requests]) => sum + requests, 0)).toBeGreaterThan(total / 2);
});

test("months, and the year before behind them", async () => {
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
  expect(await visitor.number("[data-figure=requests].figure")).toBe(expected[0]?.[0]);

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
  const shown = await measured();
  const expected = await query(`
    select cast(ward_id as varchar), sum(requests) filter (division = 'Toronto Water' and status = 'Completed') / sum(requests)
    from ${WARDS} where ward_model = 25 and source_year = 2025 group by 1`);
  expect(expected).toHaveLength(25);
  for (const [ward, value] of expected) {
    expect(Math.abs((shown.get(String(ward)) ?? 0) - Number(value) * 100)).toBeLessThanOrEqual(0.051);
  }
});

test("a ward's change from the first year of its wards compares the months that both years have", async () => {
  await visitor.view("?years=2019&group=Trees&measure=change");
  const shown = await measured();
  const expected = await query(`
    select cast(ward_id as varchar),
           sum(requests) filter (source_year = 2019) / sum(requests) filter (source_year = 2018) - 1
    from ${WARDS} where ward_model = 25 and type_group = 'Trees' and month(created_month) = 12 group by 1`);
  const comparable = expected.filter(([, value]) => value !== null);
  expect(comparable.length).toBeGreaterThan(0);
  for (const [ward, value] of comparable) {
    expect(Math.abs((shown.get(String(ward)) ?? 0) - Number(value) * 100)).toBeLessThanOrEqual(0.51);
  }
});

test("a change of December alone is marked, and the city beside it is of December too", async () => {
  await visitor.view("?years=2019&measure=change&area=3");
  expect(await visitor.text(".map-panel .help")).toContain("Change compares 2019 with 2018 (December only).");
  expect(await visitor.text("[data-figure=leader]")).toMatch(/ \(December only\)$/);
  const change = await valueOf(`
    select sum(requests) filter (source_year = 2019) / sum(requests) filter (source_year = 2018) - 1
    from ${WARDS} where month(created_month) = 12`);
  const cells = await visitor.page
    .locator("#compare tr", { hasText: "Change from 2018" })
    .locator("td")
    .allInnerTexts();
  expect(Math.abs(parseFloat(cells.at(-1) ?? "") - Number(change) * 100)).toBeLessThanOrEqual(0.051);
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
  await visitor.view("?years=2017&area=3");
  expect(new Set(await visitor.page.locator("#ranking td.number").allInnerTexts())).toEqual(new Set(["–"]));
  const labels = await visitor.page
    .locator("#map .area")
    .evaluateAll((paths) => paths.map((path) => path.getAttribute("aria-label") ?? ""));
  expect(labels).toHaveLength(25);
  for (const label of labels) expect(label).toMatch(/: no data$/);
  const toronto = await visitor.page.locator("#compare tr td:last-child").allInnerTexts();
  expect(toronto.slice(1, 4)).toEqual(["–", "–", "–"]);
  for (const section of ["#compare .distinctive", "#series", "#heat"]) {
    expect(await visitor.text(section)).toContain("No requests on the map match these filters.");
  }
});

test("a month between two without values is visible", async () => {
  await visitor.view("?season=winter&years=2025");
  // December, of this year and of the one before.
  expect(await visitor.page.locator("#months circle").count()).toBe(2);
});

test("statuses, seasons and divisions", async () => {
  await visitor.view("?group=Trees");
  const where = "source_year = 2025 and type_group = 'Trees'";
  for (const [status, requests] of await query(
    `select status, sum(requests) from ${table("requests_by_status")} where ${where} group by 1`,
  )) {
    expect(await visitor.number(`[data-status="${String(status)}"] td`)).toBe(requests);
  }
  const [perDay] = await query(`
    select sum(requests_per_day) from ${table("requests_by_season")} where ${where} and season = 'summer'`);
  const shown = await visitor.page.locator("#seasons tr", { hasText: "Summer" }).locator("td").innerText();
  expect(Math.abs(parseFloat(shown.replaceAll(",", "")) - Number(perDay?.[0]))).toBeLessThan(1);
  const divisions = await query(`
    select division, sum(requests) from ${table("requests_by_status")} where ${where} group by 1 order by 2 desc`);
  expect(divisions.length).toBeGreaterThan(0);
  const [first] = await visitor.page.locator("#divisions tr").allInnerTexts();
  expect(first?.replaceAll(",", "")).toContain(`${divisions[0]?.[1] ?? ""}`);
});

test("the change matches the mart of trends", async () => {
  await visitor.view("?group=Trees");
  const [row] = await query(`
    select change_from_year_before from ${table("type_trends")} where type_group = 'Trees' and source_year = 2025`);
  const [, direction, size] = /(up|down) ([\d.]+)%/.exec(await visitor.text("[data-figure=change]")) ?? [];
  expect(Number(size) * (direction === "down" ? -1 : 1)).toBeCloseTo(Number(row?.[0]) * 100, 0);
});

test("the quality of each year", async () => {
  await visitor.view();
  const measures = ["rows_read", "rows_kept", "rows_repaired", "rows_quarantined"];
  const rows = await query(`
    select source_year, ${measures.map((one) => `sum(row_count) filter (measure = '${one}')`).join(", ")}
    from ${table("data_quality")} where is_current group by 1`);
  expect(rows.length).toBeGreaterThan(0);
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
        .locator("#map path")
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
    for (const filter of ["", "type=Pick+up+Dead+Wildlife"])
      await visitor.view(`?by=${by}&series=day&${filter}`);
  }
  const exposures = readFileSync(
    join(import.meta.dirname, "../../dbt-runner/project/models/exposures.yml"),
    "utf8",
  );
  const dashboard =
    exposures.split("  - name: ").find((exposure) => exposure.startsWith("dashboard\n")) ?? "";
  const listed = [...dashboard.matchAll(/ref\('(\w+)'\)/g)].map(([, mart]) => mart);
  // Only read if it has rows.
  expect([...read, "refused_publications"].sort()).toEqual(listed.sort());
});
