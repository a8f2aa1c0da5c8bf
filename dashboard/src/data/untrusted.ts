/**
 * Returns untrusted text as one line of at most `limit` characters. Control characters become spaces, also invisible ones
 * that reorder the words around them.
 */
export function oneLine(text: string, limit: number): string {
  const characters = Array.from(text.replace(/[\p{C}\s]+/gu, " ").trim());
  return characters.length > limit
    ? `${characters
        .slice(0, limit - 1)
        .join("")
        .trimEnd()}…`
    : characters.join("");
}
