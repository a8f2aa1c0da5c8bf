import type { Catalog } from "./catalog.ts";
import { readMart, rowsOf } from "./marts.ts";
import type { Columns } from "./parquet.ts";

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
  /** Why a part of it could not be read, or `null`. */
  problem: unknown;
}

/** A vocabulary that is not read yet, or could not be read. */
export const NO_VOCABULARY: Vocabulary = { groups: [], types: [], statuses: [], problem: null };

/** Reads groups, types and statuses from their marts. What cannot be read is empty, and the first reason is kept. */
export async function readVocabulary(catalog: Catalog): Promise<Vocabulary> {
  const [groups, types, statuses] = await Promise.allSettled([
    readMart(catalog, "type_groups", ["type_group", "definition"]),
    readMart(catalog, "types_in_use", ["service_request_type", "type_name", "type_group", "requests"]),
    readMart(catalog, "statuses", ["status", "status_group", "definition"]),
  ]);
  const failed = [groups, types, statuses].find((one) => one.status === "rejected");
  return {
    groups: readRows(groups).map((row) => ({
      name: row.type_group as string,
      definition: row.definition as string,
    })),
    types: mergeNames(readRows(types)),
    statuses: readRows(statuses).map((row) => ({
      name: row.status as string,
      group: row.status_group as StatusGroup,
      definition: row.definition as string,
    })),
    problem: failed ? (failed.reason as unknown) : null,
  };
}

/** Returns the rows that were read, or none. */
function readRows<Name extends string>(result: PromiseSettledResult<Columns<Name>>) {
  return result.status === "fulfilled" ? rowsOf(result.value) : [];
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
