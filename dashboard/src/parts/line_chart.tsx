import type { ScaleLinear } from "d3-scale";
import { scaleLinear } from "d3-scale";
import { area as areaOf, line as lineOf } from "d3-shape";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { format, text } from "../strings.ts";
import { Tooltip, useTip } from "./tooltip.tsx";
import "./line_chart.css";

/** The width until it is known, and the largest. */
const WIDEST = 1160;
/** The least width of a tick: that of a year. */
const TICK_WIDTH = 36;
const HEIGHT = 200;
const LEFT = 44;
/** Room for the names at the ends of lines. */
const RIGHT = 44;
const TOP = 10;
const BOTTOM = 24;
/** The least distance of two names at the ends of lines. */
const APART = 13;

export type Style = "first" | "second" | "third" | "fourth" | "behind";

/** A line, and the name of its style. */
export interface Line {
  name: string;
  /** A shorter name, at the end of the line. */
  end: string;
  style: Style;
  /** Null where a value is missing. */
  values: (number | null)[];
}

/** The range of values behind the lines. */
export interface Band {
  name: string;
  /** The lowest and highest value of each position; `null` if it has none. */
  ranges: ([low: number, high: number] | null)[];
}

interface LineChartProps {
  id: string;
  label: string;
  positionName: string;
  lines: Line[];
  /** The name of a position. */
  position: (at: number) => string;
  /** Positions with a tick, and its label. */
  ticks: { at: number; label: string }[];
  band?: Band | null;
  /** Writes a value; integers if missing. */
  write?: (value: number) => string;
  /** The highest value of the axis, if it is not that of the lines. */
  top?: number;
  /** A value of the horizontal axis that is marked, and what it means. */
  mark?: { at: number; label: string } | null;
}

/** Lines over one axis of positions, with a cursor for pointer and keys, and a table of the same figures. */
export function LineChart(props: LineChartProps) {
  const { id, label, positionName, lines, position, band = null, write = format.integer } = props;
  const tip = useTip<number>();
  const svg = useRef<SVGSVGElement>(null);
  const width = useWidth(svg);
  const count = Math.max(0, ...lines.map(({ values }) => values.length));
  const x = scaleLinear([0, Math.max(1, count - 1)], [LEFT, width - RIGHT]);
  const shown = tip.of === null || count === 0 ? null : Math.min(tip.of, count - 1);
  const onKeyDown = (event: KeyboardEvent) => {
    const from = shown ?? count - 1;
    if (event.key === "ArrowLeft") tip.focus(Math.max(0, from - 1));
    else if (event.key === "ArrowRight") tip.focus(Math.min(count - 1, from + 1));
    else if (event.key === "Home") tip.focus(0);
    else if (event.key === "End") tip.focus(count - 1);
    else return;
    event.preventDefault();
  };
  const read = (at: number) =>
    `${position(at)}: ${lines
      .flatMap(({ name, values }) => {
        const value = values[at] ?? null;
        return value === null ? [] : [`${name} ${write(value)}`];
      })
      .join(", ")}`;
  return (
    <div class="chart">
      <ul class="legend lines">
        {lines.map(({ name, style }) => (
          <li key={name}>
            <span class={`stroke ${style}`} />
            {name}
          </li>
        ))}
        {band && (
          <li>
            <span class="stroke band" />
            {band.name}
          </li>
        )}
      </ul>
      <div class="plot">
        {/* The role of a slider, because arrow keys move over values. */}
        <div
          role="slider"
          tabIndex={0}
          aria-label={`${label}. ${text.series.keys}`}
          aria-valuemin={0}
          aria-valuemax={Math.max(0, count - 1)}
          aria-valuenow={shown ?? Math.max(0, count - 1)}
          aria-valuetext={count > 0 ? read(shown ?? count - 1) : ""}
          onKeyDown={onKeyDown}
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const at = Math.round(x.invert(((event.clientX - box.left) / box.width) * width));
            tip.pointAtOnce(Math.min(count - 1, Math.max(0, at)));
          }}
          onPointerLeave={tip.leave}
          onBlur={tip.drop}
        >
          <svg ref={svg} id={id} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
            <Plot {...props} {...{ width, x, shown }} />
          </svg>
        </div>
        {/* Above the chart, where the pointer reaches it without passing other positions. */}
        {shown !== null && (
          <Tooltip tip={tip} x={x(shown) / width} y={0} side="above">
            {read(shown)}
          </Tooltip>
        )}
      </div>
      <Details {...{ lines, count, position, positionName, label, write }} />
    </div>
  );
}

/** The width that a chart is shown with. It is drawn as wide, so that its words keep their size on a phone. */
function useWidth(svg: RefObject<SVGSVGElement | null>): number {
  const [width, setWidth] = useState(WIDEST);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const shown = Math.round(entry?.contentRect.width ?? 0);
      if (shown > 0) setWidth(Math.min(WIDEST, shown));
    });
    if (svg.current) observer.observe(svg.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return width;
}

/** Axes, band, lines, dots, names at the ends, and the cursor at a position. */
function Plot({
  lines,
  ticks,
  band = null,
  top,
  mark = null,
  width,
  x,
  shown,
}: LineChartProps & {
  width: number;
  x: ScaleLinear<number, number>;
  shown: number | null;
}) {
  const highest = Math.max(
    ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)),
    ...(band?.ranges.map((range) => range?.[1] ?? 0) ?? []),
  );
  const y = scaleLinear([0, top ?? Math.max(1, highest)], [HEIGHT - BOTTOM, TOP]).nice(4);
  const every = Math.ceil((ticks.length * TICK_WIDTH) / (width - LEFT - RIGHT));
  const labelled = ticks.filter((_, index) => index % every === 0);
  const path = lineOf<number | null>()
    .defined((value) => value !== null)
    .x((_, at) => x(at))
    .y((value) => y(value ?? 0))
    .digits(1);
  const region = areaOf<[number, number] | null>()
    .defined((range) => range !== null)
    .x((_, at) => x(at))
    .y0((range) => y(range?.[0] ?? 0))
    .y1((range) => y(range?.[1] ?? 0))
    .digits(1);
  return (
    <>
      {ticksOf(y, top === 1).map((tick) => (
        <g key={tick} class="tick">
          <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
          <text x={LEFT - 8} y={y(tick)} dy="0.32em" text-anchor="end">
            {top === 1 ? format.bound("share", tick) : format.short(tick)}
          </text>
        </g>
      ))}
      {labelled.map(({ at, label }) => (
        <text key={at} class="tick-label" x={x(at)} y={HEIGHT - 6} text-anchor="middle">
          {label}
        </text>
      ))}
      {band && <path class="band" d={region(band.ranges) ?? ""} />}
      {mark && (
        <g class="mark">
          <line x1={x(mark.at)} x2={x(mark.at)} y1={TOP} y2={HEIGHT - BOTTOM} />
          <text x={x(mark.at) + 4} y={HEIGHT - BOTTOM - 6}>
            {mark.label}
          </text>
        </g>
      )}
      {[...lines].reverse().map(({ name, style, values }) => (
        <path key={name} class={`line ${style}`} d={path(values) ?? ""} />
      ))}
      {lines.flatMap(({ name, style, values }) =>
        values.flatMap((value, at) =>
          value !== null && isAlone(values, at) ? (
            <circle key={`${name} ${at}`} class={`dot ${style}`} cx={x(at)} cy={y(value)} r={3} />
          ) : (
            []
          ),
        ),
      )}
      <Ends {...{ lines, x, y }} />
      {shown !== null && <line class="cursor" x1={x(shown)} x2={x(shown)} y1={TOP} y2={HEIGHT - BOTTOM} />}
      {shown !== null &&
        lines.map(({ name, style, values }) => {
          const value = values[shown] ?? null;
          return (
            value !== null && <circle key={name} class={`dot ${style}`} cx={x(shown)} cy={y(value)} r={4} />
          );
        })}
    </>
  );
}

/** The values with a line across the chart. Requests are whole numbers, however few there are. */
function ticksOf(y: ScaleLinear<number, number>, isShare: boolean): number[] {
  return y.ticks(4).filter((tick) => isShare || Number.isInteger(tick));
}

/** The names of lines at their ends, apart from each other. */
function Ends({
  lines,
  x,
  y,
}: Pick<LineChartProps, "lines"> & Record<"x" | "y", ScaleLinear<number, number>>) {
  let above = -Infinity;
  const ends = lines
    .flatMap(({ name, end, style, values }) => {
      const at = values.findLastIndex((value) => value !== null);
      return at < 0 || end === "" ? [] : [{ name, end, style, x: x(at), y: y(values[at] ?? 0) }];
    })
    .sort((a, b) => a.y - b.y)
    .map((one) => {
      above = Math.max(one.y, above + APART);
      return { ...one, y: above };
    });
  return (
    <>
      {ends.map(({ name, end, style, ...place }) => (
        <text key={name} class={`end ${style}`} x={place.x + 6} y={place.y} dy="0.32em">
          {end}
        </text>
      ))}
    </>
  );
}

/** Whether a value has no neighbours, so that no line shows it and it needs a dot. */
function isAlone(values: Line["values"], at: number): boolean {
  return (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
}

function Details({
  lines,
  count,
  position,
  positionName,
  label,
  write,
}: Pick<LineChartProps, "lines" | "position" | "positionName" | "label"> & {
  count: number;
  write: (value: number) => string;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>{text.series.asTable}</summary>
      {isOpen && (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll it
        <div class="scroll" tabIndex={0} role="group" aria-label={label}>
          <table>
            <caption class="hidden">{label}</caption>
            <thead>
              <tr>
                <th scope="col">{positionName}</th>
                {lines.map(({ name }) => (
                  <th key={name} scope="col" class="number">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {Array.from({ length: count }, (_, at) => (
                <tr key={at}>
                  <th scope="row">{position(at)}</th>
                  {lines.map(({ name, values }) => {
                    const value = values[at] ?? null;
                    return (
                      <td key={name} class="number">
                        {value === null ? "–" : write(value)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
