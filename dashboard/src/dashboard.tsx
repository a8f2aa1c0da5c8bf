import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";

import { fetchAhead } from "./data/ahead.ts";
import { BOUNDARIES } from "./data/areas.ts";
import { readRefusals } from "./data/refusals.ts";
import type { Progress, Store } from "./data/store.ts";
import { NO_VOCABULARY } from "./data/vocabulary.ts";
import { Answer } from "./panels/answer.tsx";
import { Ask } from "./panels/ask/ask.tsx";
import { Failure } from "./parts/failure.tsx";
import { Footer } from "./parts/footer.tsx";
import { Header } from "./parts/header.tsx";
import { lazy } from "./parts/lazy.tsx";
import { Notices } from "./parts/notices.tsx";
import { format, text } from "./strings.ts";
import { described, placesNamed } from "./view/describe.ts";
import { addressOf, lasting } from "./view/lasting.ts";
import type { Shown } from "./view/shown.ts";
import { unknownChoices } from "./view/unknown_choices.ts";
import { useRead } from "./view/use_read.ts";
import { useShown } from "./view/use_shown.ts";
import { useView } from "./view/use_view.ts";
import "./dashboard.css";

// The answer does not wait for what is below it, and the map not for the rest.
const panels = () => import("./panels/panels.tsx");
const Panels = lazy(async () => (await panels()).Panels, { Waiting: Unread });
const Embedded = lazy(async () => (await import("./panels/embedded.tsx")).Embedded, { Waiting: Unread });
const Tools = lazy(
  async () => {
    await panels();
    return (await import("./panels/share/tools.tsx")).Tools;
  },
  // The panels, which are loaded before and beside it, say so.
  { Failed: () => null },
);

/** Types and groups that the title of the window names. */
const TITLED = 2;

/** The layout of the page. After a failure the catalog is read again, because a newer one may have superseded it. */
export function Dashboard({ store, reopen }: { store: Store; reopen: () => void }) {
  const [view, change] = useView();
  const { shown, vocabulary, progress, error, retry } = useShown(store, view, change);
  const { catalog, dataThrough } = store;
  useEffect(() => {
    const title = text.pageTitle(described(shown?.view ?? view, TITLED), shown && placesNamed(shown));
    document.title = catalog.generated ? text.generated.title(title) : title;
  }, [shown, view, catalog]);
  const isWhole = shown !== null && !shown.isFirst;
  const hasMap = view.embed === null || view.embed === "all" || view.embed === "map";
  useEffect(() => {
    // The first answer does not wait for the map.
    if (shown === null || !hasMap) return;
    fetchAhead([BOUNDARIES[view.by]]);
    // Where the panels are shown, a failure is reported.
    panels().catch(() => undefined);
  }, [shown === null, hasMap, view.by]);
  const refusals = useRead(store, "refusals", readRefusals);
  const notUpToDate =
    refusals.error !== null || refusals.value?.length ? text.notUpToDate(refusals.value) : null;
  const isOld = shown !== null && shown.asked !== view;
  const gaps = [
    ...(vocabulary?.problem ? [text.gaps.vocabulary] : []),
    ...(shown?.gaps ?? []),
    ...unknownChoices(view, store, shown),
  ];
  const failure = error !== null && (
    <Failure
      error={error}
      note={isWhole ? text.kept : ""}
      onRetry={() => {
        if (shown) retry();
        reopen();
      }}
    />
  );
  const isEmbedded = view.embed !== null;
  return (
    <div class={isEmbedded ? "page embedded" : "page"}>
      {!isEmbedded && (
        <>
          <Header {...{ catalog, dataThrough, notUpToDate }} hasRefusals={isWhole} />
          <Ask {...{ store, view, change, shown }} vocabulary={vocabulary ?? NO_VOCABULARY} />
        </>
      )}
      <main aria-busy={progress !== null || (error === null && shown?.asked !== view)}>
        {progress && (
          <progress class="loading" aria-label={text.loading} value={progress.done} max={progress.of} />
        )}
        <Notices {...{ catalog, dataThrough }} others={gaps} />
        {failure}
        {!shown && error === null && <Unread />}
        {shown &&
          (isEmbedded ? (
            <Embedded {...shown} />
          ) : (
            <Whole {...{ shown, progress }} isOld={isOld && error === null} hasFailed={error !== null} />
          ))}
      </main>
      <Footer catalog={catalog} isEmbedded={isEmbedded} notUpToDate={notUpToDate} />
    </div>
  );
}

/** All sections, or at first the answer alone. While a newer choice is read, those of the last one are dimmed. */
function Whole({
  shown,
  progress,
  isOld,
  hasFailed,
}: {
  shown: Shown;
  progress: Progress | null;
  isOld: boolean;
  hasFailed: boolean;
}) {
  const { catalog } = shown.store;
  const panels = useMemo(() => <Panels {...shown} />, [shown.answer, shown.view, shown.vocabulary]);
  useStillMap();
  return (
    <>
      <p class="print-head">{text.printed(addressOf(lasting(shown)), format.day(new Date()))}</p>
      <Answer {...shown} {...{ isOld, progress }}>
        {!shown.isFirst && <Tools {...shown} catalog={catalog} />}
      </Answer>
      {!shown.isFirst && <div class={isOld ? "panels old" : "panels"}>{panels}</div>}
      {shown.isFirst && !hasFailed && <Unread />}
    </>
  );
}

/**
 * Keeps the map where it is on the screen after a choice in it, if the answer above becomes higher or lower. Browsers do
 * not, if the answer is on the screen too.
 */
function useStillMap() {
  const chosenIn = document.activeElement?.closest("#explore");
  const before = chosenIn?.getBoundingClientRect().top ?? 0;
  useLayoutEffect(() => {
    if (chosenIn?.isConnected) scrollBy(0, chosenIn.getBoundingClientRect().top - before);
  });
}

/** The place of figures that are not read yet. */
function Unread() {
  return (
    <p class="skeleton" role="status">
      {text.loading}…
    </p>
  );
}
