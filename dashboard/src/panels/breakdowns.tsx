import type { Shown } from "../dashboard.tsx";
import { SEASONS, byStatusGroup } from "../data/answer.ts";
import type { Store } from "../data/store.ts";
import type { StatusGroup } from "../data/vocabulary.ts";
import { format, text } from "../strings.ts";
import { STATUS_GROUPS, statusesOf } from "../view/view.ts";

/**
 * Statuses, seasons and divisions of what is shown, for the whole city. Each list keeps what its own filter leaves out, so
 * that another can be chosen.
 */
export function Breakdowns({ answer, store, view, change }: Shown & { store: Store }) {
  const { statuses } = store.vocabulary;
  const chosen = statusesOf(view, store.vocabulary);
  const groupOf = (name: string): StatusGroup =>
    statuses.find((one) => one.name === name)?.group ?? "unknown";
  const groups = byStatusGroup(answer.byStatus, groupOf);
  const total = Math.max(1, ...[Object.values(groups).reduce((sum, one) => sum + one, 0)]);
  const perDay = SEASONS.map((season) => {
    const { requests, days } = answer.bySeason[season];
    return { season, value: days > 0 ? requests / days : null };
  });
  const mostPerDay = Math.max(1e-9, ...perDay.map(({ value }) => value ?? 0));
  const divisions = [...answer.byDivision].sort((a, b) => b[1] - a[1]);
  const mostOfDivision = Math.max(1, ...divisions.map(([, requests]) => requests));
  return (
    <div class="columns three">
      <section class="panel" aria-labelledby="status-title" id="statuses">
        <h2 id="status-title">{text.statuses}</h2>
        <div class="stack" aria-hidden="true">
          {STATUS_GROUPS.map(
            (group) =>
              groups[group] > 0 && (
                <span
                  key={group}
                  class={`status-${group}`}
                  style={{ flexGrow: `${groups[group] / total}` }}
                />
              ),
          )}
        </div>
        <table class="choices">
          <caption class="hidden">{text.statusCaption}</caption>
          <tbody>
            {STATUS_GROUPS.flatMap((group) =>
              [...answer.byStatus]
                .filter(([name]) => groupOf(name) === group)
                .sort((a, b) => b[1] - a[1])
                .map(([name, requests]) => (
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
                )),
            )}
          </tbody>
        </table>
      </section>
      <section class="panel" aria-labelledby="seasons-title" id="seasons">
        <h2 id="seasons-title">{text.seasonsTitle}</h2>
        <Bars
          caption={text.seasonsCaption}
          rows={perDay.map(({ season, value }) => ({
            key: season,
            name: text.seasons[season],
            width: (value ?? 0) / mostPerDay,
            written: text.perDay(value),
            isChosen: view.season === season,
            onChoose: () => {
              change({ season: view.season === season ? null : season });
            },
          }))}
        />
      </section>
      <section class="panel" aria-labelledby="divisions-title" id="divisions">
        <h2 id="divisions-title">{text.divisions}</h2>
        <Bars
          caption={text.divisionCaption}
          rows={divisions.map(([name, requests]) => ({
            key: name,
            name,
            width: requests / mostOfDivision,
            written: format.integer(requests),
            isChosen: view.division === name,
            onChoose: () => {
              change({ division: view.division === name ? null : name });
            },
          }))}
        />
      </section>
    </div>
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
