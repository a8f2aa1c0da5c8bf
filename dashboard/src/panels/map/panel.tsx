import { geoMercator, geoPath } from "d3-geo";
import { select } from "d3-selection";
import type { ZoomBehavior, ZoomTransform } from "d3-zoom";
import { zoom as createZoom, zoomIdentity, zoomTransform } from "d3-zoom";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Shown } from "../../dashboard.tsx";
import type { Area } from "../../data/boundaries.ts";
import { Legend } from "../../parts/legend.tsx";
import { format, text } from "../../strings.ts";
import type { Ranked } from "../../view/measures.ts";
import { CHANGE_CLASSES, classOf, classify, valueOf } from "../../view/measures.ts";
import { togglePin } from "../../view/pins.ts";
import { Tooltip, useTip } from "../../parts/tooltip.tsx";
import { focusAround } from "../../parts/focus.ts";
import type { Class } from "../../view/measures.ts";
import type { Classes, Measure } from "../../view/view.ts";
import { CLASSES, MEASURES, isNarrow } from "../../view/view.ts";

const WIDTH = 820;
const HEIGHT = 560;
const MARGIN = 12;
const MAX_ZOOM = 12;

/** The choropleth, its legend, and what it is coloured by. */
export function MapPanel(shown: Shown) {
  const { view, answer, ranked, measure, change } = shown;
  const values = ranked.flatMap(({ value }) => (value === null ? [] : [value]));
  const classes = measure === "change" ? CHANGE_CLASSES : classify(values, view.classes);
  const { withoutArea, offMap, city } = answer;
  const hasShare = isNarrow(view);
  const leftOut = text.offMap[view.by](offMap, withoutArea, city.requests, answer.question.from <= 2018);
  return (
    <section class="panel map-panel" aria-labelledby="map-title" tabIndex={-1}>
      <h2 id="map-title">{text.map}</h2>
      <div class="controls">
        <fieldset class="segments small">
          <legend class="hidden">{text.measure}</legend>
          {MEASURES.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={measure === one}
              disabled={one === "share" && !hasShare}
              title={text.measureHelp[one]}
              onClick={() => {
                change({ measure: one, sort: "measure", ascending: false });
              }}
            >
              {text.measures[one]}
            </button>
          ))}
        </fieldset>
      </div>
      <p class="help">
        {measure === "change"
          ? text.changeHelp(answer.question.to, answer.comparableOnMap)
          : text.measureHelp[measure]}{" "}
        {!hasShare && text.shareNeedsChoice}
      </p>
      <Choropleth {...shown} classes={classes} />
      <div class="legend-row">
        <Legend
          colours={classes.map((one) => ({
            fill: `fill-${colour(measure, one.low === -Infinity ? -1e9 : one.low, classes)}`,
            says: label(measure, one),
          }))}
          hasNone={values.length < ranked.length}
        />
        {measure !== "change" && (
          <label class="inline">
            {text.classes}{" "}
            <select
              value={view.classes}
              onChange={(event) => {
                change({ classes: event.currentTarget.value as Classes });
              }}
            >
              {CLASSES.map((one) => (
                <option key={one} value={one} selected={one === view.classes}>
                  {text.classesNames[one]}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {withoutArea + offMap > 0 && (
        <p class="note" data-note="off-map">
          {leftOut}{" "}
          {view.by === "ward" && offMap > 0 && (
            <button
              type="button"
              class="link"
              onClick={(event) => {
                focusAround(event.currentTarget);
                change({ by: "fsa", pins: [] });
              }}
            >
              {text.showByFsa}
            </button>
          )}
        </p>
      )}
    </section>
  );
}

/** The name of a class's colour in the style sheet. */
function colour(measure: Measure, value: number | null, classes: readonly Class[]): string {
  if (value === null) return "none";
  const at = classOf(value, classes);
  if (measure === "change") return `change-${at}`;
  // Fewer classes are spread over the palette, so that the highest is always the strongest.
  return `class-${classes.length === 1 ? 2 : Math.round((at * 4) / (classes.length - 1))}`;
}

function label(measure: Measure, { low, high }: Class): string {
  const write = (value: number) => format.measure(measure, value);
  if (low === -Infinity) return `< ${write(high)}`;
  if (high === Infinity) return `> ${write(low)}`;
  return write(low) === write(high) ? write(low) : `${write(low)} – ${write(high)}`;
}

function Choropleth({
  view,
  areas,
  ranked,
  measure,
  classes,
  change,
}: Shown & { classes: readonly Class[] }) {
  const svg = useRef<SVGSVGElement>(null);
  const zoom = useRef<ZoomBehavior<SVGSVGElement, unknown> | null>(null);
  const [transform, setTransform] = useState(zoomIdentity);
  const tip = useTip<number>();
  const [focused, setFocused] = useState(0);
  const shapes = useMemo(() => draw(areas), [areas]);
  const active = tip.of !== null && tip.of < areas.length ? tip.of : null;

  useEffect(() => {
    const element = svg.current;
    if (!element) return;
    const behaviour = createZoom<SVGSVGElement, unknown>()
      .scaleExtent([1, MAX_ZOOM])
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
      .on("zoom", (event: { transform: typeof zoomIdentity }) => {
        setTransform(event.transform);
      });
    zoom.current = behaviour;
    select(element).call(behaviour).on("dblclick.zoom", null);
    return () => {
      select(element).on(".zoom", null);
    };
  }, []);

  const scale = (factor: number) => {
    const element = svg.current;
    const behaviour = zoom.current;
    if (element && behaviour) behaviour.scaleBy(select(element), factor);
  };
  const reset = () => {
    const element = svg.current;
    const behaviour = zoom.current;
    if (element && behaviour) behaviour.transform(select(element), zoomIdentity);
  };
  const focusOn = (at: number) => {
    setFocused(at);
    const element = svg.current;
    const shape = shapes[at];
    element?.querySelector<SVGPathElement>(`[data-at="${at}"]`)?.focus();
    if (element && shape && zoom.current && transform.k > 1) {
      zoom.current.translateTo(select(element), shape.centre[0], shape.centre[1]);
    }
  };
  const onKeyDown = (event: KeyboardEvent, at: number) => {
    const area = areas[at];
    const next = neighbour(shapes, at, event.key);
    if (next !== null) focusOn(next);
    else if ((event.key === "Enter" || event.key === " ") && area)
      change({ pins: togglePin(view.pins, area.id) });
    else if (event.key === "+" || event.key === "=") scale(1.5);
    else if (event.key === "-") scale(1 / 1.5);
    else if (event.key === "0") reset();
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
        aria-label={text.mapLabel(view.by, measure)}
      >
        <g transform={transform.toString()}>
          {areas.map((area, at) => {
            const one = ranked[at] as Ranked;
            return (
              <path
                key={area.id}
                data-at={at}
                data-area={area.id}
                class={`area fill-${colour(measure, one.value, classes)}`}
                d={shapes[at]?.path}
                role="button"
                // In SVG an attribute is as it is written: none but this makes a path a stop of Tab, or none.
                tabindex={at === current ? 0 : -1}
                aria-pressed={view.pins.includes(area.id)}
                aria-label={text.areaLabel(
                  nameOf(area, view.by),
                  format.measure(measure, one.value),
                  one.rank,
                  valueOf("count", one.figures, area.km2),
                )}
                onPointerEnter={(event) => {
                  tip.point(at, event);
                }}
                onPointerLeave={tip.leave}
                onFocus={(event) => {
                  setFocused(at);
                  tip.focus(event.currentTarget.matches(":focus-visible") ? at : null);
                }}
                onBlur={({ relatedTarget }) => {
                  if (!svg.current?.contains(relatedTarget as Node | null)) tip.drop();
                }}
                onKeyDown={(event) => {
                  onKeyDown(event, at);
                }}
                onClick={() => {
                  change({ pins: togglePin(view.pins, area.id) });
                }}
              />
            );
          })}
          {/* Outlines lie over all areas. The areas themselves keep their order, or the focus would be lost. */}
          {view.pins.map((id, pin) => {
            const at = areas.findIndex((area) => area.id === id);
            return <Outline key={id} name={`pinned-${pin}`} d={shapes[at]?.path ?? ""} />;
          })}
          {active !== null && <Outline name="active" d={shapes[active]?.path ?? ""} />}
        </g>
      </svg>
      <div class="zoom">
        <button
          type="button"
          aria-label={text.zoomIn}
          onClick={() => {
            scale(1.6);
          }}
        >
          +
        </button>
        <button
          type="button"
          aria-label={text.zoomOut}
          onClick={() => {
            scale(1 / 1.6);
          }}
        >
          −
        </button>
        {transform.k > 1 && (
          <button
            type="button"
            aria-label={text.zoomReset}
            onClick={(event) => {
              // It goes away, and the buttons beside it stay.
              event.currentTarget.parentElement?.querySelector("button")?.focus();
              reset();
            }}
          >
            ⤢
          </button>
        )}
      </div>
      {active !== null && ranked[active] && shapes[active] && (
        <Tooltip tip={tip} {...placeOf(shapes[active], transform)}>
          <Told
            one={ranked[active]}
            name={nameOf(ranked[active].area, view.by)}
            measure={measure}
            of={ranked.length}
          />
        </Tooltip>
      )}
    </div>
  );
}

/** A line that stands out from what is around it, whatever its colour. */
function Outline({ name, d }: { name: string; d: string }) {
  return (
    <>
      <path class="casing" d={d} />
      <path class={`outline ${name}`} d={d} />
    </>
  );
}

/** Above or below an area, where there is more room: what is told of it covers none of it. */
function placeOf({ bounds, centre }: Shape, transform: ZoomTransform) {
  const within = (share: number) => Math.min(1, Math.max(0, share));
  const [top, bottom] = [bounds[0][1], bounds[1][1]].map((y) => within(transform.applyY(y) / HEIGHT)) as [
    number,
    number,
  ];
  const x = within(transform.applyX(centre[0]) / WIDTH);
  return top > 1 - bottom ? { x, y: top, side: "above" as const } : { x, y: bottom, side: "below" as const };
}

/** "Ward 3, Etobicoke-Lakeshore"; an FSA's name is its code. */
export function nameOf(area: Area, kind: "ward" | "fsa"): string {
  return kind === "ward" ? `${area.name} (${area.id})` : area.name;
}

function Told({ one, name, measure, of }: { one: Ranked; name: string; measure: Measure; of: number }) {
  const { area, figures, value, rank } = one;
  const growth = valueOf("change", figures, area.km2);
  return (
    <>
      <strong>{name}</strong>
      <dl>
        <dt>{text.requests}</dt>
        <dd>{format.measure("count", valueOf("count", figures, area.km2))}</dd>
        {measure !== "count" && (
          <>
            <dt>{text.measures[measure]}</dt>
            <dd>{format.measure(measure, value)}</dd>
          </>
        )}
        {rank !== null && (
          <>
            <dt>{text.rank}</dt>
            <dd>
              {rank} / {of}
            </dd>
          </>
        )}
        {measure !== "change" && growth !== null && (
          <>
            <dt>{text.measures.change}</dt>
            <dd>{format.measure("change", growth)}</dd>
          </>
        )}
      </dl>
    </>
  );
}

interface Shape {
  path: string;
  centre: [number, number];
  bounds: [[number, number], [number, number]];
}

function draw(areas: readonly Area[]): Shape[] {
  const projection = geoMercator().fitExtent(
    [
      [MARGIN, MARGIN],
      [WIDTH - MARGIN, HEIGHT - MARGIN],
    ],
    { type: "FeatureCollection", features: areas.map(({ shape }) => shape) },
  );
  const path = geoPath(projection).digits(1);
  return areas.map(({ shape }) => ({
    path: path(shape) ?? "",
    centre: path.centroid(shape),
    bounds: path.bounds(shape),
  }));
}

/** The area that an arrow key leads to: near, and in that direction. Home and End are the first and last. */
function neighbour(shapes: readonly Shape[], at: number, key: string): number | null {
  if (key === "Home") return 0;
  if (key === "End") return shapes.length - 1;
  const directions: Record<string, [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
  };
  const direction = directions[key];
  const from = shapes[at];
  if (!direction || !from) return null;
  let best = at;
  let least = Infinity;
  shapes.forEach(({ centre }, to) => {
    const dx = centre[0] - from.centre[0];
    const dy = centre[1] - from.centre[1];
    const along = dx * direction[0] + dy * direction[1];
    const across = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
    if (to === at || along <= 0 || across > along * 1.5) return;
    const cost = along + 2 * across;
    if (cost < least) {
      least = cost;
      best = to;
    }
  });
  return best;
}
