import { lazy } from "../parts/lazy.tsx";
import type { Shown } from "../view/shown.ts";
import { Explore } from "./explore/explore.tsx";

const Below = lazy(async () => (await import("./below.tsx")).Below);

/** All sections but the answer: the map with what belongs to it, and what is below, which is loaded after it. */
export function Panels(shown: Shown) {
  return (
    <>
      <Explore {...shown} />
      <Below {...shown} />
    </>
  );
}
