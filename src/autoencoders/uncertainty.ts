/**
 * Fitting a decoder's uncertainty, the precision network of `precision-network.ts`.
 *
 * Centres: k-means of the codes. Bandwidths: lambda_k = 1 / (2 s_k^2), s_k = `bandwidth` times the larger of the root
 * mean variance of cluster k along a latent axis and half the distance from its centre to the second nearest other, so
 * that neighbouring kernels overlap and std has no islands along the data (the published code takes the smallest
 * variance along an axis, which for codes along a curve is next to nothing). W: maximum likelihood of the residuals with
 * the decoder's mean frozen,
 *
 *   maximise sum_nj 1/2 log gamma_j(z_n) - 1/2 gamma_j(z_n) (r_nj^2 + floor^2),   r = x - mu(z),
 *
 * by the multiplicative update W_jk <- W_jk (sum_n v_k(z_n) / gamma_j(z_n)) / (sum_n v_k(z_n) (r_nj^2 + floor^2)): an
 * expectation-maximisation step (Jensen's inequality on log sum), so that the likelihood never falls, W stays
 * positive, and no learning rate is needed. (The published code fits W to a log-variance head by Adam instead.)
 *
 * `ceiling` sets zeta^(-1/2) and with it the height of the barrier around the codes; `growth` how std goes on rising
 * outside of it; `floor` the least std.
 *
 * Axes: N rows, D data dimensions, d latent dimensions, K centres.
 */
import {
  add,
  compile,
  div,
  log,
  matmul,
  matrixTranspose,
  mean,
  mul,
  type NdArray,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { type KMeansResult, kMeans } from "../numerics/k-means.js";
import { permutation, randomKey, split } from "../numerics/random.js";
import { basis } from "./precision-network.js";
import { asRows, mapRows, type Rows } from "./rows.js";
import { decode, encode, type Vae } from "./vae.js";

export interface UncertaintyOptions {
  /** K; default 64, or as many as there are rows for ten a cluster. */
  readonly clusters?: number;
  /**
   * Default 2. Larger: smoother, and a barrier farther out. The published code has 1.5. Measured where std
   * should be constant (20,000 codes uniform on a square, 40 centres): errors from -23 % to 18 % at 1.5, from -19 % to
   * 8 % at 2, and from -40 % to 108 % at 1.
   */
  readonly bandwidth?: number;
  /** Largest standard deviation, in units of the root mean square residual; default 10. */
  readonly ceiling?: number;
  /** Rise of the standard deviation for each bandwidth of distance outside of the codes, in ceilings; default 0.5. */
  readonly growth?: number;
  /** Least standard deviation, in units of the root mean square residual; default 0.02. */
  readonly floor?: number;
  /** Updates of W; default 20 (on MNIST 40 would gain another 0.3 nats a row, of 1,634). */
  readonly iterations?: number;
  /** Rows used at most, chosen by the seed; default 10,000. */
  readonly rows?: number;
  readonly seed?: number;
  readonly threads?: number;
}

/** The least sum over rows that counts as one. */
const TINY = 1e-20;

/**
 * Fits the decoder's uncertainty and returns the model with it. The decoder's mean is not changed.
 * @param rows the training data. [N, D]
 * @throws UsageError for impossible options, or rows that do not fit the model.
 */
export async function fitUncertainty(model: Vae, rows: Rows, options: UncertaintyOptions = {}): Promise<Vae> {
  const { bandwidth = 2, ceiling = 10, growth = 0.5, floor = 0.02, iterations = 20, seed = 0, threads } = options;
  const all = asRows("fitUncertainty", rows, model.shape.dataDimension);
  const count = all.shape[0];
  const clusters = options.clusters ?? Math.max(1, Math.min(64, Math.floor(count / 10)));
  for (const [name, value] of Object.entries({ bandwidth, ceiling, floor }))
    if (!(value > 0 && value < Infinity)) throw new UsageError(`${name}: ${value} is not a positive finite number.`);
  if (!(growth >= 0 && growth < Infinity)) throw new UsageError(`growth: ${growth} is not a finite number from 0 on.`);
  if (!(floor < ceiling)) throw new UsageError(`floor: ${floor} is not below the ceiling ${ceiling}.`);
  if (!(Number.isInteger(iterations) && iterations >= 1))
    throw new UsageError(`iterations: ${iterations} is not a whole number from 1 on.`);
  const key = split(randomKey(seed), "uncertainty");
  const chosen = chooseRows(all, Math.min(count, options.rows ?? 10_000), permutation(split(key, "rows"), count));
  const { mean: codes } = await encode(model, chosen, { threads });
  const means = await decode(model, codes, { threads });

  const squares = new Float32Array(chosen.data.length); // (x - mu)^2
  let total = 0;
  for (let i = 0; i < squares.length; i++) {
    squares[i] = (chosen.data[i] - means.data[i]) ** 2;
    total += squares[i];
  }
  const typical = Math.sqrt(total / squares.length);
  if (!(typical > 0 && typical < Infinity))
    throw new UsageError(`fitUncertainty: the model's residuals are ${typical} throughout; there is nothing to fit.`);
  const least = floor * typical;
  for (let i = 0; i < squares.length; i++) squares[i] += least * least;

  const d = model.shape.latentDimension;
  const grouping = kMeans(codes.data as Float32Array, d, clusters, split(key, "centres"));
  const centres: NdArray = { data: Float32Array.from(grouping.centres), shape: [clusters, d], dtype: "float32" };
  const bandwidths: NdArray = {
    data: bandwidthsOf(codes.data as Float32Array, d, grouping, bandwidth),
    shape: [clusters],
    dtype: "float32",
  };
  const largest = ceiling * typical;
  const zeta: NdArray = { data: Float32Array.of(1 / (largest * largest)), shape: [1], dtype: "float32" };
  const network = { centres, bandwidths, zeta };
  const targets: NdArray = { data: squares, shape: chosen.shape, dtype: "float32" };
  const fitted = await fitWeights(network, codes, targets, iterations, threads);
  return {
    ...model,
    uncertainty: {
      ...network,
      weights: fitted.weights,
      growth: { data: Float32Array.of(growth * largest), shape: [1], dtype: "float32" },
      fit: {
        seed,
        clusters,
        bandwidth,
        floor: least,
        ceiling: largest,
        rows: chosen.shape[0],
        iterations,
        logLikelihoods: fitted.logLikelihoods,
      },
    },
  };
}

/** Multiplicative updates, the sums over rows by one compiled program a piece of the data. */
async function fitWeights(
  network: { centres: NdArray; bandwidths: NdArray; zeta: NdArray },
  codes: NdArray,
  squares: NdArray,
  iterations: number,
  threads?: number,
): Promise<{ weights: NdArray; logLikelihoods: number[] }> {
  const { centres, bandwidths, zeta } = network;
  const [n, outputs] = squares.shape;
  const clusters = bandwidths.data.length;
  const basisOf = compile((_: unknown, z: Tensor) => ({ v: basis(centres, bandwidths, z) }), { threads });
  const { v } = await mapRows<"v">(basisOf, {}, [codes]); // [N, K]
  await basisOf.dispose();

  // The denominators A_kj = sum_n v_nk r_nj^2 do not change; the first guess is 1 / (local variance), shared out.
  const product = compile((a: Tensor, b: Tensor) => matmul(matrixTranspose(a), b), { threads });
  const denominators: NdArray = await product(v, squares); // [K, D]
  // A centre that no code is near has sums that underflow; its weights do not matter, but must be finite.
  for (let i = 0; i < denominators.data.length; i++) denominators.data[i] = Math.max(denominators.data[i], TINY);
  const weights = new Float32Array(clusters * outputs);
  const responsibility = new Float64Array(clusters);
  const overlap = new Float64Array(clusters); // sum_n v_nk sum_l v_nl
  for (let i = 0; i < n; i++) {
    let row = 0;
    for (let k = 0; k < clusters; k++) row += v.data[i * clusters + k];
    for (let k = 0; k < clusters; k++) {
      responsibility[k] += v.data[i * clusters + k];
      overlap[k] += v.data[i * clusters + k] * row;
    }
  }
  for (let k = 0; k < clusters; k++)
    for (let j = 0; j < outputs; j++) {
      const variance = denominators.data[k * outputs + j] / (responsibility[k] + TINY);
      weights[k * outputs + j] = responsibility[k] / (overlap[k] + TINY) / variance;
    }

  let W: NdArray = { data: weights, shape: [clusters, outputs], dtype: "float32" };
  const update = compile(
    (w: Tensor, basisValues: Tensor, targets: Tensor, denominator: Tensor) => {
      const gamma = add(matmul(basisValues, w), zeta); // [N, D]
      const numerator = matmul(matrixTranspose(basisValues), div(1, gamma)); // [K, D]
      const logDensity = mean(sum(sub(log(gamma), mul(gamma, targets)), -1));
      return { w: mul(w, div(numerator, denominator)), logDensity: mul(0.5, logDensity) };
    },
    { threads, donate: [0] },
  );
  const logLikelihoods: number[] = [];
  for (let i = 0; i < iterations; i++) {
    const result = await update(W, v, squares, denominators);
    W = result.w;
    if (i % 10 === 0 || i === iterations - 1)
      logLikelihoods.push(result.logDensity.data[0] - 0.5 * outputs * Math.log(2 * Math.PI));
    if (i % 4 === 3) await new Promise<void>((resolve) => setTimeout(resolve, 0)); // Ctrl-C gets its turn
  }
  const kept = { ...W, data: W.data.slice() };
  await Promise.all([update.dispose(), product.dispose()]);
  return { weights: kept, logLikelihoods };
}

/** lambda_k = 1 / (2 s_k^2). [K] */
function bandwidthsOf(codes: Float32Array, d: number, grouping: KMeansResult, factor: number): Float32Array {
  const { assignment, centres, sizes, clusters } = grouping;
  const variances = new Float64Array(clusters * d);
  assignment.forEach((k, i) => {
    for (let j = 0; j < d; j++) variances[k * d + j] += (codes[i * d + j] - centres[k * d + j]) ** 2 / sizes[k];
  });
  const widths = Float64Array.from({ length: clusters }, (_, k) => {
    let total = 0;
    for (let j = 0; j < d; j++) total += variances[k * d + j];
    return Math.max(Math.sqrt(total / d), 0.5 * secondNearest(centres, d, k));
  });
  const positive = widths.filter((s) => s > 0).sort();
  if (positive.length === 0)
    throw new UsageError(`clusters: ${clusters} leave no cluster with two different codes; use fewer.`);
  const median = positive[positive.length >> 1];
  return Float32Array.from(widths, (s) => 0.5 / (factor * Math.max(s, 0.5 * median)) ** 2);
}

/** Distance from centre k to the second nearest of the others; to the nearest where there is one only; else 0. */
function secondNearest(centres: Float64Array, d: number, k: number): number {
  const distances: number[] = [];
  for (let i = 0; i < centres.length / d; i++) {
    if (i === k) continue;
    let sum = 0;
    for (let j = 0; j < d; j++) sum += (centres[i * d + j] - centres[k * d + j]) ** 2;
    distances.push(Math.sqrt(sum));
  }
  distances.sort((a, b) => a - b);
  return distances[1] ?? distances[0] ?? 0;
}

function chooseRows(rows: NdArray, count: number, order: Int32Array): NdArray {
  const width = rows.shape[1];
  const data = new Float32Array(count * width);
  for (let i = 0; i < count; i++) data.set(rows.data.subarray(order[i] * width, (order[i] + 1) * width), i * width);
  return { data, shape: [count, width], dtype: "float32" };
}
