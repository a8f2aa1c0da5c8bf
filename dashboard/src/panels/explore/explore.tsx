import { useState } from "preact/hooks";

import type { Shown } from "../../view/shown.ts";
import { useMedia, WIDE } from "../../view/use_media.ts";
import { lazy } from "../../parts/lazy.tsx";
import { MapPanel } from "../map/panel.tsx";
import { AreaPanel } from "./area_panel.tsx";
import { Ranking } from "./ranking.tsx";
import "./explore.css";

// Its own column is on wide screens only.
const Categories = lazy(async () => (await import("../categories.tsx")).Categories);

/** Too narrow for a second: the area's panel is a sheet over the bottom of the screen. */
const NARROW = "(max-width: 1000px)";

/**
 * The map, the ranking and the chosen areas. The panel of the areas has its own column on a wide screen, takes the place of
 * the ranking on others, and is a sheet on a phone, so that it is in sight wherever the choice was made.
 */
export function Explore(shown: Shown) {
  // Each marks what the pointer is over in the other.
  const [onMap, setOnMap] = useState<string | null>(null);
  const [inRanking, setInRanking] = useState<string | null>(null);
  const isWide = useMedia(WIDE);
  const isNarrow = useMedia(NARROW);
  const hasArea = shown.pinned.length > 0;
  return (
    <div class={isWide ? "explore wide" : "explore"} id="explore" tabIndex={-1}>
      <MapPanel {...shown} pointed={inRanking} onPoint={setOnMap} />
      {(!hasArea || isWide || isNarrow) && <Ranking {...shown} pointed={onMap} onPoint={setInRanking} />}
      {hasArea && <AreaPanel {...shown} isSheet={isNarrow} hasRanking={isWide || isNarrow} />}
      {!hasArea && isWide && <Categories {...shown} />}
    </div>
  );
}
