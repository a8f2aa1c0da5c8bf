import { expect, test } from "vitest";

import { toCsv, wrap } from "./download.ts";

test("text that a spreadsheet would take for a formula stays text", () => {
  const hostile = ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"];
  const lines = toCsv([hostile]).trim().split(",");
  expect(lines).toEqual(["'=cmd|'/c calc'!A1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "' =1"]);
});

test("numbers stay numbers, and separators, quotes and line ends are quoted", () => {
  expect(toCsv([[-1.5, null, 'a "b", c', "d\ne"]])).toBe('-1.5,,"a ""b"", c","d\ne"\r\n');
});

test("words are broken into lines, and a word that is too long has its own", () => {
  const widthOf = (words: string) => words.length;
  expect(wrap("a bc def g", 4, widthOf)).toEqual(["a bc", "def", "g"]);
  expect(wrap("a pneumonia b", 4, widthOf)).toEqual(["a", "pneumonia", "b"]);
  expect(wrap("", 4, widthOf)).toEqual([""]);
});
