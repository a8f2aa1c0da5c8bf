import type { Store } from "../data/store.ts";
import { text } from "../strings.ts";
import type { Shown } from "./shown.ts";
import type { Choice, View } from "./view.ts";
import { STATUS_GROUPS, misreadIn, yearsOfView } from "./view.ts";

/** Returns a sentence for each kind of choice in the address that the data, or the page, do not know. */
export function unknownChoices(view: View, store: Store, shown: Shown | null): string[] {
  const { groups, types, statuses } = store.vocabulary;
  const { from, to } = yearsOfView(view, store.years);
  const years = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  const names = (all: readonly { name: string }[]) => all.map(({ name }) => name);
  const chosen = (kind: Choice["kind"]) => names(view.what.filter((one) => one.kind === kind));
  const without = <T>(all: (T | null)[], known: readonly T[]) =>
    [...new Set(all)].filter((one) => one !== null && !known.includes(one));
  const what = [...without(chosen("group"), names(groups)), ...without(chosen("type"), names(types))];
  const unknown: [sentence: (names: string) => string, names: unknown[]][] = [
    [text.misread, misreadIn(location.search)],
    [text.unknown.year, without([view.from, ...years, view.to], store.years)],
    [text.unknown.what, what],
    [text.unknown.status, without([view.status], [...STATUS_GROUPS, ...names(statuses)])],
  ];
  // Divisions and areas are known once they are read.
  if (shown?.view === view) {
    unknown.push(
      [text.unknown.division, without([view.division], shown.names.divisions.names)],
      [
        text.unknown.area,
        without(
          view.pins,
          shown.areas.map(({ id }) => id),
        ),
      ],
    );
  }
  return unknown.flatMap(([sentence, names]) => (names.length > 0 ? sentence(names.join(", ")) : []));
}
