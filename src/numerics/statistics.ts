/**
 * Descriptive statistics, correlations, histograms, and the two tests that the project's own statistical tests use:
 * chi-square and Kolmogorov-Smirnov. All on plain arrays in float64.
 */

import { expectThat } from "../errors.js";
import { incompleteGamma } from "./special-functions.js";

export { normalQuantile } from "./portable.js";
export { erf, erfc, gaussLegendre, incompleteGamma, logGamma, normalDistribution } from "./special-functions.js";

function checked(name: string, values: ArrayLike<number>, least = 1): void {
  expectThat(values.length >= least, () => `${name} got ${values.length} values: it needs at least ${least}.`);
  for (let i = 0; i < values.length; i++) {
    expectThat(
      Number.isFinite(values[i]),
      () => `${name} got the value ${values[i]} at index ${i}: all must be finite.`,
    );
  }
}

/** Arithmetic mean. Throws `UsageError` for no values, or values that are not finite (as do all functions here). */
export function mean(values: ArrayLike<number>): number {
  checked("mean", values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** Variance about the mean, divided by N - `freedom` (1: unbiased, the default; 0: of the population). Two passes. */
export function variance(values: ArrayLike<number>, freedom: 0 | 1 = 1): number {
  checked("variance", values, 1 + freedom);
  const centre = mean(values);
  let sum = 0;
  let rest = 0;
  for (let i = 0; i < values.length; i++) {
    const difference = values[i] - centre;
    sum += difference * difference;
    rest += difference; // zero but for rounding: the correction of Chan, Golub and LeVeque
  }
  return (sum - (rest * rest) / values.length) / (values.length - freedom);
}

/** Square root of `variance`. */
export function standardDeviation(values: ArrayLike<number>, freedom: 0 | 1 = 1): number {
  return Math.sqrt(variance(values, freedom));
}

/**
 * The quantile of the given share, 0 to 1, with linear interpolation between order statistics (type 7 of Hyndman and
 * Fan 1996, the default of R and NumPy).
 */
export function quantile(values: ArrayLike<number>, share: number): number {
  checked("quantile", values);
  expectThat(share >= 0 && share <= 1, () => `quantile got the share ${share}: pass a number from 0 to 1.`);
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const i = Math.min(Math.floor(at), sorted.length - 2);
  if (i < 0) return sorted[0];
  return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]);
}

/** The median. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/** Pearson's correlation. Throws `UsageError` where either side is constant, since it is not defined there. */
export function pearsonCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  expectThat(x.length === y.length, () => `A correlation got ${x.length} and ${y.length} values: pass equal numbers.`);
  const mx = mean(x);
  const my = mean(y);
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = x[i] - mx;
    const dy = y[i] - my;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  expectThat(
    xx > 0 && yy > 0,
    "A correlation got a side whose values are all equal: it is not defined, so leave that column out.",
  );
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** Spearman's rank correlation; equal values share their mean rank. */
export function spearmanCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearsonCorrelation(ranks(x), ranks(y));
}

/** Ranks from 1; equal values share their mean rank. */
export function ranks(values: ArrayLike<number>): Float64Array {
  checked("ranks", values);
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let i = start; i < end; i++) out[order[i]] = (start + 1 + end) / 2;
    start = end;
  }
  return out;
}

/**
 * Counts in `bins` equal bins of [low, high]; the upper border belongs to the last bin, values outside are counted
 * apart.
 * @param range the data's own unless given.
 */
export function histogram(
  values: ArrayLike<number>,
  bins: number,
  range?: readonly [number, number],
): { counts: Int32Array; edges: Float64Array; below: number; above: number } {
  checked("histogram", values);
  expectThat(Number.isInteger(bins) && bins >= 1, () => `histogram got ${bins} bins: pass a positive integer.`);
  let [low, high] = range ?? [Infinity, -Infinity];
  if (!range) {
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i]);
      high = Math.max(high, values[i]);
    }
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
  }
  expectThat(low < high, () => `histogram got the range [${low}, ${high}]: the first must be below the second.`);
  const counts = new Int32Array(bins);
  let below = 0;
  let above = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < low) below++;
    else if (value > high) above++;
    else counts[Math.min(Math.floor(((value - low) / (high - low)) * bins), bins - 1)]++;
  }
  const edges = Float64Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins);
  return { counts, edges, below, above };
}

export interface TestResult {
  readonly statistic: number;
  /** Probability of a statistic at least this large where the hypothesis holds. */
  readonly pValue: number;
}

/** Upper tail of the chi-square distribution. */
export function chiSquareTail(statistic: number, freedom: number): number {
  return incompleteGamma(freedom / 2, statistic / 2).upper;
}

/**
 * Pearson's chi-square test of counts against expected counts (each should be 5 or more). Degrees of freedom: bins - 1
 * - `fitted` parameters.
 */
export function chiSquareTest(observed: ArrayLike<number>, expected: ArrayLike<number>, fitted = 0): TestResult {
  checked("chiSquareTest", observed, 2 + fitted);
  checked("chiSquareTest", expected, 2 + fitted);
  expectThat(
    observed.length === expected.length,
    () => `chiSquareTest got ${observed.length} observed and ${expected.length} expected counts: pass equal numbers.`,
  );
  let statistic = 0;
  for (let i = 0; i < observed.length; i++) {
    expectThat(
      expected[i] > 0,
      () => `chiSquareTest got the expected count ${expected[i]}: merge bins until all are > 0.`,
    );
    statistic += (observed[i] - expected[i]) ** 2 / expected[i];
  }
  return { statistic, pValue: chiSquareTail(statistic, observed.length - 1 - fitted) };
}

/**
 * Upper tail of Kolmogorov's limit distribution, P(K > x) = 2 sum_k (-1)^{k-1} exp(-2 k^2 x^2); for small x by its
 * theta-function transform.
 */
export function kolmogorovTail(x: number): number {
  if (x <= 0) return 1;
  if (x < 1.1) {
    let sum = 0;
    for (let k = 1; k <= 20; k++) sum += Math.exp((-((2 * k - 1) ** 2) * Math.PI ** 2) / (8 * x * x));
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  let sum = 0;
  for (let k = 1; k <= 20; k++) sum += (k % 2 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return sum;
}

/**
 * Kolmogorov-Smirnov test of a sample against a continuous distribution function. The p-value is that of the limit
 * distribution at (sqrt N + 0.12 + 0.11/sqrt N) D (Stephens 1970): good to about 1e-2 for N >= 4 and 1e-3 for N >= 50.
 */
export function kolmogorovSmirnovTest(sample: ArrayLike<number>, distribution: (x: number) => number): TestResult {
  checked("kolmogorovSmirnovTest", sample, 4);
  const sorted = Float64Array.from(sample).sort();
  const count = sorted.length;
  let statistic = 0;
  for (let i = 0; i < count; i++) {
    const f = distribution(sorted[i]);
    expectThat(f >= 0 && f <= 1, () => `kolmogorovSmirnovTest got the probability ${f} at ${sorted[i]}.`);
    statistic = Math.max(statistic, (i + 1) / count - f, f - i / count);
  }
  return { statistic, pValue: stephens(statistic, count) };
}

/** Two-sample Kolmogorov-Smirnov test; N is the harmonic n m / (n + m), otherwise as in the one-sample test. */
export function kolmogorovSmirnovTwoSamples(first: ArrayLike<number>, second: ArrayLike<number>): TestResult {
  checked("kolmogorovSmirnovTwoSamples", first, 4);
  checked("kolmogorovSmirnovTwoSamples", second, 4);
  const a = Float64Array.from(first).sort();
  const b = Float64Array.from(second).sort();
  let i = 0;
  let j = 0;
  let statistic = 0;
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i], b[j]);
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
    statistic = Math.max(statistic, Math.abs(i / a.length - j / b.length));
  }
  return { statistic, pValue: stephens(statistic, (a.length * b.length) / (a.length + b.length)) };
}

function stephens(statistic: number, count: number): number {
  const root = Math.sqrt(count);
  return kolmogorovTail((root + 0.12 + 0.11 / root) * statistic);
}
