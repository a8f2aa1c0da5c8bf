import { useCallback, useEffect, useState } from "preact/hooks";

import type { Change } from "./shown.ts";
import type { View } from "./view.ts";
import { formatView, parseView } from "./view.ts";

/** How figures are presented. Changes of these are not steps of history. */
const PRESENTATION: readonly (keyof View)[] = ["sort", "ascending", "series", "zoom"];

/** Returns the view of the address, and a function that changes it. Each new question is a step in the browser's history. */
export function useView(): [View, Change] {
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
    const isPresentation = Object.keys(changes).every((key) => PRESENTATION.includes(key as keyof View));
    const address = location.pathname + formatView(next);
    if (isPresentation) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    // The map keeps its own zoom, and the address only restores it.
    if (Object.keys(changes).some((key) => key !== "zoom")) setView(next);
  }, []);
  return [view, change];
}
