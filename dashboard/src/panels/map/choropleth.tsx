import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Boundary } from "../../data/boundaries.ts";
import type { Tip } from "../../parts/tooltip.tsx";
import { Tooltip, useTip } from "../../parts/tooltip.tsx";
import { format, text } from "../../strings.ts";
import { nameOf, yearBeforeOf } from "../../view/describe.ts";
import type { Ranked } from "../../view/measures.ts";
import { fillOf } from "../../view/scale.ts";
import type { Shown } from "../../view/shown.ts";
import { togglePin } from "../../view/view.ts";
import { AreaSummary } from "./area_summary.tsx";
import type { Line } from "./labels.ts";
import { labelsOf } from "./labels.ts";
import type { Shape } from "./shapes.ts";
import { HEIGHT, WIDTH, besideOf, draw, neighbour } from "./shapes.ts";
import { useZoom } from "./use_zoom.ts";
import { ZoomButtons } from "./zoom_buttons.tsx";

/** The height of a label on the screen. */
const LABEL = 12;

/** The areas that the pointer is over, by their ids: the map and the ranking mark each other's. */
export interface Pointing {
  /** In the other panel. */
  pointed: string | null;
  /** Another one in this panel, or none. */
  onPoint: (id: string | null) => void;
}

/** The map: areas to read, to move between by arrow keys, and to choose. */
export function Choropleth({
  boundaries,
  pointed,
  onPoint,
  ...shown
}: Shown & Pointing & { boundaries: readonly Boundary[] }) {
  const { view, areas, ranked, measure, answer, change } = shown;
  const svg = useRef<SVGSVGElement>(null);
  const zoom = useZoom(svg, view.zoom, (to) => {
    change({ zoom: to });
  });
  const pixel = usePixel(svg) / zoom.transform.k;
  const tip = useTip<number>();
  const [focused, setFocused] = useState(0);
  const shapes = useMemo(() => draw(boundaries), [boundaries]);
  const active = tip.of !== null && tip.of < areas.length ? tip.of : null;
  useEffect(() => {
    onPoint(active === null ? null : (areas[active]?.id ?? null));
  }, [active]);
  const pin = (at: number) => {
    const area = areas[at];
    if (area) change({ pins: togglePin(view.pins, area.id) });
  };
  const focusOn = (at: number) => {
    setFocused(at);
    svg.current?.querySelector<SVGPathElement>(`[data-at="${at}"]`)?.focus();
    const shape = shapes[at];
    if (shape) zoom.moveTo(shape.centre);
  };
  const onKeyDown = (event: KeyboardEvent, at: number) => {
    const next = neighbour(shapes, at, event.key);
    if (next !== null) focusOn(next);
    else if (event.key === "Enter" || event.key === " ") pin(at);
    else if (event.key === "+" || event.key === "=") zoom.scale(1.5);
    else if (event.key === "-") zoom.scale(1 / 1.5);
    else if (event.key === "0") zoom.reset();
    else return;
    event.preventDefault();
  };
  const current = Math.min(focused, areas.length - 1);
  const measureName = text.measure(measure, view.by, yearBeforeOf(answer));
  const outlined = active ?? areas.findIndex(({ id }) => id === pointed);
  return (
    <div class="map">
      <svg
        ref={svg}
        id="map"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="group"
        aria-label={text.map.label(view.by, measureName)}
      >
        <Hatches />
        <g transform={`translate(${zoom.transform.x},${zoom.transform.y}) scale(${zoom.transform.k})`}>
          <path class="coast" d={shapes.map(({ path }) => path).join("")} />
          <text class="lake" x={470} y={410} font-size={13} text-anchor="middle">
            {text.map.lake}
          </text>
          {ranked.map((one, at) => (
            <AreaButton
              key={one.area.id}
              {...{ at, one, shown, tip, setFocused, pin, onKeyDown }}
              path={shapes[at]?.path ?? ""}
              isStop={at === current}
            />
          ))}
          <Overlay {...{ shown, shapes, outlined, pixel }} />
        </g>
      </svg>
      <ZoomButtons {...zoom} />
      {active !== null && ranked[active] && shapes[active] && (
        <Tooltip tip={tip} {...besideOf(shapes[active], zoom.transform)}>
          <AreaSummary one={ranked[active]} name={nameOf(ranked[active].area, view.by)} shown={shown} />
        </Tooltip>
      )}
    </div>
  );
}

/** Outlines and labels over all areas. The areas keep their order in the document, or the focus would be lost. */
function Overlay({
  shown: { view, areas, ranked, measure, scale },
  shapes,
  outlined,
  pixel,
}: {
  shown: Shown;
  shapes: readonly Shape[];
  /** The position of the area that the pointer is over or that has the focus, or -1. */
  outlined: number;
  pixel: number;
}) {
  const below = ({ value }: Ranked) => (value === null ? "" : format.measure(measure, value));
  const labels = labelsOf(
    ranked.map((one, at) => ({
      area: one.area,
      below: measure === "change" ? below(one) : null,
      label: (shapes[at] as Shape).label,
    })),
    LABEL * pixel,
  );
  return (
    <>
      {view.pins.map((id, pin) => {
        const at = areas.findIndex((area) => area.id === id);
        return <Outline key={id} name={`pinned-${pin}`} d={shapes[at]?.path ?? ""} />;
      })}
      {shapes[outlined] && <Outline name="active" d={shapes[outlined].path} />}
      {ranked.map((one, at) => (
        <Label
          key={one.area.id}
          x={shapes[at]?.label.x ?? 0}
          lines={labels[at] ?? []}
          fill={fillOf(scale, one)}
        />
      ))}
    </>
  );
}

/** The units of the drawing in a pixel of the screen, so that labels have the same size on a phone. */
function usePixel(svg: RefObject<SVGSVGElement | null>): number {
  const [pixel, setPixel] = useState(1);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      const scale = Math.min(width / WIDTH, height / HEIGHT);
      if (scale > 0) setPixel(1 / scale);
    });
    if (svg.current) observer.observe(svg.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return pixel;
}

/** The patterns of areas without a rank. */
function Hatches() {
  return (
    <defs>
      <pattern
        id="hatch-few"
        width={6}
        height={6}
        patternUnits="userSpaceOnUse"
        patternTransform="rotate(45)"
      >
        <rect class="hatch-ground" width={6} height={6} />
        <line class="hatch-line" x1={0} y1={0} x2={0} y2={6} stroke-width={2.4} />
      </pattern>
    </defs>
  );
}

/** An area of the map, as a button. */
function AreaButton({
  at,
  one,
  shown: { view, measure, scale },
  tip,
  setFocused,
  pin,
  onKeyDown,
  path,
  isStop,
}: {
  /** The position among the areas. */
  at: number;
  one: Ranked;
  shown: Shown;
  tip: Tip<number>;
  setFocused: (at: number) => void;
  pin: (at: number) => void;
  onKeyDown: (event: KeyboardEvent, at: number) => void;
  path: string;
  /** Whether Tab stops here: it stops at one area of the map. */
  isStop: boolean;
}) {
  const { area, figures, rank, value, unranked } = one;
  const written = unranked === null ? format.measure(measure, value) : text.map.unranked[unranked];
  return (
    <path
      data-at={at}
      data-area={area.id}
      class={`area ${fillOf(scale, one)}`}
      d={path}
      role="button"
      // SVG attributes keep their case: `tabIndex` would not make a path focusable.
      tabindex={isStop ? 0 : -1}
      aria-pressed={view.pins.includes(area.id)}
      aria-label={text.map.area(
        nameOf(area, view.by),
        written,
        rank,
        figures.isKnown ? figures.requests : null,
      )}
      onPointerEnter={(event) => {
        tip.point(at, event);
      }}
      onPointerLeave={tip.leave}
      onFocus={(event) => {
        setFocused(at);
        tip.focus(event.currentTarget.matches(":focus-visible") ? at : null);
      }}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.ownerSVGElement?.contains(relatedTarget as Node | null)) tip.drop();
      }}
      onKeyDown={(event) => {
        onKeyDown(event, at);
      }}
      onClick={() => {
        pin(at);
      }}
    />
  );
}

/** The number or code of an area, and its name or value where there is room. */
function Label({ x, lines, fill }: { x: number; lines: readonly Line[]; fill: string }) {
  if (lines.length === 0) return null;
  return (
    <g class={`label on-${fill}`} aria-hidden="true" text-anchor="middle">
      {lines.map(({ words, y, size }, at) => (
        <text key={at} x={x} y={y} font-size={size} {...(at === 0 && { "font-weight": 650 })}>
          {words}
        </text>
      ))}
    </g>
  );
}

/** A line with a casing in the colour of the panel, so that it stands out from areas of any colour. */
function Outline({ name, d }: { name: string; d: string }) {
  return (
    <>
      <path class="casing" d={d} />
      <path class={`outline ${name}`} d={d} />
    </>
  );
}
