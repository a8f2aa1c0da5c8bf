import type { ComponentChild, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Returns a component whose code is loaded when it is first rendered. Until then `Waiting` is shown. */
export function lazy<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  Waiting: () => ComponentChild = () => null,
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function Lazy(props: Props) {
    const [Loaded, setLoaded] = useState<ComponentType<Props> | null>(() => loaded);
    useEffect(() => {
      if (Loaded) return;
      void load().then((component) => {
        loaded = component;
        setLoaded(() => component);
      });
    }, []);
    return Loaded ? <Loaded {...props} /> : <Waiting />;
  };
}
