/** A cache of the most recently used results. */
export class Kept {
  private readonly results = new Map<string, Promise<unknown>>();

  constructor(private readonly limit: number) {}

  /** Returns the kept result for `key`, or else that of `read`. Failures are not kept. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const kept = this.results.get(key) as Promise<T> | undefined;
    const result = kept ?? read();
    // A Map iterates in the order of insertion, so the first key is the least recently used.
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
