/** Returns the address of a ward's feed. */
export function feedOf(ward: string): string {
  return `feeds/ward-${ward.padStart(2, "0")}.atom`;
}
