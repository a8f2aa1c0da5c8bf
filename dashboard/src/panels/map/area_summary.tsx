import { format, text } from "../../strings.ts";
import { changeOf } from "../../view/describe.ts";
import type { Ranked } from "../../view/measures.ts";
import type { Shown } from "../../view/shown.ts";
import { useNeighbourhoods } from "../../view/use_neighbourhoods.ts";

/** The figures of an area in its tooltip. */
export function AreaSummary({ one, name, shown }: { one: Ranked; name: string; shown: Shown }) {
  const { figures, value, rank, unranked, interval } = one;
  const { measure, answer, ranked } = shown;
  const around = useNeighbourhoods(shown)(one.area.id);
  const change = changeOf(answer, figures, true);
  const count = ranked.filter((other) => other.rank !== null).length;
  return (
    <>
      <strong>{name}</strong>
      {around.length > 0 && <p>{text.where.around(around)}</p>}
      {unranked !== null && <p>{text.map.unranked[unranked]}</p>}
      <dl>
        {figures.isKnown && (
          <>
            <dt>{text.area.requests}</dt>
            <dd>{format.integer(figures.requests)}</dd>
          </>
        )}
        {measure !== "count" && value !== null && (
          <>
            <dt>{text.measureShort[measure]}</dt>
            <dd>{format.measure(measure, value)}</dd>
            {interval && (
              <>
                <dt>{text.map.interval}</dt>
                <dd>{format.interval(measure, interval)}</dd>
              </>
            )}
          </>
        )}
        {rank !== null && (
          <>
            <dt>{text.map.rank}</dt>
            <dd>{text.map.rankOf(rank, count)}</dd>
          </>
        )}
      </dl>
      {change && <p>{text.answer.changed(change)}</p>}
    </>
  );
}
