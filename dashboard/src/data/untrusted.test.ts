import { expect, test } from "vitest";

import { oneLine } from "./untrusted.ts";

test("untrusted text is one line without invisible characters", () => {
  expect(oneLine(" line 3:\r\n\tno\u0000 date\u202egpj ", 100)).toBe("line 3: no date gpj");
  expect(oneLine("Curé <b>Labelle</b>", 100)).toBe("Curé <b>Labelle</b>");
  expect(oneLine("\u200b\n", 100)).toBe("");
});

test("untrusted text is cut between characters", () => {
  expect(oneLine("abcd", 4)).toBe("abcd");
  expect(oneLine("abcde", 4)).toBe("abc…");
  expect(oneLine("ab cde", 4)).toBe("ab…");
  expect(oneLine("🍁🍁🍁🍁🍁", 3)).toBe("🍁🍁…");
});
