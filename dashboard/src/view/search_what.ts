import type { Vocabulary } from "../data/vocabulary.ts";
import { ELSEWHERE, SYNONYMS } from "../words/synonyms.ts";
import { plainType } from "./plain_type.ts";
import type { Choice } from "./view.ts";
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
 * Returns the entries with a name in which each word of the query begins some word, and those that people mean by it.
 * Those come first, then groups, and then the types with the most requests. Typing errors count if nothing else is found.
 */
export function search(entries: readonly Entry[], query: string): Match[] {
  const wanted = wordsOf(query);
  const meant = meantBy(wanted);
  const found = entries.flatMap((entry) => {
    const { names, ...match } = entry;
    const place = match.choice.kind === "group" ? meant.indexOf(match.choice.name) : -1;
    const isMeant = place >= 0;
    const fits = names.map(({ words }) => fitOf(wanted, words));
    const at = fits.includes("exact") ? fits.indexOf("exact") : fits.indexOf("typo");
    if (at < 0 && !isMeant) return [];
    const isExact = isMeant || fits[at] === "exact";
    const formerly = at > 0 && match.choice.kind === "type" ? (names[at]?.name ?? null) : null;
    return [{ isExact, place, match: { ...match, formerly } }];
  });
  const exact = found.filter(({ isExact }) => isExact);
  const order = ({ place, match: { choice, requests } }: (typeof found)[number]) =>
    place >= 0 ? 1e15 - place : (choice.kind === "group" ? 1e12 : 0) + requests;
  return (exact.length > 0 ? exact : found).sort((a, b) => order(b) - order(a)).map(({ match }) => match);
}

/** Where to turn instead, if 311 has no type for what is searched. */
export function elsewhere(query: string): (typeof ELSEWHERE)[number][1] | null {
  const wanted = wordsOf(query);
  if (wanted.join("").length < 3) return null;
  return ELSEWHERE.find(([phrases]) => phrases.some((phrase) => isPhrase(wanted, phrase)))?.[1] ?? null;
}

/** The groups that people mean by the words of a query, the likeliest first. */
function meantBy(wanted: readonly string[]): string[] {
  if (wanted.join("").length < 3) return [];
  return [...new Set(SYNONYMS.flatMap(([phrase, groups]) => (isPhrase(wanted, phrase) ? groups : [])))];
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
