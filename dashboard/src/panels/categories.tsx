import { format, text } from "../strings.ts";
import { intervalOfShare } from "../view/intervals.ts";
import type { Shown } from "../view/shown.ts";
import { isTelling } from "../view/telling.ts";
import "./categories.css";

/** Categories that are listed. */
const LISTED = 10;

/** A category of an area beside the city. */
interface Row {
  name: string;
  requests: number;
  share: number;
  ofCity: number;
}

/** What the chosen area reports more and less than the city, or what the city reports most. */
export function Categories(shown: Shown) {
  const { pinned, answer } = shown;
  const [one] = pinned;
  const figures = one?.figures ?? answer.city;
  const rows = rowsOf(shown);
  return (
    <section class="panel" aria-labelledby="categories-title" id="categories">
      <h2 id="categories-title">{one ? text.categories.differs(one.area.name) : text.categories.most}</h2>
      {!figures.isKnown || figures.ofAllTypes === 0 ? (
        <p>{text.map.empty}</p>
      ) : rows.length === 0 ? (
        <p>{text.categories.none}</p>
      ) : (
        <Rows {...shown} rows={rows} />
      )}
      {one && rows.length > 0 && <p class="help">{text.categories.legend(one.area.name)}</p>}
    </section>
  );
}

/** The groups whose share differs from the city's by more than chance, the largest differences first; or the largest. */
function rowsOf({ pinned, answer, names }: Shown): Row[] {
  const [one] = pinned;
  const { city, cityOfMap } = answer;
  const figures = one?.figures ?? city;
  const total = one ? cityOfMap : city;
  const rows = names.groups.names
    .map((name, at): Row => ({
      name,
      requests: figures.groups[at] ?? 0,
      share: (figures.groups[at] ?? 0) / Math.max(1, figures.ofAllTypes),
      ofCity: (total.groups[at] ?? 0) / Math.max(1, total.ofAllTypes),
    }))
    .filter(({ name, requests, ofCity }) => isTelling(name) && requests + ofCity > 0);
  if (!one) return rows.sort((a, b) => b.requests - a.requests).slice(0, LISTED);
  const distance = ({ share, ofCity }: Row) => Math.abs(share - ofCity);
  return rows
    .filter(({ requests, ofCity }) => {
      const { low, high } = intervalOfShare(requests, figures.ofAllTypes);
      return ofCity < low || ofCity > high;
    })
    .sort((a, b) => distance(b) - distance(a))
    .slice(0, LISTED)
    .sort((a, b) => b.share - b.ofCity - (a.share - a.ofCity));
}

function Rows({ rows, pinned, view, change }: Shown & { rows: Row[] }) {
  const isOfArea = pinned.length > 0;
  const highest = Math.max(...rows.flatMap(({ share, ofCity }) => [share, ofCity]));
  const at = (share: number) => `${((share / highest) * 100).toFixed(1)}%`;
  return (
    <table class="choices categories">
      <caption class="hidden">{text.heat.group}</caption>
      <tbody>
        {rows.map(({ name, requests, share, ofCity }) => (
          <tr key={name}>
            <th scope="row">
              <button
                type="button"
                aria-pressed={view.what.some((one) => one.kind === "group" && one.name === name)}
                onClick={() => {
                  change({ what: [{ kind: "group", name }] });
                }}
              >
                {name}
              </button>
            </th>
            <td
              class="track"
              title={
                isOfArea
                  ? text.categories.row(requests, format.percent(share), format.percent(ofCity))
                  : text.categories.countOnly(requests, format.percent(share))
              }
            >
              {isOfArea ? (
                <span class="dots" aria-hidden="true">
                  <span class="ring" style={{ left: at(ofCity) }} />
                  <span class="point" style={{ left: at(share) }} />
                </span>
              ) : (
                <span class="bar" aria-hidden="true" style={{ width: at(share) }} />
              )}
            </td>
            <td class="number">{isOfArea ? format.percent(share) : format.integer(requests)}</td>
            <td class="number quiet-text">{format.percent(isOfArea ? ofCity : share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
