import { useMemo } from "preact/hooks";

import { NO_VOCABULARY } from "../../data/vocabulary.ts";
import type { Found } from "../../parts/combobox.tsx";
import { Chip, Combobox } from "../../parts/combobox.tsx";
import { text } from "../../strings.ts";
import { choiceNamed } from "../../view/describe.ts";
import type { Entry, Match } from "../../view/search_what.ts";
import { elsewhere, indexOf, search } from "../../view/search_what.ts";
import type { Choice } from "../../view/view.ts";
import { withChoice } from "../../view/view.ts";
import type { AskProps } from "./props.ts";

/** Matches that are listed. */
const LISTED = 60;

/** The choice of categories and request types. */
export function What({ vocabulary, view, change, shown }: AskProps) {
  const entries = useMemo(() => indexOf(vocabulary), [vocabulary]);
  // Without what another choice contains.
  const what = shown?.asked === view ? shown.view.what : view.what;
  return (
    <Combobox
      id="what"
      label={text.ask.what}
      hint={what.length === 0 ? text.ask.whatHint : what.length === 1 ? text.ask.whatMore : "+"}
      find={(query) => found(entries, query, what, vocabulary !== NO_VOCABULARY)}
      onChoose={(choice) => {
        change({ what: withChoice(what, choice, vocabulary) });
      }}
    >
      {what.map((choice) => (
        <Chip
          key={`${choice.kind} ${choice.name}`}
          name={choiceNamed(choice)}
          onRemove={() => {
            change({ what: what.filter((one) => !isSame(one, choice)) });
          }}
        />
      ))}
    </Combobox>
  );
}

function found(
  entries: readonly Entry[],
  query: string,
  chosen: readonly Choice[],
  isRead: boolean,
): Found<Choice> {
  const matches = search(entries, query).filter(({ choice }) => !chosen.some((one) => isSame(one, choice)));
  const advice = elsewhere(query);
  return {
    options: matches.slice(0, LISTED).map((match) => ({
      key: `${match.choice.kind} ${match.choice.name}`,
      value: match.choice,
      name: match.label,
      note: noteOf(match),
      aside: match.requests > 0 ? text.what.countInAllYears(match.requests) : "",
    })),
    count: matches.length,
    note: advice
      ? text.what.elsewhere[advice]
      : matches.length === 0
        ? isRead
          ? text.what.none(query)
          : `${text.what.loading}…`
        : matches[0]?.isLoose
          ? text.what.some(query)
          : matches.length > LISTED
            ? text.ask.keepTyping(LISTED, matches.length)
            : null,
  };
}

/** The category and its definition, or the category of a type with its other names. */
function noteOf({ choice, label, note, formerly }: Match): string {
  if (choice.kind === "group") return `${text.what.category} · ${note}`;
  return [
    note,
    ...(label === choice.name ? [] : [text.what.cityName(choice.name)]),
    ...(formerly === null ? [] : [text.what.formerly(formerly)]),
  ].join(" · ");
}

function isSame(a: Choice, b: Choice): boolean {
  return a.kind === b.kind && a.name === b.name;
}
