import type { RefObject } from "preact";
import { useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Vocabulary } from "../data/vocabulary.ts";
import { format, text } from "../strings.ts";
import type { Match } from "../view/search.ts";
import { index, search } from "../view/search.ts";
import type { Choice } from "../view/view.ts";
import "./combobox.css";

/** Matches that are listed. */
const LISTED = 60;

/** A search for types and groups, built as the combobox of the ARIA Authoring Practices. */
export function Combobox({
  vocabulary,
  chosen,
  onChoose,
}: {
  vocabulary: Vocabulary;
  chosen: Choice[];
  onChoose: (choice: Choice) => void;
}) {
  const [query, setQuery] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const entries = useMemo(() => index(vocabulary), [vocabulary]);
  const found = useMemo(
    () => search(entries, query).filter(({ choice }) => !chosen.some((one) => same(one, choice))),
    [entries, query, chosen],
  );
  const matches = found.slice(0, LISTED);
  const at = Math.min(active, matches.length - 1);
  // Each search begins at the top of the list, wherever it was scrolled to.
  useLayoutEffect(() => {
    if (isOpen) list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  }, [isOpen, at, query]);

  const choose = (match: Match | undefined) => {
    if (!match) return;
    onChoose(match.choice);
    setQuery("");
    setOpen(false);
    setActive(0);
  };
  const move = (to: number) => {
    setOpen(true);
    setActive((to + matches.length) % Math.max(1, matches.length));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") move(isOpen ? at + 1 : 0);
    else if (event.key === "ArrowUp") move(isOpen ? at - 1 : matches.length - 1);
    else if (event.key === "Enter" && isOpen) choose(matches[at]);
    else if (event.key === "Escape" && (isOpen || query)) {
      setOpen(false);
      if (!isOpen) setQuery("");
    } else return;
    event.preventDefault();
  };
  return (
    <div class="combobox">
      <input
        id="search"
        type="text"
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        {...(isOpen && matches.length > 0 && { "aria-activedescendant": optionId(id, at) })}
        autocomplete="off"
        spellcheck={false}
        placeholder={text.searchHint}
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setActive(0);
          setOpen(true);
        }}
        onClick={() => {
          setOpen(true);
        }}
        onBlur={() => {
          setOpen(false);
        }}
        onKeyDown={onKeyDown}
      />
      <Matches {...{ id, query, list, isOpen, matches, at, choose }} count={found.length} />
    </div>
  );
}

/** The list of matches. Keys stay with the input, which names the active option by aria-activedescendant. */
function Matches({
  id,
  query,
  list,
  isOpen,
  matches,
  count,
  at,
  choose,
}: {
  id: string;
  query: string;
  list: RefObject<HTMLDivElement | null>;
  isOpen: boolean;
  matches: Match[];
  /** All matches, also those that are not listed. */
  count: number;
  /** The position of the active option. */
  at: number;
  choose: (match: Match) => void;
}) {
  const note =
    isOpen && count === 0
      ? text.searchNone(query)
      : count > matches.length
        ? text.searchMore(matches.length, count)
        : null;
  return (
    <>
      <span class="hidden" role="status">
        {isOpen && (count === 0 ? text.searchNone(query) : text.searchCount(count))}
      </span>
      <div id={`${id}-list`} ref={list} role="listbox" aria-label={text.search} hidden={!isOpen}>
        {matches.map((match, position) => (
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events -- keys stay with the input
          <div
            key={`${match.choice.kind} ${match.choice.name}`}
            id={optionId(id, position)}
            role="option"
            tabIndex={-1}
            aria-selected={position === at}
            onMouseDown={(event) => {
              event.preventDefault();
            }}
            onClick={() => {
              choose(match);
            }}
          >
            <span class="option-name">{match.choice.name}</span>
            <span class="option-note">
              {match.choice.kind === "group" ? `${text.searchGroup} · ${match.note}` : match.note}
              {match.formerly !== null && <> · {text.searchFormerly(match.formerly)}</>}
            </span>
            <span class="option-count">{match.requests > 0 && format.short(match.requests)}</span>
          </div>
        ))}
        {note !== null && (
          <div class="option-none" role="option" aria-selected={false} aria-disabled="true" tabIndex={-1}>
            {note}
          </div>
        )}
      </div>
    </>
  );
}

function optionId(id: string, position: number): string {
  return `${id}-${position}`;
}

function same(a: Choice, b: Choice): boolean {
  return a.kind === b.kind && a.name === b.name;
}
