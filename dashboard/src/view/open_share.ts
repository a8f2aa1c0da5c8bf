import type { Figures } from "../data/figures.ts";
import { format } from "../strings.ts";
import type { Shown } from "./shown.ts";

/** Returns the share of the requests that are still open, in words. It is unknown until the statuses are read. */
export function openIn(figures: Figures, { vocabulary, names }: Pick<Shown, "vocabulary" | "names">): string {
  const open = new Set(vocabulary.statuses.filter(({ group }) => group === "open").map(({ name }) => name));
  if (open.size === 0 || !figures.isKnown || figures.requests === 0) return "–";
  const requests = names.statuses.names.reduce(
    (sum, name, at) => sum + (open.has(name) ? (figures.statuses[at] ?? 0) : 0),
    0,
  );
  return format.percent(requests / figures.requests);
}
