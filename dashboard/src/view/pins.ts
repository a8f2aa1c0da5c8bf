/** Pins an area, or unpins it. A third pin replaces the second. */
export function togglePin(pins: readonly string[], id: string): string[] {
  if (pins.includes(id)) return pins.filter((pin) => pin !== id);
  return [...pins.slice(0, 1), id];
}
