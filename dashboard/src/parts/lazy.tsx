import type { ComponentChild, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Problem } from "../data/problem.ts";
import { Failure } from "./failure.tsx";

/** What is shown in place of a component while its code is loaded, and if that fails. */
interface InPlace {
  Waiting?: () => ComponentChild;
  Failed?: ComponentType<{ onRetry: () => void }>;
}

/** Returns a component whose code is loaded when it is first rendered. */
export function lazy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  { Waiting = () => null, Failed = Unreachable }: InPlace = {},
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [Loaded, setLoaded] = useState<ComponentType<Props> | null>(() => loaded);
    const [hasFailed, setFailed] = useState(false);
    const begin = () => {
      setFailed(false);
      load().then(
        (component) => {
          loaded = component;
          setLoaded(() => component);
        },
        () => {
          setFailed(true);
        },
      );
    };
    useEffect(() => {
      if (!Loaded) begin();
    }, []);
    if (Loaded) return <Loaded {...props} />;
    return hasFailed ? <Failed onRetry={begin} /> : <Waiting />;
  };
}

/** Says that a part of the page's code cannot be read, which is not in the catalog and has no name of its own. */
function Unreachable({ onRetry }: { onRetry: () => void }) {
  return <Failure error={new Problem("no_code", "")} onRetry={onRetry} />;
}
