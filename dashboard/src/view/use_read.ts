import { useEffect, useState } from "preact/hooks";

import type { Catalog } from "../data/catalog.ts";
import type { Store } from "../data/store.ts";

/**
 * Reads data when a component is first shown, or when it is wanted. The value is `null` until it is read, and after an
 * error.
 */
export function useRead<T>(
  store: Store,
  key: string,
  read: (catalog: Catalog) => Promise<T>,
  isWanted = true,
): { value: T | null; error: unknown; retry: () => void } {
  // With its key, because a later render may ask for another before the effect runs.
  const [found, setFound] = useState<{ key: string; value: T | null; error: unknown } | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!isWanted) return;
    let isStale = false;
    const known = store.known(key) as T | null;
    setFound({ key, value: known, error: null });
    if (known !== null) return;
    store
      .once(key, () => read(store.catalog))
      .then(
        (value) => {
          if (!isStale) setFound({ key, value, error: null });
        },
        (error: unknown) => {
          if (!isStale) setFound({ key, value: null, error });
        },
      );
    return () => {
      isStale = true;
    };
  }, [store, key, attempt, isWanted]);
  const isFound = found?.key === key;
  return {
    value: isFound ? found.value : (store.known(key) as T | null),
    error: isFound ? found.error : null,
    retry: () => {
      setAttempt(attempt + 1);
    },
  };
}
