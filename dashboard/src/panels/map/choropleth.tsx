import { useMemo, useRef, useState } from "preact/hooks";

import { nameOf } from "../../data/boundaries.ts";
import type { Tip } from "../../parts/tooltip.tsx";
import { Tooltip, useTip } from "../../parts/tooltip.tsx";
import { format, text } from "../../strings.ts";
import type { Class, Ranked } from "../../view/measures.ts";
import { valueOf } from "../../view/measures.ts";
import { togglePin } from "../../view/pins.ts";
import type { Shown } from "../../view/shown.ts";
import type { View } from "../../view/view.ts";
import { AreaSummary } from "./area_summary.tsx";
import { fillOf } from "./colours.ts";
import { HEIGHT, WIDTH, besideOf, draw, neighbour } from "./shapes.ts";
import { useZoom } from "./use_zoom.ts";
import { ZoomButtons } from "./zoom_buttons.tsx";

/** The map: areas to read, to move between by arrow keys, and to pin. */
export function Choropleth({
  view,
  answer,
  areas,
  ranked,
  measure,
  classes,
  change,
}: Shown & { classes: readonly Class[] }) {
  const svg = useRef<SVGSVGElement>(null);
  const zoom = useZoom(svg);
  const tip = useTip<number>();
  const [focused, setFocused] = useState(0);
  const shapes = useMemo(() => draw(areas), [areas]);
  const active = tip.of !== null && tip.of < areas.length ? tip.of : null;
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
  return (
    <div class="map">
      <svg
        ref={svg}
        id="map"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="group"
        aria-label={text.mapLabel(view.by, text.measures(measure, answer.question.to))}
      >
        <g transform={zoom.transform.toString()}>
          {ranked.map((one, at) => (
            <AreaButton
              key={one.area.id}
              {...{ at, one, view, tip, setFocused, pin, onKeyDown }}
              fill={fillOf(measure, one.value, classes)}
              value={format.measure(measure, one.value)}
              path={shapes[at]?.path ?? ""}
              isStop={at === current}
            />
          ))}
          {/* Outlines lie over all areas. The areas keep their order in the document, or the focus would be lost. */}
          {view.pins.map((id, pin) => {
            const at = areas.findIndex((area) => area.id === id);
            return <Outline key={id} name={`pinned-${pin}`} d={shapes[at]?.path ?? ""} />;
          })}
          {active !== null && <Outline name="active" d={shapes[active]?.path ?? ""} />}
        </g>
      </svg>
      <ZoomButtons {...zoom} />
      {active !== null && ranked[active] && shapes[active] && (
        <Tooltip tip={tip} {...besideOf(shapes[active], zoom.transform)}>
          <AreaSummary
            one={ranked[active]}
            name={nameOf(ranked[active].area, view.by)}
            measure={measure}
            year={answer.question.to}
            count={ranked.length}
          />
        </Tooltip>
      )}
    </div>
  );
}

/** An area of the map, as a button. */
function AreaButton({
  at,
  one: { area, figures, rank },
  view,
  tip,
  setFocused,
  pin,
  onKeyDown,
  fill,
  value,
  path,
  isStop,
}: {
  /** The position among the areas. */
  at: number;
  one: Ranked;
  view: View;
  tip: Tip<number>;
  setFocused: (at: number) => void;
  pin: (at: number) => void;
  onKeyDown: (event: KeyboardEvent, at: number) => void;
  fill: string;
  /** The value of the measure, in words. */
  value: string;
  path: string;
  /** Whether Tab stops here: it stops at one area of the map. */
  isStop: boolean;
}) {
  return (
    <path
      data-at={at}
      data-area={area.id}
      class={`area ${fill}`}
      d={path}
      role="button"
      // SVG attributes keep their case: `tabIndex` would not make a path focusable.
      tabindex={isStop ? 0 : -1}
      aria-pressed={view.pins.includes(area.id)}
      aria-label={text.areaLabel(nameOf(area, view.by), value, rank, valueOf("count", figures, area.km2))}
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

/** A line with a casing in the colour of the panel, so that it stands out from areas of any colour. */
function Outline({ name, d }: { name: string; d: string }) {
  return (
    <>
      <path class="casing" d={d} />
      <path class={`outline ${name}`} d={d} />
    </>
  );
}
