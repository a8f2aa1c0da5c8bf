import { useRef } from "preact/hooks";

import type { Store } from "../data/store.ts";
import type { Unusual as Found } from "../data/unusual.ts";
import { readUnusual } from "../data/unusual.ts";
import { hasMart } from "../data/catalog.ts";
import { isWhole } from "../data/calendar.ts";
import { monthOf, numberOf, yearOf } from "../data/span.ts";
import { Failure } from "../parts/failure.tsx";
import { text } from "../strings.ts";
import { monthNamed } from "../view/describe.ts";
import type { Shown } from "../view/shown.ts";
import { isTelling } from "../view/telling.ts";
import { useNear } from "../view/use_near.ts";
import { useRead } from "../view/use_read.ts";
import { NO_FILTERS } from "../view/view.ts";
import { wardName } from "../view/ward_name.ts";
import "./unusual.css";

/** Sentences that are listed. */
const LISTED = 8;

/** What was unusual in the last month of the data, with links to it. Data without expectations have no such section. */
export function Unusual({ store, pinned, areas, view, change }: Shown) {
  const section = useRef<HTMLElement>(null);
  const { value, error, retry } = useRead(
    store,
    "unusual",
    readUnusual,
    useNear(section) || pinned.length > 0,
  );
  if (!hasMart(store.catalog, "unusual_months")) return null;
  const month = lastWholeMonth(store);
  const named = monthNamed(month);
  const isPinned = ({ area }: Found) => pinned.some((one) => one.area.id === area?.id);
  const all = (value ?? []).filter((one) => one.month === month && isTelling(one.group));
  // Those of the chosen areas come first.
  const found = [...all.filter(isPinned), ...all.filter((one) => !isPinned(one))].slice(0, LISTED);
  const nameIn = ({ area }: Found) =>
    area === null
      ? text.city
      : area.kind === "fsa"
        ? area.id
        : wardName(area.id, view.by === "ward" ? areas : []);
  return (
    <section class="panel" aria-labelledby="unusual-title" id="unusual" ref={section}>
      <h2 id="unusual-title">{text.unusual.title(named)}</h2>
      {error !== null && <Failure error={error} onRetry={retry} />}
      {value === null && error === null && <p role="status">{text.unusual.loading}…</p>}
      {value && found.length === 0 && <p>{text.unusual.none(named)}</p>}
      <ol class="unusual">
        {found.map((one) => (
          <li key={`${one.group} ${one.area?.id ?? ""}`}>
            <strong class={one.requests > one.expected ? "times" : "times less"}>
              {text.unusual.times(one.requests / Math.max(1e-9, one.expected))}
            </strong>{" "}
            {text.unusual.more(
              one.group,
              nameIn(one),
              one.requests,
              Math.max(0, Math.ceil(one.lower)),
              Math.floor(one.upper),
            )}{" "}
            <button
              type="button"
              class="link"
              aria-label={`${text.unusual.view}: ${one.group}, ${nameIn(one)}`}
              onClick={() => {
                // Expectations are of all requests of a month.
                change({
                  ...NO_FILTERS,
                  what: [{ kind: "group", name: one.group }],
                  span: { from: month, to: month },
                  by: one.area?.kind ?? view.by,
                  pins: one.area ? [one.area.id] : [],
                  zoom: null,
                });
              }}
            >
              {text.unusual.view}
            </button>
          </li>
        ))}
      </ol>
      <p class="help">{text.unusual.note}</p>
    </section>
  );
}

/** The last month that the data cover to its end. */
function lastWholeMonth({ dataThrough }: Store): number {
  const month = monthOf(dataThrough);
  return isWhole(yearOf(month), numberOf(month), dataThrough) ? month : month - 1;
}
