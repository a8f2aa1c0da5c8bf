import { readFileSync } from "node:fs";

const SEEDS = new URL("../../../dbt-runner/project/seeds/", import.meta.url);

/** Returns the rows of a seed of the dbt project, for tests. No field of it has a quotation mark. */
export function seed(name: string): string[][] {
  const [, ...lines] = readFileSync(new URL(name, SEEDS), "utf8").trim().split("\n");
  return lines.map((line) =>
    [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted ?? plain ?? ""),
  );
}
