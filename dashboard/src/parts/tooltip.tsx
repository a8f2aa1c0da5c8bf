import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import "./tooltip.css";

/** Milliseconds in which a pointer can move from a target to its tooltip. */
const ON_THE_WAY = 150;

/** A tooltip of one of several targets, and the events that move it between them. */
export interface Tip<T> {
  /** The target: the one under the pointer, or else the one with the focus. */
  of: T | null;
  /** The pointer is over another target. */
  point: (at: T, event: PointerEvent) => void;
  /** The pointer is over another target, which is not on its way to the tooltip. */
  pointAtOnce: (at: T) => void;
  /** The pointer left the targets. A lifted finger does not count: the tooltip stays. */
  leave: (event: PointerEvent) => void;
  /** The focus moved by keys to another target, or to none. */
  focus: (at: T | null) => void;
  /** Hides the tooltip. */
  drop: () => void;
  /** The pointer is over the tooltip. */
  hold: () => void;
}

/**
 * Keeps the target of a tooltip. The tooltip stays while the pointer moves onto it, and Escape hides it wherever the focus
 * is, as WCAG 1.4.13 requires.
 */
export function useTip<T>(): Tip<T> {
  const [pointed, setPointed] = useState<T | null>(null);
  const [focused, setFocused] = useState<T | null>(null);
  const moves = useMemo(() => {
    let isPointed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const rest = { x: NaN, y: NaN };
    const hold = () => {
      clearTimeout(timer);
    };
    const set = (at: T | null) => {
      hold();
      isPointed = at !== null;
      setPointed(at);
    };
    const setSoon = (at: T | null) => {
      hold();
      timer = setTimeout(set, ON_THE_WAY, at);
    };
    return {
      point: (at: T, { clientX, clientY }: PointerEvent) => {
        // A pointer at rest does not point: the page moved below it, or the tooltip was hidden.
        if (clientX !== rest.x || clientY !== rest.y) (isPointed ? setSoon : set)(at);
      },
      pointAtOnce: set,
      leave: ({ pointerType }: PointerEvent) => {
        if (pointerType !== "touch") setSoon(null);
      },
      focus: (at: T | null) => {
        setFocused(at);
        if (at !== null) set(null);
      },
      drop: () => {
        set(null);
        setFocused(null);
      },
      hold,
      follow: ({ clientX, clientY }: PointerEvent) => {
        rest.x = clientX;
        rest.y = clientY;
      },
    };
  }, []);
  const of = pointed ?? focused;
  const isShown = of !== null;
  useLayoutEffect(() => {
    if (!isShown) return;
    const onKeyDown = ({ key }: KeyboardEvent) => {
      if (key === "Escape") moves.drop();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
    };
  }, [isShown]);
  useEffect(() => {
    // On the document, so that it runs after the events of the targets.
    document.addEventListener("pointermove", moves.follow);
    return () => {
      document.removeEventListener("pointermove", moves.follow);
      moves.hold();
    };
  }, []);
  return { of, ...moves };
}

/** Text beside its target. `x` and `y` are shares of the frame, 0 to 1. The page has the same text for screen readers. */
export function Tooltip({
  tip,
  x,
  y,
  side,
  children,
}: {
  tip: Pick<Tip<unknown>, "hold" | "leave">;
  x: number;
  y: number;
  side: "above" | "below";
  children: ComponentChildren;
}) {
  return (
    <div
      class="tooltip"
      aria-hidden="true"
      // Shifted to the left by as much as it is to the right, so that it never leaves its frame.
      style={{
        left: `${x * 100}%`,
        transform: `translateX(${-x * 100}%)`,
        ...(side === "above" ? { bottom: `${(1 - y) * 100}%` } : { top: `${y * 100}%` }),
      }}
      onPointerEnter={tip.hold}
      onPointerLeave={tip.leave}
    >
      {children}
    </div>
  );
}
