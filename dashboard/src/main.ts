// The first style sheet, so that those of parts and panels can override it.
import "./base.css";
import { fetchAhead } from "./data/ahead.ts";
import type { Catalog, PublishedFile } from "./data/catalog.ts";
import {
  DATA,
  DENOMINATORS,
  TOTALS,
  fetchCatalog,
  fileOfYear,
  filesOf,
  groupMart,
  hasMart,
  lastDaysMart,
  yearsOf,
} from "./data/catalog.ts";
import { yearOf } from "./data/span.ts";
import { isPlain, parseView, spanOf } from "./view/view.ts";

/** Returns the files that the first answer needs, as the methods of `Store` read them. */
function filesOfAnswer(catalog: Catalog): string[] {
  const view = parseView(location.search);
  const years = yearsOf(catalog);
  const denominators = hasMart(catalog, DENOMINATORS) ? filesOf(catalog, DENOMINATORS) : [];
  const ofDays = lastDaysMart(view.by);
  if (view.days && hasMart(catalog, ofDays)) return pathsOf([...filesOf(catalog, ofDays), ...denominators]);
  const { from, to } = spanOf(view, years);
  const hasTotals = isPlain(view) && hasMart(catalog, TOTALS);
  const cubes = years
    .filter((year) => year >= yearOf(from) - 1 && year <= yearOf(to))
    .map((year) => fileOfYear(catalog, hasTotals ? TOTALS : groupMart(view.by), year));
  return pathsOf([...cubes, ...denominators]);
}

function pathsOf(files: readonly PublishedFile[]): string[] {
  return files.map(({ path }) => DATA + path);
}

// This file is small. The data are fetched while the code that reads them is.
const catalog = fetchCatalog();
catalog.then(filesOfAnswer).then(fetchAhead, () => {
  // The page reports what it cannot read.
});
const { start } = await import("./start.tsx");
await start(catalog);
