import { useMemo, useRef, useState } from "preact/hooks";

import { Legend } from "../../parts/legend.tsx";
import { Tooltip, useTip } from "../../parts/tooltip.tsx";
import { Segments } from "../../parts/segments.tsx";
import { text } from "../../strings.ts";
import { nameOf } from "../../view/describe.ts";
import type { Ranked } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { Cells, Group } from "./cells.ts";
import { cellsOf, groupsOf } from "./cells.ts";
import { aboveOf, positionOf } from "./grid.ts";
import { Body, Table } from "./table.tsx";
import "./heat_map.css";

/** Groups that are shown at first. */
const FEW = 16;
const KINDS = ["share", "count"] as const;

/** The requests of each area by group: counts, or how an area's share compares with the city's. */
export function HeatMap(shown: Shown) {
  const { view, answer, ranked, change } = shown;
  const [isWhole, setWhole] = useState(false);
  const [kind, setKind] = useState<(typeof KINDS)[number]>("share");
  const [focused, setFocused] = useState({ row: 1, column: 1 });
  const tip = useTip<HTMLTableCellElement>();
  const plot = useRef<HTMLDivElement>(null);
  const all = groupsOf(shown);
  const groups = isWhole ? all : all.slice(0, FEW);
  const isShare = kind === "share";
  const cells = cellsOf(shown, isShare);
  const areas = [...ranked].sort((a, b) =>
    view.by === "ward" ? Number(a.area.id) - Number(b.area.id) : a.area.id < b.area.id ? -1 : 1,
  );
  const stop = { row: Math.min(focused.row, groups.length), column: Math.min(focused.column, areas.length) };
  // A choice of an area or a measure has the same answer, and thousands of cells that are the same.
  const body = useMemo(
    () => (
      <Body {...{ groups, areas, stop, change }} chosen={answer.question.chosen.groups} cell={cells.cell} />
    ),
    [answer, isShare, isWhole, stop.row, stop.column],
  );
  // A pointer that moves over the table renders only the tooltip again.
  const table = useMemo(
    () => <Table {...{ view, areas, stop, change, setFocused, tip }}>{body}</Table>,
    [body, view],
  );
  const summary = tip.of?.isConnected ? summaryOf(tip.of, view.by, groups, areas, cells) : null;
  if (all.length === 0) {
    return (
      <section class="panel" aria-labelledby="heat-title" id="heat">
        <h2 id="heat-title">{text.heat.title}</h2>
        <p>{text.map.empty}</p>
      </section>
    );
  }
  return (
    <section class="panel" aria-labelledby="heat-title" id="heat">
      <h2 id="heat-title">{text.heat.title}</h2>
      <p class="help" id="heat-help">
        {text.heat.help[kind]} {text.heat.keys}
      </p>
      <div class="heat-controls">
        <Segments
          label={text.heat.as}
          values={KINDS}
          chosen={kind}
          name={(one) => (one === "share" ? text.heat.asShare : text.heat.asCount)}
          onChoose={setKind}
        />
      </div>
      <HeatLegend {...cells} hasNone={isShare && areas.some(({ figures }) => figures.ofAllTypes === 0)} />
      <div class="plot" ref={plot}>
        <div class="scroll-x">{table}</div>
        <span id="heat-choose" hidden>
          {text.heat.choose}
        </span>
        {summary !== null && tip.of && plot.current && (
          <Tooltip tip={tip} {...aboveOf(tip.of, plot.current)}>
            {summary}
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
          {isWhole ? text.heat.fewer : text.heat.all(all.length)}
        </button>
      )}
    </section>
  );
}

function HeatLegend({ isShare, classes, fillOf, hasNone }: Cells & { hasNone: boolean }) {
  const meaning = isShare ? text.heat.ratio : text.heat.count;
  return (
    <Legend
      label={text.heat.legend[isShare ? "share" : "count"]}
      colours={classes.flatMap(({ low, high }, at) =>
        low <= high ? [{ fill: fillOf(at), meaning: meaning(low, high) }] : [],
      )}
      hasNone={hasNone}
    />
  );
}

/** A cell in a sentence, with its area and its group; `null` for the names of groups. */
function summaryOf(
  at: HTMLTableCellElement,
  by: Shown["view"]["by"],
  groups: Group[],
  areas: Ranked[],
  { cell }: Cells,
): string | null {
  const { row, column } = positionOf(at);
  const one = areas[column - 1];
  if (!one) return null;
  const group = groups[row - 1];
  const name = nameOf(one.area, by);
  return group ? `${name}, ${group.name}: ${cell(group, one).label}` : name;
}
