import { useCallback, useEffect, useState } from "preact/hooks";

import type { View } from "./view.ts";
import { formatView, parseView } from "./view.ts";

/** Returns the view of the address, and a function that changes it. Each change is a step in the browser's history. */
export function useView(): [View, (change: Partial<View>) => void] {
  const [view, setView] = useState(() => parseView(location.search));
  useEffect(() => {
    const restore = () => {
      setView(parseView(location.search));
    };
    addEventListener("popstate", restore);
    return () => {
      removeEventListener("popstate", restore);
    };
  }, []);
  const change = useCallback((changes: Partial<View>) => {
    const next = { ...parseView(location.search), ...changes };
    history.pushState(null, "", location.pathname + formatView(next));
    setView(next);
  }, []);
  return [view, change];
}
