import type { Shape } from "./shapes.ts";

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
/** The height of the second line as a share of that of the first. */
const SMALLER = 0.78;
/** How far the second line is below the first, in heights of the first. */
const LINE = 0.9;
/** How far a line that is alone is below its place, so that its letters are in the middle. */
const ALONE = 0.35;
/** The height of capitals and digits as a share of that of a line. */
const CAPITAL = 0.75;
/** The space around a line, in its heights. */
const GAP = 0.1;
/** The width of a letter as a share of its height: of a name, of a figure, and of a number or code, which is bold. */
const LETTER = { name: 0.54, figure: 0.64, code: 0.78 } as const;
/** How much wider than its area a number or code may be. */
const OVER = 1.24;

/** An area that needs a label. */
export interface Unlabelled {
  area: { id: string; name: string };
  /** The line below the number, instead of the name. */
  below: string | null;
  label: Shape["label"];
}

/** A line of a label: its words, their baseline and their height. */
export interface Line {
  words: string;
  y: number;
  size: number;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/**
 * The lines of each area's label: its number or code, and its name or a figure below it if there is room. A label that would
 * cover an earlier one has one line, or none.
 */
export function labelsOf(areas: readonly Unlabelled[], size: number): Line[][] {
  const taken: Box[] = [];
  return areas.map(({ area, below, label }) => {
    const { id } = area;
    if (widthOf(id, "code", size) > label.room * OVER) return [];
    const second = secondOf(area, below, label, size * SMALLER);
    const kind = below === null ? "name" : "figure";
    const lines = (words: string | null): (Line & { box: Box })[] => [
      lineAt(label, id, "code", (words === null ? ALONE : 0) * size, size),
      ...(words === null ? [] : [lineAt(label, words, kind, LINE * size, size * SMALLER)]),
    ];
    const isFree = ({ box }: { box: Box }) => !taken.some((other) => overlap(box, other));
    const found = [lines(second), lines(null)].find((some) => some.every(isFree)) ?? [];
    taken.push(...found.map(({ box }) => box));
    return found;
  });
}

/** The name or figure of an area, if it fits. A code is its own name. */
function secondOf(
  { id, name }: Unlabelled["area"],
  below: string | null,
  { room, roomBelow }: Shape["label"],
  size: number,
): string | null {
  const within = Math.min(room, roomBelow);
  if (below !== null) return below !== "" && widthOf(below, "figure", size) <= within ? below : null;
  const names = id === name ? [] : [name, SHORT[id] ?? name];
  return names.find((one) => widthOf(one, "name", size) <= within) ?? null;
}

function widthOf(words: string, kind: keyof typeof LETTER, size: number): number {
  return words.length * LETTER[kind] * size;
}

function lineAt(
  { x, y: middle }: Shape["label"],
  words: string,
  kind: keyof typeof LETTER,
  under: number,
  size: number,
): Line & { box: Box } {
  const half = widthOf(words, kind, size) / 2 + GAP * size;
  const y = middle + under;
  const [top, bottom] = [y - (CAPITAL + GAP) * size, y + GAP * size];
  return { words, y, size, box: { left: x - half, right: x + half, top, bottom } };
}

function overlap(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
