import type { Catalog } from "./catalog.ts";
import { filesOf } from "./catalog.ts";
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
