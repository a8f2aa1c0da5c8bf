import type { Words } from "./words/en.ts";
import { LOCALE, en } from "./words/en.ts";
import { formatsOf } from "./words/format.ts";

/** Every word of the page, in its language. Another language is another module like `words/en.ts`. */
export let text: Words = en;
/** The formats of numbers and dates in that language. */
export const format = formatsOf(LOCALE);

/** Changes the language, before the page is rendered. */
export function speak(words: Words) {
  text = words;
}
