/**
 * The Gaussian process latent variable model (Lawrence, "Probabilistic non-linear principal component analysis with
 * Gaussian process latent variable models", JMLR 6, 2005), the paper's second classical coding of the tree: each column
 * of the data is a draw of one Gaussian process over the latent points,
 *
 *   Y_j ~ N(0, K),   K = a exp(-|x_i - x_k|^2 / 2 l^2) + s I,   x_i ~ N(0, I),
 *
 * and latent points and the three numbers are those of the largest posterior density, from principal components on.
 * With G = (D K^-1 - K^-1 Y Y^T K^-1)/2, the gradient of the objective in K, all derivatives are sums over G.
 */
import { expectThat } from "../../errors.js";
import { choleskyInto } from "../../numerics/dense.js";
import { principalComponents } from "../../numerics/principal-components.js";
import { minimize } from "./minimize.js";

export interface Gplvm {
  /** [N, d] */
  readonly codes: Float64Array;
  /** a, l and s. */
  readonly variance: number;
  readonly lengthScale: number;
  readonly noise: number;
  /** Minus the log of the posterior density, but for constants. */
  readonly objective: number;
  readonly steps: number;
}

/**
 * Minus the log posterior density (without constants) and its gradient, as `minimize` takes them, of latent points
 * [N, d] followed by log a, log l and log s.
 */
export type GplvmObjective = (x: Float64Array) => { value: number; gradient: Float64Array };

/**
 * The objective of centred data.
 * @param rows [N, D], each column of mean zero
 */
export function gplvmObjective(rows: Float64Array, N: number, D: number, d: number): GplvmObjective {
  expectThat(rows.length === N * D, () => `gplvm: ${rows.length} numbers are not ${N} rows of ${D}; pass [N, D].`);
  const K = new Float64Array(N * N);
  const E = new Float64Array(N * N); // the kernel without its noise
  const squares = new Float64Array(N * N);
  const inverse = new Float64Array(N * N);
  return (x) => {
    const [logA, logL, logS] = x.subarray(N * d);
    const [a, l2, s] = [Math.exp(logA), Math.exp(2 * logL), Math.exp(logS)];
    for (let i = 0; i < N; i++)
      for (let k = 0; k <= i; k++) {
        let square = 0;
        for (let axis = 0; axis < d; axis++) square += (x[i * d + axis] - x[k * d + axis]) ** 2;
        const value = a * Math.exp((-0.5 * square) / l2);
        squares[i * N + k] = square;
        E[i * N + k] = value;
        K[i * N + k] = value + (i === k ? s + 1e-10 * a : 0);
      }
    const gradient = new Float64Array(x.length);
    if (!choleskyInto(K, N, K)) return { value: Number.POSITIVE_INFINITY, gradient };
    let logDeterminant = 0;
    for (let i = 0; i < N; i++) logDeterminant += 2 * Math.log(K[i * N + i]);
    const half = invertLower(K, N); // L^-1, lower
    const white = new Float64Array(N * D); // L^-1 Y
    for (let i = 0; i < N; i++)
      for (let k = 0; k <= i; k++) {
        const weight = half[i * N + k];
        for (let j = 0; j < D; j++) white[i * D + j] += weight * rows[k * D + j];
      }
    let fit = 0;
    for (const value of white) fit += value * value;
    const solved = new Float64Array(N * D); // K^-1 Y = L^-T L^-1 Y
    inverse.fill(0);
    for (let m = 0; m < N; m++)
      for (let i = 0; i <= m; i++) {
        const weight = half[m * N + i];
        for (let j = 0; j < D; j++) solved[i * D + j] += weight * white[m * D + j];
        for (let k = 0; k <= i; k++) inverse[i * N + k] += weight * half[m * N + k];
      }
    let [forA, forL, forS] = [0, 0, 0];
    let prior = 0;
    for (let i = 0; i < N; i++)
      for (let k = 0; k <= i; k++) {
        let product = 0;
        for (let j = 0; j < D; j++) product += solved[i * D + j] * solved[k * D + j];
        const g = 0.5 * (D * inverse[i * N + k] - product);
        const e = E[i * N + k];
        if (i === k) {
          forA += g * e;
          forS += g * s;
          continue;
        }
        const weight = 2 * g * e; // both of the pair
        forA += weight;
        forL += (weight * squares[i * N + k]) / l2;
        for (let axis = 0; axis < d; axis++) {
          const pull = (weight * (x[i * d + axis] - x[k * d + axis])) / l2;
          gradient[i * d + axis] -= pull;
          gradient[k * d + axis] += pull;
        }
      }
    for (let i = 0; i < N * d; i++) {
      prior += 0.5 * x[i] * x[i];
      gradient[i] += x[i];
    }
    gradient.set([forA, forL, forS], N * d);
    return { value: 0.5 * (D * logDeterminant + fit) + prior, gradient };
  };
}

/** The inverse of a lower triangular matrix, lower. [n, n] */
function invertLower(L: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const pivot = 1 / L[i * n + i];
    for (let k = 0; k < i; k++) {
      const weight = L[i * n + k] * pivot;
      for (let j = 0; j <= k; j++) out[i * n + j] -= weight * out[k * n + j];
    }
    out[i * n + i] = pivot;
  }
  return out;
}

export interface GplvmOptions {
  /** d; 2 unless given. */
  readonly dimension?: number;
  /** Steps of the optimiser; 150 unless given. */
  readonly steps?: number;
  readonly onStep?: (step: number, value: number) => void;
}

/**
 * Fits the model to rows [N, D]; latent points begin at the principal components, scaled to variance 1.
 * @throws UsageError for fewer rows than dimensions, or rows of another length
 */
export function fitGplvm(rows: ArrayLike<number>, D: number, options: GplvmOptions = {}): Gplvm {
  const { dimension: d = 2, steps = 150, onStep } = options;
  const N = rows.length / D;
  const data = Float64Array.from(rows);
  const { mean, basis, variances } = principalComponents(data, D, d);
  for (let i = 0; i < N * D; i++) data[i] -= mean[i % D];
  const start = new Float64Array(N * d + 3);
  for (let i = 0; i < N; i++)
    for (let axis = 0; axis < d; axis++) {
      let along = 0;
      for (let j = 0; j < D; j++) along += data[i * D + j] * basis[axis * D + j];
      start[i * d + axis] = along / Math.sqrt(variances[axis]);
    }
  let square = 0;
  for (const value of data) square += value * value;
  const variance = square / (N * D);
  start.set([Math.log(variance), 0, Math.log(0.3 * variance)], N * d);
  const found = minimize(gplvmObjective(data, N, D, d), start, { steps, tolerance: 1e-3, onStep });
  const [logA, logL, logS] = found.x.subarray(N * d);
  return {
    codes: found.x.slice(0, N * d),
    variance: Math.exp(logA),
    lengthScale: Math.exp(logL),
    noise: Math.exp(logS),
    objective: found.value,
    steps: found.steps,
  };
}
