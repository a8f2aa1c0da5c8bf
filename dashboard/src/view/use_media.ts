import { useEffect, useState } from "preact/hooks";

/** Wide enough for a third column beside the map. */
export const WIDE = "(min-width: 1700px)";

/** Whether the screen matches a media query, also after it changes. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const follow = () => {
      setMatches(list.matches);
    };
    follow();
    list.addEventListener("change", follow);
    return () => {
      list.removeEventListener("change", follow);
    };
  }, [query]);
  return matches;
}
