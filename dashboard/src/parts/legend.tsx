import { text } from "../strings.ts";
import "./legend.css";
import "./palette.css";

/** What colours mean: the class of each in the style sheet, and what it says; then that of no value, if there is any. */
export function Legend({
  colours,
  hasNone,
  label,
}: {
  colours: { fill: string; says: string }[];
  hasNone: boolean;
  label?: string;
}) {
  const all = hasNone ? [...colours, { fill: "fill-none", says: text.legendNone }] : colours;
  return (
    <ul class="legend" aria-label={label}>
      {all.map(({ fill, says }) => (
        <li key={fill}>
          <span class={`swatch ${fill}`} />
          {says}
        </li>
      ))}
    </ul>
  );
}
