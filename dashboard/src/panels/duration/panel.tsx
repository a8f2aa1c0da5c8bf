import { useRef } from "preact/hooks";

import { hasMart } from "../../data/catalog.ts";
import type { Duration as Found } from "../../data/durations.ts";
import { readDurations } from "../../data/durations.ts";
import type { OpenByAge } from "../../data/open.ts";
import { readOpenOfCity, readOpenOfWards } from "../../data/open.ts";
import { Failure } from "../../parts/failure.tsx";
import { format, text } from "../../strings.ts";
import { inSentence } from "../../view/describe.ts";
import type { Subject } from "../../view/durations.ts";
import { durationOf, openOf, placeOf, subjectOf } from "../../view/durations.ts";
import type { Shown } from "../../view/shown.ts";
import { isTelling } from "../../view/telling.ts";
import { useNear } from "../../view/use_near.ts";
import { useRead } from "../../view/use_read.ts";
import { Curve } from "./curve.tsx";
import "./duration.css";

/** The marts that say how long requests take. */
const MARTS = ["time_to_close", "open_by_age_type"];
/** Categories that are listed if none is chosen. */
const LISTED = 9;

/** How long the chosen requests take and how many are still open, or the same of the categories with the most requests. */
export function Duration(shown: Shown) {
  const { store, view, vocabulary, pinned } = shown;
  const section = useRef<HTMLElement>(null);
  // The page of an area is printed whole, wherever it was scrolled to.
  const isWanted = useNear(section) || pinned.length > 0;
  const durations = useRead(store, "durations", readDurations, isWanted);
  const subject = subjectOf(view.what, vocabulary);
  const ward = view.by === "ward" ? (pinned[0]?.area.id ?? null) : null;
  const isOpenOfWard = subject !== null && placeOf(subject, ward) !== null;
  // Each is one file per year, and the list of categories needs neither.
  const open = useRead(
    store,
    isOpenOfWard ? "open wards" : "open city",
    isOpenOfWard ? readOpenOfWards : readOpenOfCity,
    isWanted && subject !== null,
  );
  if (!MARTS.some((mart) => hasMart(store.catalog, mart))) return null;
  const isRead = durations.value !== null && (subject === null || open.value !== null);
  return (
    <section class="panel" aria-labelledby="duration-title" id="duration" tabIndex={-1} ref={section}>
      <h2 id="duration-title">{text.duration.title}</h2>
      {durations.error !== null && <Failure error={durations.error} onRetry={durations.retry} />}
      {durations.error === null && open.error !== null && <Failure error={open.error} onRetry={open.retry} />}
      {durations.error === null && open.error === null && !isRead && (
        <p role="status">{text.duration.loading}…</p>
      )}
      {isRead &&
        (subject ? (
          <One {...shown} {...{ subject, ward }} durations={durations.value ?? []} open={open.value ?? []} />
        ) : (
          <Several {...shown} {...{ ward }} durations={durations.value ?? []} />
        ))}
      <details>
        <summary>{text.duration.methodTitle}</summary>
        <ul>
          {text.duration.method.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </details>
    </section>
  );
}

interface Figures {
  ward: string | null;
  durations: readonly Found[];
}

/** One category or type: a sentence, its curve, and what is still open by age. */
function One({
  subject,
  ward,
  durations,
  open,
  ...shown
}: Shown & Figures & { subject: Subject; open: readonly OpenByAge[] }) {
  const [choice] = shown.view.what;
  const found = durationOf(durations, subject, ward);
  const what = choice ? inSentence(choice) : "";
  return (
    <>
      {!found?.half && <p>{text.duration.none}</p>}
      {found?.half && (
        <p class="lead">
          {text.duration.half(what, placeNamed(found.ward, shown), found.half)}
          {found.openAfter90 !== null && `; ${text.duration.open(format.percent(found.openAfter90))}`}.
        </p>
      )}
      {found && <Curve {...shown} {...{ subject, ward: found.ward }} />}
      <OpenByAges
        shares={openOf(open, subject, ward)}
        what={what}
        place={placeNamed(placeOf(subject, ward), shown)}
      />
    </>
  );
}

/** The place that figures are of: the chosen ward, or the city. */
function placeNamed(ward: string | null, { pinned }: Pick<Shown, "pinned">): string {
  return pinned.find(({ area }) => area.id === ward)?.area.name ?? text.city;
}

function OpenByAges({
  shares,
  what,
  place,
}: {
  shares: ReturnType<typeof openOf>;
  what: string;
  place: string;
}) {
  if (shares.length === 0) return null;
  return (
    <>
      <h3>{text.duration.stillOpenTitle}</h3>
      <ul class="open-ages">
        {shares.map(({ age, requests, open }) => (
          <li key={age}>
            {text.duration.stillOpen(
              what,
              place,
              format.percent(open / requests),
              text.duration.ages[age],
              requests,
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

/** The categories with the most requests, with half of the time and the share that stays open. */
function Several({ ward, durations, answer, names, pinned, change }: Shown & Figures) {
  const rows = names.groups.names
    .map((group, at) => ({ group, requests: answer.city.groups[at] ?? 0 }))
    .filter(({ group, requests }) => isTelling(group) && requests > 0)
    .sort((a, b) => b.requests - a.requests)
    .flatMap(({ group }) => durationOf(durations, { group, type: null }, ward) ?? [])
    // A ward's list has no figures of the city.
    .filter((one) => one.half !== null && one.ward === ward)
    .slice(0, LISTED);
  if (rows.length === 0) return <p>{text.duration.none}</p>;
  return (
    <table class="choices durations">
      <caption>{text.duration.table(placeNamed(ward, { pinned }))}</caption>
      <thead>
        <tr>
          <th scope="col">{text.duration.category}</th>
          <th scope="col" class="number">
            {text.duration.halfClosed}
          </th>
          <th scope="col" class="number">
            {text.duration.openAfter}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ group, half, openAfter90 }) => (
          <tr key={group}>
            <th scope="row">
              <button
                type="button"
                onClick={() => {
                  change({ what: [{ kind: "group", name: group }] });
                }}
              >
                {group}
              </button>
            </th>
            <td class="number">{half && text.duration.days(half)}</td>
            <td class="number">{openAfter90 === null ? "–" : format.percent(openAfter90)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
