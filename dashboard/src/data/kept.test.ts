import { expect, test } from "vitest";

import { Kept } from "./kept.ts";

test("the most recently used results are kept, up to the limit", async () => {
  const kept = new Kept(2);
  const read: string[] = [];
  const once = (key: string) =>
    kept.once(key, () => {
      read.push(key);
      return Promise.resolve(key);
    });
  for (const key of ["a", "b", "a", "c", "a", "b"]) expect(await once(key)).toBe(key);
  expect(read).toEqual(["a", "b", "c", "b"]);
});

test("a failed result is read again", async () => {
  const kept = new Kept(2);
  await expect(kept.once("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await kept.once("a", () => Promise.resolve("yes"))).toBe("yes");
});

test("a late failure does not remove a newer result", async () => {
  const kept = new Kept(1);
  let fail: (error: Error) => void = () => undefined;
  const failing = kept.once("a", () => new Promise<string>((_, reject) => (fail = reject)));
  await kept.once("b", () => Promise.resolve("b"));
  await kept.once("a", () => Promise.resolve("new"));
  fail(new Error("late"));
  await expect(failing).rejects.toThrow("late");
  expect(await kept.once("a", () => Promise.resolve("newer"))).toBe("new");
});

test("a value is known once it is read, and as long as it is kept", async () => {
  const kept = new Kept(1);
  const read = kept.once("a", () => Promise.resolve("a"));
  expect(kept.known("a")).toBeNull();
  await read;
  expect(kept.known("a")).toBe("a");
  await kept.once("b", () => Promise.resolve("b"));
  expect(kept.known("a")).toBeNull();
});
