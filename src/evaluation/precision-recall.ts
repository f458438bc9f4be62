/**
 * Precision and recall for distributions (Sajjadi et al., 2018). Features of both sets are pooled and clustered by
 * k-means; with p the histogram of clusters of the real and q of the generated, for slopes l = tan(theta)
 *
 *   precision(l) = sum_i min(l p_i, q_i),   recall(l) = precision(l) / l,
 *
 * averaged over several clusterings. Summed up by F_b = (1 + b^2) P R / (b^2 P + R), the largest along the curve: F_8
 * stands for recall, F_{1/8} for precision. Both sets are cut to the same size, since otherwise clusters follow the
 * larger one.
 */
import { type NdArray, takeRows } from "../engine/index.js";
import { kMeans } from "../numerics/k-means.js";
import { foldIn, permutation, randomKey, split } from "../numerics/random.js";
import { mean, standardDeviation } from "../numerics/statistics.js";
import { checkRows, checkSameWidth, type Score, score } from "./score.js";

export interface PrecisionRecallCurve {
  /** From precision 0 (theta near 0) on. [angles] */
  readonly precision: Float64Array;
  readonly recall: Float64Array;
}

/**
 * The curve between two histograms over the same cells (counts or shares).
 * @param angles points on the curve, at equal angles theta in (0, pi / 2); default 1001
 */
export function precisionRecallCurve(
  real: ArrayLike<number>,
  generated: ArrayLike<number>,
  angles = 1001,
): PrecisionRecallCurve {
  const total = (h: ArrayLike<number>) => Array.from(h).reduce((sum, value) => sum + value, 0);
  const [sumP, sumQ] = [total(real), total(generated)];
  const precision = new Float64Array(angles);
  const recall = new Float64Array(angles);
  const edge = 1e-10;
  for (let k = 0; k < angles; k++) {
    const slope = Math.tan(edge + ((Math.PI / 2 - 2 * edge) * k) / (angles - 1));
    for (let i = 0; i < real.length; i++) precision[k] += Math.min((slope * real[i]) / sumP, generated[i] / sumQ);
    recall[k] = Math.min(1, precision[k] / slope);
    precision[k] = Math.min(1, precision[k]);
  }
  return { precision, recall };
}

/** The largest F_b along a curve. */
export function bestF({ precision, recall }: PrecisionRecallCurve, b: number): number {
  let best = 0;
  for (let i = 0; i < precision.length; i++) {
    const [p, r] = [precision[i], recall[i]];
    if (p + r > 0) best = Math.max(best, ((1 + b * b) * p * r) / (b * b * p + r));
  }
  return best;
}

export interface PrecisionRecallResult {
  /** Averaged over the clusterings. */
  readonly curve: PrecisionRecallCurve;
  /** F_8 (recall) and F_{1/8} (precision) of the averaged curve. */
  readonly scores: readonly [Score, Score];
}

export interface PrecisionRecallOptions {
  /** The name of the network that the features come from. */
  readonly features: string;
  /** Default 20, as in the paper; another number is in the names of the scores, which compare only with their like. */
  readonly clusters?: number;
  /** Clusterings; default 10. */
  readonly runs?: number;
  readonly angles?: number;
  readonly seed?: number;
}

/** PRD of features [N, d] and [M, d]; the larger set is cut to the size of the smaller one, at random. */
export function precisionRecallForDistributions(
  real: NdArray,
  generated: NdArray,
  options: PrecisionRecallOptions,
): PrecisionRecallResult {
  const { features, clusters = 20, runs = 10, angles = 1001, seed = 0 } = options;
  const [a, b] = [checkRows("real", real, clusters), checkRows("generated", generated, clusters)];
  checkSameWidth("precision and recall", a.width, b.width);
  const n = Math.min(a.n, b.n);
  const key = split(randomKey(seed), "precision and recall");
  const pick = (rows: NdArray, count: number, label: string) =>
    count === n ? rows : takeRows(rows, permutation(split(key, label), count).subarray(0, n));
  const pooled = new Float32Array(2 * n * a.width);
  pooled.set(pick(real, a.n, "real").data);
  pooled.set(pick(generated, b.n, "generated").data, n * a.width);

  const curves = Array.from({ length: runs }, (_, run) => {
    const { assignment } = kMeans(pooled, a.width, clusters, foldIn(key, run), { restarts: 1, maxIterations: 50 });
    const histograms = [new Float64Array(clusters), new Float64Array(clusters)];
    assignment.forEach((cluster, i) => histograms[i < n ? 0 : 1][cluster]++);
    return precisionRecallCurve(histograms[0], histograms[1], angles);
  });
  const average = (of: (curve: PrecisionRecallCurve) => Float64Array) =>
    Float64Array.from({ length: angles }, (_, k) => mean(curves.map((curve) => of(curve)[k])));
  const curve = { precision: average((c) => c.precision), recall: average((c) => c.recall) };
  const summary = (name: string, weight: number) =>
    score({
      name: `${features} PRD ${name}${clusters === 20 ? "" : `, ${clusters} clusters`}`,
      value: bestF(curve, weight),
      standardError: runs > 1 ? standardDeviation(curves.map((c) => bestF(c, weight))) : 0,
      uncertainty: `standard deviation over ${runs} clusterings`,
      images: n,
      seed,
    });
  return { curve, scores: [summary("F_8 (recall)", 8), summary("F_1/8 (precision)", 1 / 8)] };
}
