import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Milliseconds in which the browser paints what is rendered at once. */
const PAINTED = 60;

/** Renders its children after the browser has painted the rest, which is more urgent. */
export function Later({ children }: { children: ComponentChildren }) {
  const [ready, setReady] = useState<ComponentChildren>(null);
  useEffect(() => {
    const timer = setTimeout(() => {
      setReady(children);
    }, PAINTED);
    return () => {
      clearTimeout(timer);
    };
  }, [children]);
  return (
    <div class="later" aria-busy={ready !== children}>
      {ready}
    </div>
  );
}
