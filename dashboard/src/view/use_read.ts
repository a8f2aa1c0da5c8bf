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
  const [value, setValue] = useState(() => store.known(key) as T | null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!isWanted) return;
    let isStale = false;
    const known = store.known(key) as T | null;
    setValue(() => known);
    setError(null);
    if (known !== null) return;
    store
      .once(key, () => read(store.catalog))
      .then(
        (found) => {
          if (!isStale) setValue(() => found);
        },
        (reason: unknown) => {
          if (!isStale) setError(reason);
        },
      );
    return () => {
      isStale = true;
    };
  }, [store, key, attempt, isWanted]);
  return {
    value,
    error,
    retry: () => {
      setAttempt(attempt + 1);
    },
  };
}
