import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { feedOf } from "../../data/feeds.ts";
import { readFsaWards } from "../../data/fsa_wards.ts";
import { placesIn, readPlaces } from "../../data/places.ts";
import { Failure } from "../../parts/failure.tsx";
import { format, text } from "../../strings.ts";
import { changeOf, nameOf, yearBeforeOf } from "../../view/describe.ts";
import type { Ranked } from "../../view/measures.ts";
import { hasDenominators, measuredOfCity, rank, showsInterval } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import { useRead } from "../../view/use_read.ts";
import type { Measure } from "../../view/view.ts";
import { MEASURES, MOST_PINS, isNarrow } from "../../view/view.ts";
import { openIn } from "../../view/open_share.ts";
import { isTelling } from "../../view/telling.ts";
import "./area_panel.css";

/** Categories that are listed as those with the most requests. */
const TOP = 5;

/** The figures of the chosen areas beside the city's. One area also has its ranks and what it reports most. */
export function AreaPanel({
  isSheet,
  hasRanking,
  ...shown
}: Shown & {
  /** Whether it lies over the bottom of a small screen. */
  isSheet: boolean;
  /** Whether the ranking is on the screen as well. */
  hasRanking: boolean;
}) {
  const { view, pinned, change } = shown;
  const panel = useRef<HTMLElement>(null);
  useMapAbove(panel);
  const [one] = pinned;
  const title = one && pinned.length === 1 ? nameOf(one.area, view.by) : text.area.compareTitle;
  return (
    <section
      class={isSheet ? "panel area-panel sheet" : "panel area-panel"}
      aria-labelledby="area-title"
      ref={panel}
    >
      <div class="area-head">
        <h2 id="area-title">{title}</h2>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            document.getElementById("where")?.focus({ preventScroll: true });
            change({ pins: [] });
          }}
        >
          {hasRanking ? `${text.area.close} ×` : `← ${text.area.back[view.by]}`}
        </button>
      </div>
      <FiguresTable {...shown} />
      {pinned.length === MOST_PINS && <p class="help">{text.area.mostOf(MOST_PINS)}</p>}
      {pinned.length > 1 && <p class="help">{text.compareNote}</p>}
      {one && pinned.length === 1 && (
        <>
          <Top {...shown} one={one} />
          <Around {...shown} one={one} />
          {view.by === "fsa" && <WardsOf {...shown} one={one} />}
          <p class="area-actions">
            <button
              type="button"
              class="link"
              onClick={() => {
                print();
              }}
            >
              {text.area.wardPage}
            </button>
            {view.by === "ward" && <a href={feedOf(one.area.id)}>{text.area.follow}</a>}
          </p>
        </>
      )}
    </section>
  );
}

/** Scrolls the map, if it has the focus, from below a sheet that appears over it, as far as it stays on the screen. */
function useMapAbove(sheet: RefObject<HTMLElement | null>) {
  useEffect(() => {
    const map = document.activeElement?.closest("#map");
    if (!map || !sheet.current?.matches(".sheet")) return;
    const { top, bottom } = map.getBoundingClientRect();
    const covered = bottom - sheet.current.getBoundingClientRect().top;
    const room = top - Number.parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
    if (covered > 0 && room > 0) scrollBy(0, Math.min(covered, room));
  }, []);
}

/** The measures of the areas and the city, with the ranks of a single area. */
function FiguresTable(shown: Shown) {
  const { view, pinned, answer, areas, change } = shown;
  const measures = MEASURES.filter(
    (one) => hasDenominators(one, areas) && (one !== "share" || isNarrow(view)) && one !== "change",
  );
  const isAlone = pinned.length === 1;
  return (
    <table class="figures">
      <thead>
        <tr>
          <td />
          {pinned.map((one, at) => (
            <th key={one.area.id} scope="col" class={`number pin-${at}`}>
              {one.area.name}
              {!isAlone && (
                <button
                  type="button"
                  class="quiet"
                  aria-label={text.area.remove(nameOf(one.area, view.by))}
                  onClick={() => {
                    change({ pins: view.pins.filter((id) => id !== one.area.id) });
                  }}
                >
                  ×
                </button>
              )}
            </th>
          ))}
          <th scope="col" class="number">
            {text.city}
          </th>
          {isAlone && (
            <th scope="col" class="number">
              {text.map.rank}
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {measures.map((measure) => (
          <MeasureRow key={measure} {...shown} measure={measure} isAlone={isAlone} />
        ))}
        {answer.comparableOnMap.length > 0 && <MeasureRow {...shown} measure="change" isAlone={isAlone} />}
        {/* Of the requests with one status, all or none are open. */}
        {view.status === null && (
          <tr data-measure="open">
            <th scope="row">{text.area.stillOpen}</th>
            {pinned.map(({ area, figures }) => (
              <td key={area.id} class="number">
                {openIn(figures, shown)}
              </td>
            ))}
            <td class="number">{openIn(answer.cityOfMap, shown)}</td>
            {isAlone && <td />}
          </tr>
        )}
      </tbody>
    </table>
  );
}

function MeasureRow(shown: Shown & { isAlone: boolean }) {
  const { view, pinned, answer, areas, measure, isAlone } = shown;
  const ranked = rank(answer, areas, measure);
  const count = ranked.filter((one) => one.rank !== null).length;
  const name =
    measure === "change" ? text.measure(measure, view.by, yearBeforeOf(answer)) : text.measureShort[measure];
  return (
    <tr data-measure={measure}>
      <th scope="row">{name}</th>
      {pinned.map(({ area }) => {
        const one = ranked.find((other) => other.area.id === area.id);
        return (
          <td key={area.id} class="number">
            {one && <Value one={one} measure={measure} answer={answer} />}
          </td>
        );
      })}
      <td class="number">{format.measure(measure, measuredOfCity(measure, answer, ranked).value)}</td>
      {isAlone && (
        <td class="number quiet-text">
          {rankOf(ranked.find(({ area }) => area.id === pinned[0]?.area.id)?.rank ?? null, count)}
        </td>
      )}
    </tr>
  );
}

/** The value of an area with its interval, or why it has none. */
function Value({ one, measure, answer }: { one: Ranked; measure: Measure; answer: Shown["answer"] }) {
  const { value, interval, unranked, figures } = one;
  const found = changeOf(answer, figures, true);
  if (unranked === "few_requests" && found) {
    return (
      <>
        {format.integer(found.before)} → {format.integer(found.now)}
      </>
    );
  }
  return (
    <>
      {format.measure(measure, value)}
      {interval && showsInterval(measure) && (
        <span class="interval">{format.interval(measure, interval)}</span>
      )}
    </>
  );
}

function rankOf(rank: number | null, count: number): string {
  return rank === null ? "–" : text.area.ranked(rank, count);
}

/** The categories with the most requests of an area, whatever types are chosen. */
function Top({ one, names, change }: Shown & { one: Ranked }) {
  const { groups, ofAllTypes } = one.figures;
  const top = names.groups.names
    .map((name, at) => ({ name, requests: groups[at] ?? 0 }))
    .filter(({ name, requests }) => isTelling(name) && requests > 0)
    .sort((a, b) => b.requests - a.requests)
    .slice(0, TOP);
  if (top.length === 0) return null;
  return (
    <>
      <h3 id="top-title">{text.area.topTitle(one.area.name)}</h3>
      <table class="choices" aria-labelledby="top-title">
        <thead>
          <tr>
            <th scope="col">{text.what.category}</th>
            <th scope="col" class="number">
              {text.area.requests}
            </th>
            <th scope="col" class="number">
              {text.measureShort.share}
            </th>
          </tr>
        </thead>
        <tbody>
          {top.map(({ name, requests }) => (
            <tr key={name}>
              <th scope="row">
                <button
                  type="button"
                  onClick={() => {
                    change({ what: [{ kind: "group", name }] });
                  }}
                >
                  {name}
                </button>
              </th>
              <td class="number">{format.integer(requests)}</td>
              <td class="number quiet-text">{format.percent(requests / Math.max(1, ofAllTypes))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** The neighbourhoods whose middle is in an area. */
function Around({ store, view, one }: Shown & { one: Ranked }) {
  const { value, error, retry } = useRead(store, "places", readPlaces);
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  const names = placesIn(value ?? [], view.by, one.area.id);
  return names.length === 0 ? null : <p class="around">{text.where.around(names)}</p>;
}

/** The wards that the requests of a postal area lie in, as buttons. */
function WardsOf({ store, one, change }: Shown & { one: Ranked }) {
  const { value, error, retry } = useRead(store, "fsa_wards", readFsaWards);
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  const wards = value?.get(one.area.id) ?? [];
  if (wards.length === 0) return null;
  return (
    <p class="wards-of">
      {text.where.mapped(one.area.id)}
      {wards.map(({ ward, share }) => (
        <button
          key={ward}
          type="button"
          class="link"
          onClick={() => {
            change({ by: "ward", pins: [ward], zoom: null });
          }}
        >
          {text.where.ofWard(text.where.ward(ward), format.percent(share))}
        </button>
      ))}
    </p>
  );
}
