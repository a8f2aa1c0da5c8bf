import type { Shown } from "../view/shown.ts";
import { nameOf } from "../data/boundaries.ts";
import { Sparkline } from "../parts/sparkline.tsx";
import { format, text } from "../strings.ts";
import type { Ranked } from "../view/measures.ts";
import { valueOf } from "../view/measures.ts";
import { togglePin } from "../view/pins.ts";
import type { Sort } from "../view/view.ts";
import "./ranking.css";

/** The areas in a table that can be sorted by each column. */
export function Ranking(shown: Shown) {
  const { view, answer, ranked, measure } = shown;
  const rows = sorted(ranked, view.sort, view.ascending);
  return (
    <section class="panel ranking-panel" aria-labelledby="ranking-title">
      <h2 id="ranking-title">{text.ranking[view.by]}</h2>
      {/* A region that scrolls has to take the focus, so that keys scroll it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="ranking-title">
        <table id="ranking" class="ranking">
          <caption class="hidden">
            {text.rankingCaption(view.by, text.measures(measure, answer.question.to))}
          </caption>
          <Head {...shown} />
          <Body {...shown} rows={rows} />
        </table>
      </div>
      <p class="help">
        {text.shareHelp} {text.changeHelp(answer.question.to, answer.comparableOnMap)}{" "}
        {answer.city.requests > 0 && text.compareHint}
      </p>
    </section>
  );
}

function Head({ view, measure, change }: Shown) {
  const header = (sort: Sort, label: string, isNumber = true) => {
    const isSorted = view.sort === sort;
    const direction = view.ascending ? "ascending" : "descending";
    return (
      <th scope="col" class={isNumber ? "number" : ""} {...(isSorted && { "aria-sort": direction })}>
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
        {header("measure", text.measureColumn[measure])}
        {header("name", text.area[view.by], false)}
        {header("requests", text.requests)}
        {header("share", text.share)}
        {measure !== "change" && header("change", text.change)}
        <th scope="col" class="trend">
          {text.trend}
        </th>
      </tr>
    </thead>
  );
}

function Body({ view, answer, measure, change, rows }: Shown & { rows: Ranked[] }) {
  const mapped = rows.reduce((sum, { figures }) => sum + figures.requests, 0);
  // Trends leave out the months before the wards of the map existed, and those after the last with data.
  const firstMonth = Math.max(12, answer.mapMonths.indexOf(1, 12));
  const endOfMonths = answer.mapMonths.lastIndexOf(1) + 1;
  return (
    <tbody>
      {rows.map(({ area, figures, value, rank }) => {
        const pin = view.pins.indexOf(area.id);
        return (
          <tr key={area.id} class={pin >= 0 ? `pinned-${pin}` : ""} data-area={area.id}>
            <td class="number" data-figure="measure">
              {rank !== null && <span class="rank">{rank}</span>}
              {measure !== "count" && format.measure(measure, value)}
            </td>
            <th scope="row">
              <button
                type="button"
                aria-pressed={pin >= 0}
                aria-label={text.pin(nameOf(area, view.by))}
                onClick={() => {
                  change({ pins: togglePin(view.pins, area.id) });
                }}
              >
                {area.name}
              </button>
            </th>
            <td class="number" data-figure="requests">
              {format.measure("count", valueOf("count", figures, area.km2))}
            </td>
            <td class="number quiet-text">{mapped > 0 ? format.percent(figures.requests / mapped) : "–"}</td>
            {measure !== "change" && (
              <td class="number">{format.measure("change", valueOf("change", figures, area.km2))}</td>
            )}
            <td class="trend">
              <Sparkline values={figures.months.subarray(firstMonth, endOfMonths)} />
            </td>
          </tr>
        );
      })}
    </tbody>
  );
}

/** Sorts the areas by a column. Those without a value come last. */
function sorted(ranked: readonly Ranked[], sort: Sort, isAscending: boolean): Ranked[] {
  const key = ({ area, figures, value }: Ranked): number | null =>
    sort === "measure" ? value : sort === "change" ? valueOf("change", figures, area.km2) : figures.requests;
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
