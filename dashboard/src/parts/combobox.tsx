import type { ComponentChildren, RefObject } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

import { text } from "../strings.ts";
import "./combobox.css";

/** A choice in the list. */
export interface Option<T> {
  key: string;
  value: T;
  name: string;
  note: string;
  /** At the right, such as a count. */
  aside: string;
}

/** The choices for a query. */
export interface Found<T> {
  options: Option<T>[];
  /** How many there are, also of those that are not listed. */
  count: number;
  /** A sentence below the list, such as what to do if there are none. */
  note: string | null;
}

interface ComboboxProps<T> {
  id: string;
  label: string;
  hint: string;
  find: (query: string) => Found<T>;
  onChoose: (value: T) => void;
  /** The list is opened for the first time. */
  onOpen?: () => void;
  /** What there is to say about the last choice, below the field. */
  said?: string;
  /** What is chosen already, inside the field. */
  children: ComponentChildren;
}

/** A field with a search and what is chosen, built as the combobox of the ARIA Authoring Practices. */
export function Combobox<T>({
  id,
  label,
  hint,
  find,
  onChoose,
  onOpen,
  said = "",
  children,
}: ComboboxProps<T>) {
  const [query, setQuery] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const listId = useId();
  // Searched only while the list is open.
  const { options, count, note } = isOpen ? find(query) : { options: [], count: 0, note: null };
  const at = Math.min(active, options.length - 1);
  // Each search begins at the top of the list, wherever it was scrolled to.
  useLayoutEffect(() => {
    if (isOpen) list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  }, [isOpen, at, query]);
  const open = () => {
    if (!isOpen) onOpen?.();
    setOpen(true);
  };
  const choose = (option: Option<T> | undefined) => {
    if (!option) return;
    onChoose(option.value);
    setQuery("");
    setOpen(false);
    setActive(0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowDown: isOpen ? at + 1 : 0, ArrowUp: isOpen ? at - 1 : -1 }[event.key];
    if (to !== undefined) {
      open();
      setActive((to + options.length) % Math.max(1, options.length));
    } else if (event.key === "Enter" && isOpen) choose(options[at]);
    else if (event.key === "Escape" && (isOpen || query)) {
      setOpen(false);
      if (!isOpen) setQuery("");
    } else return;
    event.preventDefault();
  };
  return (
    <div class="field combobox">
      <label for={id}>{label}</label>
      <div class="box">
        {children}
        <input
          id={id}
          type="text"
          role="combobox"
          aria-expanded={isOpen}
          aria-controls={listId}
          aria-autocomplete="list"
          {...(isOpen && options.length > 0 && { "aria-activedescendant": optionId(listId, at) })}
          autocomplete="off"
          spellcheck={false}
          placeholder={hint}
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setActive(0);
            open();
          }}
          onClick={open}
          onBlur={() => {
            setOpen(false);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <Said
        words={said}
        hidden={isOpen ? [text.ask.matches(count), note].filter((one) => one !== null).join(". ") : null}
      />
      <Options {...{ listId, list, label, isOpen, options, note, at, choose }} />
    </div>
  );
}

/** What is said about the last choice, and to screen readers about the list. */
function Said({ words, hidden }: { words: string; hidden: string | null }) {
  return (
    <>
      {words !== "" && (
        <p class="said" role="status">
          {words}
        </p>
      )}
      <span class="hidden" role="status">
        {hidden}
      </span>
    </>
  );
}

/** The list of options. Keys stay with the input, which names the active option by aria-activedescendant. */
function Options<T>({
  listId,
  list,
  label,
  isOpen,
  options,
  note,
  at,
  choose,
}: Pick<Found<T>, "options" | "note"> & {
  listId: string;
  list: RefObject<HTMLDivElement | null>;
  label: string;
  isOpen: boolean;
  /** The position of the active option. */
  at: number;
  choose: (option: Option<T>) => void;
}) {
  return (
    <div id={listId} ref={list} role="listbox" aria-label={label} hidden={!isOpen}>
      {options.map((option, position) => (
        // eslint-disable-next-line jsx-a11y/click-events-have-key-events -- keys stay with the input
        <div
          key={option.key}
          id={optionId(listId, position)}
          role="option"
          tabIndex={-1}
          aria-selected={position === at}
          onMouseDown={(event) => {
            event.preventDefault();
          }}
          onClick={() => {
            choose(option);
          }}
        >
          <span class="option-name">{option.name}</span>
          <span class="option-note">{option.note}</span>
          <span class="option-count">{option.aside}</span>
        </div>
      ))}
      {note !== null && (
        <div class="option-none" role="option" aria-selected={false} aria-disabled="true" tabIndex={-1}>
          {note}
        </div>
      )}
    </div>
  );
}

/** A choice inside the field, with a button to remove it. */
export function Chip({
  name,
  short = name,
  onRemove,
}: {
  name: string;
  /** What is shown of the name. */
  short?: string;
  onRemove: () => void;
}) {
  return (
    <button
      type="button"
      class="chip"
      title={name}
      aria-label={text.ask.remove(name)}
      onClick={({ currentTarget }) => {
        focusAfter(currentTarget);
        onRemove();
      }}
    >
      <span>{short}</span> <span aria-hidden="true">×</span>
    </button>
  );
}

/** Moves the focus from a chip that is about to disappear to the one beside it, or to the search. */
function focusAfter(chip: Element) {
  const beside = [chip.nextElementSibling, chip.previousElementSibling].find((one) => one?.matches(".chip"));
  const next = beside ?? chip.closest(".box")?.querySelector("input");
  if (next instanceof HTMLElement) next.focus();
}

function optionId(listId: string, position: number): string {
  return `${listId}-${position}`;
}
