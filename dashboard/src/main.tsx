import { render } from "preact";

// The first style sheet, so that those of parts and panels can override it.
import "./base.css";
import { App } from "./app.tsx";
import { showTheme } from "./theme.tsx";

showTheme();
const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
