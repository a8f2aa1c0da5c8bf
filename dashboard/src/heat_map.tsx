import { useState } from "preact/hooks";

import type { Shown } from "./dashboard.tsx";
import { nameOf } from "./map.tsx";
import { format, text } from "./strings.ts";
import { togglePin } from "./view/pins.ts";

/** Groups that are shown before all are asked for. */
const FEW = 16;

/** What each area asks for, by group: a table whose cells are coloured along each row. */
export function HeatMap({ view, answer, ranked, names, change, measure }: Shown) {
  const [isWhole, setWhole] = useState(false);
  const isShare = measure !== "count";
  const all = names.groups.names
    .map((name, at) => ({ name, at, total: answer.city.groups[at] ?? 0 }))
    .filter(({ total }) => total > 0)
    .sort((a, b) => b.total - a.total);
  const groups = isWhole ? all : all.slice(0, FEW);
  const chosen = new Set(view.what.filter(({ kind }) => kind === "group").map(({ name }) => name));
  const areas = [...ranked].sort((a, b) =>
    view.by === "ward" ? Number(a.area.id) - Number(b.area.id) : a.area.id < b.area.id ? -1 : 1,
  );
  return (
    <section class="panel" aria-labelledby="heat-title" id="heat">
      <h2 id="heat-title">{text.heat}</h2>
      <p class="help">{isShare ? text.heatHelp.share : text.heatHelp.count}</p>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll it */}
      <div class="scroll-x" tabIndex={0} role="region" aria-labelledby="heat-title">
        <table class={`heat ${view.by}`}>
          <thead>
            <tr>
              <th scope="col">{text.heatGroup}</th>
              {areas.map(({ area }) => (
                <th key={area.id} scope="col" class={view.pins.includes(area.id) ? "pinned" : ""}>
                  <button
                    type="button"
                    tabIndex={-1}
                    title={nameOf(area, view.by)}
                    aria-label={nameOf(area, view.by)}
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
            {groups.map(({ name, at }) => {
              const values = areas.map(({ figures }) => {
                const requests = figures.groups[at] ?? 0;
                return isShare ? requests / Math.max(1, figures.ofAll) : requests;
              });
              const top = Math.max(...values);
              return (
                <tr key={name}>
                  <th scope="row">
                    <button
                      type="button"
                      aria-pressed={chosen.has(name)}
                      aria-label={text.chooseGroup(name)}
                      onClick={() => {
                        change({ what: chosen.has(name) ? [] : [{ kind: "group", name }] });
                      }}
                    >
                      {name}
                    </button>
                  </th>
                  {areas.map(({ area, figures }, column) => {
                    const value = values[column] ?? 0;
                    const written = isShare ? format.percent(value) : format.integer(value);
                    return (
                      <td
                        key={area.id}
                        class={`heat-${top > 0 ? Math.min(6, Math.floor((value / top) * 7)) : 0}`}
                        title={`${nameOf(area, view.by)}, ${name}: ${written}${isShare ? `, ${format.integer(figures.groups[at] ?? 0)}` : ""}`}
                      >
                        <span>{written}</span>
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
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
