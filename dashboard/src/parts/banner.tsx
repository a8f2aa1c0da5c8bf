import { useLayoutEffect, useRef } from "preact/hooks";

import { text } from "../strings.ts";
import "./banner.css";

/** The notice that the data are generated. It stays at the top of the screen and of every printed page. */
export function GeneratedBanner() {
  const banner = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const { current } = banner;
    if (!current) return;
    const { style } = document.documentElement;
    // What sticks to the top of the screen sticks below the banner.
    const observer = new ResizeObserver(() => {
      style.setProperty("--banner", `${current.offsetHeight}px`);
    });
    observer.observe(current);
    return () => {
      observer.disconnect();
      style.removeProperty("--banner");
    };
  }, []);
  return (
    <aside class="generated" aria-label={text.generated.label} ref={banner}>
      <p>{text.generated.notice}</p>
    </aside>
  );
}
