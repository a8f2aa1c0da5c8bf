import { useCallback, useEffect, useState } from "preact/hooks";

import type { View } from "./view.ts";
import { formatView, parseView } from "./view.ts";

/** The view that the address names, and how to change it: each change is a step of the browser's history. */
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
