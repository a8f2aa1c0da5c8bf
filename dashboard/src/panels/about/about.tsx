import { useRef } from "preact/hooks";

import type { AreaKind } from "../../data/area_kind.ts";
import { readChanges } from "../../data/changes.ts";
import { readDenominators } from "../../data/denominators.ts";
import type { Store } from "../../data/store.ts";
import { Failure } from "../../parts/failure.tsx";
import { REPORT } from "../../parts/header.tsx";
import { text } from "../../strings.ts";
import { useNear } from "../../view/use_near.ts";
import { useRead } from "../../view/use_read.ts";
import { Quality } from "./quality.tsx";
import "./about.css";

/** The City's dataset. */
const DATASET = "https://open.toronto.ca/dataset/311-service-requests-customer-initiated/";
/** The source of the names of neighbourhoods, which wants to be named with its licence. */
const GEONAMES = "https://www.geonames.org/";
const CC_BY = "https://creativecommons.org/licenses/by/4.0/";
/** Changes that are listed. */
const LISTED = 12;

/** What the data cover and what not, where they come from, and what happened to every row. */
export function About({ store, by }: { store: Store; by: AreaKind }) {
  const { generated: isGenerated } = store.catalog;
  const notes = [
    ...(isGenerated ? [text.generated.qualityNote] : text.about.coverage),
    text.where.notNeighbourhood,
    text.about.old,
    text.about.renamed,
  ];
  const denominators = useRead(store, `denominators ${by}`, (catalog) => readDenominators(catalog, by));
  const sources = [
    ...new Set([...(denominators.value?.values() ?? [])].flatMap(({ source }) => source ?? [])),
  ];
  return (
    <section class="panel about" aria-labelledby="about-title" id="about" tabIndex={-1}>
      <h2 id="about-title">{text.about.title}</h2>
      <div class="about-columns">
        <ul class="notes">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
          {sources.length > 0 && <li>{text.about.census(sources)}</li>}
          <li>
            {text.about.places.names}{" "}
            <a href={GEONAMES} target="_blank" rel="noreferrer">
              {text.about.places.source}
            </a>{" "}
            (
            <a href={CC_BY} target="_blank" rel="noreferrer">
              {text.about.places.licence}
            </a>
            )
          </li>
        </ul>
        <div>
          <h3>{text.about.termsTitle}</h3>
          <dl class="terms">
            {text.about.terms.map(([term, meaning]) => (
              <div key={term}>
                <dt>{term}</dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
          <p>
            <a href={DATASET} target="_blank" rel="noreferrer">
              {text.about.source}
            </a>{" "}
            ·{" "}
            <a href={REPORT} target="_blank" rel="noreferrer">
              {text.about.report}
            </a>
          </p>
        </div>
      </div>
      {denominators.error !== null && <Failure error={denominators.error} onRetry={denominators.retry} />}
      <Changes store={store} />
      <Quality store={store} />
    </section>
  );
}

/** What the City changed when it published a year again. A catalog without the mart, or of another form, has nothing. */
function Changes({ store }: { store: Store }) {
  const place = useRef<HTMLDivElement>(null);
  const { value, error, retry } = useRead(store, "changes", readChanges, useNear(place));
  return (
    <div ref={place}>
      {error !== null && <Failure error={error} onRetry={retry} />}
      {value !== null && value.length > 0 && (
        <>
          <h3>{text.about.changes}</h3>
          <ul class="notes">
            {value.slice(0, LISTED).map((change) => (
              <li key={`${change.year} ${change.on.getTime()}`}>{text.about.change(change)}</li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
