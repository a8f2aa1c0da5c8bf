import { render } from "preact";

// The first style sheet, so that those of parts and panels can override it.
import "./base.css";
import { App } from "./app.tsx";
import { speak, text } from "./strings.ts";
import { showTheme } from "./theme.tsx";

showTheme();
// The language that no one speaks shows words that are cut, and words that are not from the catalogue.
if (new URLSearchParams(location.search).get("lang") === "en-XA") {
  const { pseudo } = await import("./words/pseudo.ts");
  speak(pseudo(text));
}
const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
