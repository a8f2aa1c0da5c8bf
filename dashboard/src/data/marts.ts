import type { Catalog } from "./catalog.ts";
import { filesOf } from "./catalog.ts";
import type { Columns } from "./parquet.ts";
import { readColumns } from "./parquet.ts";

/** Reads columns of a mart that has one file. */
export async function readMart<Name extends string>(
  catalog: Catalog,
  mart: string,
  names: readonly Name[],
): Promise<Columns<Name>> {
  const [file] = filesOf(catalog, mart);
  if (!file) return Object.fromEntries(names.map((name) => [name, []])) as unknown as Columns<Name>;
  return readColumns(file, names);
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
