import type { Answer } from "../data/answer.ts";
import type { Area } from "../data/areas.ts";
import type { Names } from "../data/cube.ts";
import type { Store } from "../data/store.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import type { Ranked } from "./measures.ts";
import type { Scale } from "./scale.ts";
import type { Measure, View } from "./view.ts";

/** Changes the view. */
export type Change = (change: Partial<View>) => void;

/** The properties of every panel: a view, the answer to its question, and how to change the view. */
export interface Shown {
  store: Store;
  /** The view of the address. */
  asked: View;
  /** The same with names as the data have them. */
  view: View;
  vocabulary: Vocabulary;
  answer: Answer;
  areas: Area[];
  names: Names;
  ranked: Ranked[];
  /** The chosen areas that exist, in the order of the choice. */
  pinned: Ranked[];
  /** The measure on the map. It differs from the view's where that does not exist. */
  measure: Measure;
  scale: Scale;
  change: Change;
  /** Whether it is only the answer, and what the other sections need is still being read. */
  isFirst: boolean;
  /** Sentences about what could not be read and is left out. */
  gaps: string[];
}
