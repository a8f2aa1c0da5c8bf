import type { Answer } from "../data/answer.ts";
import type { Area } from "../data/boundaries.ts";
import type { Names } from "../data/cube.ts";
import type { Ranked } from "./measures.ts";
import type { Measure, View } from "./view.ts";

/** The properties of every panel: a view, the answer to its question, and how to change the view. */
export interface Shown {
  view: View;
  answer: Answer;
  areas: Area[];
  names: Names;
  ranked: Ranked[];
  /** The measure on the map. It differs from the view's for the share of all requests, which is always 100%. */
  measure: Measure;
  change: (change: Partial<View>) => void;
}
