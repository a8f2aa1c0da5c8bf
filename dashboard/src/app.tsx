import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useState } from "preact/hooks";

import { GeneratedBanner } from "./parts/banner.tsx";
import { Dashboard } from "./dashboard.tsx";
import { Problem } from "./data/problem.ts";
import { Store } from "./data/store.ts";
import { focusAround } from "./parts/focus.ts";
import { text } from "./strings.ts";

/** The page: the dashboard once there is a catalog, and until then what keeps it. */
export function App() {
  const [store, setStore] = useState<Store | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [thrown, forget] = useErrorBoundary() as [unknown, () => void];
  const open = () => {
    setError(null);
    forget();
    Store.open().then(setStore, setError);
  };
  useEffect(open, []);
  const failure = error ?? thrown;
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

/** What went wrong, and a way on. */
export function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const sentence =
    error instanceof Problem
      ? text.problem[error.kind](error.path)
      : text.unexpected(error instanceof Error ? error.message : String(error));
  return (
    <div class="failure" role="alert">
      <p>
        <strong>{text.failed}.</strong> {sentence}
      </p>
      <button
        type="button"
        onClick={(event) => {
          focusAround(event.currentTarget);
          onRetry();
        }}
      >
        {text.retry}
      </button>
    </div>
  );
}
