import { render } from "preact";

import "../base.css";
import { showTheme } from "../theme.tsx";
import { pseudo } from "../words/pseudo.ts";
import { speak, text } from "../strings.ts";
import { parseView } from "../view/view.ts";
import { fetchDescribed } from "./catalog.ts";
import { UsePage } from "./page.tsx";

showTheme();
if (parseView(location.search).lang === "en-XA") speak(pseudo(text));
const root = document.getElementById("app");
if (root) {
  const catalog = fetchDescribed();
  root.replaceChildren();
  render(<UsePage catalog={catalog} />, root);
}
