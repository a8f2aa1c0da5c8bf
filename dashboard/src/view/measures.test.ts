import { expect, test } from "vitest";

import { CHANGE_CLASSES, classOf, classify } from "./measures.ts";

test("quantile classes are equally large, and keep equal values together", () => {
  expect(classify([10, 1, 2, 3, 4, 5, 6, 7, 8, 9], "quantile")).toEqual([
    { low: 1, high: 2 },
    { low: 3, high: 4 },
    { low: 5, high: 6 },
    { low: 7, high: 8 },
    { low: 9, high: 10 },
  ]);
  expect(classify([0, 0, 0, 0, 0, 0, 5], "quantile")).toEqual([
    { low: 0, high: 0 },
    { low: 5, high: 5 },
  ]);
  expect(classify([], "quantile")).toEqual([]);
});

test("natural breaks keep an outlier alone", () => {
  const classes = classify([1, 2, 3, 20, 21, 40, 41, 60, 1000], "ckmeans");
  expect(classes.at(-1)).toEqual({ low: 1000, high: 1000 });
  expect(classes).toHaveLength(5);
});

test("every value is in a class", () => {
  const classes = classify([1, 5, 9], "quantile");
  expect([1, 5, 9].map((value) => classOf(value, classes))).toEqual([0, 1, 2]);
  expect([-1, -0.1, 0, 0.3].map((value) => classOf(value, CHANGE_CLASSES))).toEqual([0, 2, 3, 6]);
});
