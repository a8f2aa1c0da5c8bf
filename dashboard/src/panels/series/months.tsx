import { useState } from "preact/hooks";

import type { Answer } from "../../data/answer.ts";
import { answer as answerOf } from "../../data/answer.ts";
import { DAY_MS } from "../../data/calendar.ts";
import type { Figures } from "../../data/figures.ts";
import type { Question } from "../../data/question.ts";
import { questionNamed } from "../../data/question.ts";
import { monthAt, yearOf } from "../../data/span.ts";
import type { Band, Line, Style } from "../../parts/line_chart.tsx";
import { LineChart } from "../../parts/line_chart.tsx";
import { Failure } from "../../parts/failure.tsx";
import { format, text } from "../../strings.ts";
import type { Shown } from "../../view/shown.ts";
import { useRead } from "../../view/use_read.ts";
import { chosenOf } from "../../view/view.ts";

/** Years before the last that can be drawn, and are not read at first. */
const EARLIER = 4;
const MONTHS = Array.from({ length: 12 }, (_, at) => at + 1);
const STYLES: readonly Style[] = ["first", "second", "third", "fourth"];

/** The months of the last year. The answer about days has no months, so that those of their year are read. */
export function Months(shown: Shown) {
  const { answer, store, areas } = shown;
  const { span, days } = answer.question;
  const year = yearOf(span.to);
  const { value, error, retry } = useRead(
    store,
    keyOf(shown, year),
    () => readFrom(shown, year),
    days !== null,
  );
  if (!days) return <Drawing {...shown} />;
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  if (!value) return <p role="status">{text.series.loadingMonths}…</p>;
  const figuresOf = (id: string) => value.areas[areas.findIndex((area) => area.id === id)] as Figures;
  const pinned = shown.pinned.map((one) => ({ ...one, figures: figuresOf(one.area.id) }));
  return <Drawing {...shown} answer={value} pinned={pinned} />;
}

/** The months of the last year, with earlier years behind them, or those of several areas. */
function Drawing(shown: Shown) {
  const { view, answer, store, pinned } = shown;
  const { from, to } = answer.question.span;
  const last = yearOf(to);
  const first = store.years.filter((year) => year < last).at(-EARLIER) ?? store.years[0] ?? last;
  const hasEarlier = pinned.length < 2 && first < yearOf(from) - 1;
  const key = keyOf(shown, first);
  const [wanted, setWanted] = useState<string | null>(null);
  const isWanted = hasEarlier && wanted === key;
  const earlier = useRead(store, key, () => readFrom(shown, first), isWanted);
  const history = isWanted ? earlier.value : null;
  const through = store.dataThrough;
  const lines = pinned.length > 1 ? linesOfAreas(shown, last) : linesOfYears(shown);
  // Lines of zeros would have an axis of nothing.
  if (lines.every(({ values }) => values.every((value) => !value))) return <p>{text.map.empty}</p>;
  const cut = through.getUTCFullYear() === last && !isLastDay(through) ? through.getUTCMonth() + 1 : null;
  return (
    <>
      <LineChart
        key={`${view.by} ${last}`}
        id="months"
        label={text.series.months}
        positionName={text.series.month}
        lines={history ? lines.slice(0, 1) : lines}
        band={history && bandOf(history, shown)}
        position={(at) => {
          const month = format.monthLong(at + 1);
          return cut === at + 1 ? text.series.monthUntil(month, format.dayLong(through)) : month;
        }}
        ticks={MONTHS.map((month, at) => ({ at, label: format.month(month) }))}
      />
      {hasEarlier && !isWanted && (
        <button
          type="button"
          class="link screen-only"
          onClick={() => {
            setWanted(key);
          }}
        >
          {text.series.earlier}
        </button>
      )}
      {isWanted && earlier.error !== null && <Failure error={earlier.error} onRetry={earlier.retry} />}
      {isWanted && earlier.error === null && !history && <p role="status">{text.series.loadingMonths}…</p>}
    </>
  );
}

/** The question for all months from a year on. */
function questionFrom({ answer }: Shown, first: number): Question {
  const { question } = answer;
  return { ...question, days: null, span: { from: monthAt(first, 1), to: question.span.to } };
}

/** Names the answer to that question. */
function keyOf(shown: Shown, first: number): string {
  return `months of each ${shown.view.by} ${questionNamed(questionFrom(shown, first))}`;
}

function isLastDay(day: Date): boolean {
  return new Date(day.getTime() + DAY_MS).getUTCDate() === 1;
}

/** Answers the question for all months from a year on. */
async function readFrom(shown: Shown, first: number): Promise<Answer> {
  const { store, view, vocabulary } = shown;
  const question = questionFrom(shown, first);
  const { typeList } = chosenOf(view, vocabulary);
  const need = { kind: view.by, from: first, to: yearOf(question.span.to), types: typeList };
  const { areas, names, cubes } = await store.read(need, () => undefined);
  return answerOf(question, cubes, names, areas, store.dataThrough);
}

/** The figures of the chosen area in an answer, or of the city. */
function figuresOf(answer: Answer, { pinned, areas }: Shown): Figures {
  const at = areas.findIndex(({ id }) => id === pinned[0]?.area.id);
  return at < 0 ? answer.city : (answer.areas[at] as Figures);
}

/** The months of a year; `null` for those that are not known, or without the areas of the map. */
function valuesOf(answer: Answer, figures: Figures, year: number, { pinned }: Shown): Line["values"] {
  return MONTHS.map((month) => {
    const at = monthAt(year, month) - answer.start;
    const isKnown = answer.isKnown[at] === 1 && (pinned.length === 0 || answer.mapMonths[at] === 1);
    return isKnown ? (figures.months[at] ?? 0) : null;
  });
}

/** A line for each year of the question and the previous one, the last in front. */
function linesOfYears(shown: Shown): Line[] {
  const { answer, store } = shown;
  const { from, to } = answer.question.span;
  const years = store.years.filter((year) => year >= yearOf(from) - 1 && year <= yearOf(to)).reverse();
  return years
    .map((year): Line => ({
      name: `${year}`,
      end: `${year}`,
      style: year === yearOf(to) ? "first" : "behind",
      values: valuesOf(answer, figuresOf(answer, shown), year, shown),
    }))
    .filter(({ values, style }) => style === "first" || values.some((value) => value !== null));
}

/** A line for each chosen area, of the last year. */
function linesOfAreas(shown: Shown, year: number): Line[] {
  return shown.pinned.map(({ area, figures }, at) => ({
    name: `${area.name}, ${year}`,
    end: area.id,
    style: STYLES[at] as Style,
    values: valuesOf(shown.answer, figures, year, shown),
  }));
}

/** The lowest and the highest of the earlier years. */
function bandOf(history: Answer, shown: Shown): Band {
  const { span } = history.question;
  const years = shown.store.years.filter((year) => year >= yearOf(span.from) && year < yearOf(span.to));
  const figures = figuresOf(history, shown);
  const lines = years.map((year) => valuesOf(history, figures, year, shown));
  const ranges: Band["ranges"] = MONTHS.map((_, at) => {
    const values = lines.flatMap((line) => line[at] ?? []);
    return values.length === 0 ? null : [Math.min(...values), Math.max(...values)];
  });
  const named = format.span({ from: monthAt(years[0] ?? 0, 1), to: monthAt(years.at(-1) ?? 0, 12) });
  return { name: text.series.previousYears(named), ranges };
}
