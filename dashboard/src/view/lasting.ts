import { dayId } from "../data/calendar.ts";
import type { Shown } from "./shown.ts";
import type { View } from "./view.ts";
import { formatView } from "./view.ts";

/**
 * A view whose months and measure are written, so that its address keeps its figures when newer data are published, or whose
 * last day is, so that the page then says that they are others.
 */
export function lasting({ view, answer, measure }: Pick<Shown, "view" | "answer" | "measure">): View {
  const { span, days } = answer.question;
  return days
    ? { ...view, days: { length: days.length, last: dayId(days.last) }, measure }
    : { ...view, span, days: null, measure };
}

/** The address of a view of this page. */
export function addressOf(view: View): string {
  return location.origin + location.pathname + formatView(view);
}
