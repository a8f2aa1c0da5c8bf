/**
 * Text that others wrote, as one line of at most `limit` characters. Control characters, and those that are not seen but
 * reorder the words around them, become spaces.
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
