import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useState } from "preact/hooks";

import { GeneratedBanner } from "./parts/banner.tsx";
import { Dashboard } from "./dashboard.tsx";
import { Store } from "./data/store.ts";
import { Failure } from "./parts/failure.tsx";
import { text } from "./strings.ts";
import { parseView } from "./view/view.ts";

/** The page: the dashboard once the catalog is read, and until then the progress or the failure. */
export function App() {
  const [store, setStore] = useState<Store | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [thrown, forget] = useErrorBoundary() as [unknown, () => void];
  const open = () => {
    setError(null);
    forget();
    Store.open(parseView(location.search).by).then(setStore, setError);
  };
  useEffect(open, []);
  // A catalog that cannot be read again leaves the page as it is.
  const failure = thrown ?? (store ? null : error);
  return (
    <>
      {store?.catalog.generated && <GeneratedBanner />}
      {failure ? (
        <Notice>
          <Failure error={failure} onRetry={open} />
        </Notice>
      ) : store ? (
        <Dashboard store={store} reopen={open} />
      ) : (
        <Notice>
          <p role="status">{text.loading}…</p>
          <progress aria-label={text.loading} />
        </Notice>
      )}
    </>
  );
}

function Notice({ children }: { children: ComponentChildren }) {
  return (
    <main class="notice">
      <h1>{text.title}</h1>
      {children}
    </main>
  );
}
