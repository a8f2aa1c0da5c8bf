import type { ComponentChildren } from "preact";

import type { Progress } from "../data/store.ts";
import { format, text } from "../strings.ts";
import { aboutOf, changeOf, nameOf, questionOnMap, rateOf, whenOf } from "../view/describe.ts";
import type { Ranked } from "../view/measures.ts";
import { measuredOfCity, showsInterval } from "../view/measures.ts";
import type { Shown } from "../view/shown.ts";
import { NO_FILTERS } from "../view/view.ts";
import "./answer.css";

/** Letters that fit into a line of the largest and of the second largest size. */
const SHORT = 96;
const MEDIUM = 125;

/** The answer in a sentence about the chosen areas or the city, with what puts it in context, and tools beside it. */
export function Answer({
  isOld,
  progress = null,
  children,
  ...shown
}: Shown & {
  /** Whether a newer choice is still being read. */
  isOld: boolean;
  /** What is being read for it. */
  progress?: Progress | null;
  children: ComponentChildren;
}) {
  const isEmpty = shown.answer.city.requests === 0;
  return (
    <section class="answer" id="answer" tabIndex={-1} aria-label={text.answer.label}>
      <div class={isOld ? "said-answer old" : "said-answer"} role="status">
        {isEmpty ? <Nothing {...shown} /> : <Sentences {...shown} />}
      </div>
      <div class="tools">
        {isOld && (
          <p class="updating" role="status">
            <strong>{text.answer.updating(progress)}</strong> {text.answer.old}
          </p>
        )}
        {children}
      </div>
    </section>
  );
}

function Sentences(shown: Shown) {
  const sentence = sentenceOf(shown);
  return (
    <>
      <h2 class={sizeOf(sentence)}>{sentence}</h2>
      <p class="context">{contextOf(shown).join(" ")}</p>
    </>
  );
}

/** The style of a sentence that keeps its height whatever it says, so that a choice moves nothing below. */
function sizeOf(sentence: string): string {
  return sentence.length <= SHORT ? "" : sentence.length <= MEDIUM ? "medium" : "long";
}

/** The sentence of the first chosen area, followed by the numbers of the others, or that of the city. */
export function sentenceOf({ view, answer, pinned, store }: Shown): string {
  const { city, question } = answer;
  const [first, ...others] = pinned;
  const figures = first?.figures ?? city;
  const when = whenOf(view, first ? questionOnMap(answer) : question, store.dataThrough);
  if (!figures.isKnown) return text.answer.unknown(pinned.map(shortName), when);
  const made = text.answer.made(first ? shortName(first) : text.city, figures.requests, aboutOf(view), when);
  if (others.length > 0) {
    return `${text.and([made, ...others.map((one) => text.answer.also(shortName(one), one.figures.requests))])}.`;
  }
  return `${made}${text.answer.andChanged(changeOf(answer, figures, first !== undefined))}.`;
}

/** The city beside an area, its rank and its rate, or the area that leads. */
function contextOf(shown: Shown): string[] {
  const { view, answer, ranked, pinned, measure } = shown;
  const perPeriod = text.answer.ratesOf(measure, rateOf(answer));
  const [one] = pinned;
  if (!one || pinned.length > 1) return [...leaderOf(shown), perPeriod].filter(Boolean);
  const count = ranked.filter(({ rank }) => rank !== null).length;
  const city = measuredOfCity(measure, answer, ranked);
  // In the months of the area.
  const isPart = questionOnMap(answer) !== answer.question;
  const ofCity = isPart ? answer.cityOfMap : answer.city;
  const rate =
    one.value !== null && one.interval && showsInterval(measure)
      ? text.answer.rate(
          measure,
          format.measure(measure, one.value),
          format.interval(measure, one.interval),
          format.measure(measure, city.value),
        )
      : "";
  return [
    // Right after the sentence about the area, because it begins with "that".
    ...(rate ? [rate] : []),
    text.answer.cityToo(ofCity.requests, changeOf(answer, ofCity, isPart)),
    ...(view.by === "ward" && !one.figures.isKnown ? [text.about.old] : []),
    ...(one.rank === null ? [] : [text.answer.rank(shortName(one), one.rank, count, view.by)]),
    ...(rate && isLikeCity(one, city.value) ? [text.answer.likeCity] : []),
    perPeriod,
  ].filter(Boolean);
}

/** Whether the interval of an area contains the value of the city. */
function isLikeCity({ interval }: Ranked, city: number | null): boolean {
  return city !== null && interval !== null && interval.low <= city && city <= interval.high;
}

function leaderOf({ view, ranked, measure }: Shown): string[] {
  const leader = ranked.find(({ rank }) => rank === 1);
  if (leader?.value == null) return [];
  const { comparable, yearBefore } = leader.figures;
  const name = nameOf(leader.area, view.by);
  const written = format.measure(measure, leader.value);
  const numbers = text.answer.fromTo(yearBefore, comparable);
  return [
    measure === "change" && leader.value < 0
      ? text.answer.smallestDecrease(name, written, numbers)
      : text.answer.leader(measure, name, written, numbers),
  ];
}

/** What matches no request, which filter is to blame, and a button that clears all. */
function Nothing({ answer, change }: Shown) {
  const sum = (counts: Map<string, number>) => [...counts.values()].reduce((all, one) => all + one, 0);
  const blame = text.answer.blame;
  // The lists of statuses and divisions leave out their own filter.
  const [byStatus, byDivision] = [sum(answer.byStatus), sum(answer.byDivision)];
  const why =
    byStatus > 0
      ? blame.status(byStatus)
      : byDivision > 0
        ? blame.division(byDivision)
        : answer.city.ofAllTypes > 0
          ? blame.what(answer.city.ofAllTypes)
          : "";
  return (
    <>
      <h2>{text.answer.empty}</h2>
      <p class="context">
        {why}{" "}
        <button
          type="button"
          onClick={() => {
            document.getElementById("where")?.focus();
            change(NO_FILTERS);
          }}
        >
          {text.ask.clear}
        </button>
      </p>
    </>
  );
}

/** The name of an area without its number, which the fields and the panel show. */
function shortName({ area }: Ranked): string {
  return area.name;
}
