import { useEffect, useState } from "preact/hooks";

import { text } from "./strings.ts";

const KEY = "theme";

/** Dark or light: as the system has it until somebody says otherwise. */
export function ThemeSwitch() {
  const [isDark, setDark] = useState(startsDark);
  useEffect(() => {
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
  }, [isDark]);
  return (
    <button
      type="button"
      class="quiet"
      onClick={() => {
        setDark(!isDark);
        remember(!isDark);
      }}
    >
      {isDark ? text.theme.toLight : text.theme.toDark}
    </button>
  );
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

/** A browser that keeps nothing forgets it. */
function remember(isDark: boolean) {
  try {
    localStorage.setItem(KEY, isDark ? "dark" : "light");
  } catch {
    // Storage is off, as in a sandboxed frame.
  }
}
