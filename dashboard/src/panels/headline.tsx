import { format, text } from "../strings.ts";
import { described } from "../view/describe.ts";
import type { Shown } from "../view/shown.ts";
import "./headline.css";

/** The answer in a sentence: requests, change, and the area that leads. */
export function Headline({ view, answer, ranked, measure }: Shown) {
  const { city, question, withoutArea, offMap, comparableMonths } = answer;
  const what = described(view);
  if (city.requests === 0) {
    return (
      <p class="note" role="status">
        {text.empty}
      </p>
    );
  }
  const leader = ranked.find(({ rank }) => rank === 1);
  const hasChange = city.yearBefore > 0;
  const leftOut = withoutArea + offMap;
  return (
    <section class="headline" aria-label={what} role="status">
      <h2>{what}</h2>
      <p>
        <strong class="figure" data-figure="requests">
          {format.integer(city.requests)}
        </strong>{" "}
        {text.headline(city.requests)} {text.inYears(question.from, question.to)}
        {hasChange && (
          <span class="aside" data-figure="change">
            {text.changeFrom(city.comparable / city.yearBefore - 1, question.to - 1, comparableMonths)}
          </span>
        )}
        {leader?.value != null && leftOut < city.requests && (
          <span class="aside" data-figure="leader">
            {text.leader(leader.area.name, measure, leader.value, leader.figures, answer.comparableOnMap)}
          </span>
        )}
      </p>
    </section>
  );
}
