import { expect, test } from "vitest";

import { format } from "./strings.ts";

test("a small share is not written as none", () => {
  expect([0, 0.0001, 0.0005, 0.0341].map(format.percent)).toEqual(["0%", "< 0.1%", "0.1%", "3.4%"]);
  expect(format.measure("share", 0.0001)).toBe("< 0.1%");
});
