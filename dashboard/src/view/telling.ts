/** Groups whose names say nothing about their requests. */
const UNTELLING = ["Undisclosed", "Other"];

/** Whether the name of a group says what its requests are about, so that it belongs into a list of the most frequent. */
export function isTelling(group: string): boolean {
  return !UNTELLING.includes(group);
}
