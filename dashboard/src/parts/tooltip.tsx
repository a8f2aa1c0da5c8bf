import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import "./tooltip.css";

/** Milliseconds in which a pointer that leaves what a tooltip tells of can reach the tooltip. */
const ON_THE_WAY = 150;

/** A tooltip of one of several things, and what moves it among them. */
export interface Tip<T> {
  /** What it tells of: what the pointer is over, or else what has the focus. */
  of: T | null;
  /** The pointer is over another. */
  point: (at: T, event: PointerEvent) => void;
  /** The pointer is over another that does not lie between the tooltip and what it tells of. */
  pointAtOnce: (at: T) => void;
  /** The pointer is over none. A finger that is lifted still means what it touched. */
  leave: (event: PointerEvent) => void;
  /** Keys brought the focus to another, or to none. */
  focus: (at: T | null) => void;
  /** It is put away. */
  drop: () => void;
  /** The pointer is over the tooltip. */
  hold: () => void;
}

/**
 * What a tooltip tells of. It stays while the pointer goes over to it, and goes by Escape, wherever the focus is: WCAG
 * 1.4.13.
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
        // A pointer that rests points at nothing: the page moved below it, or the tooltip went.
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
    // After the events of what the pointer comes to be over.
    document.addEventListener("pointermove", moves.follow);
    return () => {
      document.removeEventListener("pointermove", moves.follow);
      moves.hold();
    };
  }, []);
  return { of, ...moves };
}

/** Text beside what it tells of, within what it lies in: `x` and `y` go from 0 to 1. The page has the text elsewhere too. */
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
      // As far to the left as its place is to the right: it never leaves what it lies in.
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
