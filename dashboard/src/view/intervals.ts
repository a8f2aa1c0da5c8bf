/** The value that 95% of a normal distribution lies within, on both sides of zero. */
const Z = 1.96;

/** Values between which the true one lies, at a confidence of 95%. */
export interface Interval {
  low: number;
  high: number;
}

/**
 * Returns the interval of the mean of a Poisson count, by Byar's approximation: Breslow and Day, Statistical Methods in
 * Cancer Research, volume II, 1987, page 69.
 */
export function intervalOfCount(count: number): Interval {
  const bound = (of: number, sign: number) =>
    of === 0 ? 0 : of * (1 - 1 / (9 * of) + (sign * Z) / (3 * Math.sqrt(of))) ** 3;
  return { low: Math.max(0, bound(count, -1)), high: bound(count + 1, 1) };
}

/** Returns the interval of a share, by Wilson's score: Journal of the American Statistical Association 22, 1927. */
export function intervalOfShare(count: number, total: number): Interval {
  const share = count / total;
  const square = Z ** 2 / total;
  const middle = share + square / 2;
  const half = Z * Math.sqrt((share * (1 - share)) / total + square / (4 * total));
  const low = (middle - half) / (1 + square);
  // Rounding would leave a share of zero a little above or below it.
  return { low: count === 0 ? 0 : low, high: (middle + half) / (1 + square) };
}

/** Returns the interval of the change from one Poisson count to another, by the normal distribution of its logarithm. */
export function intervalOfChange(before: number, now: number): Interval {
  const ratio = now / before;
  const factor = Math.exp(Z * Math.sqrt(1 / Math.max(now, 0.5) + 1 / before));
  return { low: ratio / factor - 1, high: Math.max(ratio, 0.5 / before) * factor - 1 };
}
