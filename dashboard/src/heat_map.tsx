import { useState } from "preact/hooks";

import type { Shown } from "./dashboard.tsx";
import { nameOf } from "./map.tsx";
import { format, text } from "./strings.ts";
import type { Class } from "./view/measures.ts";
import { classOf } from "./view/measures.ts";
import { togglePin } from "./view/pins.ts";

/** Groups that are shown before all are asked for. */
const FEW = 16;

/** Ratios of an area's share to the city's, where one colour ends and the next begins: 1 is as the city. */
const RATIO_BOUNDS = [0.5, 0.75, 0.9, 1.1, 1.33, 2];
const RATIO_CLASSES: Class[] = [0, ...RATIO_BOUNDS].map((low, at) => ({
  low,
  high: RATIO_BOUNDS[at] ?? Infinity,
}));
/** Colours of counts. */
const SHADES = 6;

/** What each area asks for, by group: a table of counts, or of how an area's share compares with the city's. */
export function HeatMap({ view, answer, ranked, names, change, measure }: Shown) {
  const [isWhole, setWhole] = useState(false);
  const isShare = measure !== "count";
  const all = names.groups.names
    .map((name, at) => ({ name, at, total: answer.city.groups[at] ?? 0 }))
    .filter(({ total }) => total > 0)
    .sort((a, b) => b.total - a.total);
  const groups = isWhole ? all : all.slice(0, FEW);
  const chosen = new Set(view.what.filter(({ kind }) => kind === "group").map(({ name }) => name));
  const most = Math.max(1, ...ranked.flatMap(({ figures }) => Array.from(figures.groups)));
  const areas = [...ranked].sort((a, b) =>
    view.by === "ward" ? Number(a.area.id) - Number(b.area.id) : a.area.id < b.area.id ? -1 : 1,
  );
  return (
    <section class="panel" aria-labelledby="heat-title" id="heat">
      <h2 id="heat-title">{text.heat}</h2>
      <p class="help">{isShare ? text.heatHelp.share : text.heatHelp.count}</p>
      {isShare && (
        <ul class="legend" aria-label={text.heatLegend}>
          {RATIO_CLASSES.map(({ low, high }, at) => (
            <li key={low}>
              <span class={`swatch fill-change-${at}`} />
              {text.heatRatio(low, high)}
            </li>
          ))}
        </ul>
      )}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll it */}
      <div class="scroll-x" tabIndex={0} role="group" aria-labelledby="heat-title">
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
                    aria-label={text.heatArea(area.id, area.name)}
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
          <tbody>
            {groups.map(({ name, at, total }) => {
              const cityShare = total / Math.max(1, answer.city.ofAllTypes);
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
                  {areas.map(({ area, figures }) => {
                    const requests = figures.groups[at] ?? 0;
                    const share = requests / Math.max(1, figures.ofAllTypes);
                    const written = isShare ? format.percent(share) : format.integer(requests);
                    const colour = isShare
                      ? `change-${classOf(share / cityShare, RATIO_CLASSES)}`
                      : `heat-${Math.round(Math.sqrt(requests / most) * SHADES)}`;
                    return (
                      <td
                        key={area.id}
                        class={isShare ? `fill-${colour}` : colour}
                        title={`${nameOf(area, view.by)}, ${name}: ${text.heatCell(requests, format.percent(share), share / cityShare)}`}
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
