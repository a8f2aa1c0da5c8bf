import { useEffect, useMemo } from "preact/hooks";

import { readRefusals } from "./data/refusals.ts";
import type { Store } from "./data/store.ts";
import { Breakdowns } from "./panels/breakdowns.tsx";
import { Compare } from "./panels/compare.tsx";
import { Filters } from "./panels/filters.tsx";
import { Headline } from "./panels/headline.tsx";
import { HeatMap } from "./panels/heat_map/panel.tsx";
import { MapPanel } from "./panels/map/panel.tsx";
import { Quality } from "./panels/quality.tsx";
import { Ranking } from "./panels/ranking.tsx";
import { Series } from "./panels/series.tsx";
import { Share } from "./panels/share/share.tsx";
import { Failure } from "./parts/failure.tsx";
import { Footer } from "./parts/footer.tsx";
import { Header } from "./parts/header.tsx";
import { Later } from "./parts/later.tsx";
import { Notices } from "./parts/notices.tsx";
import { text } from "./strings.ts";
import { described } from "./view/describe.ts";
import type { Shown } from "./view/shown.ts";
import { unknownChoices } from "./view/unknown_choices.ts";
import { useRead } from "./view/use_read.ts";
import { useShown } from "./view/use_shown.ts";
import { useView } from "./view/use_view.ts";

/** The layout of the page. After a failure the catalog is read again, because a newer one may have superseded it. */
export function Dashboard({ store, reopen }: { store: Store; reopen: () => void }) {
  const [view, change] = useView();
  const { shown, progress, error } = useShown(store, view, change);
  const { catalog } = store;
  useEffect(() => {
    const title = text.pageTitle(described(view));
    document.title = catalog.generated ? text.generated.title(title) : title;
  }, [view, catalog]);
  const refusals = useRead(store, "refusals", readRefusals);
  const notUpToDate =
    refusals.error !== null || refusals.value?.length ? text.notUpToDate(refusals.value) : null;
  const divisions = [...(shown?.names.divisions.names ?? [])].sort();
  const panels = useMemo(() => shown && <Panels {...shown} store={store} />, [shown]);
  return (
    <div class={view.embed ? "page embedded" : "page"}>
      {!view.embed && (
        <Header
          catalog={catalog}
          dataThrough={store.dataThrough}
          notUpToDate={notUpToDate}
          hasRefusals={shown !== null && error === null}
        />
      )}
      <main aria-busy={progress !== null || (error === null && shown?.view !== view)}>
        {view.embed && <h1 class="hidden">{text.title}</h1>}
        {!view.embed && <Filters view={view} change={change} store={store} divisions={divisions} />}
        {progress && (
          <progress class="loading" aria-label={text.loading} value={progress.done} max={progress.of} />
        )}
        <Notices catalog={catalog} unknown={unknownChoices(view, store, shown)} />
        {error !== null && <Failure error={error} onRetry={reopen} />}
        {error === null && !shown && <p role="status">{text.loading}…</p>}
        {error === null && panels}
        {error === null && shown && <Share {...shown} catalog={catalog} />}
      </main>
      <Footer catalog={catalog} isEmbedded={view.embed} notUpToDate={notUpToDate} />
    </div>
  );
}

function Panels({ store, ...shown }: Shown & { store: Store }) {
  return (
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
      {!shown.view.embed && <Quality store={store} />}
    </>
  );
}
