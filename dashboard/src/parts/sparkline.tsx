import "./sparkline.css";

const WIDTH = 64;
const HEIGHT = 20;

/** A line without axes, from zero, which decorates the figures beside it. */
export function Sparkline({ values }: { values: ArrayLike<number> }) {
  const numbers = Array.from(values);
  const top = Math.max(1, ...numbers);
  const step = WIDTH / Math.max(1, numbers.length - 1);
  const points = numbers.map(
    (value, at) => `${(at * step).toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`,
  );
  return (
    <svg
      class="sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
    >
      <polyline points={points.join(" ")} />
    </svg>
  );
}
