import { useEffect, useMemo, useState } from "preact/hooks";

import { Failure } from "./app.tsx";
import { Breakdowns } from "./panels/breakdowns.tsx";
import { Compare } from "./panels/compare.tsx";
import type { Answer } from "./data/answer.ts";
import { answer } from "./data/answer.ts";
import type { Area } from "./data/boundaries.ts";
import type { Names } from "./data/cube.ts";
import { readRefusals } from "./data/refusals.ts";
import type { Progress, Store } from "./data/store.ts";
import { Filters } from "./panels/filters.tsx";
import { HeatMap } from "./panels/heat_map/panel.tsx";
import { MapPanel } from "./panels/map/panel.tsx";
import { Quality } from "./panels/quality.tsx";
import { Ranking } from "./panels/ranking.tsx";
import { Series } from "./panels/series.tsx";
import { Share } from "./panels/share/share.tsx";
import { described, format, text } from "./strings.ts";
import { ThemeSwitch } from "./theme.tsx";
import { useRead } from "./view/use_read.ts";
import type { Ranked } from "./view/measures.ts";
import { rank } from "./view/measures.ts";
import type { Choice, Measure, View } from "./view/view.ts";
import { STATUS_GROUPS, chosenOf, isNarrow, misreadIn, statusesOf, yearsOfView } from "./view/view.ts";
import { useView } from "./view/use_view.ts";

/** Days after which the newest file is older than a monthly publication explains. */
const OLD_AFTER_DAYS = 45;

/** What all sections show. */
export interface Shown {
  view: View;
  answer: Answer;
  areas: Area[];
  names: Names;
  ranked: Ranked[];
  /** The measure that can be shown: a share of everything cannot. */
  measure: Measure;
  change: (change: Partial<View>) => void;
}

/** The dashboard over a catalog, which is read again where a file of it cannot be: it may have been superseded. */
export function Dashboard({ store, reopen }: { store: Store; reopen: () => void }) {
  const [view, change] = useView();
  const [shown, setShown] = useState<Shown | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<unknown>(null);

  useEffect(() => {
    let isStale = false;
    const { from, to } = yearsOfView(view, store.years);
    const { typeList, ...chosen } = chosenOf(view, store.vocabulary);
    const measure = view.measure === "share" && !isNarrow(view) ? "density" : view.measure;
    const need = { kind: view.by, from, to, types: typeList };
    setError(null);
    store
      .read(need, (step) => {
        if (!isStale) setProgress(step);
      })
      .then(({ areas, names, cubes }) => {
        if (isStale) return;
        const { season, division } = view;
        const statuses = statusesOf(view, store.vocabulary);
        const question = { from, to, chosen, season, division, statuses };
        const found = answer(question, cubes, names, areas, store.dataThrough);
        setShown({ view, answer: found, areas, names, ranked: rank(found, areas, measure), measure, change });
        setProgress(null);
      })
      .catch((reason: unknown) => {
        if (isStale) return;
        setProgress(null);
        setError(reason);
      });
    return () => {
      isStale = true;
    };
  }, [view, store]);

  const { catalog } = store;
  const isGenerated = catalog.generated;
  useEffect(() => {
    const title = text.pageTitle(described(view));
    document.title = isGenerated ? text.generated.title(title) : title;
  }, [view, isGenerated]);

  const published = catalog.as_of === null ? null : new Date(catalog.as_of);
  const through = format.day(store.dataThrough);
  const publishedOn = published && format.day(published);
  const age = published && Math.floor((Date.now() - published.getTime()) / 86_400_000);
  const refusals = useRead(store, "refusals", readRefusals);
  const notUpToDate =
    refusals.error !== null || refusals.value?.length ? text.notUpToDate(refusals.value) : null;
  const unknown = unknownChoices({ view, store, shown });
  const divisions = [...(shown?.names.divisions.names ?? [])].sort();

  const sections = useMemo(
    () =>
      shown && (
        <>
          <Headline {...shown} />
          <div class="columns">
            <MapPanel {...shown} />
            <Ranking {...shown} />
          </div>
          <Compare {...shown} />
          <Series {...shown} store={store} />
          <Later>
            <HeatMap {...shown} />
          </Later>
          <Breakdowns {...shown} store={store} />
          {!view.embed && <Quality store={store} />}
        </>
      ),
    [shown],
  );

  return (
    <div class={view.embed ? "page embedded" : "page"}>
      {!view.embed && (
        <header class="top">
          <a class="skip" href="#ranking">
            {text.skip}
          </a>
          <div class="top-inner">
            <div>
              <h1>{text.title}</h1>
              <p class="subtitle">{text.subtitle}</p>
            </div>
            <div class="top-side">
              <p class="as-of">
                {isGenerated ? text.generated.asOf(through) : text.asOf(through, publishedOn)}
                {notUpToDate && (
                  <>
                    {" · "}
                    {/* The section is there once the requests are. */}
                    {shown && error === null ? <a href="#refusals">{notUpToDate}</a> : notUpToDate}
                  </>
                )}
              </p>
              <ThemeSwitch />
            </div>
          </div>
        </header>
      )}
      <main aria-busy={progress !== null || (error === null && shown?.view !== view)}>
        {view.embed && <h1 class="hidden">{text.title}</h1>}
        {!view.embed && <Filters view={view} change={change} store={store} divisions={divisions} />}
        {progress && (
          <progress class="loading" aria-label={text.loading} value={progress.done} max={progress.of} />
        )}
        {!isGenerated && age !== null && age > OLD_AFTER_DAYS && (
          <p class="note warning">{text.oldData(age)}</p>
        )}
        {unknown.map((sentence) => (
          <p key={sentence} class="note warning">
            {sentence}
          </p>
        ))}
        {error !== null && <Failure error={error} onRetry={reopen} />}
        {error === null && !shown && <p role="status">{text.loading}…</p>}
        {error === null && sections}
        {error === null && shown && <Share {...shown} catalog={catalog} />}
      </main>
      <footer>
        <p>
          {isGenerated ? `${text.generated.notice}. ${text.generated.boundaries}` : catalog.attribution}{" "}
          {catalog.licence && (
            <>
              (<a href={catalog.licence.url}>{catalog.licence.name}</a>){" "}
            </>
          )}
          {text.boundaries}
        </p>
        {view.embed && notUpToDate && <p>{notUpToDate}.</p>}
        {!view.embed && (
          <p>
            <a href="docs/index.html">{text.docs}</a> · <a href="data/catalog.json">{text.data}</a>
          </p>
        )}
      </footer>
    </div>
  );
}

/** A sentence for each kind of choice that the address makes and the data, or the page, do not know. */
function unknownChoices({ view, store, shown }: { view: View; store: Store; shown: Shown | null }): string[] {
  const { groups, types, statuses } = store.vocabulary;
  const { from, to } = yearsOfView(view, store.years);
  const years = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  const names = (all: readonly { name: string }[]) => all.map(({ name }) => name);
  const asked = (kind: Choice["kind"]) => names(view.what.filter((one) => one.kind === kind));
  const without = <T,>(all: (T | null)[], known: readonly T[]) =>
    [...new Set(all)].filter((one) => one !== null && !known.includes(one));
  const what = [...without(asked("group"), names(groups)), ...without(asked("type"), names(types))];
  const unknown: [sentence: (names: string) => string, names: unknown[]][] = [
    [text.misread, misreadIn(location.search)],
    [text.unknown.year, without([view.from, ...years, view.to], store.years)],
    [text.unknown.what, what],
    [text.unknown.status, without([view.status], [...STATUS_GROUPS, ...names(statuses)])],
  ];
  // Divisions and areas are known once they are read.
  if (shown?.view === view) {
    unknown.push(
      [text.unknown.division, without([view.division], shown.names.divisions.names)],
      [
        text.unknown.area,
        without(
          view.pins,
          shown.areas.map(({ id }) => id),
        ),
      ],
    );
  }
  return unknown.flatMap(([sentence, names]) => (names.length > 0 ? sentence(names.join(", ")) : []));
}

/** The answer in a sentence. */
function Headline({ view, answer, ranked, measure }: Shown) {
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
            {text.changeOn(
              format.signed(city.comparable / city.yearBefore - 1),
              question.to - 1,
              comparableMonths.length,
            )}
          </span>
        )}
        {leader?.value != null && leftOut < city.requests && (
          <span class="aside" data-figure="leader">
            {text.leader(leader.area.name, measure, leader.value, answer.comparableOnMap)}
          </span>
        )}
      </p>
    </section>
  );
}

/** Renders its children once the browser has painted what is more urgent. */
function Later({ children }: { children: preact.ComponentChildren }) {
  const [ready, setReady] = useState<preact.ComponentChildren>(null);
  useEffect(() => {
    const timer = setTimeout(() => {
      setReady(children);
    }, 60);
    return () => {
      clearTimeout(timer);
    };
  }, [children]);
  return <>{ready}</>;
}
