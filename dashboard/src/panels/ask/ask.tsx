import { Segments } from "../../parts/segments.tsx";
import { text } from "../../strings.ts";
import { KINDS, NO_FILTERS, isFiltered } from "../../view/view.ts";
import type { AskProps } from "./props.ts";
import { More } from "./more.tsx";
import { What } from "./what.tsx";
import { When } from "./when.tsx";
import { Where } from "./where.tsx";
import "./ask.css";

/** The question: where, what and when, and more filters. The row stays at the top of the screen. */
export function Ask(props: AskProps) {
  const { view, change } = props;
  return (
    <form
      class="ask"
      aria-label={text.ask.filters}
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <Where {...props} />
      <What {...props} />
      <div class="ask-rest">
        <When {...props} />
        <div class="field">
          <span class="label">{text.ask.areas}</span>
          <Segments
            label={text.ask.areas}
            values={KINDS}
            chosen={view.by}
            name={(kind) => text.ask.by[kind]}
            onChoose={(by) => {
              if (view.by !== by) change({ by, pins: [], zoom: null });
            }}
          />
        </div>
        <More {...props} />
        <button
          type="button"
          class={isFiltered(view) ? "quiet clear" : "quiet clear invisible"}
          onClick={() => {
            document.getElementById("where")?.focus();
            change(NO_FILTERS);
          }}
        >
          {text.ask.clear}
        </button>
      </div>
    </form>
  );
}
