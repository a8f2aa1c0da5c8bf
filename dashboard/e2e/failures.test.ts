import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { Route } from "playwright-core";
import { beforeEach, expect, test } from "vitest";

import type { Visitor } from "./browser.ts";
import { parquetOf, valueOf } from "./duckdb.ts";
import { withSite } from "./set_up.ts";
import { SITE, cityCatalog, filesOf, json, readCatalog, serveSite, table } from "./site.ts";

// The page when something fails.

const site = withSite();
let visitor: Visitor;

beforeEach(async () => {
  visitor = await site.visit();
  return async () => {
    await visitor.close();
  };
});

const alert = () => visitor.page.getByRole("alert").innerText({ timeout: 10_000 });

test("a catalog that is missing, and exists later", async () => {
  await visitor.page.route("**/files.json", (route) => route.fulfill({ status: 404 }), { times: 1 });
  await visitor.page.goto(visitor.url);
  expect(await alert()).toContain("A data file is missing (data/files.json).");
  await visitor.page.getByRole("button", { name: "Try again" }).press("Enter");
  await visitor.settled();
  // The focus is at the beginning of the page, and not lost.
  expect(await visitor.page.evaluate(() => document.activeElement?.id)).toBe("app");
});

const CATALOGS: [name: string, answer: Parameters<Route["fulfill"]>[0], sentence: string][] = [
  [
    "of another format",
    json({ ...readCatalog(), catalog: "v0" }),
    "in a format that this page does not read",
  ],
  ["that is not JSON", { body: "<html>" }, "is damaged (data/files.json)"],
  ["without a licence", json({ ...cityCatalog(), licence: null }), "is damaged (data/files.json)"],
  ["without an attribution", json({ ...cityCatalog(), attribution: null }), "is damaged (data/files.json)"],
  ["of unknown origin", json({ ...cityCatalog(), generated: "no" }), "is damaged (data/files.json)"],
  ["without a valid date", json({ ...readCatalog(), as_of: "soon" }), "is damaged (data/files.json)"],
  [
    "that lacks a mart",
    json({ ...readCatalog(), marts: [] }),
    "is missing (requests_by_month_group_ward.parquet)",
  ],
  ["that the server cannot return", { status: 503 }, "cannot be reached"],
];
test.for(CATALOGS)("a catalog %s", async ([, answer, sentence]) => {
  await visitor.page.route("**/files.json", (route) => route.fulfill(answer));
  await visitor.page.goto(visitor.url);
  expect(await alert()).toContain(sentence);
});

test("a catalog whose files are superseded, and the next one", async () => {
  const catalog = JSON.stringify(readCatalog());
  const [file] = filesOf("requests_by_month_group_ward", 2025);
  const superseded = catalog.replaceAll(file?.path ?? "", "superseded.parquet");
  expect(superseded).not.toBe(catalog);
  await visitor.page.route(
    "**/files.json",
    (route) => route.fulfill({ contentType: "application/json", body: superseded }),
    { times: 1 },
  );
  await visitor.page.goto(visitor.url);
  expect(await alert()).toContain("superseded.parquet");
  await visitor.page.getByRole("button", { name: "Try again" }).click();
  await visitor.settled();
  expect(await visitor.page.getByRole("alert").count()).toBe(0);
});

const FILES: [name: string, answer: (route: Route) => Promise<void>, sentence: string][] = [
  ["missing", (route) => route.fulfill({ status: 404 }), "is missing"],
  ["cut short", (route) => route.fulfill({ body: "PAR1" }), "is damaged"],
  ["unreachable", (route) => route.abort(), "cannot be reached"],
];
test.for(FILES)("a year's file that is %s, and whole later", async ([, answer, sentence]) => {
  const [file] = filesOf("requests_by_month_group_ward", 2025);
  let isBroken = true;
  await visitor.page.route(`**/${file?.path ?? ""}`, (route) =>
    isBroken ? answer(route) : route.continue(),
  );
  await visitor.page.goto(visitor.url);
  expect(await alert()).toContain(sentence);
  expect(await alert()).toContain(file?.path);
  isBroken = false;
  await visitor.page.getByRole("button", { name: "Try again" }).click();
  await visitor.settled();
  expect(await visitor.page.getByRole("alert").count()).toBe(0);
});

test("a file of the right length with another byte", async () => {
  const [file] = filesOf("requests_by_month_group_ward", 2025);
  const bytes = readFileSync(join(SITE, "data", file?.path ?? ""));
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  await visitor.page.route(`**/${file?.path ?? ""}`, (route) => route.fulfill({ body: bytes }));
  await visitor.page.goto(visitor.url);
  expect(await alert()).toContain("is damaged");
});

test("a large file with another byte", async () => {
  // More than half a megabyte: each row many times, with numbers that do not compress.
  const served = await republish(
    ["requests_by_month_type_ward"],
    "cast(random() * 1e9 as integer) as requests",
    "cross join range(40)",
  );
  const [file] = filesOf("requests_by_month_type_ward", 2025);
  const bytes = served.get(file?.path ?? "") ?? Buffer.alloc(0);
  expect(bytes.length).toBeGreaterThan(2 ** 19);
  // A reader of Parquet does not need the first byte.
  await visitor.page.route(`**/${file?.path ?? ""}`, (route) =>
    route.fulfill({ body: Buffer.concat([Buffer.from("?"), bytes.subarray(1)]) }),
  );
  await visitor.page.goto(`${visitor.url}?type=Pick+up+Dead+Wildlife`);
  expect(await alert()).toContain("is damaged");
  expect(await alert()).toContain(file?.path);
});

test("a damaged file that the browser's cache keeps, and is whole later", async () => {
  const [file] = filesOf("requests_by_month_group_ward", 2025);
  const bytes = readFileSync(join(SITE, "data", file?.path ?? ""));
  let requests = 0;
  const caching = await serveSite("/", (request, response, next) => {
    if (!request.url?.includes(file?.path ?? "")) {
      next();
      return;
    }
    requests += 1;
    response.setHeader("Cache-Control", "max-age=3600");
    response.end(requests > 2 ? bytes : bytes.toReversed());
  });
  // Without a route, because routes switch the cache off.
  const page = await site.browser.newPage();
  try {
    await page.goto(caching.url);
    await page.getByRole("alert").getByText("is damaged").waitFor();
    expect(requests).toBe(2);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector("main[aria-busy=false] #about");
    // Two parts of the page that found it damaged at once fetch it each.
    expect(requests).toBeGreaterThan(2);
    const untilWhole = requests;
    await page.reload();
    await page.waitForSelector("main[aria-busy=false] #about");
    expect(requests).toBe(untilWhole);
  } finally {
    await page.close();
    await caching.close();
  }
});

test("the page as a file, without a server", async () => {
  await visitor.page.goto(pathToFileURL(join(SITE, "index.html")).href);
  expect(await visitor.text("main")).toContain("it needs a web server");
});

test("a site in a folder", async () => {
  const inFolder = await serveSite("/city/311/");
  try {
    expect(inFolder.url).toMatch(/\/city\/311\/$/);
    await visitor.page.goto(`${inFolder.url}?by=fsa`);
    await visitor.settled();
    expect(await visitor.page.locator("#ranking tbody tr").count()).toBe(96);
    expect(visitor.complaints).toEqual([]);
  } finally {
    await inFolder.close();
  }
});

const BOUNDARIES: [name: string, answer: Parameters<Route["fulfill"]>[0], sentence: string][] = [
  ["missing", { status: 404 }, "is missing (boundaries/wards.topo.json)"],
  ["cut short", { body: '{"type":"Topology",' }, "is damaged (boundaries/wards.topo.json)"],
  ["of something else", json({ type: "Topology", objects: {} }), "is damaged (boundaries/wards.topo.json)"],
];
test.for(BOUNDARIES)("boundaries that are %s", async ([, answer, sentence]) => {
  await visitor.page.route("**/wards.topo.json", (route) => route.fulfill(answer));
  await visitor.page.goto(visitor.url);
  expect(await alert()).toContain(sentence);
});

test("data that end long ago, whatever their publication date says", async () => {
  const as_of = new Date().toISOString();
  await visitor.page.route("**/files.json", (route) => route.fulfill(json({ ...cityCatalog(), as_of })));
  await visitor.view();
  expect(await visitor.text(".warning")).toBe(
    "The data end on December 31, 2025. The City publishes monthly, so newer requests are missing.",
  );
});

test("data that were not published for months", async () => {
  const published = new Date();
  published.setUTCDate(published.getUTCDate() - 100);
  const as_of = published.toISOString();
  const data_through = new Date(Date.now() - 60 * 86_400_000).toISOString().slice(0, 10);
  const catalog = { ...cityCatalog(), as_of, data_through };
  await visitor.page.route("**/files.json", (route) => route.fulfill(json(catalog)));
  await visitor.view();
  expect(await visitor.text(".warning")).toContain("The newest file is 100 days old");
});

test("a choice that matches nothing, and one that does not exist", async () => {
  await visitor.page.goto(`${visitor.url}?group=Trees&division=Toronto+Water`);
  await visitor.page.getByText("No requests match these filters.").waitFor();
  await visitor.page.goto(`${visitor.url}?type=Dragons&area=99`);
  await visitor.page.getByText("Unknown request type: Dragons.").waitFor();
  expect(visitor.complaints).toEqual([]);
});

test("choices in the address that do not exist are reported", async () => {
  await visitor.view("?season=monsoon&status=Lost&division=Dragons&area=99&years=1999");
  expect(await visitor.page.locator(".warning").allInnerTexts()).toEqual([
    "Part of this link was not recognized and was ignored: monsoon.",
    "No data for 1999. Showing 2017.",
    "Unknown status: Lost.",
    "Unknown City division in these years: Dragons.",
    "Unknown area on this map: 99.",
  ]);
  // In any case, and areas by name. A type of a chosen category adds nothing.
  await visitor.view(
    "?season=fall&status=open&area=davenport&group=noise&type=construction+noise&years=2025",
  );
  expect(await visitor.page.locator(".warning").count()).toBe(0);
  const chosen = () => visitor.page.locator(".chip > :first-child").allInnerTexts();
  expect(await chosen()).toEqual(["Davenport", "Noise"]);
  await visitor.view("?area=davenport&area=09&area=3");
  expect(await chosen()).toEqual(["Davenport", "Etobicoke-Lakeshore"]);
  await visitor.page.getByRole("button", { name: "Remove Davenport, Ward 9", exact: true }).click();
  await visitor.settled();
  expect(new URL(visitor.page.url()).searchParams.getAll("area")).toEqual(["3"]);
});

test("a late answer does not replace a newer one", async () => {
  await visitor.view();
  const { page } = visitor;
  const [file] = filesOf("requests_by_month_group_ward", 2017);
  const held = new EventEmitter();
  await page.route(`**/${file?.path ?? ""}`, async (route) => {
    await once(held, "released");
    await route.continue();
  });
  await page.locator("#when").click();
  await page.getByRole("button", { name: "2017", exact: true }).click();
  await page.locator("progress.loading").waitFor();
  // What was shown stays, dimmed, and says that it is old.
  expect(await visitor.text(".updating")).toBe(
    "Loading the requests of 2017… These are the figures of your previous choice.",
  );
  expect(await page.locator(".panels.old").count()).toBe(1);
  expect(await visitor.text(".answer h2")).toContain("in 2025");
  await page.getByRole("button", { name: "Clear filters" }).first().click();
  await visitor.filter("season", "summer");
  await visitor.settled();
  const summer = await visitor.text(".answer h2");
  expect(summer).toContain("summer");
  const late = page.waitForResponse(`**/${file?.path ?? ""}`);
  held.emit("released");
  await (await late).finished();
  // Time enough to read it and add it up.
  await page.waitForTimeout(500);
  expect(await visitor.text(".answer h2")).toBe(summer);
  expect(await page.locator("progress.loading").count()).toBe(0);
});

const PARTS = [
  ["#quality", "", "data_quality"],
  ["#series", "?series=day", "requests_by_day"],
] as const;
test.for(PARTS)("%s shows no figures before they are read", async ([section, address, mart]) => {
  const paths = filesOf(mart).map(({ path }) => path);
  const held = new EventEmitter();
  let isBroken = true;
  await visitor.page.route(
    ({ pathname }) => paths.some((path) => pathname.endsWith(path)),
    async (route) => {
      if (isBroken) await once(held, "released");
      await (isBroken ? route.fulfill({ status: 404 }) : route.continue());
    },
  );
  await visitor.view(address);
  const figures = visitor.page.locator(`${section} :is(table, svg)`);
  await visitor.page.locator(section).getByRole("status").getByText("Loading").waitFor();
  expect(await figures.count()).toBe(0);
  held.emit("released");
  expect(await alert()).toContain("is missing");
  expect(await figures.count()).toBe(0);
  isBroken = false;
  await visitor.page.getByRole("button", { name: "Try again" }).press("Enter");
  await figures.first().waitFor();
  expect(await visitor.page.evaluate(() => document.activeElement?.id)).toBe(section.slice(1));
});

test("a PNG that the browser cannot make", async () => {
  await visitor.page.addInitScript(() => {
    HTMLCanvasElement.prototype.toBlob = (callback) => {
      callback(null);
    };
  });
  await visitor.view();
  await visitor.page.getByRole("button", { name: "Download" }).click();
  await visitor.page.getByRole("button", { name: "Map (PNG)" }).click();
  await visitor.page.getByText("The PNG could not be made.").waitFor();
  expect(visitor.complaints).toEqual([]);
});

test("the first answer does not wait for the cubes, and is theirs", async () => {
  const code = new EventEmitter();
  await visitor.page.route("**/assets/first-*.js", async (route) => {
    await once(code, "released");
    await route.continue();
  });
  const held = new EventEmitter();
  const cubes = /requests_by_month_group_ward-[\w-]+\.parquet$/;
  await visitor.page.route(cubes, async (route) => {
    await once(held, "released");
    await route.continue();
  });
  const said = async () => [await visitor.text(".answer h2"), await visitor.text(".answer .context")];
  await visitor.page.goto(`${visitor.url}?area=9`, { waitUntil: "commit" });
  // The city's figure is in the page itself, and does not wait for its code either.
  await visitor.page.locator(".answer h2").waitFor();
  const [, ofCity = ""] = /^Toronto made ([\d,]+) requests in 2025\.$/.exec(await visitor.text("h2")) ?? [];
  expect(await visitor.page.locator("aside.generated").count()).toBe(readCatalog().generated ? 1 : 0);
  code.emit("released");
  await visitor.page.locator(".answer .context").waitFor();
  const first = await said();
  expect(first[1]).toContain(`Toronto: ${ofCity},`);
  expect(await visitor.requests()).toBe(
    await valueOf(`select sum(requests) from ${table("requests_by_ward")}
      where source_year = 2025 and ward_model = 25 and ward_id = 9`),
  );
  expect(await visitor.page.locator("main").getAttribute("aria-busy")).toBe("true");
  expect(await visitor.page.locator("#map").count()).toBe(0);
  held.emit("released");
  await visitor.settled();
  expect(await said()).toEqual(first);
  expect(await visitor.page.locator("#ranking tbody tr, .area-panel").count()).toBeGreaterThan(0);
  expect(await visitor.shift()).toBeLessThanOrEqual(0.05);
  expect(visitor.complaints).toEqual([]);
});

test("a part of the page's code that cannot be loaded, and can be later", async () => {
  let isBroken = true;
  await visitor.page.route("**/assets/later-*.js", (route) => (isBroken ? route.abort() : route.continue()));
  await visitor.page.goto(visitor.url);
  expect(await alert()).toContain("A part of this page could not be loaded.");
  // The rest stands.
  expect(await visitor.requests()).toBeGreaterThan(0);
  expect(await visitor.page.locator("#ranking tbody tr").count()).toBe(25);
  isBroken = false;
  await visitor.page.getByRole("button", { name: "Try again" }).click();
  await visitor.page.locator("#about").waitFor();
  expect(await visitor.page.getByRole("alert").count()).toBe(0);
});

test("earlier years that cannot be read, and can be later, and are those of the question", async () => {
  const { page } = visitor;
  const [file] = filesOf("requests_by_month_group_ward", 2018);
  const held = new EventEmitter();
  let answer: (route: Route) => Promise<void> = (route) => route.abort();
  await page.route(`**/${file?.path ?? ""}`, (route) => answer(route));
  await visitor.view("?years=2025&group=Trees");
  const ask = page.getByRole("button", { name: "Show earlier years" });
  await ask.click();
  await page.locator("#series [role=alert]").getByText("The data cannot be reached").waitFor();
  answer = async (route) => {
    await once(held, "released");
    await route.continue();
  };
  await page.locator("#series").getByRole("button", { name: "Try again" }).click();
  await page.locator("#series").getByText("Loading the months").waitFor();
  // What comes late is not drawn under the title of another question.
  await visitor.filter("status", "done");
  await ask.waitFor();
  held.emit("released");
  await page.waitForResponse(`**/${file?.path ?? ""}`);
  await visitor.settled();
  expect(await page.locator("#months path.band").count()).toBe(0);
  await ask.click();
  await page.locator("#months path.band").waitFor();
});

test("a search before the request types are read does not say that there are none", async () => {
  const [file] = filesOf("types_in_use");
  const held = new EventEmitter();
  await visitor.page.route(`**/${file?.path ?? ""}`, async (route) => {
    await once(held, "released");
    await route.continue();
  });
  await visitor.page.goto(visitor.url);
  const { page } = visitor;
  await page.getByRole("combobox", { name: "What" }).fill("pothole");
  await page.getByRole("option", { name: "Loading the request types…" }).waitFor();
  held.emit("released");
  await page.getByRole("option", { name: "Potholes and road damage" }).first().waitFor();
});

test("a slow file shows progress", async () => {
  const [file] = filesOf("requests_by_month_group_ward", 2025);
  const held = new EventEmitter();
  await visitor.page.route(`**/${file?.path ?? ""}`, async (route) => {
    await once(held, "released");
    await route.continue();
  });
  await visitor.page.goto(visitor.url);
  await visitor.page.locator("progress.loading").waitFor();
  expect(await visitor.page.locator("main").getAttribute("aria-busy")).toBe("true");
  held.emit("released");
  await visitor.settled();
});

/** Serves the files of marts with columns and rows changed by SQL, and a catalog that matches them. */
async function republish(
  marts: string[],
  replacing: string,
  joining = "",
  changes: Partial<ReturnType<typeof readCatalog>> = {},
): Promise<Map<string, Buffer>> {
  const catalog = readCatalog();
  const served = new Map<string, Buffer>();
  for (const file of catalog.marts.filter(({ name }) => marts.includes(name)).flatMap(({ files }) => files)) {
    const bytes = await parquetOf(
      `select mart.* replace (${replacing}) from '${join(SITE, "data", file.path)}' as mart ${joining}`,
    );
    served.set(file.path, bytes);
    file.bytes = bytes.length;
    file.sha256 = createHash("sha256").update(bytes).digest("hex");
  }
  await visitor.page.route("**/files.json", (route) => route.fulfill(json({ ...catalog, ...changes })));
  await visitor.page.route("**/*.parquet", (route) => {
    const bytes = served.get(new URL(route.request().url()).pathname.split("/").at(-1) ?? "");
    return bytes ? route.fulfill({ body: bytes }) : route.continue();
  });
  return served;
}

test("a year that has not ended", async () => {
  await republish(
    ["requests_by_month_group_ward"],
    "requests as requests",
    "where created_month < date '2025-09-01'",
    { data_through: "2025-08-10" },
  );
  await visitor.view();
  expect(await visitor.text(".answer h2")).toMatch(
    /in 2025 so far \(to August 10\); January–July 2025: [\d.]+% (more|fewer) than in the same months of 2024\.$/,
  );
  await visitor.page.locator("#series summary").click();
  const months = visitor.page.locator("#series details th[scope=row]");
  await months.last().waitFor();
  expect((await months.allInnerTexts()).slice(6, 9)).toEqual(["July", "August (to August 10)", "September"]);
});

test("if all areas fall, the leader is the smallest decrease", async () => {
  await republish(
    ["requests_by_month_group_ward"],
    "case when source_year = 2025 then requests else requests * 9 end as requests",
  );
  await visitor.view("?measure=change&years=2025");
  expect(await visitor.text(".answer .context")).toMatch(
    /^Smallest decrease: .+, −\d.+ \(from [\d,]+ to [\d,]+\)\./,
  );
});

test("years without data, between others", async () => {
  await visitor.view("?years=2018-2024");
  expect(await visitor.text(".warning")).toMatch(
    /^No data for 2020, 2021, 2022,? and 2023\. Showing 2018–2024\.$/,
  );
  await visitor.view("?years=2021-2022");
  expect(await visitor.text(".warning")).toBe("No data for 2021 and 2022.");
  expect(await visitor.text("#when")).toContain("2021–2022");
  expect(await visitor.text(".answer h2")).toBe("No requests match these filters.");
});

const GAPS: [mart: string, year: number | undefined, sentence: string][] = [
  ["requests_by_month_group_ward", 2024, "2024 could not be read, so there are no changes from it."],
  ["statuses", undefined, "The lists of request types and statuses could not be read in full"],
  ["types_in_use", undefined, "The lists of request types and statuses could not be read in full"],
  ["area_denominators", undefined, "The numbers of homes and people could not be read"],
];
test.for(GAPS)("a missing file leaves the rest of the page standing: %s", async ([mart, year, sentence]) => {
  const [file] = filesOf(mart, year);
  await visitor.page.route(`**/${file?.path ?? ""}`, (route) => route.fulfill({ status: 404 }));
  await visitor.view();
  expect(await visitor.page.locator(".warning").allInnerTexts()).toEqual([expect.stringContaining(sentence)]);
  expect(await visitor.requests()).toBeGreaterThan(0);
  expect(await visitor.page.locator("#ranking tbody tr").count()).toBe(25);
});

const SECTIONS: [mart: string, address: string, section: string][] = [
  ["unusual_months", "?area=9", "#unusual"],
  ["time_to_close_curve", "?area=9&group=Trees", "#duration"],
  ["publication_changes", "", "#about"],
  ["fsa_wards", "?by=fsa&area=M5V", ".area-panel"],
];
test.for(SECTIONS)("a section without its file says so: %s", async ([mart, address, section]) => {
  await visitor.page.route(`**/${mart}-*.parquet`, (route) => route.fulfill({ status: 404 }));
  await visitor.view(address);
  await visitor.page.locator("#about").scrollIntoViewIfNeeded();
  await visitor.page.locator(section).getByRole("alert").getByText(mart).waitFor();
});

test("marts that an older catalog lacks leave their sections out", async () => {
  const added = [
    "area_denominators",
    "fsa_wards",
    "open_by_age_type",
    "open_by_age_group_ward",
    "time_to_close",
    "time_to_close_curve",
    "unusual_months",
    "publication_changes",
  ];
  const catalog = readCatalog();
  const marts = catalog.marts.filter(({ name }) => !added.includes(name));
  await visitor.page.route("**/files.json", (route) => route.fulfill(json({ ...catalog, marts })));
  await visitor.view("?area=9");
  expect(await visitor.page.locator("#duration, #unusual").count()).toBe(0);
  const tab = visitor.page.locator(".tabs").getByRole("button", { name: "Per 1,000 homes" });
  expect(await tab.getAttribute("aria-disabled")).toBe("true");
  expect(await visitor.page.locator(".tabs [aria-pressed=true]").innerText()).toBe("Requests");
  expect(visitor.complaints).toEqual([]);
});

test("without the network the last view stays, and the next is tried again", async () => {
  await visitor.view("?area=9");
  const { page } = visitor;
  const sentence = await visitor.text(".answer h2");
  await page.context().setOffline(true);
  await page.locator("#when").click();
  await page.getByRole("button", { name: "2018", exact: true }).click();
  expect(await alert()).toContain("The figures below are those of your last choice.");
  expect(await visitor.text(".answer h2")).toBe(sentence);
  expect(await page.locator("#ranking, .area-panel").count()).toBeGreaterThan(0);
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => visitor.text(".answer h2")).toContain("in December 2018");
  expect(await page.getByRole("alert").count()).toBe(0);
});

test("unexpected values", async () => {
  await republish(
    ["data_quality"],
    `case measure when 'quarantined' then 'drift_unknown_status' else measure end as measure,
     case measure when 'quarantined' then 'On Hold' else subject end as subject,
     case measure when 'quarantined' then 1234 else row_count end as row_count`,
  );
  await visitor.view();
  expect(await visitor.text("#quality [data-year='2025']")).toMatch(/unknown status On Hold 1,234$/);
});

test("oddities of a file are described, and an unknown measure is ignored", async () => {
  await republish(
    ["data_quality"],
    `case measure when 'quarantined' then 'drift_requests_gone' when 'rows_read' then 'rows_odd' else measure end
       as measure,
     case measure when 'quarantined' then '0f3a' else subject end as subject`,
  );
  await visitor.view();
  const row = await visitor.text("#quality [data-year='2025']");
  expect(row).toMatch(/requests gone since the previous file [\d,]+$/);
  expect(row).not.toContain("odd");
});

test("names that look like markup or formulas are text", async () => {
  const hostile = ["<img src=x onerror=alert(1)>", `=cmd|'/c calc'!A1`];
  const [markup, formula] = hostile.map((name) => `'${name.replaceAll("'", "''")}'`);
  await republish(
    ["types_in_use", "requests_by_month_type_ward"],
    `case type_name
       when 'Pick up Dead Wildlife' then ${markup ?? ""}
       when 'General Tree Maintenance' then ${formula ?? ""}
       else type_name
     end as type_name`,
  );
  await visitor.view();
  const { page } = visitor;
  for (const [at, words] of ["img onerror", "cmd calc"].entries()) {
    await page.getByRole("combobox", { name: "What" }).fill(words);
    expect(await page.locator(".option-name").first().innerText()).toBe(hostile[at]);
    await page.keyboard.press("Enter");
    await visitor.settled();
  }
  expect(await page.locator("img").count()).toBe(0);
  const quoted = hostile.map((name) => `“${name}”`);
  expect(await visitor.text(".answer h2")).toContain(`about ${quoted.join(" and ")} in 2025`);
  expect(await visitor.requests()).toBeGreaterThan(0);
  await page.getByRole("button", { name: `Remove ${hostile[0] ?? ""}` }).click();
  await visitor.settled();
  const csv = (await visitor.download("This table of areas (CSV)")).bytes.toString();
  expect(csv).toContain(`,'${hostile[1] ?? ""},,,,2025-01/2025-12,`);
  expect(csv).not.toMatch(/(^|,)=/m);
  expect(visitor.complaints).toEqual([]);
});
