/** Numbers for names, so that cubes hold small integers. */
export class Dictionary {
  readonly names: string[] = [];
  private readonly numbers = new Map<string, number>();

  /** Returns the number of `name`, and assigns one if it is new. */
  add(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.names.length;
    this.names.push(name);
    this.numbers.set(name, number);
    return number;
  }
}
