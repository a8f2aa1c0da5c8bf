/** A result, and its value once it is read. */
interface Entry<T> {
  result: Promise<T>;
  value: T | null;
}

/** A cache of the most recently used results. */
export class Kept {
  private readonly entries = new Map<string, Entry<unknown>>();

  constructor(private readonly limit: number) {}

  /** Returns the kept result for `key`, or else that of `read`. Failures are not kept. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const kept = this.entries.get(key) as Entry<T> | undefined;
    const entry = kept ?? { result: read(), value: null };
    // A Map iterates in the order of insertion, so the first key is the least recently used.
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (kept) return kept.result;
    const [oldest] = this.entries.keys();
    if (this.entries.size > this.limit && oldest !== undefined) this.entries.delete(oldest);
    entry.result.then(
      (value) => {
        entry.value = value;
      },
      () => {
        if (this.entries.get(key) === entry) this.entries.delete(key);
      },
    );
    return entry.result;
  }

  /** Returns the kept value for `key`; `null` if it is not read yet. */
  known(key: string): unknown {
    return this.entries.get(key)?.value ?? null;
  }
}
