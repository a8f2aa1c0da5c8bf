import type { Catalog } from "./catalog.ts";
import { filesOf, hasMart } from "./catalog.ts";
import type { Columns } from "./parquet.ts";
import { readColumns } from "./parquet.ts";

/** Reads columns of all files of a mart. */
export async function readMart<Name extends string>(
  catalog: Catalog,
  mart: string,
  names: readonly Name[],
): Promise<Columns<Name>> {
  const files = await Promise.all(filesOf(catalog, mart).map((file) => readColumns(file, names)));
  const whole = names.map((name) => [name, files.flatMap((columns) => Array.from<unknown>(columns[name]))]);
  return Object.fromEntries(whole) as Columns<Name>;
}

/** Reads rows of a mart. A catalog without the mart, as older ones are, has none. */
export async function readRows<Name extends string>(catalog: Catalog, mart: string, names: readonly Name[]) {
  return hasMart(catalog, mart) ? rowsOf(await readMart(catalog, mart, names)) : [];
}

/** Returns columns as rows. */
export function rowsOf<Name extends string>(columns: Columns<Name>) {
  const names = Object.keys(columns) as Name[];
  const [first] = names;
  const length = first === undefined ? 0 : columns[first].length;
  return Array.from(
    { length },
    (_, row) =>
      Object.fromEntries(names.map((name) => [name, columns[name][row] ?? null])) as Record<
        Name,
        Columns<Name>[Name][number]
      >,
  );
}
