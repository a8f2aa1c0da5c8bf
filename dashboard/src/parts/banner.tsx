import { useLayoutEffect, useRef } from "preact/hooks";

import { text } from "../strings.ts";
import "./banner.css";

/** Room below the banner for the outline of the element with the focus. */
const GAP = 6;

/** The notice that the data are generated. It stays at the top of the screen and of every printed page. */
export function GeneratedBanner() {
  const banner = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const { current } = banner;
    if (!current) return;
    const { style } = document.documentElement;
    // An element that the browser scrolls to, such as the one with the focus, stops below the banner.
    const observer = new ResizeObserver(() => {
      style.setProperty("scroll-padding-top", `${current.offsetHeight + GAP}px`);
    });
    observer.observe(current);
    return () => {
      observer.disconnect();
      style.removeProperty("scroll-padding-top");
    };
  }, []);
  return (
    <aside class="generated" aria-label={text.generated.label} ref={banner}>
      <p>{text.generated.notice}</p>
    </aside>
  );
}
