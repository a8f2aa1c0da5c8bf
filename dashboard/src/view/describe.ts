import type { Answer } from "../data/answer.ts";
import type { Area } from "../data/areas.ts";
import type { AreaKind } from "../data/area_kind.ts";
import type { Length } from "../data/calendar.ts";
import type { Figures } from "../data/figures.ts";
import type { Question } from "../data/question.ts";
import { firstDayOf, numberOf, yearOf } from "../data/span.ts";
import { format, text } from "../strings.ts";
import type { Change as Changed } from "../words/en.ts";
import { plainType } from "./plain_type.ts";
import { LEAST_BASE } from "./measures.ts";
import type { Shown } from "./shown.ts";
import type { Choice, View } from "./view.ts";
import { isStatusGroup } from "./view.ts";

/** Types and groups that a sentence names. */
const LISTED = 3;

/** The name of a group, or the plain label of a type. */
export function choiceNamed({ kind, name }: Choice): string {
  return kind === "type" ? plainType(name) : name;
}

/** A choice in the middle of a sentence: "noise", or "“Tree to remove”" for a type. */
export function inSentence(choice: Choice): string {
  const name = choiceNamed(choice);
  return choice.kind === "type" ? text.quoted(name) : text.inSentence(name);
}

/** The name of a division, or the meaning of a value that is not one. */
export function divisionCalled(name: string): string {
  return text.divisions.names[name] ?? name;
}

/** The chosen types and groups as a list, which counts those after the first `most`. */
export function typesNamed(what: View["what"], most = Infinity): string {
  return what.length === 0 ? text.everything : text.and(fewOf(what.map(choiceNamed), most));
}

/** The first names, and how many others there are. One name more is named, because it is as long as its count. */
export function fewOf(names: readonly string[], most: number): readonly string[] {
  return names.length <= most + 1 ? names : [...names.slice(0, most), text.others(names.length - most)];
}

/** The name of an area: "Etobicoke-Lakeshore (Ward 3)", or the code of a postal area. */
export function nameOf({ id, name }: Pick<Area, "id" | "name">, kind: AreaKind): string {
  return kind === "ward" ? text.where.wardNamed(name, id) : name;
}

/** The chosen areas that exist as a list, or `null` for the whole city. */
export function placesNamed({ pinned }: Pick<Shown, "pinned">): string | null {
  return pinned.length === 0 ? null : text.and(pinned.map(({ area }) => area.name));
}

/** The filters of a view without its months: types, of which `most` are named, season, status, division. */
export function described({ what, season, status, division }: View, most = Infinity): string {
  return [
    typesNamed(what, most),
    ...(season ? [text.seasons[season].toLowerCase()] : []),
    ...(status ? [isStatusGroup(status) ? text.statusGroups[status].toLowerCase() : status] : []),
    ...(division ? [divisionCalled(division)] : []),
  ].join(", ");
}

/** The requests of a view in the middle of a sentence: " about trees that are still open for Toronto Water". */
export function aboutOf({ what, status, division }: View): string {
  const names = what.map(inSentence);
  return [
    names.length > 0 ? text.answer.about(fewOf(names, LISTED)) : "",
    status === null
      ? ""
      : isStatusGroup(status)
        ? text.answer.status[status]
        : text.answer.statusNamed(status),
    division ? text.answer.division(division) : "",
  ].join("");
}

/** The months or the days of a question: "March–August 2025", "30 days to December 31, 2025". */
export function periodNamed({ span, days }: Question): string {
  return days ? text.when.days(days.length, format.day(days.last)) : format.span(span);
}

/** The same in a sentence: "2025 so far (to July 15) (summer only)", "the 30 days to December 31, 2025". */
export function whenOf(view: View, question: Question, dataThrough: Date): string {
  const { span, days } = question;
  if (days) return text.answer.days(periodNamed(question));
  const isCut = firstDayOf(span.to + 1) > new Date(dataThrough.getTime() + 86_400_000);
  const named = isCut ? text.answer.soFar(format.span(span), format.dayLong(dataThrough)) : format.span(span);
  return view.season ? text.answer.season(named, view.season) : named;
}

/**
 * The question that the figures of areas answer: without the months before the first that the map has, when the city had
 * other wards. The same question if the map has all of its months, or none.
 */
export function questionOnMap({ question, start, inSpan, isKnown, mapMonths }: Answer): Question {
  const first = inSpan.findIndex((is, at) => is === 1 && mapMonths[at] === 1);
  const isCut = inSpan.some((is, at) => is === 1 && at < first && isKnown[at] === 1);
  return isCut ? { ...question, span: { ...question.span, from: start + first } } : question;
}

/** How the requests of an area changed, or `null` if there is nothing to compare with. */
export function changeOf(answer: Answer, figures: Figures, isOfArea: boolean): Changed | null {
  const months = isOfArea ? answer.comparableOnMap : answer.comparable;
  const { comparable: now, yearBefore: before } = figures;
  if (months.length === 0 || before === 0 || !figures.isKnown) return null;
  const inSpan = answer.inSpan.reduce((sum, is) => sum + is, 0);
  return {
    now,
    before,
    change: before < LEAST_BASE ? null : now / before - 1,
    months,
    isOfDays: answer.question.days !== null,
    isWhole: months.length === inSpan,
  };
}

/** The year that changes are from, if it is one, or "a year before" the last days: for the heads of columns. */
export function yearBeforeOf({ comparable, question }: Answer): string {
  if (question.days) return comparable.length > 0 ? text.series.previous : "";
  const years = [...new Set(comparable.map((month) => yearOf(month) - 1))];
  return years.length === 1 ? `${years[0] ?? ""}` : "";
}

/** What the rates of an answer are of: a number of days, or an average year; `null` if they are of all its months. */
export function rateOf({ question, yearsOnMap }: Answer): Length | "year" | null {
  return question.days?.length ?? (yearsOnMap > 1 ? "year" : null);
}

/** The name of a month: "July 2025". */
export function monthNamed(month: number): string {
  return format.monthYear(new Date(Date.UTC(yearOf(month), numberOf(month) - 1, 1)));
}
