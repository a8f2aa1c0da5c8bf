import type { LastDays, Season } from "./calendar.ts";
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
  /** The months; that of the last day if days are chosen. */
  span: Span;
  /** The last days of the data, in place of the months. */
  days: LastDays | null;
  chosen: Chosen;
  season: Season | null;
  /** Names of statuses; all if null. */
  statuses: Set<string> | null;
  division: string | null;
}

/** Names a question by everything that it asks. Questions with the same name have the same answer. */
export function questionNamed(question: Question): string {
  return JSON.stringify(question, (_, value: unknown) => (value instanceof Set ? [...value] : value));
}
