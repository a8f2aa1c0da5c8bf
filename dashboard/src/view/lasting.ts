import type { Shown } from "./shown.ts";
import type { View } from "./view.ts";
import { formatView } from "./view.ts";

/** A view whose months and measure are written, so that its address keeps its figures when newer data are published. */
export function lasting({ view, answer, measure }: Pick<Shown, "view" | "answer" | "measure">): View {
  return { ...view, span: answer.question.span, measure };
}

/** The address of a view of this page. */
export function addressOf(view: View): string {
  return location.origin + location.pathname + formatView(view);
}
