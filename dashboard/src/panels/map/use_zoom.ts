import { select } from "d3-selection";
import type { ZoomBehavior, ZoomTransform } from "d3-zoom";
import { zoom as createZoom, zoomIdentity, zoomTransform } from "d3-zoom";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Zoom } from "../../view/view.ts";
import { HEIGHT, WIDTH } from "./shapes.ts";

const MAX_SCALE = 12;

/** How the map is enlarged and moved. */
export interface Zooming {
  transform: ZoomTransform;
  /** Enlarges or reduces the map around its middle. */
  scale: (factor: number) => void;
  /** Shows the whole city. */
  reset: () => void;
  /** Brings a point of an enlarged map into its middle. */
  moveTo: (point: [number, number]) => void;
}

/** Enlarges and moves the map by pointer and by function. It begins as the address says, which follows each change. */
export function useZoom(
  svg: RefObject<SVGSVGElement | null>,
  initial: Zoom | null,
  onZoom: (zoom: Zoom | null) => void,
): Zooming {
  const behaviour = useRef<ZoomBehavior<SVGSVGElement, unknown> | null>(null);
  const [transform, setTransform] = useState(zoomIdentity);
  useEffect(() => {
    const element = svg.current;
    if (!element) return;
    behaviour.current = createZoom<SVGSVGElement, unknown>()
      .scaleExtent([1, MAX_SCALE])
      .translateExtent([
        [0, 0],
        [WIDTH, HEIGHT],
      ])
      .extent([
        [0, 0],
        [WIDTH, HEIGHT],
      ])
      // Wheel and finger scroll the page: the map moves by Ctrl and wheel, two fingers, or once it is enlarged.
      .filter((event: WheelEvent | MouseEvent | TouchEvent) => {
        if (event.type === "wheel") return event.ctrlKey || event.metaKey;
        return !("touches" in event) || event.touches.length > 1 || zoomTransform(element).k > 1;
      })
      .on("zoom", (event: { transform: ZoomTransform }) => {
        setTransform(event.transform);
      })
      .on("end", (event: { transform: ZoomTransform }) => {
        onZoom(zoomOf(event.transform));
      });
    select(element).call(behaviour.current).on("dblclick.zoom", null);
    if (initial) {
      const { scale, x, y } = initial;
      const to = zoomIdentity
        .translate(WIDTH / 2, HEIGHT / 2)
        .scale(scale)
        .translate(-x, -y);
      behaviour.current.transform(select(element), to);
    }
    return () => {
      select(element).on(".zoom", null);
    };
  }, []);
  const run = (
    change: (
      zoom: ZoomBehavior<SVGSVGElement, unknown>,
      on: ReturnType<typeof select<SVGSVGElement, unknown>>,
    ) => void,
  ) => {
    if (svg.current && behaviour.current) change(behaviour.current, select(svg.current));
  };
  return {
    transform,
    scale: (factor) => {
      run((zoom, on) => {
        zoom.scaleBy(on, factor);
      });
    },
    reset: () => {
      run((zoom, on) => {
        zoom.transform(on, zoomIdentity);
      });
    },
    moveTo: ([x, y]) => {
      if (transform.k <= 1) return;
      run((zoom, on) => {
        zoom.translateTo(on, x, y);
      });
    },
  };
}

/** The factor, and the point in the middle; `null` for the whole city. */
function zoomOf(transform: ZoomTransform): Zoom | null {
  if (transform.k <= 1) return null;
  const [x, y] = transform.invert([WIDTH / 2, HEIGHT / 2]);
  return { scale: Number(transform.k.toFixed(2)), x: Math.round(x), y: Math.round(y) };
}
