import type { Tip } from "../../parts/tooltip.tsx";
import { text } from "../../strings.ts";
import type { Ranked } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import { togglePin } from "../../view/view.ts";
import type { Cells, Group } from "./cells.ts";
import type { Position } from "./grid.ts";
import { cellAt, moveByKey, positionOf } from "./grid.ts";

/** The table: a button for each area and group, and a cell for both. Tab stops at one of them, arrow keys go to the rest. */
export function Table({
  view,
  change,
  groups,
  areas,
  cell,
  focused,
  setFocused,
  tip,
}: Pick<Shown, "view" | "change"> &
  Pick<Cells, "cell"> & {
    groups: Group[];
    areas: Ranked[];
    /** The cell that Tab stops at. */
    focused: Position;
    setFocused: (position: Position) => void;
    tip: Tip<HTMLTableCellElement>;
  }) {
  const stop = { row: Math.min(focused.row, groups.length), column: Math.min(focused.column, areas.length) };
  const tabIndex = (row: number, column: number) => (row === stop.row && column === stop.column ? 0 : -1);
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
      <Head {...{ view, change, areas, tabIndex }} />
      <Body {...{ view, change, groups, areas, cell, tabIndex }} />
    </table>
  );
}

interface TabIndex {
  tabIndex: (row: number, column: number) => number;
}

function Head({
  view,
  change,
  areas,
  tabIndex,
}: Pick<Shown, "view" | "change"> & TabIndex & { areas: Ranked[] }) {
  return (
    <thead>
      <tr>
        <th scope="col">{text.heat.group}</th>
        {areas.map(({ area }, at) => (
          <th key={area.id} scope="col" class={view.pins.includes(area.id) ? "pinned" : ""}>
            <button
              type="button"
              tabIndex={tabIndex(0, at + 1)}
              aria-label={text.heat.area(area.id, area.name)}
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
  );
}

function Body({
  view,
  change,
  groups,
  areas,
  cell,
  tabIndex,
}: Pick<Shown, "view" | "change"> & Pick<Cells, "cell"> & TabIndex & { groups: Group[]; areas: Ranked[] }) {
  const chosen = new Set(view.what.filter(({ kind }) => kind === "group").map(({ name }) => name));
  return (
    <tbody>
      {groups.map((group, row) => (
        <tr key={group.name}>
          <th scope="row">
            <button
              type="button"
              tabIndex={tabIndex(row + 1, 0)}
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
                tabIndex={tabIndex(row + 1, column + 1)}
                class={fill}
                aria-label={label}
              >
                <span>{written}</span>
              </td>
            );
          })}
        </tr>
      ))}
    </tbody>
  );
}
