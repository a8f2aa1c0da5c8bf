import { Later } from "../parts/later.tsx";
import type { Shown } from "../view/shown.ts";
import { useMedia, WIDE } from "../view/use_media.ts";
import { About } from "./about/about.tsx";
import { Breakdowns } from "./breakdowns.tsx";
import { Categories } from "./categories.tsx";
import { Duration } from "./duration/panel.tsx";
import { HeatMap } from "./heat_map/panel.tsx";
import { Series } from "./series/panel.tsx";
import { Unusual } from "./unusual.tsx";

/** The sections below the map: the trend, what differs, how long it takes, and what is for analysts. */
export function Below(shown: Shown) {
  const hasArea = shown.pinned.length > 0;
  // Without an area, a wide screen has the categories beside the map.
  const hasCategories = !useMedia(WIDE) || hasArea;
  return (
    <>
      <div class={`columns details ${hasArea ? "of-area" : ""} ${hasCategories ? "" : "two"}`}>
        <Series {...shown} />
        {hasCategories && <Categories {...shown} />}
        <Duration {...shown} />
      </div>
      <Later>
        <Unusual {...shown} />
        <HeatMap {...shown} />
        <Breakdowns {...shown} />
        <About store={shown.store} by={shown.view.by} />
      </Later>
    </>
  );
}
