import type { ComponentChild } from "preact";

import type { Tip } from "../../parts/tooltip.tsx";
import { text } from "../../strings.ts";
import type { Ranked } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import { togglePin } from "../../view/view.ts";
import type { Cells, Group } from "./cells.ts";
import type { Position } from "./grid.ts";
import { cellAt, moveByKey, positionOf } from "./grid.ts";

/** What the head and the body of the table need. */
interface PartProps extends Pick<Shown, "change"> {
  /** In the order of the columns. */
  areas: Ranked[];
  /** The cell that Tab stops at. */
  stop: Position;
}

/** The table: a button for each area and group, and a cell for both. Tab stops at one of them, arrow keys go to the rest. */
export function Table({
  view,
  change,
  areas,
  stop,
  setFocused,
  tip,
  children,
}: PartProps &
  Pick<Shown, "view"> & {
    setFocused: (position: Position) => void;
    tip: Tip<HTMLTableCellElement>;
    /** The body. */
    children: ComponentChild;
  }) {
  return (
    <table
      class={`heat ${view.by}`}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-element-to-interactive-role -- one stop of Tab, as grids are
      role="grid"
      aria-labelledby="heat-title"
      aria-describedby="heat-help"
      onKeyDown={moveByKey}
      onPointerOver={(event) => {
        const cell = cellAt(event.target);
        if (cell) tip.point(cell, event);
      }}
      onPointerLeave={tip.leave}
      onFocusIn={({ target }) => {
        const cell = cellAt(target);
        if (!cell) return;
        setFocused(positionOf(cell));
        tip.focus((target as Element).matches(":focus-visible") ? cell : null);
      }}
      onFocusOut={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget as Node | null)) tip.drop();
      }}
    >
      <Head {...{ change, areas, stop }} pins={view.pins} />
      {children}
    </table>
  );
}

/** Whether Tab stops at a cell. */
function tabIndexOf(row: number, column: number, stop: Position): 0 | -1 {
  return row === stop.row && column === stop.column ? 0 : -1;
}

function Head({ change, areas, stop, pins }: PartProps & { pins: readonly string[] }) {
  return (
    <thead>
      <tr>
        <th scope="col">{text.heat.group}</th>
        {areas.map(({ area }, at) => (
          <th key={area.id} scope="col" class={pins.includes(area.id) ? "pinned" : ""}>
            <button
              type="button"
              tabIndex={tabIndexOf(0, at + 1, stop)}
              aria-label={text.heat.area(area.id, area.name)}
              aria-pressed={pins.includes(area.id)}
              onClick={() => {
                change({ pins: togglePin(pins, area.id) });
              }}
            >
              {area.id}
            </button>
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** A row for each group, and in it a cell for each area. */
export function Body({
  change,
  groups,
  areas,
  chosen,
  stop,
  cell,
}: PartProps &
  Pick<Cells, "cell"> & {
    groups: Group[];
    /** Names of groups. */
    chosen: ReadonlySet<string>;
  }) {
  return (
    <tbody>
      {groups.map((group, row) => (
        <tr key={group.name}>
          <th scope="row">
            <button
              type="button"
              tabIndex={tabIndexOf(row + 1, 0, stop)}
              aria-pressed={chosen.has(group.name)}
              aria-describedby="heat-choose"
              onClick={() => {
                change({ what: chosen.has(group.name) ? [] : [{ kind: "group", name: group.name }] });
              }}
            >
              {group.name}
            </button>
          </th>
          {areas.map((one, column) => {
            const { written, label, fill } = cell(group, one);
            return (
              <td
                key={one.area.id}
                role="gridcell"
                tabIndex={tabIndexOf(row + 1, column + 1, stop)}
                class={fill}
                aria-label={label}
              >
                {written}
              </td>
            );
          })}
        </tr>
      ))}
    </tbody>
  );
}
