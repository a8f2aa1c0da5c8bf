import { useEffect, useState } from "preact/hooks";

import { Failure } from "../parts/failure.tsx";
import type { Shown } from "../view/shown.ts";
import { LEAP_YEAR, dayOf, seasonOf } from "../data/calendar.ts";
import { readDays } from "../data/days.ts";
import type { Store } from "../data/store.ts";
import type { Line } from "../parts/line_chart.tsx";
import { LineChart } from "../parts/line_chart.tsx";
import { nameOf } from "../data/boundaries.ts";
import { format, text, years } from "../strings.ts";
import type { SeriesKind } from "../view/view.ts";
import { SERIES, chosenOf } from "../view/view.ts";

/** Requests over time: by month, or as a running total by day, with the previous year behind. */
export function Series(shown: Shown & { store: Store }) {
  const { view, change } = shown;
  return (
    <section class="panel" aria-labelledby="series-title" id="series" tabIndex={-1}>
      <h2 id="series-title">{text.series}</h2>
      <fieldset class="segments small controls">
        <legend class="hidden">{text.series}</legend>
        {SERIES.map((kind: SeriesKind) => (
          <button
            key={kind}
            type="button"
            aria-pressed={view.series === kind}
            onClick={() => {
              change({ series: kind });
            }}
          >
            {text.seriesKinds[kind]}
          </button>
        ))}
      </fieldset>
      {view.series === "month" ? <Months {...shown} /> : <Days {...shown} />}
    </section>
  );
}

function Months({ view, answer, ranked, areas, store }: Shown & { store: Store }) {
  const { from, to, season } = answer.question;
  const count = (to - from + 1) * 12;
  const through = store.dataThrough;
  const hasMonth = (at: number) =>
    store.years.includes(from + Math.floor(at / 12)) &&
    Date.UTC(from, at, 1) <= through.getTime() &&
    (season === null || seasonOf(((at + 12) % 12) + 1) === season);
  const monthName = (at: number) => {
    const month = format.monthYear(new Date(Date.UTC(from, at, 1)));
    const isCut = Date.UTC(from, at, 1) <= through.getTime() && Date.UTC(from, at + 1, 0) > through.getTime();
    return isCut ? text.monthUntil(month, format.dayLong(through)) : month;
  };
  const onMap = (at: number) => answer.mapMonths[12 + at] === 1;
  const values = (months: Uint32Array, shift: number, isOfArea: boolean) =>
    Array.from({ length: count }, (_, index) => {
      const at = index - shift;
      return hasMonth(at) && (!isOfArea || onMap(at)) ? (months[12 + at] ?? 0) : null;
    });
  const pinned = view.pins.flatMap((id) => ranked.find(({ area }) => area.id === id) ?? []);
  const [first, second] = pinned;
  const lines: Line[] = [];
  const front = first?.figures ?? answer.city;
  const name = first ? nameOf(first.area, view.by) : text.city;
  lines.push({
    name: `${name}, ${years(from, to)}`,
    style: "first",
    values: values(front.months, 0, !!first),
  });
  if (second) {
    lines.push({
      name: `${nameOf(second.area, view.by)}, ${years(from, to)}`,
      style: "second",
      values: values(second.figures.months, 0, true),
    });
  } else if (store.years.includes(from - 1) || from < to) {
    lines.push({
      name: `${name}, ${text.yearBefore}`,
      style: "behind",
      values: values(front.months, 12, !!first),
    });
  }
  if (lines.every(({ values }) => values.every((value) => value === null))) return <p>{text.mapEmpty}</p>;
  const yearCount = to - from + 1;
  const ticks = Array.from({ length: count }, (_, at) => at).flatMap((at) => {
    const month = (at % 12) + 1;
    if (yearCount <= 1) return [{ at, label: format.month(month) }];
    if (yearCount <= 3)
      return month % 3 === 1 ? [{ at, label: month === 1 ? `${from + at / 12}` : format.month(month) }] : [];
    return month === 1 ? [{ at, label: `${from + at / 12}` }] : [];
  });
  return (
    <LineChart
      key={areas.length}
      id="months"
      label={text.seriesMonth}
      positionName={text.month}
      lines={lines}
      position={monthName}
      ticks={ticks}
    />
  );
}

function Days({ view, answer, store }: Shown & { store: Store }) {
  const [lines, setLines] = useState<Line[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  const { to } = answer.question;
  useEffect(() => {
    let isStale = false;
    const chosen = chosenOf(view, store.vocabulary);
    const key = (year: number) => `days ${year} ${JSON.stringify(view.what)}`;
    const read = (year: number) => store.once(key(year), () => readDays(store.catalog, year, chosen));
    setError(null);
    setLines(null);
    Promise.all([read(to), read(to - 1)]).then(
      ([now, before]) => {
        if (isStale) return;
        const next: Line[] = [{ name: `${to}`, style: "first", values: cumulative(now) }];
        if (before.length > 0) next.push({ name: `${to - 1}`, style: "behind", values: cumulative(before) });
        setLines(next);
      },
      (reason: unknown) => {
        if (!isStale) setError(reason);
      },
    );
    return () => {
      isStale = true;
    };
  }, [to, view.what, store, attempt]);
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
  if (!lines) return <p role="status">{text.loadingDays}…</p>;
  const date = (at: number) => new Date(Date.UTC(LEAP_YEAR, 0, 1 + at));
  const ticks = Array.from({ length: 12 }, (_, month) => ({
    at: dayOf(new Date(Date.UTC(LEAP_YEAR, month, 1))),
    label: format.month(month + 1),
  }));
  return (
    <>
      <p class="help">{text.wholeCityOnly}</p>
      <LineChart
        id="days"
        label={text.seriesDay}
        positionName={text.dayOfYear}
        lines={lines}
        position={(at) => format.dayShort(date(at))}
        ticks={ticks}
      />
    </>
  );
}

function cumulative(days: Uint32Array): number[] {
  let total = 0;
  return Array.from(days, (requests) => (total += requests));
}
