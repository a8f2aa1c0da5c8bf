import type { Words } from "./words/en.ts";
import { en } from "./words/en.ts";

/** Every word of the site, in its language. Another language is another module like `words/en.ts`. */
export let text: Words = en;
/** How that language writes numbers and dates. */
export let format: Words["format"] = en.format;

/** Changes the language, before the page is rendered. */
export function speak(words: Words) {
  text = words;
  format = words.format;
}
