/** Moves the focus from an element that is about to disappear to the section around it, or to the page. */
export function focusAround(element: Element) {
  element.closest<HTMLElement>("[tabindex='-1']")?.focus();
}
