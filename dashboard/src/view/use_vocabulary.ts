import { useEffect, useState } from "preact/hooks";

import type { Store } from "../data/store.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { readVocabulary } from "../data/vocabulary.ts";

/** Reads the vocabulary once it is wanted: mostly after the first figures, which do not need it. `null` until it is read. */
export function useVocabulary(store: Store, isWanted: boolean): Vocabulary | null {
  const [vocabulary, setVocabulary] = useState<Vocabulary | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    let isStale = false;
    // What cannot be read is empty, so this does not fail.
    void store
      .once("vocabulary", () => readVocabulary(store.catalog))
      .then((read) => {
        if (!isStale) setVocabulary(read);
      });
    return () => {
      isStale = true;
    };
  }, [store, isWanted]);
  return vocabulary;
}
