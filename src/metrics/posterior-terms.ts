/**
 * The terms of the posterior-covariance metric (`posterior.ts`): quadratic forms q_i(u) = (u - b_i)^T P_i (u - b_i) for
 * many i as one matrix product, and what log det, tensor and gradient need of sums P = sum_i w_i P_i + floor I, for
 * precisions P_i = Sigma_i^-1 that are diagonal (then nothing is ever a matrix) or full.
 *
 * Axes: N points, n centroids, d latent dimensions. Points u and centroids b are relative to the centroids' mean.
 */
import {
  add,
  astype,
  concat,
  einsum,
  expandDims,
  inverse,
  isNdArray,
  log,
  logDeterminant,
  matmul,
  mul,
  type NdArray,
  ndarray,
  reciprocal,
  reshape,
  slice,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { expectThat } from "../errors.js";
import { choleskyInto } from "../numerics/dense.js";
import { toPoints } from "./checks.js";
import { identityMatrix } from "./linear-algebra.js";

/** Sigma_i^-1 as the traced terms need it. */
export interface Precisions {
  /** q_i(u) = (u - b_i)^T P_i (u - b_i) as features [N, m] times `coefficients` [m, n] plus `offsets` [n]. */
  features(u: Tensor): Tensor;
  readonly coefficients: NdArray;
  readonly offsets: NdArray;
  /** From weights [N, n] and floor [N, 1]: what log det, metric tensor and gradient need of P = sum w_i P_i + floor I. */
  sum(weights: Tensor, floor: Tensor): PrecisionSum;
  readonly inverseVariances?: NdArray;
  readonly inverseCovariances?: NdArray;
}

export interface PrecisionSum {
  halfLogDeterminant(): Tensor; // [N]
  tensor(): Tensor; // [N, d, d]
  quadratic(v: Tensor): Tensor; // v^T P v, [N]
  /** With t_i = tr(P^-1 P_i): `[t_1, ..., t_n]` [N, n], and tr(P^-1) [N, 1]. */
  traces(): { each: Tensor; inverse: Tensor };
  /** sum_i r_i P_i (u - b_i), [N, d], for r [N, n]. */
  pull(r: Tensor, u: Tensor): Tensor;
}

/** Makes the terms for centroids relative to their mean; the shift keeps the digits of the expanded squares. */
export type Terms = (relative: Float64Array) => Precisions;

/**
 * Diagonal Sigma_i^-1 = diag(m_i): q_i = sum_k m_ik u_k^2 - 2 m_ik b_ik u_k + m_ik b_ik^2.
 * @throws UsageError unless they are n rows of d numbers above zero
 */
export function diagonals(given: NdArray | readonly (readonly number[])[], n: number, d: number): Terms {
  const m = toPoints("posteriorMetric", "inverseVariances", given, d, n);
  const bad = m.data.findIndex((x: number) => !(x > 0));
  expectThat(
    bad < 0,
    () =>
      `posteriorMetric: inverseVariances has ${m.data[bad]} in row ${Math.floor(bad / d)}; give numbers above zero, one over each variance.`,
  );
  return (b) => {
    const coefficients = new Float64Array(2 * d * n);
    const offsets = new Float64Array(n);
    const pulls = new Float64Array(n * 2 * d); // [n, 2 d]: m_ik, then m_ik b_ik
    for (let i = 0; i < n; i++)
      for (let k = 0; k < d; k++) {
        const [mik, bik] = [m.data[i * d + k], b[i * d + k]];
        coefficients[k * n + i] = mik;
        coefficients[(d + k) * n + i] = -2 * mik * bik;
        offsets[i] += mik * bik * bik;
        pulls[i * 2 * d + k] = mik;
        pulls[i * 2 * d + d + k] = mik * bik;
      }
    const [rows, columns] = [ndarray(pulls, [n, 2 * d]), transposed(m.data as Float64Array, n, d)];
    return {
      inverseVariances: m,
      features: (u) => concat([square(u), u], 1),
      coefficients: ndarray(coefficients, [2 * d, n]),
      offsets: ndarray(offsets),
      sum(weights, floor) {
        const g = add(matmul(weights, m), floor); // [N, d]
        return {
          halfLogDeterminant: () => mul(sum(log(g), 1), 0.5),
          tensor: () => mul(expandDims(g, 1), identityMatrix(d)),
          quadratic: (v) => sum(mul(g, square(v)), 1),
          traces() {
            const over = reciprocal(g);
            return { each: matmul(over, columns), inverse: sum(over, 1, { keepDimensions: true }) };
          },
          pull(r, u) {
            const both = matmul(r, rows); // [N, 2 d]
            return sub(mul(u, slice(both, [null, [0, d]])), slice(both, [null, [d, 2 * d]]));
          },
        };
      },
    };
  };
}

/**
 * Full Sigma_i^-1 = P_i: q_i = vec(P_i) . vec(u u^T) - 2 (P_i b_i) . u + b_i^T P_i b_i.
 * @throws UsageError unless they are n symmetric, positive definite matrices of d rows
 */
export function precisions(given: NdArray, n: number, d: number): Terms {
  expectThat(
    isNdArray(given) && `${given.shape}` === `${[n, d, d]}`,
    () => `posteriorMetric: inverseCovariances has shape [${given?.shape}]; give [${n}, ${d}, ${d}].`,
  );
  const p = symmetricPart(astype(given, "float64").data as Float64Array, n, d);
  const flat = ndarray(p, [n, d * d]);
  const transposedFlat = transposed(p, n, d * d);
  return (b) => {
    const coefficients = new Float64Array((d * d + d) * n);
    const offsets = new Float64Array(n);
    const pulled = new Float64Array(n * d); // P_i b_i
    for (let i = 0; i < n; i++)
      for (let k = 0; k < d; k++) {
        let row = 0;
        for (let l = 0; l < d; l++) {
          const entry = p[(i * d + k) * d + l];
          coefficients[(k * d + l) * n + i] = entry;
          row += entry * b[i * d + l];
        }
        pulled[i * d + k] = row;
        coefficients[(d * d + k) * n + i] = -2 * row;
        offsets[i] += row * b[i * d + k];
      }
    const shifts = ndarray(pulled, [n, d]);
    return {
      inverseCovariances: ndarray(p, [n, d, d]),
      features: (u) => concat([reshape(mul(expandDims(u, 2), expandDims(u, 1)), [u.shape[0], d * d]), u], 1),
      coefficients: ndarray(coefficients, [d * d + d, n]),
      offsets: ndarray(offsets),
      sum(weights, floor) {
        const count = weights.shape[0];
        const mixed = reshape(matmul(weights, flat), [count, d, d]);
        const g = add(mixed, mul(expandDims(floor, 2), identityMatrix(d))); // [N, d, d]
        return {
          halfLogDeterminant: () => mul(logDeterminant(g), 0.5),
          tensor: () => g,
          quadratic: (v) => einsum("ni,nij,nj->n", v, g, v),
          traces() {
            const over = inverse(g);
            return {
              each: matmul(reshape(over, [count, d * d]), transposedFlat),
              inverse: reshape(sum(mul(over, identityMatrix(d)), [1, 2]), [count, 1]),
            };
          },
          pull(r, u) {
            const matrices = reshape(matmul(r, flat), [count, d, d]);
            return sub(einsum("nij,nj->ni", matrices, u), matmul(r, shifts));
          },
        };
      },
    };
  };
}

/** The symmetric parts of n matrices. @throws UsageError where one is not finite, symmetric and positive definite. */
function symmetricPart(p: Float64Array, n: number, d: number): Float64Array {
  const out = new Float64Array(p.length);
  const factor = new Float64Array(d * d);
  for (let i = 0; i < n; i++) {
    const entry = (k: number, l: number) => p[(i * d + k) * d + l];
    for (let k = 0; k < d; k++)
      for (let l = 0; l < d; l++) {
        const gap = Math.abs(entry(k, l) - entry(l, k));
        expectThat(
          gap <= 1e-5 * Math.sqrt(Math.abs(entry(k, k) * entry(l, l))),
          () =>
            `posteriorMetric: inverseCovariances[${i}] has ${entry(k, l)} at (${k}, ${l}) and ${entry(l, k)} at (${l}, ${k}); give symmetric matrices of finite numbers.`,
        );
        out[(i * d + k) * d + l] = 0.5 * (entry(k, l) + entry(l, k));
      }
    expectThat(
      choleskyInto(out.slice(i * d * d, (i + 1) * d * d), d, factor),
      () =>
        `posteriorMetric: inverseCovariances[${i}] is not positive definite; give the inverses of covariances that are not singular.`,
    );
  }
  return out;
}

function transposed(a: Float64Array, rows: number, columns: number): NdArray {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j];
  return ndarray(out, [columns, rows]);
}
