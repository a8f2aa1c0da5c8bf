import { useEffect, useState } from "preact/hooks";

import { answer } from "../data/answer.ts";
import type { Progress, Store } from "../data/store.ts";
import { rank } from "./measures.ts";
import type { Shown } from "./shown.ts";
import type { View } from "./view.ts";
import { chosenOf, isNarrow, statusesOf, yearsOfView } from "./view.ts";

/** What is shown: the latest view that was answered, how far the next one is, and why it failed. */
export interface Showing {
  shown: Shown | null;
  /** `null` unless files are being read. */
  progress: Progress | null;
  error: unknown;
}

/** Reads what a view needs and answers its question. An answer that comes after the next choice is dropped. */
export function useShown(store: Store, view: View, change: Shown["change"]): Showing {
  const [shown, setShown] = useState<Shown | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let isStale = false;
    const { from, to } = yearsOfView(view, store.years);
    const { typeList, ...chosen } = chosenOf(view, store.vocabulary);
    const measure = view.measure === "share" && !isNarrow(view) ? "density" : view.measure;
    const need = { kind: view.by, from, to, types: typeList };
    setError(null);
    store
      .read(need, (step) => {
        if (!isStale) setProgress(step);
      })
      .then(({ areas, names, cubes }) => {
        if (isStale) return;
        const { season, division } = view;
        const statuses = statusesOf(view, store.vocabulary);
        const question = { from, to, chosen, season, division, statuses };
        const found = answer(question, cubes, names, areas, store.dataThrough);
        setShown({ view, answer: found, areas, names, ranked: rank(found, areas, measure), measure, change });
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
  }, [view, store]);
  return { shown, progress, error };
}
