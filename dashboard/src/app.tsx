import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useState } from "preact/hooks";

import { GeneratedBanner } from "./parts/banner.tsx";
import { Dashboard } from "./dashboard.tsx";
import type { Catalog } from "./data/catalog.ts";
import { fetchCatalog } from "./data/catalog.ts";
import { Store } from "./data/store.ts";
import { Failure } from "./parts/failure.tsx";
import { text } from "./strings.ts";

/** The page: the dashboard once the catalog is read, and until then the progress or the failure. */
export function App({ catalog }: { catalog: Promise<Catalog> }) {
  const [store, setStore] = useState<Store | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [thrown, forget] = useErrorBoundary() as [unknown, () => void];
  const open = (from: Promise<Catalog>) => {
    setError(null);
    forget();
    from.then((read) => new Store(read)).then(setStore, setError);
  };
  useEffect(() => {
    open(catalog);
  }, []);
  const reopen = () => {
    open(fetchCatalog());
  };
  // A catalog that cannot be read again leaves the page as it is.
  const failure = thrown ?? (store ? null : error);
  return (
    <>
      {store?.catalog.generated && <GeneratedBanner />}
      {failure ? (
        <Notice>
          <Failure error={failure} onRetry={reopen} />
        </Notice>
      ) : store ? (
        <Dashboard store={store} reopen={reopen} />
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
