import { expect, test } from "vitest";

import { daysTo } from "./calendar.ts";
import type { Question } from "./question.ts";
import { questionNamed } from "./question.ts";

const question: Question = {
  span: { from: 24300, to: 24311 },
  days: null,
  chosen: { isAll: true, groups: new Set(), types: new Set() },
  season: null,
  statuses: null,
  division: null,
};
const OTHERS: Required<{ [Part in keyof Question]: Question[Part] }> = {
  span: { from: 24299, to: 24311 },
  days: daysTo(new Date("2025-12-31"), 30),
  chosen: { isAll: false, groups: new Set(["Trees"]), types: new Set() },
  season: "winter",
  statuses: new Set(["Closed"]),
  division: "Toronto Water",
};

test("each part of a question changes its name", () => {
  const names = Object.entries(OTHERS).map(([part, value]) => questionNamed({ ...question, [part]: value }));
  const types = { isAll: false, groups: new Set<string>(), types: new Set(["Trees"]) };
  const all = [questionNamed(question), ...names, questionNamed({ ...question, chosen: types })];
  expect(new Set(all).size).toBe(all.length);
  expect(questionNamed({ ...question })).toBe(questionNamed(question));
});
