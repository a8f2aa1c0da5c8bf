import { useEffect, useState } from "preact/hooks";

import type { Store } from "../data/store.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { readVocabulary } from "../data/vocabulary.ts";

/** Reads the vocabulary, beside the figures, which mostly do not need it. It is `null` until it is read. */
export function useVocabulary(store: Store): Vocabulary | null {
  const [vocabulary, setVocabulary] = useState<Vocabulary | null>(null);
  useEffect(() => {
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
  }, [store]);
  return vocabulary;
}
