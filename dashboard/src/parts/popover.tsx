import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import "./popover.css";

/** A button that opens a panel below it. Escape, and a click or the focus elsewhere, close it. */
export function Popover({
  id,
  label,
  side = "left",
  children,
}: {
  id?: string;
  label: ComponentChildren;
  /** The side of the button that the panel begins at. */
  side?: "left" | "right";
  /** The content, with a function that closes it and returns the focus. */
  children: (close: () => void) => ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panelId = useId();
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!isOpen) return;
    const leave = ({ target }: Event) => {
      if (!frame.current?.contains(target as Node | null)) setOpen(false);
    };
    const onKeyDown = ({ key }: KeyboardEvent) => {
      if (key === "Escape") close();
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    document.addEventListener("keydown", onKeyDown);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
      document.removeEventListener("keydown", onKeyDown);
    };
  }, [isOpen]);
  return (
    <div class="popover" ref={frame}>
      <button
        id={id}
        ref={button}
        type="button"
        aria-expanded={isOpen}
        aria-controls={panelId}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        {label} <span aria-hidden="true">▾</span>
      </button>
      <div id={panelId} class={`popover-panel ${side}`} hidden={!isOpen}>
        {isOpen && children(close)}
      </div>
    </div>
  );
}
