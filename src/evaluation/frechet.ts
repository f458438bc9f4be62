/**
 * The Frechet distance between Gaussians, the squared 2-Wasserstein distance of the laws with these moments:
 *
 *   |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1^{1/2} S_2 S_1^{1/2})^{1/2}).
 *
 * The trace of the root is taken in this symmetric form, as the sum of roots of eigenvalues that cannot be negative but
 * by rounding; the root of S_1 S_2 by general methods may turn complex. On features of Inception-v3 it is the FID
 * (Heusel et al., 2017); on other features it is another number, and is named after them.
 */
import type { NdArray } from "../engine/index.js";
import { multiply, transpose } from "../numerics/dense.js";
import { symmetricEigen } from "../numerics/eigen.js";
import { bootstrapError, checkRows, checkSameWidth, type Score, score } from "./score.js";

export interface Moments {
  /** [d] */
  readonly mean: Float64Array;
  /** Unbiased, divided by n - 1. [d, d] */
  readonly covariance: Float64Array;
}

/** Mean and covariance of rows [N, d], or of those named by `indices` (with repetition). */
export function momentsOf(rows: NdArray, indices?: ArrayLike<number>): Moments {
  const { n: all, width: d } = checkRows("momentsOf", rows);
  const n = indices?.length ?? all;
  const { data } = rows;
  const mean = new Float64Array(d);
  const at = (i: number) => (indices === undefined ? i : indices[i]) * d;
  for (let i = 0; i < n; i++) for (let j = 0, o = at(i); j < d; j++) mean[j] += data[o + j] / n;
  const covariance = new Float64Array(d * d);
  const centred = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    const o = at(i);
    for (let j = 0; j < d; j++) centred[j] = data[o + j] - mean[j];
    for (let j = 0; j < d; j++) {
      const factor = centred[j];
      const row = j * d;
      for (let k = 0; k <= j; k++) covariance[row + k] += factor * centred[k];
    }
  }
  for (let j = 0; j < d; j++)
    for (let k = 0; k <= j; k++) {
      covariance[j * d + k] /= n - 1;
      covariance[k * d + j] = covariance[j * d + k];
    }
  return { mean, covariance };
}

/** The distance between two laws given by their moments; 0 for equal ones, symmetric. */
export function frechetDistance(a: Moments, b: Moments): number {
  const d = a.mean.length;
  checkSameWidth("frechetDistance", d, b.mean.length);
  let distance = 0;
  for (let i = 0; i < d; i++)
    distance += (a.mean[i] - b.mean[i]) ** 2 + a.covariance[i * d + i] + b.covariance[i * d + i];
  const root = squareRoot(a.covariance, d);
  const product = multiply(multiply(root, b.covariance, d, d, d), root, d, d, d);
  for (const value of symmetricEigen(product, d).values) distance -= 2 * Math.sqrt(Math.max(0, value));
  return Math.max(0, distance);
}

/** The symmetric root of a positive semi-definite matrix: V sqrt(D) V^T. */
function squareRoot(a: Float64Array, d: number): Float64Array {
  const { values, vectors } = symmetricEigen(a, d);
  const scaled = vectors.slice();
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) scaled[i * d + j] *= Math.sqrt(Math.max(0, values[j]));
  return multiply(scaled, transpose(vectors, d, d), d, d, d);
}

/**
 * The Frechet distance of two sets of features, with its bootstrap standard error. The estimate is biased upwards, by
 * about (trace of the covariance) / n and more where n is below a few times d; compare only scores of one n.
 * @param real, generated features [N, d], [M, d]
 * @param options.features the name of the network they come from, which begins the score's name
 */
export function frechetScore(
  real: NdArray,
  generated: NdArray,
  options: { readonly features: string; readonly draws?: number; readonly seed?: number },
): Score {
  const { features, draws = 20, seed = 0 } = options;
  const [a, b] = [checkRows("real", real), checkRows("generated", generated)];
  checkSameWidth("Frechet distance", a.width, b.width);
  const value = frechetDistance(momentsOf(real), momentsOf(generated));
  const standardError = bootstrapError(
    [a.n, b.n],
    ([i, j]) => frechetDistance(momentsOf(real, i), momentsOf(generated, j)),
    { draws, seed },
  );
  return score({
    name: `${features} Frechet distance`,
    value,
    standardError,
    uncertainty: `bootstrap, ${draws} draws`,
    images: b.n,
    seed,
  });
}
