import { format, text } from "../../strings.ts";
import { rateOf } from "../../view/describe.ts";
import { styleOf } from "../../view/scale.ts";
import type { Shown } from "../../view/shown.ts";
import "../../parts/legend.css";
import "../../parts/palette.css";

/** The colours of the map as a scale with rounded bounds, its unit, and what areas without a rank are. */
export function MapLegend({ scale, ranked, answer }: Shown) {
  const { measure, bounds, flat } = scale;
  const write = (bound: number) => format.bound(measure, bound);
  const classes = flat
    ? []
    : [-Infinity, ...bounds].map((low, at) => {
        const high = bounds[at];
        return {
          fill: styleOf(measure, bounds.length, at),
          meaning:
            low === -Infinity
              ? text.map.under(write(bounds[0] ?? 0))
              : high === undefined
                ? text.map.orMore(write(low))
                : measure === "change" && low < 0 && high > 0
                  ? text.map.same
                  : text.map.between(write(low), write(high)),
        };
      });
  const has = (reason: string) => ranked.some(({ unranked }) => unranked === reason);
  const others = [
    ...(has("few_homes") ? [{ fill: "fill-few", meaning: text.map.fewHomes }] : []),
    ...(has("few_requests") ? [{ fill: "fill-few", meaning: text.map.unranked.few_requests }] : []),
    ...(has("no_data") ? [{ fill: "fill-none", meaning: text.map.none }] : []),
  ];
  return (
    <div class="map-legend">
      <p class="unit">{text.measureUnit(measure, rateOf(answer))}</p>
      <ul class={`legend scale ${measure}`} aria-label={text.map.legend}>
        {[...classes, ...others].map(({ fill, meaning }) => (
          <li key={meaning}>
            <span class={`swatch ${fill}`} />
            {meaning}
          </li>
        ))}
      </ul>
    </div>
  );
}
