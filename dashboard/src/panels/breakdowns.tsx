import { byStatusGroup } from "../data/answer.ts";
import { formerNamesOf } from "../data/divisions.ts";
import type { StatusGroup } from "../data/vocabulary.ts";
import { format, text } from "../strings.ts";
import { choiceNamed, divisionCalled } from "../view/describe.ts";
import type { Shown } from "../view/shown.ts";
import { STATUS_GROUPS, statusesOf } from "../view/view.ts";
import "./breakdowns.css";
import "../parts/palette.css";

/**
 * Statuses and divisions of the requests of the whole city, and the types of the chosen categories. Each list ignores its own
 * filter, so that another choice can be made in it.
 */
export function Breakdowns(shown: Shown) {
  const groups = shown.view.what.filter(({ kind }) => kind === "group").map(({ name }) => name);
  return (
    <div class={groups.length > 0 ? "columns" : "columns two"}>
      {groups.length > 0 && <Types {...shown} groups={groups} />}
      <Statuses {...shown} />
      <Divisions {...shown} />
    </div>
  );
}

/** The title of figures of the whole city, which says so beside those of an area. */
function titleOf(title: string, { pinned }: Shown): string {
  return pinned.length > 0 ? text.ofWholeCity(title) : title;
}

/** The types that categories hold, as people know them and as the City names them. */
function Types({ groups, ...shown }: Shown & { groups: readonly string[] }) {
  const { vocabulary, change } = shown;
  const definitionOf = (group: string) => vocabulary.groups.find(({ name }) => name === group)?.definition;
  const [first = ""] = groups;
  return (
    <section class="panel" aria-labelledby="types-title" id="types">
      <h2 id="types-title">{titleOf(text.what.holds(groups), shown)}</h2>
      {groups.length === 1 && <p class="help">{definitionOf(first)}</p>}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll it */}
      <div class="scroll few" tabIndex={0} role="group" aria-labelledby="types-title">
        <table class="choices">
          <thead>
            <tr>
              <th scope="col">{text.what.type}</th>
              <th scope="col" class="number">
                {text.what.inAllYears}
              </th>
            </tr>
          </thead>
          {groups.map((group) => (
            <tbody key={group}>
              {groups.length > 1 && (
                <tr class="list-head">
                  <th scope="rowgroup" colSpan={2}>
                    {group}
                    <span class="definition">{definitionOf(group)}</span>
                  </th>
                </tr>
              )}
              {vocabulary.types
                .filter((type) => type.group === group)
                .map(({ name, requests }) => (
                  <tr key={name}>
                    <TypeName name={name} change={change} />
                    <td class="number">{format.integer(requests)}</td>
                  </tr>
                ))}
            </tbody>
          ))}
        </table>
      </div>
    </section>
  );
}

/** A type as a button that chooses it, with the City's name if that is another. */
function TypeName({ name, change }: Pick<Shown, "change"> & { name: string }) {
  const label = choiceNamed({ kind: "type", name });
  return (
    <th scope="row">
      <button
        type="button"
        onClick={() => {
          change({ what: [{ kind: "type", name }] });
        }}
      >
        {label}
      </button>
      {label !== name && <span class="definition">{name}</span>}
    </th>
  );
}

function Statuses(props: Shown) {
  const { answer, vocabulary, view, change } = props;
  const { statuses } = vocabulary;
  const chosen = statusesOf(view, vocabulary);
  const known = (name: string) => statuses.find((one) => one.name === name);
  const groupOf = (name: string): StatusGroup => known(name)?.group ?? "unknown";
  const groups = byStatusGroup(answer.byStatus, groupOf);
  const total = Math.max(1, ...[Object.values(groups).reduce((sum, one) => sum + one, 0)]);
  const shown = STATUS_GROUPS.filter((group) => groups[group] > 0);
  return (
    <section class="panel" aria-labelledby="status-title" id="statuses">
      <h2 id="status-title">{titleOf(text.statuses.title, props)}</h2>
      <div class="stack" aria-hidden="true">
        {shown.map((group) => (
          <span key={group} class={`status-${group}`} style={{ flexGrow: `${groups[group] / total}` }} />
        ))}
      </div>
      <table class="choices">
        <caption class="hidden">{text.statuses.caption}</caption>
        {shown.map((group) => (
          <tbody key={group}>
            <tr class="list-head">
              <th scope="rowgroup">
                <span class={`swatch status-${group}`} />
                {text.statusGroups[group]}
              </th>
              <td class="number">{format.integer(groups[group])}</td>
              <td class="number">{format.percent(groups[group] / total)}</td>
            </tr>
            {[...answer.byStatus]
              .filter(([name]) => groupOf(name) === group)
              .sort((a, b) => b[1] - a[1])
              .map(([name, requests]) => (
                <tr key={name} data-status={name}>
                  <th scope="row">
                    <button
                      type="button"
                      aria-pressed={chosen?.has(name) ?? false}
                      onClick={() => {
                        change({ status: view.status === name ? null : name });
                      }}
                    >
                      {name}
                    </button>
                    <span class="definition">{known(name)?.definition}</span>
                  </th>
                  <td class="number">{format.integer(requests)}</td>
                  <td class="number quiet-text">{format.percent(requests / total)}</td>
                </tr>
              ))}
          </tbody>
        ))}
      </table>
      <p class="help">{text.statuses.note}</p>
    </section>
  );
}

function Divisions(props: Shown) {
  const { answer, view, change } = props;
  const divisions = [...answer.byDivision].sort((a, b) => b[1] - a[1]);
  const highest = Math.max(1, ...divisions.map(([, requests]) => requests));
  return (
    <section class="panel" aria-labelledby="divisions-title" id="divisions">
      <h2 id="divisions-title">{titleOf(text.divisions.title, props)}</h2>
      <table class="bars choices">
        <caption class="hidden">{text.divisions.caption}</caption>
        <tbody>
          {divisions.map(([name, requests]) => {
            const former = formerNamesOf(name);
            return (
              <tr key={name}>
                <th scope="row">
                  <button
                    type="button"
                    aria-pressed={view.division === name}
                    onClick={() => {
                      change({ division: view.division === name ? null : name });
                    }}
                  >
                    {divisionCalled(name)}
                  </button>
                  {former.length > 0 && <span class="definition">{text.divisions.formerly(former)}</span>}
                  <span class="bar" style={{ width: `${(requests / highest) * 100}%` }} />
                </th>
                <td class="number">{format.integer(requests)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
