import { format } from "../../strings.ts";
import type { Class } from "../../view/measures.ts";
import { classOf } from "../../view/measures.ts";
import type { Measure } from "../../view/view.ts";

/** The style of a value's class, as the palette names it. */
export function fillOf(measure: Measure, value: number | null, classes: readonly Class[]): string {
  if (value === null) return "fill-none";
  const at = classOf(value, classes);
  if (measure === "change") return `fill-change-${at}`;
  // Fewer classes are spread over the palette, so that the highest is always the strongest.
  return `fill-class-${classes.length === 1 ? 2 : Math.round((at * 4) / (classes.length - 1))}`;
}

/** The classes with their styles and their bounds in words. */
export function legendOf(measure: Measure, classes: readonly Class[]): { fill: string; meaning: string }[] {
  return classes.map((one) => ({
    fill: fillOf(measure, one.low === -Infinity ? -1e9 : one.low, classes),
    meaning: boundsOf(measure, one),
  }));
}

function boundsOf(measure: Measure, { low, high }: Class): string {
  const write = (value: number) => format.measure(measure, value);
  if (low === -Infinity) return `< ${write(high)}`;
  if (high === Infinity) return `> ${write(low)}`;
  return write(low) === write(high) ? write(low) : `${write(low)} – ${write(high)}`;
}
