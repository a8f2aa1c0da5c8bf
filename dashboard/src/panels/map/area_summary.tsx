import { format, text } from "../../strings.ts";
import type { Ranked } from "../../view/measures.ts";
import { valueOf } from "../../view/measures.ts";
import type { Measure } from "../../view/view.ts";

/** The figures of an area in its tooltip. */
export function AreaSummary({
  one,
  name,
  measure,
  year,
  count,
}: {
  one: Ranked;
  name: string;
  measure: Measure;
  /** The last of the years that are shown. */
  year: number;
  /** The number of areas on the map. */
  count: number;
}) {
  const { area, figures, value, rank } = one;
  const growth = valueOf("change", figures, area.km2);
  return (
    <>
      <strong>{name}</strong>
      <dl>
        <dt>{text.requests}</dt>
        <dd>{format.measure("count", valueOf("count", figures, area.km2))}</dd>
        {measure !== "count" && (
          <>
            <dt>{text.measures(measure, year)}</dt>
            <dd>{format.measure(measure, value)}</dd>
          </>
        )}
        {rank !== null && (
          <>
            <dt>{text.rank}</dt>
            <dd>
              {rank} / {count}
            </dd>
          </>
        )}
        {measure !== "change" && growth !== null && (
          <>
            <dt>{text.measures("change", year)}</dt>
            <dd>{format.measure("change", growth)}</dd>
          </>
        )}
      </dl>
    </>
  );
}
