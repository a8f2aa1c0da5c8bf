import type { ZoomTransform } from "d3-zoom";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Zoom } from "../../view/view.ts";
import type { Behaviour } from "./zoom_behaviour.ts";

/** How the map is enlarged and moved. */
export interface Zooming {
  /** The factor, and how far the drawing is moved. */
  transform: Pick<ZoomTransform, "k" | "x" | "y">;
  /** Enlarges or reduces the map around its middle. */
  scale: (factor: number) => void;
  /** Shows the whole city. */
  reset: () => void;
  /** Brings a point of an enlarged map into its middle. */
  moveTo: (point: [number, number]) => void;
}

/**
 * Enlarges and moves the map by pointer and by function. It begins as the address says, which follows each change. The map
 * is drawn before the code for it is loaded.
 */
export function useZoom(
  svg: RefObject<SVGSVGElement | null>,
  initial: Zoom | null,
  onZoom: (zoom: Zoom | null) => void,
): Zooming {
  const behaviour = useRef<Behaviour | null>(null);
  const [transform, setTransform] = useState<Zooming["transform"]>({ k: 1, x: 0, y: 0 });
  useEffect(() => {
    const { current } = svg;
    let isGone = false;
    void import("./zoom_behaviour.ts").then(({ startZoom }) => {
      if (!isGone && current) behaviour.current = startZoom(current, initial, setTransform, onZoom);
    });
    return () => {
      isGone = true;
      behaviour.current?.stop();
    };
  }, []);
  return {
    transform,
    scale: (factor) => {
      behaviour.current?.scale(factor);
    },
    reset: () => {
      behaviour.current?.reset();
    },
    moveTo: (point) => {
      if (transform.k > 1) behaviour.current?.moveTo(point);
    },
  };
}
