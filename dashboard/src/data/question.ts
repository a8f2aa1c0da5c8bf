import type { Season } from "./calendar.ts";
import type { Span } from "./span.ts";

/** The request types of a question. */
export interface Chosen {
  /** Nothing was chosen, so every request counts. */
  isAll: boolean;
  groups: Set<string>;
  /** Types that are in none of the chosen groups. */
  types: Set<string>;
}

/** Which requests are counted. */
export interface Question {
  span: Span;
  chosen: Chosen;
  season: Season | null;
  /** Names of statuses; all if null. */
  statuses: Set<string> | null;
  division: string | null;
}
