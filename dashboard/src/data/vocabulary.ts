import type { Catalog } from "./catalog.ts";
import { filesOf } from "./catalog.ts";
import type { Columns } from "./parquet.ts";
import { readColumns } from "./parquet.ts";

/** A group of types. */
export interface Group {
  name: string;
  definition: string;
}

/** A type under its current name. */
export interface RequestType {
  name: string;
  group: string;
  /** Names that it was published under before. */
  formerNames: string[];
  requests: number;
}

/** `open`, `done`, `cancelled` or `unknown`. */
export type StatusGroup = "open" | "done" | "cancelled" | "unknown";

export interface Status {
  name: string;
  group: StatusGroup;
  definition: string;
}

/** The types, groups and statuses that can be chosen. */
export interface Vocabulary {
  groups: Group[];
  types: RequestType[];
  statuses: Status[];
}

/** Reads groups, types and statuses from their marts. */
export async function readVocabulary(catalog: Catalog): Promise<Vocabulary> {
  const [groups, types, statuses] = await Promise.all([
    readMart(catalog, "type_groups", ["type_group", "definition"]),
    readMart(catalog, "types_in_use", ["service_request_type", "type_name", "type_group", "requests"]),
    readMart(catalog, "statuses", ["status", "status_group", "definition"]),
  ]);
  return {
    groups: rowsOf(groups).map((row) => ({
      name: row.type_group as string,
      definition: row.definition as string,
    })),
    types: mergeNames(rowsOf(types)),
    statuses: rowsOf(statuses).map((row) => ({
      name: row.status as string,
      group: row.status_group as StatusGroup,
      definition: row.definition as string,
    })),
  };
}

function mergeNames(
  rows: Record<"service_request_type" | "type_name" | "type_group" | "requests", unknown>[],
): RequestType[] {
  const types = new Map<string, RequestType>();
  for (const row of rows) {
    const name = row.type_name as string;
    const published = row.service_request_type as string;
    const type = types.get(name) ?? { name, group: row.type_group as string, formerNames: [], requests: 0 };
    types.set(name, type);
    type.requests += row.requests as number;
    if (published !== name) type.formerNames.push(published);
  }
  return [...types.values()].sort((a, b) => b.requests - a.requests);
}

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
