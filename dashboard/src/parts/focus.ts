/** Gives the focus of what is about to go away to the nearest that is around it: a section, or the page. */
export function focusAround(element: Element) {
  element.closest<HTMLElement>("[tabindex='-1']")?.focus();
}
