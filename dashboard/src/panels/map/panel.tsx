import { useEffect, useState } from "preact/hooks";

import { fetchBoundaries } from "../../data/boundaries.ts";
import { Failure } from "../../parts/failure.tsx";
import { focusAround } from "../../parts/focus.ts";
import { text } from "../../strings.ts";
import { periodNamed, questionOnMap } from "../../view/describe.ts";
import { leftOutOf } from "../../view/left_out.ts";
import { hasDenominators } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { Measure } from "../../view/view.ts";
import { useRead } from "../../view/use_read.ts";
import { MEASURES, isNarrow } from "../../view/view.ts";
import type { Pointing } from "./choropleth.tsx";
import { Choropleth } from "./choropleth.tsx";
import { MapLegend } from "./legend.tsx";
import "./map.css";

/** The map with the choice of its measure, its legend, and notes about what it does not show. */
export function MapPanel({ pointed, onPoint, ...shown }: Shown & Pointing) {
  const { view, measure, answer } = shown;
  return (
    <section
      class="panel map-panel"
      aria-label={text.map.title(measure, view.by, periodNamed(questionOnMap(answer)))}
      tabIndex={-1}
      id="map-panel"
    >
      {shown.view.embed === null && <Measures {...shown} />}
      <Drawing key={shown.view.by} {...shown} {...{ pointed, onPoint }} />
      <MapLegend {...shown} />
      <Notes {...shown} />
    </section>
  );
}

/** The map, once the boundaries of its kind of area are read. */
function Drawing(props: Shown & Pointing) {
  const { store, view } = props;
  const { value, error, retry } = useRead(store, `boundaries ${view.by}`, () => fetchBoundaries(view.by));
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  if (value) return <Choropleth {...props} boundaries={value} />;
  return (
    <p class="map unread" role="status" aria-busy="true">
      {text.map.loading}…
    </p>
  );
}

/** The measures, as buttons over the map and the ranking. One that is not possible says why. */
function Measures({ view, measure, areas, change }: Shown) {
  const [said, say] = useState("");
  useEffect(() => {
    say("");
  }, [view]);
  const reasons = (one: Measure) =>
    !hasDenominators(one, areas)
      ? text.homesNeeded
      : one === "share" && !isNarrow(view)
        ? text.shareNeedsChoice
        : null;
  return (
    <div class="measures">
      <fieldset class="segments tabs">
        <legend class="hidden">{text.map.measures}</legend>
        {MEASURES.map((one) => {
          const reason = reasons(one);
          return (
            <button
              key={one}
              type="button"
              aria-pressed={measure === one}
              aria-disabled={reason !== null}
              title={reason ?? text.measureHelp[one]}
              onClick={() => {
                if (reason === null) change({ measure: one, sort: "measure", ascending: false });
                else say(reason);
              }}
              onBlur={() => {
                say("");
              }}
            >
              {text.measureTab(one, view.by)}
            </button>
          );
        })}
      </fieldset>
      {said !== "" && (
        <p class="said" role="status">
          {said}
        </p>
      )}
    </div>
  );
}

/** What the map does not show, and how to read it. */
function Notes({ view, answer, measure, scale, ranked, change }: Shown) {
  const leftOut = leftOutOf({ view, answer });
  const isKnown = ranked.some(({ value }) => value !== null);
  return (
    <div class="map-notes">
      {isKnown && scale.flat && <p>{text.map.flat[scale.flat](view.by)}</p>}
      {isKnown && !scale.flat && scale.ratio !== null && <p>{text.map.ratio(view.by, scale.ratio)}</p>}
      <p>{text.measureHelp[measure]}</p>
      {view.by === "fsa" && <p>{text.where.notNeighbourhood}</p>}
      {leftOut !== null && (
        <p data-note="off-map">
          {leftOut}{" "}
          {view.by === "ward" && answer.offMap > 0 && (
            <button
              type="button"
              class="link"
              onClick={(event) => {
                focusAround(event.currentTarget);
                change({ by: "fsa", pins: [], zoom: null });
              }}
            >
              {text.map.showByFsa}
            </button>
          )}
        </p>
      )}
    </div>
  );
}
