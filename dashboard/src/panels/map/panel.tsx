import { focusAround } from "../../parts/focus.ts";
import { Legend } from "../../parts/legend.tsx";
import { text } from "../../strings.ts";
import { CHANGE_CLASSES, classify } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { Classes } from "../../view/view.ts";
import { CLASSES, MEASURES, isNarrow } from "../../view/view.ts";
import { Choropleth } from "./choropleth.tsx";
import { legendOf } from "./colours.ts";
import "./map.css";

/** The map with the choice of its measure, its legend, and a note about requests that are not on it. */
export function MapPanel(shown: Shown) {
  const { view, answer, ranked, measure, change } = shown;
  const values = ranked.flatMap(({ value }) => (value === null ? [] : [value]));
  const classes = measure === "change" ? CHANGE_CLASSES : classify(values, view.classes);
  const { from, to } = answer.question;
  const { withoutArea, offMap, city } = answer;
  const hasShare = isNarrow(view);
  const leftOut = text.offMap[view.by](offMap, withoutArea, city.requests, from <= 2018);
  return (
    <section class="panel map-panel" aria-labelledby="map-title" tabIndex={-1}>
      <h2 id="map-title">{text.map(measure, view.by, from, to)}</h2>
      <div class="controls">
        <fieldset class="segments small">
          <legend class="hidden">{text.measure}</legend>
          {MEASURES.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={measure === one}
              disabled={one === "share" && !hasShare}
              title={text.measureHelp[one]}
              onClick={() => {
                change({ measure: one, sort: "measure", ascending: false });
              }}
            >
              {text.measures(one, to)}
            </button>
          ))}
        </fieldset>
      </div>
      <p class="help">
        {measure === "change" ? text.changeHelp(to, answer.comparableOnMap) : text.measureHelp[measure]}{" "}
        {!hasShare && text.shareNeedsChoice}
      </p>
      <Choropleth {...shown} classes={classes} />
      <div class="legend-row">
        <Legend colours={legendOf(measure, classes)} hasNone={values.length < ranked.length} />
        {measure !== "change" && (
          <label class="inline">
            {text.classes}{" "}
            <select
              value={view.classes}
              onChange={(event) => {
                change({ classes: event.currentTarget.value as Classes });
              }}
            >
              {CLASSES.map((one) => (
                <option key={one} value={one} selected={one === view.classes}>
                  {text.classesNames[one]}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {withoutArea + offMap > 0 && (
        <p class="note" data-note="off-map">
          {leftOut}{" "}
          {view.by === "ward" && offMap > 0 && (
            <button
              type="button"
              class="link"
              onClick={(event) => {
                focusAround(event.currentTarget);
                change({ by: "fsa", pins: [] });
              }}
            >
              {text.showByFsa}
            </button>
          )}
        </p>
      )}
    </section>
  );
}
