import { useState } from "preact/hooks";

import { text } from "./strings.ts";

const KEY = "theme";

/** Switches between dark and light. The page starts with the theme of the system. */
export function ThemeSwitch() {
  const [isDark, setDark] = useState(startsDark);
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
      {isDark ? text.theme.toLight : text.theme.toDark}
    </button>
  );
}

/** Shows the theme that was chosen before, or that of the system. */
export function showTheme() {
  show(startsDark());
}

function show(isDark: boolean) {
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
}

function startsDark(): boolean {
  const system = matchMedia("(prefers-color-scheme: dark)").matches;
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
