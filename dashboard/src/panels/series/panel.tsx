import { Segments } from "../../parts/segments.tsx";
import { text } from "../../strings.ts";
import { placesNamed } from "../../view/describe.ts";
import type { Shown } from "../../view/shown.ts";
import { SERIES, seriesOf } from "../../view/view.ts";
import { Days } from "./days.tsx";
import { Months } from "./months.tsx";
import "./series.css";

/** Requests over time: by month with the years over each other, or by day. */
export function Series(shown: Shown) {
  const { view, change } = shown;
  const series = seriesOf(view);
  const usual = seriesOf({ ...view, series: null });
  const name = placesNamed(shown) ?? text.city;
  return (
    <section class="panel" aria-labelledby="series-title" id="series" tabIndex={-1}>
      <h2 id="series-title">{series === "month" ? text.series.title(name) : text.series.titleDays}</h2>
      {view.embed === null && (
        <Segments
          label={text.series.label}
          values={SERIES}
          chosen={series}
          name={(kind) => text.series.kinds[kind]}
          onChoose={(one) => {
            change({ series: one === usual ? null : one });
          }}
        />
      )}
      {series === "month" ? <Months {...shown} /> : <Days {...shown} series={series} />}
    </section>
  );
}
