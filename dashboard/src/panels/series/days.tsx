import { useEffect, useState } from "preact/hooks";

import { DAY_MS, LEAP_YEAR, dayOf, yearBefore } from "../../data/calendar.ts";
import { readDays } from "../../data/days.ts";
import { yearOf } from "../../data/span.ts";
import { Failure } from "../../parts/failure.tsx";
import type { Line } from "../../parts/line_chart.tsx";
import { LineChart } from "../../parts/line_chart.tsx";
import { format, text } from "../../strings.ts";
import { LEAST_BASE } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import type { SeriesKind } from "../../view/view.ts";
import { chosenOf } from "../../view/view.ts";

/** Days of the whole city by year. */
type DaysOfYears = ReadonlyMap<number, Uint32Array>;

/** The running total of the year, or the last days of the data, each with the year before. */
export function Days({
  view,
  answer,
  store,
  vocabulary,
  series,
}: Shown & { series: Exclude<SeriesKind, "month"> }) {
  const [days, setDays] = useState<DaysOfYears | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  const count = series === "day" ? null : Number(series);
  // The last days are those of the data, whatever months are chosen.
  const last = count === null ? yearOf(answer.question.span.to) : store.dataThrough.getUTCFullYear();
  useEffect(() => {
    let isStale = false;
    const chosen = chosenOf(view, vocabulary);
    const key = (year: number) => `days ${year} ${JSON.stringify(view.what)}`;
    const read = async (year: number) =>
      [year, await store.once(key(year), () => readDays(store.catalog, year, chosen))] as const;
    setError(null);
    setDays(null);
    Promise.all([last, last - 1, ...(count === null ? [] : [last - 2])].map(read)).then(
      (found) => {
        if (!isStale) setDays(new Map(found));
      },
      (reason: unknown) => {
        if (!isStale) setError(reason);
      },
    );
    return () => {
      isStale = true;
    };
  }, [last, count, view.what, vocabulary, store, attempt]);
  if (error !== null) {
    return (
      <Failure
        error={error}
        onRetry={() => {
          setAttempt(attempt + 1);
        }}
      />
    );
  }
  if (!days) return <p role="status">{text.series.loading}…</p>;
  return (
    <>
      <p class="help">{text.series.wholeCity}</p>
      {count === null ? (
        <RunningTotal days={days} year={last} />
      ) : (
        <LastDays days={days} count={count} name={text.series.kinds[series]} through={store.dataThrough} />
      )}
    </>
  );
}

function RunningTotal({ days, year }: { days: DaysOfYears; year: number }) {
  const date = (at: number) => new Date(Date.UTC(LEAP_YEAR, 0, 1 + at));
  const lines = [year, year - 1].flatMap((one, at): Line[] => {
    const values = cumulative(days.get(one) ?? new Uint32Array());
    if (at > 0 && values.length === 0) return [];
    return [{ name: `${one}`, end: `${one}`, style: at === 0 ? "first" : "behind", values }];
  });
  const ticks = Array.from({ length: 12 }, (_, month) => ({
    at: dayOf(new Date(Date.UTC(LEAP_YEAR, month, 1))),
    label: format.month(month + 1),
  }));
  return (
    <LineChart
      id="days"
      label={text.series.since}
      positionName={text.series.day}
      lines={lines}
      position={(at) => format.dayShort(date(at))}
      ticks={ticks}
    />
  );
}

function LastDays({
  days,
  count,
  name,
  through,
}: {
  days: DaysOfYears;
  count: number;
  name: string;
  through: Date;
}) {
  const datesTo = (last: Date) =>
    Array.from({ length: count }, (_, at) => new Date(last.getTime() - (count - 1 - at) * DAY_MS));
  const dates = datesTo(through);
  const valueOn = (date: Date): number | null => {
    const ofYear = days.get(date.getUTCFullYear());
    return ofYear && ofYear.length > 0 ? (ofYear[dayOf(date)] ?? 0) : null;
  };
  const now = dates.map(valueOn);
  // As many days, also around a leap day.
  const before = datesTo(yearBefore(through)).map(valueOn);
  const sum = (values: Line["values"]) => values.reduce<number>((all, value) => all + (value ?? 0), 0);
  const change = before.includes(null) || sum(before) < LEAST_BASE ? null : sum(now) / sum(before) - 1;
  const size = change === null ? "" : format.percent(Math.abs(change));
  const ticks = dates.flatMap((date, at) =>
    count > 100
      ? date.getUTCDate() === 1
        ? [{ at, label: format.dayShort(date) }]
        : []
      : at % 7 === 0
        ? [{ at, label: format.dayShort(date) }]
        : [],
  );
  const previous: Line[] = before.every((value) => value === null)
    ? []
    : [{ name: text.series.previous, end: "", style: "behind", values: before }];
  return (
    <>
      <p data-figure="last-days">
        {text.series.lastDays(
          count,
          format.day(dates[0] ?? through),
          format.day(through),
          sum(now),
          change === null ? null : change < 0 ? text.series.fewer(size) : text.series.more(size),
        )}
      </p>
      <LineChart
        key={count}
        id="days"
        label={text.series.daysOf(count)}
        positionName={text.series.day}
        lines={[{ name, end: "", style: "first", values: now }, ...previous]}
        position={(at) => format.day(dates[at] ?? through)}
        ticks={ticks}
      />
    </>
  );
}

function cumulative(days: Uint32Array): number[] {
  let total = 0;
  return Array.from(days, (requests) => (total += requests));
}
