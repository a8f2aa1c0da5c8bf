/** Returns the words of a text in lower case, without accents and punctuation. An apostrophe does not end a word. */
export function wordsOf(text: string): string[] {
  return text
    .normalize("NFD")
    .replace(/\p{Diacritic}|['’]/gu, "")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
}

/** Whether two texts have the same words. */
export function sameWords(one: string, other: string): boolean {
  return wordsOf(one).join(" ") === wordsOf(other).join(" ");
}

/** How a query fits some words: each of its words begins one of them, or does so with a typing error, or not at all. */
export type Fit = "exact" | "typo" | null;

/** Returns how each word of a query begins some word. */
export function fitOf(wanted: readonly string[], words: readonly string[]): Fit {
  let fit: Fit = "exact";
  for (const want of wanted) {
    if (words.some((word) => word.startsWith(want))) continue;
    if (!words.some((word) => isMistyped(want, word))) return null;
    fit = "typo";
  }
  return fit;
}

/** Whether a typed word differs from the beginning of another by few errors: one, or two in a long word. */
function isMistyped(typed: string, word: string): boolean {
  if (typed.length < 4 || /\d/.test(typed)) return false;
  const allowed = typed.length < 8 ? 1 : 2;
  // The first letter is seldom wrong, and short words would have too many neighbours.
  if (!word.startsWith(typed.charAt(0))) return false;
  for (let length = typed.length - allowed; length <= typed.length + allowed; length++) {
    if (length <= word.length && distance(typed, word.slice(0, length)) <= allowed) return true;
  }
  return false;
}

/** The optimal string alignment distance: letters to insert, remove, replace or swap with the next. */
export function distance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const isSame = one[i - 1] === other[j - 1];
      let least = Math.min(
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        least = Math.min(least, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[one.length]?.[other.length] ?? 0;
}
