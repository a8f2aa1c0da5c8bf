import type { Shown } from "../view/shown.ts";
import type { Figures } from "../data/figures.ts";
import { nameOf } from "../data/boundaries.ts";
import { format, text } from "../strings.ts";
import type { Ranked } from "../view/measures.ts";
import { MEASURES } from "../view/view.ts";
import { valueOf } from "../view/measures.ts";
import "./compare.css";

/** Groups that are listed as distinctive for an area. */
const DISTINCTIVE = 5;
/** Requests that a group needs to be distinctive. */
const LEAST_REQUESTS = 10;

/** The pinned areas beside the city: their figures, and the groups that each reports more often. */
export function Compare({ view, answer, ranked, names }: Shown) {
  const pinned = view.pins.flatMap((id) => ranked.find(({ area }) => area.id === id) ?? []);
  if (pinned.length === 0) return null;
  // Like the areas, the city has a density without the requests that have no area.
  const { city, cityOfMap } = answer;
  const onMap = { ...cityOfMap, requests: ranked.reduce((all, { figures }) => all + figures.requests, 0) };
  const km2 = ranked.reduce((all, { area }) => all + area.km2, 0);
  return (
    <section class="panel" aria-labelledby="compare-title" id="compare">
      <h2 id="compare-title">{text.compare}</h2>
      {onMap.requests < city.requests && <p class="help">{text.compareDensity(view.by)}</p>}
      <div class="compare">
        <table>
          <thead>
            <tr>
              <td />
              {pinned.map(({ area }, at) => (
                <th key={area.id} scope="col" class={`number pin-${at}`}>
                  {nameOf(area, view.by)}
                </th>
              ))}
              <th scope="col" class="number">
                {text.city}
              </th>
            </tr>
          </thead>
          <tbody>
            {MEASURES.map((measure) => (
              <tr key={measure}>
                <th scope="row">{text.measures(measure, answer.question.to)}</th>
                {pinned.map(({ area, figures }) => (
                  <td key={area.id} class="number">
                    {format.measure(measure, valueOf(measure, figures, area.km2))}
                  </td>
                ))}
                <td class="number">
                  {format.measure(
                    measure,
                    valueOf(
                      measure,
                      measure === "count" ? city : measure === "density" ? onMap : cityOfMap,
                      km2,
                    ),
                  )}
                </td>
              </tr>
            ))}
            <tr>
              <th scope="row">{text.rank}</th>
              {pinned.map(({ area, rank }) => (
                <td key={area.id} class="number">
                  {rank ?? "–"}
                </td>
              ))}
              <td />
            </tr>
          </tbody>
        </table>
        {pinned.map((one, at) => (
          <div key={one.area.id} class={`distinctive pin-${at}`}>
            <h3>{text.distinctive(nameOf(one.area, view.by))}</h3>
            <Distinctive one={one} total={cityOfMap} groups={names.groups.names} />
          </div>
        ))}
      </div>
    </section>
  );
}

function Distinctive({ one, total, groups }: { one: Ranked; total: Figures; groups: readonly string[] }) {
  if (!one.figures.isKnown) return <p>{text.mapEmpty}</p>;
  const found = groups
    .map((name, at) => {
      const requests = one.figures.groups[at] ?? 0;
      const share = requests / one.figures.ofAllTypes;
      return { name, requests, share, ratio: share / ((total.groups[at] ?? 0) / total.ofAllTypes) };
    })
    .filter(({ requests, ratio }) => requests >= LEAST_REQUESTS && ratio > 1.1)
    .sort((a, b) => b.ratio - a.ratio)
    .slice(0, DISTINCTIVE);
  if (found.length === 0) return <p>{text.noneDistinctive}</p>;
  return (
    <ol>
      {found.map(({ name, share, ratio }) => (
        <li key={name}>
          <strong>{name}</strong>
          <span>{text.timesOfCity(format.percent(share), ratio)}</span>
        </li>
      ))}
    </ol>
  );
}
