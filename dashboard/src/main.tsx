import { render } from "preact";

import { App } from "./app.tsx";
import { showTheme } from "./theme.tsx";

showTheme();
const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
