import { render } from "preact";

import "../base.css";
import { showTheme } from "../theme.tsx";
import { pseudo } from "../words/pseudo.ts";
import { speak, text } from "../strings.ts";
import { fetchDescribed } from "./catalog.ts";
import { UsePage } from "./page.tsx";

showTheme();
// As on the first page.
if (new URLSearchParams(location.search).get("lang") === "en-XA") speak(pseudo(text));
const root = document.getElementById("app");
if (root) {
  const catalog = fetchDescribed();
  root.replaceChildren();
  render(<UsePage catalog={catalog} />, root);
}
