/**
 * Leading principal components of N x D data: exact by an eigendecomposition of the covariance (or of the Gram matrix
 * where N < D) for small problems, by seeded randomised subspace iteration (Halko, Martinsson and Tropp 2011) with a
 * Rayleigh-Ritz step for large ones.
 */

import { expectThat } from "../errors.js";
import { qr } from "./dense.js";
import { symmetricEigen } from "./eigen.js";
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
  /** 200 unless given. Each passes over the data once. */
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
  const exact = (options.method ?? (Math.min(count, dimension) <= 400 ? "exact" : "iteration")) === "exact";
  const found = exact
    ? count > dimension
      ? byCovariance(data, count, dimension, k, mean)
      : byGram(data, count, dimension, k, mean)
    : byIteration(data, count, dimension, k, mean, options);
  fixSigns(found.basis, k, dimension);
  return { mean, ...found, explained: found.variances.map((v) => v / total) };
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

interface Found {
  basis: Float64Array;
  variances: Float64Array;
  converged: boolean;
}

function byCovariance(data: ArrayLike<number>, count: number, dimension: number, k: number, mean: Float64Array): Found {
  const covariance = new Float64Array(dimension * dimension);
  const row = new Float64Array(dimension);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < dimension; j++) row[j] = data[i * dimension + j] - mean[j];
    for (let a = 0; a < dimension; a++) {
      const x = row[a];
      if (x !== 0) for (let b = 0; b <= a; b++) covariance[a * dimension + b] += x * row[b];
    }
  }
  for (let a = 0; a < dimension; a++) {
    for (let b = 0; b <= a; b++) {
      covariance[a * dimension + b] /= count - 1;
      covariance[b * dimension + a] = covariance[a * dimension + b];
    }
  }
  const { values, vectors } = symmetricEigen(covariance, dimension);
  const basis = new Float64Array(k * dimension);
  const variances = new Float64Array(k);
  for (let c = 0; c < k; c++) {
    const column = dimension - 1 - c;
    variances[c] = Math.max(0, values[column]);
    for (let j = 0; j < dimension; j++) basis[c * dimension + j] = vectors[j * dimension + column];
  }
  return { basis, variances, converged: true };
}

/** N <= D: the eigenvectors u of the N x N Gram matrix X X^T give the components X^T u. */
function byGram(data: ArrayLike<number>, count: number, dimension: number, k: number, mean: Float64Array): Found {
  const centred = new Float64Array(count * dimension);
  for (let i = 0; i < centred.length; i++) centred[i] = data[i] - mean[i % dimension];
  const inner = new Float64Array(count * count);
  for (let a = 0; a < count; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let j = 0; j < dimension; j++) sum += centred[a * dimension + j] * centred[b * dimension + j];
      inner[a * count + b] = inner[b * count + a] = sum / (count - 1);
    }
  }
  const { values, vectors } = symmetricEigen(inner, count);
  // X^T u, then QR: orthonormal also where variances are (nearly) zero
  const directions = new Float64Array(dimension * k);
  const variances = new Float64Array(k);
  for (let c = 0; c < k; c++) {
    const column = count - 1 - c;
    variances[c] = Math.max(0, values[column]);
    for (let i = 0; i < count; i++) {
      const u = vectors[i * count + column];
      for (let j = 0; j < dimension; j++) directions[j * k + c] += u * centred[i * dimension + j];
    }
  }
  return { basis: columnsAsRows(qr(directions, dimension, k).q, dimension, k), variances, converged: true };
}

function byIteration(
  data: ArrayLike<number>,
  count: number,
  dimension: number,
  k: number,
  mean: Float64Array,
  options: PrincipalComponentsOptions,
): Found {
  const { key = randomKey(0), tolerance = 1e-9, maxIterations = 200 } = options;
  // a few spare directions speed up convergence: its rate is the ratio of variances k + spare + 1 to k
  const width = Math.min(Math.min(count - 1, dimension), k + Math.max(8, k >> 1));
  const random = stream(key);
  let basis: Float64Array = new Float64Array(dimension * width);
  for (let i = 0; i < basis.length; i++) basis[i] = random.normal();
  basis = qr(basis, dimension, width).q;
  let variances = new Float64Array(width);
  const row = new Float64Array(dimension);
  const image = new Float64Array(width);
  for (let iteration = 1; ; iteration++) {
    // One pass over the data: Y = X Q, X^T Y and Y^T Y.
    const next = new Float64Array(dimension * width);
    const inner = new Float64Array(width * width);
    for (let i = 0; i < count; i++) {
      image.fill(0);
      for (let j = 0; j < dimension; j++) {
        const x = data[i * dimension + j] - mean[j];
        row[j] = x;
        if (x !== 0) for (let c = 0; c < width; c++) image[c] += x * basis[j * width + c];
      }
      for (let j = 0; j < dimension; j++) {
        const x = row[j];
        if (x !== 0) for (let c = 0; c < width; c++) next[j * width + c] += x * image[c];
      }
      for (let a = 0; a < width; a++) for (let b = 0; b < width; b++) inner[a * width + b] += image[a] * image[b];
    }
    // Rayleigh-Ritz: the best components within the present subspace.
    const { values, vectors } = symmetricEigen(
      inner.map((v) => v / (count - 1)),
      width,
    );
    let change = 0;
    const present = new Float64Array(width);
    for (let c = 0; c < width; c++) present[c] = Math.max(0, values[width - 1 - c]);
    for (let c = 0; c < k; c++) change = Math.max(change, Math.abs(present[c] - variances[c]) / present[0]);
    variances = present;
    const converged = change <= tolerance;
    if (converged || iteration === maxIterations) {
      const out = new Float64Array(k * dimension);
      for (let c = 0; c < k; c++) {
        for (let j = 0; j < dimension; j++) {
          let sum = 0;
          for (let q = 0; q < width; q++) sum += basis[j * width + q] * vectors[q * width + (width - 1 - c)];
          out[c * dimension + j] = sum;
        }
      }
      return { basis: out, variances: variances.slice(0, k), converged };
    }
    basis = qr(next, dimension, width).q;
  }
}

function columnsAsRows(q: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = q[i * columns + j];
  return out;
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
