/** The position of a cell in a table. */
export interface Position {
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

/** The cell that an event happened in. */
export function cellAt(target: EventTarget | null): HTMLTableCellElement | null {
  return target instanceof Element ? target.closest<HTMLTableCellElement>("th, td") : null;
}

export function positionOf(cell: HTMLTableCellElement): Position {
  return { row: (cell.parentElement as HTMLTableRowElement).rowIndex, column: cell.cellIndex };
}

/** Moves the focus over the table, as the ARIA Authoring Practices describe for grids. */
export function moveByKey(event: KeyboardEvent) {
  const cell = cellAt(event.target);
  const table = cell?.closest("table");
  if (!cell || !table) return;
  const { row, column } = positionOf(cell);
  const step = STEPS[event.key];
  const columns = table.rows[0]?.cells.length ?? 0;
  const isFar = event.ctrlKey || event.metaKey;
  const to: Position | null = step
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

/** The position above a cell, as shares of the width and height of a frame around it. */
export function aboveOf(cell: Element, frame: Element) {
  const inner = cell.getBoundingClientRect();
  const outer = frame.getBoundingClientRect();
  return {
    x: (inner.left + inner.width / 2 - outer.left) / outer.width,
    y: (inner.top - outer.top) / outer.height,
    side: "above" as const,
  };
}
