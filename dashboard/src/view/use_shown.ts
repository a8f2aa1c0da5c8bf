import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Area } from "../data/areas.ts";
import type { LastDays } from "../data/calendar.ts";
import { daysTo } from "../data/calendar.ts";
import { divisionNamed } from "../data/divisions.ts";
import { monthOf, yearOf } from "../data/span.ts";
import type { Need, Progress, Read, Store } from "../data/store.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { NO_VOCABULARY } from "../data/vocabulary.ts";
import { text } from "../strings.ts";
import { hasDenominators, rank } from "./measures.ts";
import { scaleOf } from "./scale.ts";
import type { Change, Shown } from "./shown.ts";
import type { Measure, View } from "./view.ts";
import { chosenOf, isNarrow, isPlain, needsVocabulary, spanOf, statusesOf } from "./view.ts";
import { useVocabulary } from "./use_vocabulary.ts";
import { sameWords } from "./words.ts";

/** What is shown: the latest view that was answered, how far the next one is, and why it failed. */
export interface Showing {
  shown: Shown | null;
  /** `null` until it is read. */
  vocabulary: Vocabulary | null;
  /** `null` unless files are being read. */
  progress: Progress | null;
  /** Why the view of the address could not be answered. What was shown before stays. */
  error: unknown;
  retry: () => void;
}

/**
 * Reads what a view needs and answers its question. An answer that comes after the next choice is dropped. A first view
 * without filters has its answer before the cubes are read.
 */
export function useShown(store: Store, view: View, change: Change): Showing {
  const [shown, setShown] = useState<Shown | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  const isWhole = shown !== null && !shown.isFirst;
  const vocabulary = useVocabulary(store, needsVocabulary(view) || isWhole);
  const isWaiting = vocabulary === null && needsVocabulary(view);
  const known = useRef(vocabulary);
  known.current = vocabulary;
  // Before the browser paints: what is loaded is shown in the same frame, and not first dimmed.
  useLayoutEffect(() => {
    if (isWaiting) return;
    let isStale = false;
    const words = known.current ?? NO_VOCABULARY;
    const named = withNames(view, words);
    setError(null);
    if (shown === null && isPlain(view)) {
      store.readTotals(needOf(store, named, words)).then(
        (read) => {
          if (isStale || read === null) return;
          const found = show(store, named, words, read, null);
          const first = { ...found, isFirst: true, asked: view, change };
          setShown((already) => already ?? first);
        },
        () => {
          // The cubes have the same figures.
        },
      );
    }
    readChosen(store, named, words, (step) => {
      if (!isStale) setProgress(step);
    })
      .then(({ read, days }) => {
        if (isStale) return;
        setShown({ ...show(store, named, words, read, days), isFirst: false, asked: view, change });
        setProgress(null);
      })
      .catch((reason: unknown) => {
        if (isStale) return;
        setProgress(null);
        setError(reason);
      });
    return () => {
      isStale = true;
    };
  }, [view, store, isWaiting, attempt]);
  return {
    shown: shown && { ...shown, vocabulary: vocabulary ?? NO_VOCABULARY },
    vocabulary,
    progress,
    error,
    retry: () => {
      setAttempt(attempt + 1);
    },
  };
}

/** Reads what a view needs: its days, if they are chosen and the data have them, or else its months. */
async function readChosen(
  store: Store,
  view: View,
  vocabulary: Vocabulary,
  onProgress: (progress: Progress) => void,
): Promise<{ read: Read; days: LastDays | null }> {
  if (view.days) {
    const days = daysTo(store.dataThrough, view.days.length);
    const read = await store.readLastDays({ kind: view.by, days }, onProgress);
    if (read) return { read, days };
  }
  return { read: await store.read(needOf(store, view, vocabulary), onProgress), days: null };
}

/** What the months of a view need. */
function needOf(store: Store, view: View, vocabulary: Vocabulary): Need {
  const { from, to } = spanOf(view, store.years);
  const { typeList } = chosenOf(view, vocabulary);
  return { kind: view.by, from: yearOf(from), to: yearOf(to), types: typeList };
}

/** Answers a view from what was read: its months, or the last days. */
function show(
  store: Store,
  named: View,
  vocabulary: Vocabulary,
  read: Read,
  days: LastDays | null,
): Omit<Shown, "isFirst" | "asked" | "change"> {
  const { areas, names, missingYear, missingHomes } = read;
  const view = { ...named, pins: idsOf(named.pins, areas) };
  const { season, division } = view;
  const month = days && monthOf(days.last);
  const span = month === null ? spanOf(view, store.years) : { from: month, to: month };
  const statuses = statusesOf(view, vocabulary);
  const question = { span, days, chosen: chosenOf(view, vocabulary), season, division, statuses };
  const found = store.answer(question, read);
  const measure = measureOf(view, areas);
  const ranked = rank(found, areas, measure);
  return {
    store,
    view,
    vocabulary,
    answer: found,
    areas,
    names,
    ranked,
    pinned: view.pins.flatMap((id) => ranked.find(({ area }) => area.id === id) ?? []),
    measure,
    scale: scaleOf(measure, ranked),
    gaps: [
      ...(missingYear ? [text.gaps.year(missingYear.year)] : []),
      ...(missingHomes === null ? [] : [text.gaps.homes]),
      ...(view.days && !days ? [text.gaps.days(view.days.length)] : []),
    ],
  };
}

/** The measure of a view, or the default if it has none or what it needs does not exist. */
function measureOf(view: View, areas: readonly Area[]): Measure {
  const { measure } = view;
  const isPossible =
    measure !== null && hasDenominators(measure, areas) && (measure !== "share" || isNarrow(view));
  if (isPossible) return measure;
  return hasDenominators("homes", areas) ? "homes" : "count";
}

/** A view with the names of groups and types as the data have them, and without types of chosen groups. */
function withNames(view: View, { groups, types }: Vocabulary): View {
  const known = (name: string, all: readonly { name: string }[]) =>
    all.find((one) => one.name === name)?.name ?? all.find((one) => sameWords(one.name, name))?.name ?? name;
  const what = view.what.map(({ kind, name }) => ({
    kind,
    name: known(name, kind === "group" ? groups : types),
  }));
  const chosen = new Set(what.filter(({ kind }) => kind === "group").map(({ name }) => name));
  const groupOf = new Map(types.map(({ name, group }) => [name, group]));
  return {
    ...view,
    division: view.division === null ? null : divisionNamed(view.division),
    what: what.filter(({ kind, name }) => kind === "group" || !chosen.has(groupOf.get(name) ?? "")),
  };
}

/** The ids of areas that are chosen by id or by name, each once. The City's files write "09" for Ward 9. */
function idsOf(pins: readonly string[], areas: readonly Area[]): string[] {
  const ids = pins.map((pin) => {
    const named = pin.replace(/^0+(?=\d)/, "");
    return areas.find(({ id, name }) => sameWords(name, named) || sameWords(id, named))?.id ?? pin;
  });
  return [...new Set(ids)];
}
