import type { Closed } from "../../data/durations.ts";
import { curveKey, readCurves } from "../../data/durations.ts";
import type { Line } from "../../parts/line_chart.tsx";
import { LineChart } from "../../parts/line_chart.tsx";
import { Failure } from "../../parts/failure.tsx";
import { format, text } from "../../strings.ts";
import type { Subject } from "../../view/durations.ts";
import type { Shown } from "../../view/shown.ts";
import { useRead } from "../../view/use_read.ts";
import { STANDARDS } from "../../words/standards.ts";

/** The share of requests that is closed by their age, with the City's aim where it is known. */
export function Curve({ store, pinned, subject, ward }: Shown & { subject: Subject; ward: string | null }) {
  const { value, error, retry } = useRead(store, "curves", readCurves);
  const { group, type } = subject;
  const ofCity = value?.get(curveKey(group, type, null)) ?? [];
  const ofWard = ward === null ? [] : (value?.get(curveKey(group, type, ward)) ?? []);
  const days = [...new Set([...ofCity, ...ofWard].map((point) => point.days))].sort((a, b) => a - b);
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  if (days.length < 2) return null;
  const line = (name: string, style: Line["style"], curve: readonly Closed[]): Line => ({
    name,
    end: "",
    style,
    values: days.map((day) => curve.find((point) => point.days === day)?.share ?? null),
  });
  const area = pinned[0]?.area.name ?? "";
  const lines =
    ofWard.length > 0
      ? [line(area, "first", ofWard), line(text.city, "behind", ofCity)]
      : [line(text.city, "first", ofCity)];
  const standard = STANDARDS[type ?? group];
  return (
    <>
      <LineChart
        key={`${group} ${type ?? ""}`}
        id="curve"
        label={text.duration.curve}
        positionName={text.duration.curveDay}
        lines={lines}
        position={(at) => text.days({ lower: days[at] ?? 0, upper: days[at] ?? 0 })}
        ticks={days.map((day, at) => ({ at, label: format.integer(day) }))}
        write={format.percent}
        top={1}
        mark={
          standard
            ? { at: positionOf(standard.days, days), label: text.duration.standard(standard.standard) }
            : null
        }
      />
      {standard && <p class="help">{text.duration.standardSource(standard.standard)}</p>}
    </>
  );
}

/** Where a number of days is between the positions of the curve. */
function positionOf(day: number, days: readonly number[]): number {
  const after = days.findIndex((one) => one >= day);
  if (after <= 0) return after < 0 ? days.length - 1 : 0;
  const [low, high] = [days[after - 1] as number, days[after] as number];
  return after - 1 + (day - low) / (high - low);
}
