import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Pixels from the screen at which an element is near. */
const MARGIN = 200;

/** Whether an element is, or has been, near the screen: what it needs is read then. */
export function useNear(element: RefObject<Element | null>): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const { current } = element;
    if (isNear || !current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setNear(true);
      },
      { rootMargin: `${MARGIN}px` },
    );
    observer.observe(current);
    return () => {
      observer.disconnect();
    };
  }, [isNear]);
  return isNear;
}
