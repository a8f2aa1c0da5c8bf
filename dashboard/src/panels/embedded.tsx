import { useEffect } from "preact/hooks";

import { format, text } from "../strings.ts";
import type { Shown } from "../view/shown.ts";
import type { Embed } from "../view/view.ts";
import { formatView } from "../view/view.ts";
import { Answer, sentenceOf } from "./answer.tsx";
import { Explore } from "./explore/explore.tsx";
import { Ranking } from "./explore/ranking.tsx";
import { MapPanel } from "./map/panel.tsx";
import { Series } from "./series/panel.tsx";
import "./embedded.css";

/** A part of the page inside another page: with a title, the date of its data and a link to the whole. */
export function Embedded(shown: Shown) {
  const { view, store } = shown;
  useHeight();
  const whole = formatView({ ...view, embed: null, theme: null });
  return (
    <>
      {view.embed !== "answer" && <h1>{sentenceOf(shown)}</h1>}
      <Part {...shown} part={view.embed ?? "all"} />
      <p class="open-full">
        {text.title} ·{" "}
        {store.catalog.generated
          ? text.generated.asOf(format.day(store.dataThrough))
          : text.share.source(format.day(store.dataThrough))}{" "}
        ·{" "}
        <a href={location.pathname + whole} target="_blank" rel="noreferrer">
          {text.share.openFull}
        </a>
      </p>
    </>
  );
}

function Part({ part, ...shown }: Shown & { part: Embed }) {
  const still = { pointed: null, onPoint: () => undefined };
  switch (part) {
    case "answer":
      return (
        <Answer {...shown} isOld={false}>
          {null}
        </Answer>
      );
    case "map":
      return <MapPanel {...shown} {...still} />;
    case "ranking":
      return <Ranking {...shown} {...still} />;
    case "trend":
      return <Series {...shown} />;
    case "all":
      return (
        <>
          <Explore {...shown} />
          <Series {...shown} />
        </>
      );
  }
}

/** Sends the height of the content to the page around the frame, now and after it changes. */
function useHeight() {
  useEffect(() => {
    if (window.parent === window) return;
    const observer = new ResizeObserver(() => {
      const { scrollHeight } = document.body;
      // Any page may know the height, because the content is public.
      window.parent.postMessage({ type: "toronto-311-height", height: scrollHeight }, "*");
    });
    observer.observe(document.body);
    return () => {
      observer.disconnect();
    };
  }, []);
}
