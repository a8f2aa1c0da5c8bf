import { text } from "../strings.ts";
import "./legend.css";
import "./palette.css";

/** The meaning of colours. `fill` is a style of the palette; the last entry is for areas without a value. */
export function Legend({
  colours,
  hasNone,
  label,
}: {
  colours: { fill: string; meaning: string }[];
  hasNone: boolean;
  label: string;
}) {
  const all = hasNone ? [...colours, { fill: "fill-none", meaning: text.map.none }] : colours;
  return (
    <ul class="legend" aria-label={label}>
      {all.map(({ fill, meaning }) => (
        <li key={fill}>
          <span class={`swatch ${fill}`} />
          {meaning}
        </li>
      ))}
    </ul>
  );
}
