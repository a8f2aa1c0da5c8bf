import type { Store } from "../../data/store.ts";
import type { Vocabulary } from "../../data/vocabulary.ts";
import type { Change, Shown } from "../../view/shown.ts";
import type { View } from "../../view/view.ts";

/** The properties of the fields. */
export interface AskProps {
  store: Store;
  view: View;
  vocabulary: Vocabulary;
  change: Change;
  /** What is on the screen, if anything. */
  shown: Shown | null;
}
