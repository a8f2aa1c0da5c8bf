import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { Visitor } from "./browser.ts";
import { query, valueOf } from "./duckdb.ts";
import { publish } from "./publish.ts";
import { withSite } from "./set_up.ts";
import { SITE, table } from "./site.ts";

// The last 30, 90 and 365 days: the figures on the screen, compared with the published requests, which are not a mart.

const site = withSite();
let visitor: Visitor;

beforeEach(async () => {
  visitor = await site.visit();
});
afterEach(async () => {
  expect(visitor.complaints).toEqual([]);
  await visitor.close();
});

/** The requests with their day in Toronto, and their type under its current name. */
const REQUESTS = `(
  select date '1970-01-01' + cast(floor((epoch(created_at) / 3600 + utc_offset_hours) / 24) as integer) as day,
         status, ward_model, ward_id, fsa, type_name, type_group
  from read_parquet('${join(SITE, "data/v1/requests/*.parquet")}')
  join ${table("types_in_use")} using (service_request_type))`;
const daysTo = (last: string, length: number) =>
  `day between date '${last}' - ${length - 1} and date '${last}'`;

const VIEWS = [
  [30, "of wards", "", "ward_id", "true"],
  [
    90,
    "of a group and a status in postal areas",
    "&by=fsa&group=Trees&status=Completed",
    "fsa",
    "type_group = 'Trees' and status = 'Completed'",
  ],
  [
    365,
    "of a type in wards",
    "&type=Pick+up+Dead+Wildlife",
    "ward_id",
    "type_name = 'Pick up Dead Wildlife'",
  ],
] as const;

test.for(VIEWS)("the last %i days %s", async ([length, , filters, area, where]) => {
  await visitor.view(`?days=${length}${filters}`);
  const days = daysTo("2025-12-31", length);
  const [[now, before]] = (await query(`
    select count(*) filter (${days}), count(*) filter (${daysTo("2024-12-31", length)})
    from ${REQUESTS} where ${where}`)) as [[number, number]];
  expect(await visitor.requests()).toBe(now);
  const change = `${(Math.abs(now / before - 1) * 100).toFixed(1)}% ${now > before ? "more" : "fewer"}`;
  expect(await visitor.text(".answer h2")).toContain(
    `in the ${length} days to December 31, 2025, ${change} than in the same days a year before.`,
  );

  const kind = area === "fsa" ? "fsa" : "ward";
  const expected = await query(`
    select cast(r.${area} as varchar), count(*), count(*) / any_value(homes) * 1000
    from ${REQUESTS} as r join ${table("area_denominators")} as a on r.${area} = a.${area}
    where ${days} and ${where} and a.area_type = '${kind}' ${kind === "ward" ? "and r.ward_model = 25" : ""}
    group by 1`);
  const shown = (await visitor.ranking()).filter(([, requests]) => requests > 0);
  expect(shown.sort()).toEqual(expected.map((row) => row.slice(0, 2)).sort());
  // Rates of days are not extrapolated to a year, and say so.
  const rates = await visitor.measured();
  for (const [id, , rate] of expected) {
    expect(Math.abs((rates.get(String(id)) ?? NaN) - Number(rate)), String(id)).toBeLessThanOrEqual(0.051);
  }
  expect(await visitor.text(".map-legend .unit")).toBe(`requests per 1,000 homes in ${length} days`);
  expect(await visitor.text(".context")).toContain(`Rates cover these ${length} days, not a year.`);
});

test("the last days are chosen, and their change, table, link and trend are of these days", async () => {
  await visitor.view("?group=Trees&season=fall");
  const { page } = visitor;
  await page.locator("#when").click();
  await page.getByRole("button", { name: "Last 90 days", exact: true }).first().click();
  await visitor.settled();
  expect(new URL(page.url()).search).toBe("?days=2025-10-03..2025-12-31&group=Trees");
  await page.locator(".tabs").getByRole("button", { name: "Change" }).click();
  await visitor.settled();
  const changes = await query(`
    select cast(ward_id as varchar), count(*) filter (${daysTo("2025-12-31", 90)}) as now,
           count(*) filter (${daysTo("2024-12-31", 90)}) as before
    from ${REQUESTS} where type_group = 'Trees' and ward_model = 25 group by 1 having before >= 30`);
  const shown = await visitor.measured();
  for (const [ward, now, before] of changes) {
    const change = (Number(now) / Number(before) - 1) * 100;
    expect(Math.abs((shown.get(String(ward)) ?? NaN) - change), String(ward)).toBeLessThanOrEqual(0.051);
  }
  // The requests by day are the same, of the whole city.
  const total = await visitor.requests();
  expect(await visitor.text("[data-figure=last-days]")).toContain(
    `${total.toLocaleString("en-CA")} requests`,
  );

  const csv = await visitor.download("This table of areas (CSV)");
  expect(csv.name).toMatch(/^(generated-)?toronto-311_trees_wards_2025-10-03_2025-12-31\.csv$/);
  const [header, row = ""] = csv.bytes.toString().split("\r\n");
  expect(header).toContain(",requests,years,homes,");
  expect(header).toMatch(/,what,season,status,division,days,data_through$/);
  expect(row).toMatch(/,Trees,,,,2025-10-03\/2025-12-31,2025-12-31$/);
  expect(row.split(",")[5]).toBe("");
  const days = (await visitor.download("Days of the whole city (CSV)")).bytes.toString().trim().split("\r\n");
  expect(days).toHaveLength(1 + 90);
  expect(await page.getByRole("button", { name: "Months of each area (CSV)" }).count()).toBe(0);

  // Of a ward there are no days, and so the months around them.
  await page.locator("#ranking [data-area='9'] button").click();
  await visitor.settled();
  await page.locator("#series summary").click();
  const june = page.locator("#series details tbody tr", { hasText: "June" }).locator("td").first();
  expect(Number(await june.innerText())).toBe(
    await valueOf(`select sum(requests) from ${table("requests_by_month_type_ward")}
      where type_group = 'Trees' and ward_model = 25 and ward_id = 9 and created_month = date '2025-06-01'`),
  );
});

test("days that are no longer the last, or that the data do not have, are said to be others", async () => {
  await visitor.view("?days=2025-03-03..2025-04-01");
  expect(await visitor.text(".warning")).toBe(
    "This link is to days that ended on April 1, 2025, and the data end on another day. " +
      "Showing the 30 days to December 31, 2025.",
  );
  const mart = "requests_in_last_days_ward";
  await publish(visitor.page, mart, `select * from ${table(mart)} where last_days = 30`);
  await visitor.view("?days=365");
  expect(await visitor.text(".warning")).toBe(
    "The data do not have all of the last 365 days, so the latest year is shown.",
  );
  expect(await visitor.text(".answer h2")).toMatch(/ requests in 2025/);
});
