import { text } from "../../strings.ts";
import type { Zooming } from "./use_zoom.ts";

/** By how much a button enlarges or reduces the map. */
const STEP = 1.6;

/** The buttons that enlarge, reduce and reset the map. */
export function ZoomButtons({ transform, scale, reset }: Zooming) {
  return (
    <div class="zoom">
      <button
        type="button"
        aria-label={text.map.zoomIn}
        onClick={() => {
          scale(STEP);
        }}
      >
        +
      </button>
      <button
        type="button"
        aria-label={text.map.zoomOut}
        onClick={() => {
          scale(1 / STEP);
        }}
      >
        −
      </button>
      {transform.k > 1 && (
        <button
          type="button"
          aria-label={text.map.zoomReset}
          onClick={(event) => {
            // This button disappears, so the focus goes to one that stays.
            event.currentTarget.parentElement?.querySelector("button")?.focus();
            reset();
          }}
        >
          ⤢
        </button>
      )}
    </div>
  );
}
