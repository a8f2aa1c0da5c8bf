import { monthAt } from "../data/span.ts";
import { text } from "../strings.ts";
import type { Shown } from "./shown.ts";

/** The first month with the 25 wards of the map. */
const WARDS_SINCE = monthAt(2018, 12);

/** Returns a sentence about the requests of the answer that are not on the map; `null` if all are. */
export function leftOutOf({ view, answer }: Pick<Shown, "view" | "answer">): string | null {
  const { withoutArea, offMap, city, question } = answer;
  const count = withoutArea + offMap;
  if (count === 0) return null;
  return view.by === "ward"
    ? text.map.offWards(offMap, withoutArea, city.requests, question.span.from < WARDS_SINCE)
    : text.map.offFsas(count, city.requests);
}
