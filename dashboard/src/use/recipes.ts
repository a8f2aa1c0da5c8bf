/** The tools that the page has lines for. */
export type Tool = "duckdb" | "pandas" | "polars" | "r" | "javascript" | "spreadsheet";

/** Returns lines that count the requests of every ward in a year, from the table `requests_by_ward` at an address. */
export function recipesOf(address: string, year: number): Record<Tool, string> {
  return {
    duckdb: `select ward_name, sum(requests) as requests
from '${address}'
where source_year = ${year} and ward_id is not null
group by ward_name
order by requests desc`,
    pandas: `import pandas as pd

table = pd.read_parquet("${address}")
latest = table[(table.source_year == ${year}) & table.ward_id.notna()]
print(latest.groupby("ward_name").requests.sum().sort_values(ascending=False))`,
    polars: `import polars as pl

table = pl.scan_parquet("${address}")
latest = table.filter(pl.col("source_year") == ${year}, pl.col("ward_id").is_not_null())
wards = latest.group_by("ward_name").agg(pl.sum("requests"))
print(wards.sort("requests", descending=True).collect())`,
    r: `table <- arrow::read_parquet("${address}")
latest <- subset(table, source_year == ${year} & !is.na(ward_id))
wards <- aggregate(requests ~ ward_name, latest, sum)
print(wards[order(-wards$requests), ])`,
    javascript: `import { asyncBufferFromUrl, parquetReadObjects } from "hyparquet";

const file = await asyncBufferFromUrl({ url: "${address}" });
const wards = new Map();
for (const row of await parquetReadObjects({ file })) {
  if (row.source_year !== ${year} || row.ward_id === null) continue;
  wards.set(row.ward_name, (wards.get(row.ward_name) ?? 0) + row.requests);
}
console.log([...wards].sort((a, b) => b[1] - a[1]));`,
    spreadsheet: `= Parquet.Document(Web.Contents("${address}"))`,
  };
}
