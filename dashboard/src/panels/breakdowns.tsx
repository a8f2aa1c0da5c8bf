import { byStatusGroup } from "../data/answer.ts";
import { SEASONS } from "../data/calendar.ts";
import type { Store } from "../data/store.ts";
import type { StatusGroup } from "../data/vocabulary.ts";
import { format, text } from "../strings.ts";
import type { Shown } from "../view/shown.ts";
import { STATUS_GROUPS, statusesOf } from "../view/view.ts";
import "./breakdowns.css";
import "../parts/palette.css";

/**
 * Statuses, seasons and divisions of the requests of the whole city. Each list ignores its own filter, so that another
 * choice can be made in it.
 */
export function Breakdowns({ store, ...shown }: Shown & { store: Store }) {
  return (
    <div class="columns three">
      <section class="panel" aria-labelledby="status-title" id="statuses">
        <h2 id="status-title">{text.statuses}</h2>
        <Statuses {...shown} store={store} />
      </section>
      <section class="panel" aria-labelledby="seasons-title" id="seasons">
        <h2 id="seasons-title">{text.seasonsTitle}</h2>
        <Seasons {...shown} />
      </section>
      <section class="panel" aria-labelledby="divisions-title" id="divisions">
        <h2 id="divisions-title">{text.divisions}</h2>
        <Divisions {...shown} />
      </section>
    </div>
  );
}

function Statuses({ answer, store, view, change }: Shown & { store: Store }) {
  const { statuses } = store.vocabulary;
  const chosen = statusesOf(view, store.vocabulary);
  const groupOf = (name: string): StatusGroup =>
    statuses.find((one) => one.name === name)?.group ?? "unknown";
  const groups = byStatusGroup(answer.byStatus, groupOf);
  const total = Math.max(1, ...[Object.values(groups).reduce((sum, one) => sum + one, 0)]);
  const rows = STATUS_GROUPS.flatMap((group) =>
    [...answer.byStatus]
      .filter(([name]) => groupOf(name) === group)
      .sort((a, b) => b[1] - a[1])
      .map(([name, requests]) => ({ group, name, requests })),
  );
  return (
    <>
      <div class="stack" aria-hidden="true">
        {STATUS_GROUPS.filter((group) => groups[group] > 0).map((group) => (
          <span key={group} class={`status-${group}`} style={{ flexGrow: `${groups[group] / total}` }} />
        ))}
      </div>
      <table class="choices">
        <caption class="hidden">{text.statusCaption}</caption>
        <tbody>
          {rows.map(({ group, name, requests }) => (
            <tr key={name} data-status={name}>
              <th scope="row">
                <span class={`swatch status-${group}`} />
                <button
                  type="button"
                  aria-pressed={chosen?.has(name) ?? false}
                  onClick={() => {
                    change({ status: view.status === name ? null : name });
                  }}
                >
                  {name}
                </button>
              </th>
              <td class="number">{format.integer(requests)}</td>
              <td class="number quiet-text">{format.percent(requests / total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Seasons({ answer, view, change }: Shown) {
  const perDay = SEASONS.map((season) => {
    const days = answer.seasonDays[season];
    return { season, value: days > 0 ? answer.bySeason[season] / days : null };
  });
  const highest = Math.max(1e-9, ...perDay.map(({ value }) => value ?? 0));
  return (
    <Bars
      caption={text.seasonsCaption}
      rows={perDay.map(({ season, value }) => ({
        key: season,
        name: text.seasons[season],
        width: (value ?? 0) / highest,
        written: text.perDay(value),
        isChosen: view.season === season,
        onChoose: () => {
          change({ season: view.season === season ? null : season });
        },
      }))}
    />
  );
}

function Divisions({ answer, view, change }: Shown) {
  const divisions = [...answer.byDivision].sort((a, b) => b[1] - a[1]);
  const highest = Math.max(1, ...divisions.map(([, requests]) => requests));
  return (
    <Bars
      caption={text.divisionCaption}
      rows={divisions.map(([name, requests]) => ({
        key: name,
        name,
        width: requests / highest,
        written: format.integer(requests),
        isChosen: view.division === name,
        onChoose: () => {
          change({ division: view.division === name ? null : name });
        },
      }))}
    />
  );
}

interface Bar {
  key: string;
  name: string;
  /** 0 to 1. */
  width: number;
  written: string;
  isChosen: boolean;
  onChoose: () => void;
}

function Bars({ caption, rows }: { caption: string; rows: Bar[] }) {
  return (
    <table class="bars choices">
      <caption class="hidden">{caption}</caption>
      <tbody>
        {rows.map(({ key, name, width, written, isChosen, onChoose }) => (
          <tr key={key}>
            <th scope="row">
              <button type="button" aria-pressed={isChosen} onClick={onChoose}>
                {name}
              </button>
              <span class="bar" style={{ width: `${width * 100}%` }} />
            </th>
            <td class="number">{written}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
