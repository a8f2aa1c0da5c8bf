/** Short names of wards for the map, where the full one does not fit. */
const SHORT: Readonly<Record<string, string>> = {
  "1": "Etobicoke N",
  "2": "Etobicoke C",
  "3": "Lakeshore",
  "4": "High Park",
  "5": "York S-Weston",
  "7": "Humber River",
  "8": "Eglinton",
  "9": "Davenport",
  "10": "Fort York",
  "11": "Rosedale",
  "12": "St. Paul's",
  "13": "Centre",
  "14": "Danforth",
  "15": "Don Valley W",
  "16": "Don Valley E",
  "17": "Don Valley N",
  "19": "Beaches",
  "20": "Scarb. SW",
  "21": "Scarb. Centre",
  "22": "Agincourt",
  "23": "Scarb. North",
  "24": "Guildwood",
  "25": "Rouge Park",
};
/** The width of a letter as a share of its height, roughly. */
const LETTER = 0.54;
/** The share of its area that a code may take. */
const CROWDED = 0.86;

/** The label of an area: its number or code, and a line below it if there is room. */
export function labelOf(
  { id, name }: { id: string; name: string },
  below: string | null,
  { room, roomBelow }: { room: number; roomBelow: number },
  size: number,
): { first: string | null; second: string | null } {
  // Codes of small areas would touch each other.
  const isCode = id === name;
  const fits = (words: string, height: number, within: number) => words.length * height * LETTER <= within;
  const candidates = below === null ? [name, SHORT[id] ?? name] : [below];
  return {
    first: fits(id, size, isCode ? room * CROWDED : room) ? id : null,
    second:
      (isCode && below === null
        ? null
        : candidates.find((one) => fits(one, size * 0.78, Math.min(room, roomBelow)))) ?? null,
  };
}
