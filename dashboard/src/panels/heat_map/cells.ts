import { format, text } from "../../strings.ts";
import type { Ranked } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";

/** A class: its lowest and its highest value. */
interface Class {
  low: number;
  high: number;
}

/** Ratios of an area's share to the city's at which one colour ends and the next begins. 1 is the city's share. */
const RATIO_BOUNDS = [0.5, 0.75, 0.9, 1.1, 1.33, 2];
const RATIO_CLASSES: Class[] = [0, ...RATIO_BOUNDS].map((low, at) => ({
  low,
  high: RATIO_BOUNDS[at] ?? Infinity,
}));
/** Colours of counts. */
const SHADES = 7;

/** A row of the table: a group of request types. */
export interface Group {
  name: string;
  /** Its number in the names. */
  at: number;
  /** The requests of all areas. */
  total: number;
}

/** A cell in words and colour. */
export interface Cell {
  written: string;
  label: string;
  fill: string;
}

/** The content of the table: counts, or shares compared with the city's. */
export interface Cells {
  isShare: boolean;
  classes: Class[];
  /** The style of a class, as the palette names it. */
  fillOf: (at: number) => string;
  cell: (group: Group, area: Ranked) => Cell;
}

/** The groups with requests on the map, most requests first. */
export function groupsOf({ names, answer }: Shown): Group[] {
  return names.groups.names
    .map((name, at) => ({ name, at, total: answer.cityOfMap.groups[at] ?? 0 }))
    .filter(({ total }) => total > 0)
    .sort((a, b) => b.total - a.total);
}

/** Prepares the cells: shares that are compared with the city's, or counts. */
export function cellsOf({ answer, ranked }: Shown, isShare: boolean): Cells {
  const classes = isShare
    ? RATIO_CLASSES
    : countClasses(Math.max(1, ...ranked.flatMap(({ figures }) => Array.from(figures.groups))));
  const fillOf = (at: number) => (isShare ? `fill-change-${at}` : `heat-${at}`);
  const cell = (group: Group, { figures }: Ranked): Cell => {
    const requests = figures.groups[group.at] ?? 0;
    if (isShare && figures.ofAllTypes === 0)
      return { written: "–", label: text.heat.none, fill: "fill-none" };
    const share = requests / Math.max(1, figures.ofAllTypes);
    const shareOfCity = group.total / answer.cityOfMap.ofAllTypes;
    const percent = format.percent(share);
    return {
      written: isShare ? percent : format.integer(requests),
      label: text.heat.cell(requests, percent, format.percent(shareOfCity)),
      fill: fillOf(classes.findLastIndex(({ low }) => (isShare ? share / shareOfCity : requests) >= low)),
    };
  };
  return { isShare, classes, fillOf, cell };
}

/**
 * Classes of counts from zero to the highest. The square roots of their bounds are equally far apart, so that small counts
 * differ too. A class without any whole number ends before it begins.
 */
function countClasses(highest: number): Class[] {
  const lows = Array.from({ length: SHADES }, (_, at) =>
    Math.ceil(highest * (Math.max(0, at - 0.5) / (SHADES - 1)) ** 2),
  );
  return lows.map((low, at) => ({ low, high: (lows[at + 1] ?? highest + 1) - 1 }));
}
