const ACCENTS: Readonly<Record<string, string>> = {
  a: "á",
  e: "ë",
  i: "í",
  o: "ö",
  u: "ü",
  A: "Å",
  E: "É",
  O: "Ø",
  c: "ç",
  n: "ñ",
};
/** How much longer than English another language is. */
const LONGER = 0.4;

/**
 * Returns a catalogue in a language that does not exist: English with accents, and 40% longer. Words that stay English are
 * not from the catalogue, and words that are cut do not fit another language.
 */
export function pseudo<T>(value: T): T {
  if (typeof value === "string") return longer(value) as T;
  if (typeof value === "function") {
    const call = value as unknown as (...values: unknown[]) => unknown;
    return ((...values: unknown[]) => pseudo(call(...values))) as T;
  }
  if (Array.isArray(value)) return value.map((one: unknown) => pseudo(one)) as T;
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, pseudo(one as unknown)])) as T;
  }
  return value;
}

function longer(text: string): string {
  // What another function of the catalogue returned is in brackets, and already has its accents.
  let depth = 0;
  let own = "";
  const accented = Array.from(text, (letter) => {
    if (letter === "[") depth += 1;
    const isOwn = depth === 0;
    if (letter === "]") depth -= 1;
    if (isOwn) own += letter;
    return isOwn ? (ACCENTS[letter] ?? letter) : letter;
  }).join("");
  if (!/[a-z]{3}/i.test(own)) return text;
  const more = "~".repeat(Math.ceil(own.length * LONGER));
  // As long as words are, so that lines can break.
  return `[${accented}${more.replace(/~{8}(?=~)/g, "$& ")}]`;
}
