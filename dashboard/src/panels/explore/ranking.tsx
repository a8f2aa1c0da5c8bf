import { useState } from "preact/hooks";

import { format, text } from "../../strings.ts";
import { changeOf, yearBeforeOf } from "../../view/describe.ts";
import type { Ranked } from "../../view/measures.ts";
import { measured, showsInterval } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import { useNeighbourhoods } from "../../view/use_neighbourhoods.ts";
import type { Measure, Sort } from "../../view/view.ts";
import { togglePin } from "../../view/view.ts";
import type { Pointing } from "../map/choropleth.tsx";
import "./ranking.css";

/** The areas in a table that can be sorted by each column. Tab stops at one of them, arrow keys go to the others. */
export function Ranking({ pointed, onPoint, ...shown }: Shown & Pointing) {
  const { view, answer, ranked, measure } = shown;
  const rows = sorted(ranked, view.sort, view.ascending);
  const name = text.measure(measure, view.by, yearBeforeOf(answer));
  return (
    <section
      class={`panel ranking-panel ${view.by}`}
      aria-label={text.ranking.title[view.by]}
      id="ranking"
      tabIndex={-1}
    >
      <div class="scroll">
        <table class={`ranking ${measure}`}>
          <caption class="hidden">
            {text.ranking.caption(view.by, name)} {text.ranking.keys}
          </caption>
          <Head {...shown} />
          <Body {...shown} {...{ rows, pointed, onPoint }} />
        </table>
      </div>
      <Note {...{ ranked, measure }} />
      <span id="ranking-select" hidden>
        {text.ranking.select}
      </span>
    </section>
  );
}

/** What the asterisk and the small figures of the table mean, if it has them. */
function Note({ ranked, measure }: Pick<Shown, "ranked" | "measure">) {
  const hasFew = ranked.some(({ unranked }) => unranked === "few_homes");
  const hasIntervals = showsInterval(measure) && ranked.some(({ interval }) => interval);
  if (!hasFew && !hasIntervals) return null;
  return (
    <p class="help">
      {hasFew && text.ranking.fewHomes}{" "}
      {hasIntervals && <span class="of-intervals">{text.ranking.intervals}</span>}
    </p>
  );
}

function Head({ view, measure, answer, change }: Shown) {
  const before = yearBeforeOf(answer);
  const header = (sort: Sort, label: string, style = "number") => {
    const isSorted =
      view.sort === sort || (sort === "requests" && measure === "count" && view.sort === "measure");
    const direction = view.ascending ? "ascending" : "descending";
    return (
      <th scope="col" class={style} {...(isSorted && { "aria-sort": direction })}>
        <button
          type="button"
          onClick={() => {
            change({ sort, ascending: isSorted ? !view.ascending : sort === "name" });
          }}
        >
          {label}
          <span aria-hidden="true">{isSorted ? (view.ascending ? " ↑" : " ↓") : ""}</span>
        </button>
      </th>
    );
  };
  return (
    <thead>
      <tr>
        <th scope="col" class="number rank">
          <span class="hidden">{text.ranking.rank}</span>
        </th>
        {header("name", text.ranking.area[view.by], "name")}
        <td class="bar-cell" />
        {measure !== "count" && header("measure", text.measureShort[measure], "number measure")}
        {header("requests", text.ranking.requests, measure === "count" ? "number" : "number second")}
        {measure !== "change" &&
          before !== "" &&
          header(
            "change",
            answer.question.days ? text.measureShort.change : text.ranking.versus(before),
            "number change",
          )}
      </tr>
    </thead>
  );
}

function Body({
  store,
  view,
  answer,
  measure,
  change,
  rows,
  pointed,
  onPoint,
}: Shown & Pointing & { rows: Ranked[] }) {
  const [focused, setFocused] = useState<string | null>(null);
  // The code of a postal area says little to those who do not live there.
  const neighbourhoodsOf = useNeighbourhoods({ store, view });
  const stop = rows.find(({ area }) => area.id === focused)?.area.id ?? rows[0]?.area.id;
  const highest = Math.max(1e-9, ...rows.map(({ value }) => Math.abs(value ?? 0)));
  const hasChange = measure !== "change" && yearBeforeOf(answer) !== "";
  return (
    <tbody>
      {rows.map((one, at) => {
        const { area, figures, value, rank, unranked } = one;
        const pin = view.pins.indexOf(area.id);
        const around = text.and(neighbourhoodsOf(area.id));
        const classes = [pin >= 0 ? `pinned-${pin}` : "", pointed === area.id ? "pointed" : ""];
        return (
          <tr
            // The rows stay, and get other areas: to move a hundred of them takes the browser much longer.
            key={at}
            class={classes.join(" ")}
            data-area={area.id}
            onPointerEnter={() => {
              onPoint(area.id);
            }}
            onPointerLeave={() => {
              onPoint(null);
            }}
          >
            <td class="number rank">{rank ?? "–"}</td>
            <th scope="row" class="name" title={around || undefined}>
              <button
                type="button"
                tabIndex={area.id === stop ? 0 : -1}
                aria-pressed={pin >= 0}
                aria-describedby="ranking-select"
                onFocus={() => {
                  setFocused(area.id);
                }}
                onKeyDown={moveByKey}
                onClick={() => {
                  change({ pins: togglePin(view.pins, area.id) });
                }}
              >
                {area.name}
                <span class="also"> {view.by === "ward" ? area.id : around}</span>
              </button>
            </th>
            <td class="bar-cell" aria-hidden="true">
              {value !== null && unranked === null && (
                <Bar value={value / highest} isSigned={measure === "change"} />
              )}
            </td>
            {measure !== "count" && <Rate {...{ one, measure }} />}
            <td class={measure === "count" ? "number" : "number second"} data-figure="requests">
              {figures.isKnown ? format.integer(figures.requests) : "–"}
            </td>
            {hasChange && <td class="number change">{changeIn(one, answer)}</td>}
          </tr>
        );
      })}
    </tbody>
  );
}

/** The cell with the value of the measure, and its interval if there is room. */
function Rate({ one, measure }: { one: Ranked; measure: Measure }) {
  const { figures, value, unranked, interval } = one;
  return (
    <td class="number" title={unranked ? text.map.unranked[unranked] : undefined}>
      <span class="rate">
        <span data-figure="measure">
          {unranked === "few_requests"
            ? `${format.integer(figures.yearBefore)} → ${format.integer(figures.comparable)}`
            : format.measure(measure, value)}
          {unranked === "few_homes" && "*"}
        </span>
        {interval && showsInterval(measure) && (
          <small title={text.map.interval}>{format.interval(measure, interval)}</small>
        )}
      </span>
    </td>
  );
}

/** The change of an area, or the two numbers if there are too few requests for a percentage. */
function changeIn({ figures }: Ranked, answer: Shown["answer"]): string {
  const found = changeOf(answer, figures, true);
  if (!found) return "–";
  return found.change === null
    ? `${format.integer(found.before)} → ${format.integer(found.now)}`
    : format.measure("change", found.change);
}

/** A bar of a value from -1 to 1: from the left, or from the middle if it has a sign. */
function Bar({ value, isSigned }: { value: number; isSigned: boolean }) {
  const width = Math.abs(value) * (isSigned ? 50 : 100);
  const left = isSigned ? (value < 0 ? 50 - width : 50) : 0;
  return (
    <span
      class={value < 0 ? "bar less" : "bar"}
      style={{ marginLeft: `${left.toFixed(1)}%`, width: `${width.toFixed(1)}%` }}
    />
  );
}

/** Moves the focus over the rows. */
function moveByKey(event: KeyboardEvent) {
  const { currentTarget, key } = event;
  if (!(currentTarget instanceof HTMLElement)) return;
  const buttons = [...(currentTarget.closest("tbody")?.querySelectorAll("button") ?? [])];
  const at = buttons.findIndex((button) => button === currentTarget);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[key];
  if (to === undefined) return;
  event.preventDefault();
  buttons[to]?.focus();
}

/** Sorts the areas by a column. Those without a rank, and those with too few requests to compare, come last. */
function sorted(ranked: readonly Ranked[], sort: Sort, isAscending: boolean): Ranked[] {
  const changeIn = ({ figures, area }: Ranked) => measured("change", figures, area, 1).value;
  const key = (one: Ranked): number | null =>
    sort === "measure"
      ? one.rank === null
        ? null
        : one.value
      : sort === "change"
        ? changeIn(one)
        : one.figures.requests;
  const direction = isAscending ? 1 : -1;
  return [...ranked].sort((a, b) => {
    if (sort === "name") return direction * a.area.name.localeCompare(b.area.name);
    const [left, right] = [key(a), key(b)];
    const order =
      left === null || right === null
        ? (left === null ? 1 : 0) - (right === null ? 1 : 0)
        : direction * (left - right);
    return order || a.area.name.localeCompare(b.area.name);
  });
}
