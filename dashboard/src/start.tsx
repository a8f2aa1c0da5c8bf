import { render } from "preact";

import { App } from "./app.tsx";
import type { Catalog } from "./data/catalog.ts";
import { speak, text } from "./strings.ts";
import { showTheme } from "./theme.tsx";
import { parseView } from "./view/view.ts";

/** Renders the page with the catalog that is being fetched. */
export async function start(catalog: Promise<Catalog>) {
  showTheme();
  if (parseView(location.search).lang === "en-XA") {
    const { pseudo } = await import("./words/pseudo.ts");
    speak(pseudo(text));
  }
  const root = document.getElementById("app");
  if (root) {
    root.replaceChildren();
    render(<App catalog={catalog} />, root);
  }
}
