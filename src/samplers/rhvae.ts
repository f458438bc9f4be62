/**
 * Draws from the law of density sqrt(det G^{-1}) with respect to dz, of the metric that an RHVAE has learned (Chadebec,
 * Mantoux and Allassonniere, 2020; the sampler of Chadebec et al., "Data augmentation in high dimensional low sample
 * size setting using a geometry-based variational autoencoder", 2022),
 *
 *   G(z)^{-1} = sum_i M_i w_i(z) + lambda I,   w_i(z) = exp(-|z - c_i|^2 / T^2),   M_i = L_i L_i^T,
 *
 * by Hamiltonian Monte Carlo. With the floor lambda I the law has infinite mass; the paper restricts it to an unnamed
 * compact set. Here the floor decays, lambda exp(-tau |z - m|^2), m the mean of the centroids and
 * tau = 10 lambda / (T^2 g), g the geometric mean of the det(M_i)^(1/d): the tail then has about 10^(-d/2) / n of the
 * mass. An isolated centroid contributes a bump of mass proportional to det(M_i)^(1/2) in the shape of N(c_i, (T^2/d) I):
 * the mixture of these starts the chains and proposes to them.
 *
 * Axes: N points, n centroids, d latent dimensions.
 */
import type { TrainedAutoencoder } from "../autoencoders/family/index.js";
import {
  add,
  astype,
  exp,
  inverse,
  logDeterminant,
  logSumExp,
  matmul,
  max,
  maximum,
  mul,
  type NdArray,
  ndarray,
  reshape,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  transpose,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { cholesky } from "../numerics/dense.js";
import { type ChainLaw, type ChainOptions, drawFromChains } from "./chains.js";
import { checkCount, type Sampler } from "./sampler.js";

/** What an RHVAE has learned of its metric. */
export interface RhvaeMetricParts {
  /** c_i. [n, d] */
  readonly centroids: NdArray;
  /** M_i = L_i L_i^T. [n, d, d] */
  readonly matrices: NdArray;
  /** T */
  readonly temperature: number;
  /** lambda */
  readonly regularization: number;
}

/** The sampler "rhvae". @throws UsageError for a model of another kind, or one whose matrices are singular. */
export function rhvaeSampler(model: TrainedAutoencoder, options: ChainOptions = {}): Sampler {
  if (model.name !== "rhvae")
    throw new UsageError(`rhvaeSampler: this model is of kind "${model.name}"; give one of kind "rhvae".`);
  const { temperature, regularization } = model.shape.options;
  const law = rhvaeLaw({ ...model.buffers.metric, temperature, regularization });
  return {
    name: "rhvae",
    description: "the model's own law, sqrt(det G^-1) of the metric it learned, by Hamiltonian Monte Carlo",
    dimension: law.target.dimension,
    async draw(count, seed) {
      checkCount("rhvae", count);
      return drawFromChains(law, count, seed, options);
    },
  };
}

/** The law with its decaying floor. @throws UsageError for singular matrices. */
export function rhvaeLaw({ centroids, matrices, temperature: T, regularization: lambda }: RhvaeMetricParts): ChainLaw {
  const [n, d] = centroids.shape;
  const c = astype(centroids, "float64").data as Float64Array;
  const flat = astype(matrices, "float64").data as Float64Array;
  const halfLogs = Float64Array.from({ length: n }, (_, i) => {
    const factor = cholesky(flat.slice(i * d * d, (i + 1) * d * d), d);
    if (factor === false)
      throw new UsageError(
        `rhvae: the matrix of centroid ${i} is singular in the metric that this run has learned; train it again, or use another sampler.`,
      );
    let half = 0;
    for (let k = 0; k < d; k++) half += Math.log(factor[k * d + k]);
    return half;
  });
  const typical = Math.exp((2 * halfLogs.reduce((a, b) => a + b, 0)) / (n * d));
  const tau = (10 * lambda) / (T * T * typical);
  const middle = new Float64Array(d);
  for (let i = 0; i < n * d; i++) middle[i % d] += c[i] / n;
  const relative = Float64Array.from(c, (x, i) => x - middle[i % d]);
  const squares = Float64Array.from({ length: n }, (_, i) =>
    relative.subarray(i * d, (i + 1) * d).reduce((s, x) => s + x * x, 0),
  );
  const rows = ndarray(relative, [n, d]);
  const columns = ndarray(turned(relative, n, d), [d, n]);
  const flatMatrices = ndarray(flat, [n, d * d]);
  const identity = ndarray(
    Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0)),
    [1, d, d],
  );
  const centred = (z: Tensor) => sub(z, ndarray(middle));
  /** -|z - c_i|^2 / T^2 of points relative to the middle. [N, n] */
  const logWeights = (u: Tensor) =>
    mul(
      sub(add(sum(square(u), 1, { keepDimensions: true }), ndarray(squares)), mul(2, matmul(u, columns))),
      -1 / (T * T),
    );
  const spread = T / Math.sqrt(d);
  const logTotal = logSum(halfLogs);
  const shares = halfLogs.map((half) => Math.exp(half - logTotal));
  const constants = halfLogs.map((half) => half - logTotal - d * Math.log(spread) - (d / 2) * Math.log(2 * Math.PI));
  return {
    name: "rhvae",
    target: {
      dimension: d,
      logDensityWithGradient(z) {
        const N = z.shape[0];
        const u = centred(z);
        const logs = logWeights(u);
        const logFloor = sub(Math.log(lambda), mul(tau, sum(square(u), 1, { keepDimensions: true }))); // [N, 1]
        const shift = stopGradient(maximum(max(logs, 1, { keepDimensions: true }), logFloor));
        const weights = exp(sub(logs, shift));
        const floor = exp(sub(logFloor, shift));
        const blend = add(reshape(matmul(weights, flatMatrices), [N, d, d]), mul(reshape(floor, [N, 1, 1]), identity));
        const over = inverse(blend);
        const traces = matmul(reshape(over, [N, d * d]), transpose(flatMatrices)); // tr(P^-1 M_i), [N, n]
        const pulls = mul(weights, traces);
        // -(1/T^2) sum_i w_i tr(P^-1 M_i) (z - c_i) - tau floor tr(P^-1) (z - m)
        const towards = sub(mul(u, sum(pulls, 1, { keepDimensions: true })), matmul(pulls, rows));
        const inverseTrace = sum(mul(over, identity), [1, 2], { keepDimensions: true });
        const inwards = mul(mul(reshape(inverseTrace, [N, 1]), floor), u);
        return {
          logDensity: add(mul(0.5, logDeterminant(blend)), mul(d / 2, reshape(shift, [N]))),
          gradient: sub(mul(towards, -1 / (T * T)), mul(tau, inwards)),
        };
      },
    },
    mixture: {
      logDensity: (z) => logSumExp(add(mul(logWeights(centred(z)), d / 2), ndarray(constants)), 1),
      draw(count, random) {
        const out = new Float64Array(count * d);
        for (let i = 0; i < count; i++) {
          const k = random.categorical(shares);
          for (let j = 0; j < d; j++) out[i * d + j] = c[k * d + j] + spread * random.normal();
        }
        return out;
      },
      leastScale: spread,
    },
    notes: [
      `the floor of the learned metric decays with tau = ${Number(tau.toPrecision(3))}, so that the law is proper`,
    ],
    precision: "float64", // the matrices may differ by many decades
    confine: () => {},
  };
}

function logSum(logs: Float64Array): number {
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((s, x) => s + Math.exp(x - top), 0));
}

function turned(a: Float64Array, n: number, d: number): Float64Array {
  return Float64Array.from({ length: n * d }, (_, i) => a[(i % n) * d + Math.floor(i / n)]);
}
