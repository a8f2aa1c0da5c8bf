import { dayId } from "../data/calendar.ts";
import { yearOf } from "../data/span.ts";
import type { Store } from "../data/store.ts";
import { format, text } from "../strings.ts";
import { periodNamed } from "./describe.ts";
import type { Shown } from "./shown.ts";
import type { Choice, View } from "./view.ts";
import { STATUS_GROUPS, misreadIn } from "./view.ts";

/** Returns a sentence for each kind of choice in the address that the data, or the page, do not know. */
export function unknownChoices(asked: View, store: Store, shown: Shown | null): string[] {
  const misread = misreadIn(location.search);
  const sentences = misread.length > 0 ? [text.misread(misread.join(", "))] : [];
  // Names are known once they are read.
  if (shown?.asked !== asked) return sentences;
  const { view, vocabulary, names, areas, answer } = shown;
  const named = (all: readonly { name: string }[]) => all.map(({ name }) => name);
  const chosen = (kind: Choice["kind"]) => named(view.what.filter((one) => one.kind === kind));
  const without = <T>(all: (T | null)[], known: readonly T[]) =>
    known.length === 0 ? [] : [...new Set(all)].filter((one) => one !== null && !known.includes(one));
  const { span } = asked;
  const years = span
    ? Array.from({ length: yearOf(span.to) - yearOf(span.from) + 1 }, (_, at) => yearOf(span.from) + at)
    : [];
  const { groups, types, statuses } = vocabulary;
  const { question } = answer;
  const shownPeriod = periodNamed(question);
  const gone = question.days && asked.days?.last !== dayId(question.days.last) ? asked.days?.last : null;
  const missingYears = without(years, store.years).map(String);
  const hasAny = store.years.some(
    (year) => year >= yearOf(question.span.from) && year <= yearOf(question.span.to),
  );
  if (missingYears.length > 0) sentences.push(text.unknown.year(missingYears, hasAny ? shownPeriod : null));
  const unknown: [sentence: (names: string) => string, names: unknown[]][] = [
    [(day) => text.unknown.days(day, shownPeriod), gone ? [format.day(new Date(gone))] : []],
    [
      text.unknown.what,
      [...without(chosen("group"), named(groups)), ...without(chosen("type"), named(types))],
    ],
    [
      text.unknown.status,
      statuses.length === 0 ? [] : without([view.status], [...STATUS_GROUPS, ...named(statuses)]),
    ],
    [text.unknown.division, without([view.division], names.divisions.names)],
    [
      text.unknown.area,
      without(
        view.pins,
        areas.map(({ id }) => id),
      ),
    ],
  ];
  return [
    ...sentences,
    ...unknown.flatMap(([sentence, names]) => (names.length > 0 ? sentence(names.join(", ")) : [])),
  ];
}
