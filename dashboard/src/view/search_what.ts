import type { Vocabulary } from "../data/vocabulary.ts";
import { ELSEWHERE, FILLERS, SYNONYMS } from "../words/synonyms.ts";
import { plainType } from "./plain_type.ts";
import type { Choice } from "./view.ts";
import type { Fit } from "./words.ts";
import { fitOf, wordsOf } from "./words.ts";

/** A group or type, with the words of all its names. */
export interface Entry {
  choice: Choice;
  /** What people read: the group, or the plain label of the type. */
  label: string;
  /** The definition of a group, or the group of a type. */
  note: string;
  /** Of all years. */
  requests: number;
  names: { name: string; words: string[] }[];
}

export interface Match extends Omit<Entry, "names"> {
  /** The former name that matched, if the current name did not. */
  formerly: string | null;
  /** Whether it has only some words of the query, because nothing has all. */
  isLoose: boolean;
}

/** Prepares the groups and types for the search. The only type of a group is found as its group. */
export function indexOf({ groups, types }: Vocabulary): Entry[] {
  const named = (name: string) => ({ name, words: wordsOf(name) });
  const typesOf = new Map<string, Vocabulary["types"]>();
  for (const type of types) typesOf.set(type.group, [...(typesOf.get(type.group) ?? []), type]);
  return [
    ...groups.map(({ name, definition }): Entry => {
      const inGroup = typesOf.get(name) ?? [];
      const only = inGroup.length === 1 ? inGroup : [];
      return {
        choice: { kind: "group", name },
        label: name,
        note: definition,
        requests: inGroup.reduce((sum, { requests }) => sum + requests, 0),
        names: [
          { name, words: [...wordsOf(name), ...wordsOf(definition)] },
          ...only.flatMap((type) => [named(type.name), ...type.formerNames.map(named)]),
        ],
      };
    }),
    ...types
      .filter(
        ({ group }) => (typesOf.get(group)?.length ?? 0) > 1 || !groups.some(({ name }) => name === group),
      )
      .map(({ name, group, formerNames, requests }): Entry => {
        const label = plainType(name);
        return {
          choice: { kind: "type", name },
          label,
          note: group,
          requests,
          names: [{ name, words: [...wordsOf(name), ...wordsOf(label)] }, ...formerNames.map(named)],
        };
      }),
  ];
}

/**
 * Returns the entries with a name in which each word of the query begins some word, and those that people mean by it. If there
 * are none, those that people mean by a part of it, or else those with typing errors, or else those with the most of its words.
 */
export function search(entries: readonly Entry[], query: string): Match[] {
  const wanted = wordsOf(query);
  const exact = fitting(entries, wanted, "exact", meantBy(wanted, isPhrase));
  if (exact.length > 0) return exact;
  const inPart = fitting(entries, wanted, "exact", meantBy(wanted, hasPhrase));
  if (inPart.length > 0) return inPart;
  const mistyped = fitting(entries, wanted, "typo", []);
  return mistyped.length > 0 ? mistyped : loose(entries, wanted);
}

/** The entries that fit a query, and the groups that are meant by it: these first. */
function fitting(
  entries: readonly Entry[],
  wanted: readonly string[],
  fit: Fit,
  meant: readonly string[],
): Match[] {
  const found = entries.flatMap(({ names, ...match }) => {
    const place = match.choice.kind === "group" ? meant.indexOf(match.choice.name) : -1;
    const at = names.findIndex(({ words }) => fitOf(wanted, words) === fit);
    if (at < 0 && place < 0) return [];
    const formerly = at > 0 && match.choice.kind === "type" ? (names[at]?.name ?? null) : null;
    return [{ place, match: { ...match, formerly, isLoose: false } }];
  });
  const order = ({ place, match }: (typeof found)[number]) => (place >= 0 ? 1e15 - place : orderOf(match));
  return found.sort((a, b) => order(b) - order(a)).map(({ match }) => match);
}

/** The entries whose name has the most words of a query, without the words that say nothing about a request. */
function loose(entries: readonly Entry[], wanted: readonly string[]): Match[] {
  const telling = wanted.filter((want) => want.length > 2 && !FILLERS.includes(want));
  const found = entries.map(({ names: [current], ...match }) => ({
    match: { ...match, formerly: null, isLoose: true },
    has: telling.filter((want) => fitOf([want], current?.words ?? []) === "exact").length,
  }));
  const most = Math.max(...found.map(({ has }) => has));
  return found
    .filter(({ has }) => has > 0 && has === most)
    .map(({ match }) => match)
    .sort((a, b) => orderOf(b) - orderOf(a));
}

/** Groups come first, and then the types with the most requests. */
function orderOf({ choice, requests }: Match): number {
  return (choice.kind === "group" ? 1e12 : 0) + requests;
}

/** Where to turn instead, if 311 does not do what is searched. */
export function elsewhere(query: string): (typeof ELSEWHERE)[number][1] | null {
  const wanted = wordsOf(query);
  if (wanted.join("").length < 3) return null;
  const is = (phrase: string) => isPhrase(wanted, phrase) || hasPhrase(wanted, phrase);
  return ELSEWHERE.find(([phrases]) => phrases.some(is))?.[1] ?? null;
}

/** The groups that people mean by the words of a query, the likeliest first. */
function meantBy(wanted: readonly string[], is: typeof isPhrase): string[] {
  if (wanted.join("").length < 3) return [];
  return [...new Set(SYNONYMS.flatMap(([phrase, groups]) => (is(wanted, phrase) ? groups : [])))];
}

/** Whether a query has all words of a phrase, and maybe others. */
function hasPhrase(wanted: readonly string[], phrase: string): boolean {
  return wordsOf(phrase).every((word) => wanted.some((want) => want === word || want === `${word}s`));
}

/** Whether a query is a phrase, or its beginning, or the singular or plural of it. */
function isPhrase(wanted: readonly string[], phrase: string): boolean {
  const words = wordsOf(phrase);
  return (
    words.every((word) =>
      wanted.some((want) => want === word || want === `${word}s` || word.startsWith(want)),
    ) && wanted.every((want) => words.some((word) => word.startsWith(want) || want === `${word}s`))
  );
}
