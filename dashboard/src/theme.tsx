import { useEffect, useState } from "preact/hooks";

import { text } from "./strings.ts";
import { parseView } from "./view/view.ts";

const KEY = "theme";
const SYSTEM = "(prefers-color-scheme: dark)";

/** Switches between dark and light. The page has the theme of the system until somebody chooses. */
export function ThemeSwitch() {
  const [isDark, setDark] = useState(startsDark);
  useEffect(() => {
    const system = matchMedia(SYSTEM);
    const follow = () => {
      setDark(startsDark());
    };
    system.addEventListener("change", follow);
    return () => {
      system.removeEventListener("change", follow);
    };
  }, []);
  return (
    <button
      type="button"
      class="quiet"
      onClick={() => {
        setDark(!isDark);
        show(!isDark);
        remember(!isDark);
      }}
    >
      {isDark ? text.header.toLight : text.header.toDark}
    </button>
  );
}

/** Shows the theme, now and when the system's changes. */
export function showTheme() {
  show(startsDark());
  matchMedia(SYSTEM).addEventListener("change", () => {
    show(startsDark());
  });
}

function show(isDark: boolean) {
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
}

/** The theme that was chosen before, or that of the system. An embedded page has that of its address, or is light. */
function startsDark(): boolean {
  const { embed, theme } = parseView(location.search);
  const system = matchMedia(SYSTEM).matches;
  if (theme === "auto") return system;
  if (embed !== null || theme !== null) return theme === "dark";
  try {
    const kept = localStorage.getItem(KEY);
    return kept === null ? system : kept === "dark";
  } catch {
    return system;
  }
}

/** Stores the choice, unless the browser does not allow it. */
function remember(isDark: boolean) {
  try {
    localStorage.setItem(KEY, isDark ? "dark" : "light");
  } catch {
    // Storage is off, as in a sandboxed frame.
  }
}
