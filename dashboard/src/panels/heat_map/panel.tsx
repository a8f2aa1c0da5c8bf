import { useMemo, useRef, useState } from "preact/hooks";

import type { Shown } from "../../dashboard.tsx";
import { Legend } from "../../parts/legend.tsx";
import { nameOf } from "../map/panel.tsx";
import { format, text } from "../../strings.ts";
import { Tooltip, useTip } from "../../parts/tooltip.tsx";
import type { Class, Ranked } from "../../view/measures.ts";
import { classOf } from "../../view/measures.ts";
import { togglePin } from "../../view/pins.ts";

/** Groups that are shown before all are asked for. */
const FEW = 16;

/** Ratios of an area's share to the city's, where one colour ends and the next begins: 1 is as the city. */
const RATIO_BOUNDS = [0.5, 0.75, 0.9, 1.1, 1.33, 2];
const RATIO_CLASSES: Class[] = [0, ...RATIO_BOUNDS].map((low, at) => ({
  low,
  high: RATIO_BOUNDS[at] ?? Infinity,
}));
/** Colours of counts. */
const SHADES = 7;

/** Where in the table. */
interface Place {
  row: number;
  column: number;
}

/** What an arrow key adds to the row and the column. */
const STEPS: Record<string, [rows: number, columns: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** What each area asks for, by group: a table of counts, or of how an area's share compares with the city's. */
export function HeatMap({ view, answer, ranked, names, change, measure }: Shown) {
  const [isWhole, setWhole] = useState(false);
  const [focused, setFocused] = useState<Place>({ row: 1, column: 1 });
  const tip = useTip<HTMLTableCellElement>();
  const plot = useRef<HTMLDivElement>(null);
  const isShare = measure !== "count";
  const all = names.groups.names
    .map((name, at) => ({ name, at, total: answer.cityOfMap.groups[at] ?? 0 }))
    .filter(({ total }) => total > 0)
    .sort((a, b) => b.total - a.total);
  const groups = isWhole ? all : all.slice(0, FEW);
  const classes = isShare
    ? RATIO_CLASSES
    : countClasses(Math.max(1, ...ranked.flatMap(({ figures }) => Array.from(figures.groups))));
  const areas = [...ranked].sort((a, b) =>
    view.by === "ward" ? Number(a.area.id) - Number(b.area.id) : a.area.id < b.area.id ? -1 : 1,
  );
  const fill = (at: number) => (isShare ? `fill-change-${at}` : `heat-${at}`);
  const cell = (group: (typeof all)[number], { figures }: Ranked) => {
    const requests = figures.groups[group.at] ?? 0;
    if (isShare && figures.ofAllTypes === 0) {
      return { written: "–", told: text.heatNone, colour: "fill-none" };
    }
    const share = requests / Math.max(1, figures.ofAllTypes);
    const ratio = share / (group.total / answer.cityOfMap.ofAllTypes);
    return {
      written: isShare ? format.percent(share) : format.integer(requests),
      told: text.heatCell(requests, format.percent(share), ratio),
      colour: fill(classOf(isShare ? ratio : requests, classes)),
    };
  };

  // A pointer that passes over it draws only the tooltip anew.
  const table = useMemo(() => {
    const current = {
      row: Math.min(focused.row, groups.length),
      column: Math.min(focused.column, areas.length),
    };
    const tabIndex = (row: number, column: number) =>
      row === current.row && column === current.column ? 0 : -1;
    const chosen = new Set(view.what.filter(({ kind }) => kind === "group").map(({ name }) => name));
    return (
      <table
        class={`heat ${view.by}`}
        // eslint-disable-next-line jsx-a11y/no-noninteractive-element-to-interactive-role -- one stop of Tab, as grids are
        role="grid"
        aria-labelledby="heat-title"
        aria-describedby="heat-help"
        onKeyDown={onKeyDown}
        onPointerOver={(event) => {
          const cell = cellOf(event.target);
          if (cell) tip.point(cell, event);
        }}
        onPointerLeave={tip.leave}
        onFocusIn={({ target }) => {
          const cell = cellOf(target);
          if (!cell) return;
          setFocused(placeOf(cell));
          tip.focus((target as Element).matches(":focus-visible") ? cell : null);
        }}
        onFocusOut={({ currentTarget, relatedTarget }) => {
          if (!currentTarget.contains(relatedTarget as Node | null)) tip.drop();
        }}
      >
        <thead>
          <tr>
            <th scope="col">{text.heatGroup}</th>
            {areas.map(({ area }, at) => (
              <th key={area.id} scope="col" class={view.pins.includes(area.id) ? "pinned" : ""}>
                <button
                  type="button"
                  tabIndex={tabIndex(0, at + 1)}
                  aria-label={text.heatArea(area.id, area.name)}
                  aria-pressed={view.pins.includes(area.id)}
                  onClick={() => {
                    change({ pins: togglePin(view.pins, area.id) });
                  }}
                >
                  {area.id}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {groups.map((group, row) => (
            <tr key={group.name}>
              <th scope="row">
                <button
                  type="button"
                  tabIndex={tabIndex(row + 1, 0)}
                  aria-pressed={chosen.has(group.name)}
                  aria-label={text.chooseGroup(group.name)}
                  onClick={() => {
                    change({ what: chosen.has(group.name) ? [] : [{ kind: "group", name: group.name }] });
                  }}
                >
                  {group.name}
                </button>
              </th>
              {areas.map((one, column) => {
                const { written, told, colour } = cell(group, one);
                return (
                  <td
                    key={one.area.id}
                    role="gridcell"
                    tabIndex={tabIndex(row + 1, column + 1)}
                    class={colour}
                    aria-label={told}
                  >
                    <span>{written}</span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    );
  }, [answer, ranked, names, view, measure, isWhole, focused]);

  const told = () => {
    if (!tip.of?.isConnected) return null;
    const { row, column } = placeOf(tip.of);
    const one = areas[column - 1];
    if (!one) return null;
    const group = groups[row - 1];
    const name = nameOf(one.area, view.by);
    return group ? `${name}, ${group.name}: ${cell(group, one).told}` : name;
  };
  const inWords = told();
  if (all.length === 0) {
    return (
      <section class="panel" aria-labelledby="heat-title" id="heat">
        <h2 id="heat-title">{text.heat}</h2>
        <p>{text.mapEmpty}</p>
      </section>
    );
  }
  const hasNone = isShare && areas.some(({ figures }) => figures.ofAllTypes === 0);
  return (
    <section class="panel" aria-labelledby="heat-title" id="heat">
      <h2 id="heat-title">{text.heat}</h2>
      <p class="help" id="heat-help">
        {text.heatHelp[isShare ? "share" : "count"]} {text.heatKeys}
      </p>
      <Legend
        label={text.heatLegend[isShare ? "share" : "count"]}
        colours={classes.flatMap(({ low, high }, at) =>
          low <= high
            ? [{ fill: fill(at), says: isShare ? text.heatRatio(low, high) : text.heatCount(low, high) }]
            : [],
        )}
        hasNone={hasNone}
      />
      <div class="plot" ref={plot}>
        <div class="scroll-x">{table}</div>
        {inWords !== null && tip.of && plot.current && (
          <Tooltip tip={tip} {...aboveOf(tip.of, plot.current)}>
            {inWords}
          </Tooltip>
        )}
      </div>
      {all.length > FEW && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            setWhole(!isWhole);
          }}
        >
          {isWhole ? text.heatFewer : text.heatMore(all.length)}
        </button>
      )}
    </section>
  );
}

/**
 * The classes of counts up to the greatest: their square roots are as far apart, so that small counts differ too. A class
 * that no whole number is in ends before it begins.
 */
function countClasses(most: number): Class[] {
  const lows = Array.from({ length: SHADES }, (_, at) =>
    Math.ceil(most * (Math.max(0, at - 0.5) / (SHADES - 1)) ** 2),
  );
  return lows.map((low, at) => ({ low, high: (lows[at + 1] ?? most + 1) - 1 }));
}

function cellOf(target: EventTarget | null): HTMLTableCellElement | null {
  return target instanceof Element ? target.closest<HTMLTableCellElement>("th, td") : null;
}

function placeOf(cell: HTMLTableCellElement): Place {
  return { row: (cell.parentElement as HTMLTableRowElement).rowIndex, column: cell.cellIndex };
}

/** Moves the focus over the table as the ARIA Authoring Practices have it for grids. */
function onKeyDown(event: KeyboardEvent) {
  const cell = cellOf(event.target);
  const table = cell?.closest("table");
  if (!cell || !table) return;
  const { row, column } = placeOf(cell);
  const step = STEPS[event.key];
  const columns = table.rows[0]?.cells.length ?? 0;
  const isFar = event.ctrlKey || event.metaKey;
  const to: Place | null = step
    ? { row: row + step[0], column: column + step[1] }
    : event.key === "Home"
      ? { row: isFar ? 1 : row, column: 0 }
      : event.key === "End"
        ? { row: isFar ? table.rows.length - 1 : row, column: columns - 1 }
        : null;
  if (!to) return;
  event.preventDefault();
  const next = table.rows[to.row]?.cells[to.column];
  (next?.querySelector("button") ?? next)?.focus();
}

/** Above a cell, in what it lies in. */
function aboveOf(cell: Element, frame: Element) {
  const inner = cell.getBoundingClientRect();
  const outer = frame.getBoundingClientRect();
  return {
    x: (inner.left + inner.width / 2 - outer.left) / outer.width,
    y: (inner.top - outer.top) / outer.height,
    side: "above" as const,
  };
}
