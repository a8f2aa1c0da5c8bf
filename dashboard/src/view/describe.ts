import { text } from "../strings.ts";
import type { View } from "./view.ts";
import { isStatusGroup } from "./view.ts";

/** The chosen types and groups, joined by a plus sign. */
export function typesNamed(what: View["what"]): string {
  return what.length === 0 ? text.everything : what.map(({ name }) => name).join(" + ");
}

/** The name of a status, or of a group of statuses. */
function statusNamed(status: string): string {
  return isStatusGroup(status) ? text.statusGroupOf(status).toLowerCase() : status;
}

/** The filters of a view without its years: types, season, status, division. */
export function described({ what, season, status, division }: View): string {
  return [
    typesNamed(what),
    ...(season ? [text.seasons[season].toLowerCase()] : []),
    ...(status ? [statusNamed(status)] : []),
    ...(division ? [division] : []),
  ].join(", ");
}
