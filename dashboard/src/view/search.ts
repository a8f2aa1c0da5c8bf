import type { Vocabulary } from "../data/vocabulary.ts";
import type { Choice } from "./view.ts";

/** A group or type, with the words of all its names. */
export interface Entry {
  choice: Choice;
  /** The definition of a group, or the group of a type. */
  note: string;
  requests: number;
  names: { name: string; words: string[] }[];
}

export interface Match {
  choice: Choice;
  note: string;
  requests: number;
  /** The former name that matched, if the current name did not. */
  formerly: string | null;
}

/** Prepares the groups and types for the search. */
export function index({ groups, types }: Vocabulary): Entry[] {
  const named = (name: string) => ({ name, words: wordsOf(name) });
  const totals = new Map<string, number>();
  for (const { group, requests } of types) totals.set(group, (totals.get(group) ?? 0) + requests);
  return [
    ...groups.map(({ name, definition }): Entry => ({
      choice: { kind: "group", name },
      note: definition,
      requests: totals.get(name) ?? 0,
      names: [{ name, words: [...wordsOf(name), ...wordsOf(definition)] }],
    })),
    ...types.map(({ name, group, formerNames, requests }): Entry => ({
      choice: { kind: "type", name },
      note: group,
      requests,
      names: [named(name), ...formerNames.map(named)],
    })),
  ];
}

/**
 * Returns the entries with a name in which each word of the query begins some word. Groups come first, then the types with
 * the most requests.
 */
export function search(entries: readonly Entry[], query: string): Match[] {
  const wanted = wordsOf(query);
  const matches: Match[] = [];
  for (const { choice, note, requests, names } of entries) {
    const found = names.find(({ words }) =>
      wanted.every((want) => words.some((word) => word.startsWith(want))),
    );
    if (!found) continue;
    matches.push({ choice, note, requests, formerly: found === names[0] ? null : found.name });
  }
  const order = ({ choice, requests }: Match) => (choice.kind === "group" ? 1e12 : 0) + requests;
  return matches.sort((a, b) => order(b) - order(a));
}

/** Returns the words of a text in lower case, without accents and punctuation. */
function wordsOf(text: string): string[] {
  const words = text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
  return words;
}
