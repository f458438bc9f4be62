/**
 * Leading principal components of N x D data, as eigenvectors of the covariance matrix (of the Gram matrix where
 * N <= D): by a full eigendecomposition for small matrices, by seeded randomised subspace iteration (Halko, Martinsson
 * and Tropp 2011) with Rayleigh-Ritz steps for large ones. Cost N D min(N, D) / 2 multiply-adds for the matrix.
 */

import { expectThat } from "../errors.js";
import { multiply, transpose } from "./dense.js";
import { symmetricEigen } from "./eigen.js";
import { qr } from "./qr.js";
import { type RandomKey, randomKey, stream } from "./random.js";

export interface PrincipalComponents {
  /** [D] */
  readonly mean: Float64Array;
  /** Orthonormal rows, largest variance first; the entry of largest size in each row is positive. [k, D] */
  readonly basis: Float64Array;
  /** Variance along each component (divided by N - 1). [k] */
  readonly variances: Float64Array;
  /** Each component's share of the total variance. [k] */
  readonly explained: Float64Array;
  /** Whether the iteration came to rest (always, for the exact method). */
  readonly converged: boolean;
}

export interface PrincipalComponentsOptions {
  /** `exact` or `iteration`; exact where min(N, D) <= 400 unless given. */
  method?: "exact" | "iteration";
  /** Seeds the iteration's start. `randomKey(0)` unless given. */
  key?: RandomKey;
  /** The iteration rests when no leading variance changes by more than this share of the largest. 1e-9. */
  tolerance?: number;
  /** 200 unless given. */
  maxIterations?: number;
}

/**
 * The k leading principal components.
 *
 * @param data row-major, finite. [N, D]
 * @param dimension D.
 * @param k 1 to min(N - 1, D).
 * Throws `UsageError` for impossible k, wrong shapes, values that are not finite, or data without any variance.
 */
export function principalComponents(
  data: Float32Array | Float64Array,
  dimension: number,
  k: number,
  options: PrincipalComponentsOptions = {},
): PrincipalComponents {
  expectThat(
    Number.isInteger(dimension) && dimension >= 1 && data.length % dimension === 0 && data.length >= 2 * dimension,
    () =>
      `principalComponents got ${data.length} numbers for points of dimension ${dimension}: pass [N, D] with N >= 2.`,
  );
  const count = data.length / dimension;
  const most = Math.min(count - 1, dimension);
  expectThat(
    Number.isInteger(k) && k >= 1 && k <= most,
    () => `principalComponents got k = ${k} for ${count} points in ${dimension} dimensions: pass 1 to ${most}.`,
  );
  const mean = new Float64Array(dimension);
  for (let i = 0; i < count; i++) for (let j = 0; j < dimension; j++) mean[j] += data[i * dimension + j] / count;
  expectThat(mean.every(Number.isFinite), "principalComponents got a value that is not finite: clean the data first.");
  let total = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < dimension; j++) total += (data[i * dimension + j] - mean[j]) ** 2;
  }
  total /= count - 1;
  expectThat(
    total > 0,
    "principalComponents got data without variance: all points are equal, so there is no direction.",
  );
  const size = Math.min(count, dimension);
  const exact = (options.method ?? (size <= 400 ? "exact" : "iteration")) === "exact";
  const leading = (matrix: Float64Array) =>
    exact ? byEigendecomposition(matrix, size, k) : byIteration(matrix, size, k, options);
  let found: Leading;
  let directions: Float64Array;
  if (count > dimension) {
    found = leading(covarianceOf(data, count, dimension, mean));
    directions = found.vectors;
  } else {
    // The eigenvectors u of the smaller matrix X X^T give the components X^T u; QR makes them orthonormal also where
    // variances are (nearly) zero.
    const centred = new Float64Array(count * dimension);
    for (let i = 0; i < centred.length; i++) centred[i] = data[i] - mean[i % dimension];
    found = leading(gramOf(centred, count, dimension));
    directions = qr(multiply(transpose(centred, count, dimension), found.vectors, dimension, count, k), dimension, k).q;
  }
  const basis = transpose(directions, dimension, k);
  fixSigns(basis, k, dimension);
  const { values: variances, converged } = found;
  return { mean, basis, variances, explained: variances.map((v) => v / total), converged };
}

/** Coordinates of points along the components. [N, D] -> [N, k] */
export function project(components: PrincipalComponents, points: Float32Array | Float64Array): Float64Array {
  const { mean, basis } = components;
  const dimension = mean.length;
  const k = basis.length / dimension;
  expectThat(
    points.length % dimension === 0,
    () => `project got ${points.length} numbers for points of dimension ${dimension}: pass [N, D].`,
  );
  const count = points.length / dimension;
  const out = new Float64Array(count * k);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < k; c++) {
      let sum = 0;
      for (let j = 0; j < dimension; j++) sum += (points[i * dimension + j] - mean[j]) * basis[c * dimension + j];
      out[i * k + c] = sum;
    }
  }
  return out;
}

/** Leading eigenvectors of a symmetric matrix as columns, largest eigenvalue first. [n, k] */
interface Leading {
  vectors: Float64Array;
  values: Float64Array;
  converged: boolean;
}

/** X^T X / (N - 1), four points at a time, so that each entry is loaded and stored a quarter as often. [D, D] */
function covarianceOf(data: ArrayLike<number>, count: number, dimension: number, mean: Float64Array): Float64Array {
  const covariance = new Float64Array(dimension * dimension);
  const rows = new Float64Array(4 * dimension);
  for (let i = 0; i < count; i += 4) {
    rows.fill(0);
    for (let r = 0; r < 4 && i + r < count; r++) {
      for (let j = 0; j < dimension; j++) rows[r * dimension + j] = data[(i + r) * dimension + j] - mean[j];
    }
    for (let a = 0; a < dimension; a++) {
      const x0 = rows[a];
      const x1 = rows[dimension + a];
      const x2 = rows[2 * dimension + a];
      const x3 = rows[3 * dimension + a];
      const to = a * dimension;
      for (let b = 0; b <= a; b++) {
        covariance[to + b] +=
          x0 * rows[b] + x1 * rows[dimension + b] + x2 * rows[2 * dimension + b] + x3 * rows[3 * dimension + b];
      }
    }
  }
  return mirrored(covariance, dimension, count - 1);
}

/** X X^T / (N - 1) of centred points. [N, N] */
function gramOf(centred: Float64Array, count: number, dimension: number): Float64Array {
  const inner = new Float64Array(count * count);
  for (let a = 0; a < count; a++) {
    const rowA = a * dimension;
    for (let b = 0; b <= a; b++) {
      const rowB = b * dimension;
      let sum = 0;
      for (let j = 0; j < dimension; j++) sum += centred[rowA + j] * centred[rowB + j];
      inner[a * count + b] = sum;
    }
  }
  return mirrored(inner, count, count - 1);
}

function mirrored(matrix: Float64Array, n: number, divisor: number): Float64Array {
  for (let a = 0; a < n; a++) {
    for (let b = 0; b <= a; b++) {
      matrix[a * n + b] /= divisor;
      matrix[b * n + a] = matrix[a * n + b];
    }
  }
  return matrix;
}

function byEigendecomposition(matrix: Float64Array, n: number, k: number): Leading {
  const all = symmetricEigen(matrix, n);
  const vectors = new Float64Array(n * k);
  for (let c = 0; c < k; c++) for (let j = 0; j < n; j++) vectors[j * k + c] = all.vectors[j * n + (n - 1 - c)];
  return {
    vectors,
    values: Float64Array.from({ length: k }, (_, c) => Math.max(0, all.values[n - 1 - c])),
    converged: true,
  };
}

function byIteration(matrix: Float64Array, n: number, k: number, options: PrincipalComponentsOptions): Leading {
  const { key = randomKey(0), tolerance = 1e-9, maxIterations = 200 } = options;
  // a few spare directions speed up convergence: its rate is the ratio of variances k + spare + 1 to k
  const width = Math.min(n, k + Math.max(8, k >> 1));
  const random = stream(key);
  let basis: Float64Array = new Float64Array(n * width);
  for (let i = 0; i < basis.length; i++) basis[i] = random.normal();
  basis = qr(basis, n, width).q;
  let values = new Float64Array(width);
  for (let iteration = 1; ; iteration++) {
    const next = multiply(matrix, basis, n, n, width);
    // Rayleigh-Ritz: the best directions within the present subspace, from Q^T A Q.
    const ritz = symmetricEigen(multiply(transpose(basis, n, width), next, width, n, width), width);
    const present = Float64Array.from({ length: width }, (_, c) => Math.max(0, ritz.values[width - 1 - c]));
    let change = 0;
    for (let c = 0; c < k; c++) change = Math.max(change, Math.abs(present[c] - values[c]) / present[0]);
    values = present;
    const converged = change <= tolerance;
    if (converged || iteration === maxIterations) {
      const turn = new Float64Array(width * k);
      for (let c = 0; c < k; c++) {
        for (let q = 0; q < width; q++) turn[q * k + c] = ritz.vectors[q * width + (width - 1 - c)];
      }
      return { vectors: multiply(basis, turn, n, width, k), values: values.slice(0, k), converged };
    }
    basis = qr(next, n, width).q;
  }
}

function fixSigns(basis: Float64Array, k: number, dimension: number): void {
  for (let c = 0; c < k; c++) {
    let largest = c * dimension;
    for (let j = 1; j < dimension; j++) {
      if (Math.abs(basis[c * dimension + j]) > Math.abs(basis[largest])) largest = c * dimension + j;
    }
    if (basis[largest] < 0) for (let j = 0; j < dimension; j++) basis[c * dimension + j] *= -1;
  }
}
