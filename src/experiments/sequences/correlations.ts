/**
 * How well a matrix of distances follows another: Pearson's and Spearman's correlation over the pairs of n things, with
 * bootstrap intervals. Pairs that share a thing are not independent, so things are drawn with replacement, not pairs;
 * pairs of a thing with itself are left out.
 */
import { RunError } from "../../errors.js";
import { foldIn, type RandomKey, stream } from "../../numerics/random.js";
import { pearsonCorrelation, quantile, ranks } from "../../numerics/statistics.js";

/** A figure with its 95 % bootstrap interval (percentiles). */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Correlations {
  readonly pearson: Estimate;
  readonly spearman: Estimate;
  /** Spearman's correlation less that of the first matrix, on the same draws. */
  readonly gain: Estimate;
}

/**
 * Correlations of each matrix with `truth`, over pairs at which all of them are finite.
 * @param matrices [n, n] each @param draws of the bootstrap
 */
export function correlationsWith(
  truth: Float64Array,
  matrices: readonly Float64Array[],
  n: number,
  draws: number,
  key: RandomKey,
): Correlations[] {
  const usable = (i: number, j: number) =>
    Number.isFinite(truth[i * n + j]) && matrices.every((matrix) => Number.isFinite(matrix[i * n + j]));
  const measure = (chosen: ArrayLike<number>) => {
    const pairs: number[] = [];
    for (let a = 0; a < chosen.length; a++)
      for (let b = 0; b < a; b++)
        if (chosen[a] !== chosen[b] && usable(chosen[a], chosen[b])) pairs.push(chosen[a] * n + chosen[b]);
    const at = (matrix: Float64Array) => Float64Array.from(pairs, (pair) => matrix[pair]);
    const t = at(truth);
    const rankedTruth = ranks(t);
    if (new Set(t).size < 2) return undefined; // so few pairs that no correlation is defined
    return matrices.map((matrix) => {
      const values = at(matrix);
      return { pearson: pearsonCorrelation(values, t), spearman: pearsonCorrelation(ranks(values), rankedTruth) };
    });
  };
  const whole = measure(Array.from({ length: n }, (_, i) => i));
  if (whole === undefined) throw new RunError("there are too few pairs for a correlation; measure more sequences.");
  const again = Array.from({ length: draws }, (_, draw) => draw).flatMap((draw) => {
    const random = stream(foldIn(key, draw));
    const found = measure(Int32Array.from({ length: n }, () => Math.min(n - 1, Math.floor(random.uniform() * n))));
    return found === undefined ? [] : [found];
  });
  const estimate = (of: (found: NonNullable<ReturnType<typeof measure>>) => number): Estimate => {
    const spread = again.map(of);
    return { value: of(whole), low: quantile(spread, 0.025), high: quantile(spread, 0.975) };
  };
  return matrices.map((_, k) => ({
    pearson: estimate((found) => found[k].pearson),
    spearman: estimate((found) => found[k].spearman),
    gain: estimate((found) => found[k].spearman - found[0].spearman),
  }));
}
