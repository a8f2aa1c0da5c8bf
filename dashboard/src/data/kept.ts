/** Results by key: those used last, so many. */
export class Kept {
  private readonly results = new Map<string, Promise<unknown>>();

  constructor(private readonly limit: number) {}

  /** What `read` gave for `key` before, if that is kept and did not fail. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const kept = this.results.get(key) as Promise<T> | undefined;
    const result = kept ?? read();
    // A map is in the order in which keys were set: the first is the one that was used longest ago.
    this.results.delete(key);
    this.results.set(key, result);
    if (kept) return kept;
    const [oldest] = this.results.keys();
    if (this.results.size > this.limit && oldest !== undefined) this.results.delete(oldest);
    result.catch(() => {
      if (this.results.get(key) === result) this.results.delete(key);
    });
    return result;
  }
}
