import { firstDayOf } from "../data/span.ts";
import { WARDS_SINCE } from "../generated/contract.ts";
import { text } from "../strings.ts";
import type { Shown } from "./shown.ts";

/** Returns a sentence about the requests of the answer that are not on the map; `null` if all are. */
export function leftOutOf({ view, answer }: Pick<Shown, "view" | "answer">): string | null {
  const { withoutArea, offMap, city, question } = answer;
  const count = withoutArea + offMap;
  if (count === 0) return null;
  return view.by === "ward"
    ? text.map.offWards(
        offMap,
        withoutArea,
        city.requests,
        firstDayOf(question.span.from) < new Date(WARDS_SINCE),
      )
    : text.map.offFsas(count, city.requests);
}
