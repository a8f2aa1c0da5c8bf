import { select } from "d3-selection";
import type { ZoomTransform } from "d3-zoom";
import { zoom as createZoom, zoomIdentity, zoomTransform } from "d3-zoom";

import type { Zoom } from "../../view/view.ts";
import { HEIGHT, WIDTH } from "./shapes.ts";

const MAX_SCALE = 12;

/** What can be done to a map, and how to stop it. */
export interface Behaviour {
  scale: (factor: number) => void;
  reset: () => void;
  moveTo: (point: [number, number]) => void;
  stop: () => void;
}

/** Makes a map follow wheel, fingers and buttons. */
export function startZoom(
  element: SVGSVGElement,
  initial: Zoom | null,
  onChange: (transform: ZoomTransform) => void,
  onEnd: (zoom: Zoom | null) => void,
): Behaviour {
  const frame: [[number, number], [number, number]] = [
    [0, 0],
    [WIDTH, HEIGHT],
  ];
  const zoom = createZoom<SVGSVGElement, unknown>()
    .scaleExtent([1, MAX_SCALE])
    .translateExtent(frame)
    .extent(frame)
    // Wheel and finger scroll the page: the map moves by Ctrl and wheel, two fingers, or once it is enlarged.
    .filter((event: WheelEvent | MouseEvent | TouchEvent) => {
      if (event.type === "wheel") return event.ctrlKey || event.metaKey;
      return !("touches" in event) || event.touches.length > 1 || zoomTransform(element).k > 1;
    })
    .on("zoom", (event: { transform: ZoomTransform }) => {
      onChange(event.transform);
    })
    .on("end", (event: { transform: ZoomTransform }) => {
      onEnd(zoomOf(event.transform));
    });
  const map = select(element);
  map.call(zoom).on("dblclick.zoom", null);
  if (initial) {
    const { scale, x, y } = initial;
    const to = zoomIdentity
      .translate(WIDTH / 2, HEIGHT / 2)
      .scale(scale)
      .translate(-x, -y);
    zoom.transform(map, to);
  }
  return {
    scale: (factor) => {
      zoom.scaleBy(map, factor);
    },
    reset: () => {
      zoom.transform(map, zoomIdentity);
    },
    moveTo: ([x, y]) => {
      zoom.translateTo(map, x, y);
    },
    stop: () => {
      map.on(".zoom", null);
    },
  };
}

/** The factor, and the point in the middle; `null` for the whole city. */
function zoomOf(transform: ZoomTransform): Zoom | null {
  if (transform.k <= 1) return null;
  const [x, y] = transform.invert([WIDTH / 2, HEIGHT / 2]);
  return { scale: Number(transform.k.toFixed(2)), x: Math.round(x), y: Math.round(y) };
}
