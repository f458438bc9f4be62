/**
 * The Riemannian Hamiltonian VAE (Chadebec, Mantoux and Allassonniere, 2020): the Hamiltonian VAE in a metric that is
 * learned with it,
 *
 *   G(z)^{-1} = sum_i L_i L_i^T exp(-|z - c_i|^2 / T^2) + lambda I,
 *
 * c_i the means of encoded rows and L_i lower triangular, positive on the diagonal, from a network on the rows. The
 * momentum is drawn from N(0, G(z_0)) (divided by sqrt(beta_0)) and the steps are generalised leapfrogs. With
 * N(r_0; 0, G(z_0)) = N(g; 0, I) det G(z_0)^{-1/2} the bound is
 *
 *   log p(x, z_K) + log N(r_K; 0, G(z_K)) - log q(z_0|x) - log N(g; 0, I) + 1/2 log det G(z_0).
 *
 * The paper leaves L_i free; here its logarithms on the diagonal and what is below lie in (-1, 1). A step moves z by about
 * stepSize sqrt(|G^{-1}|), which has to stay below the width of the posterior. On rows of hundreds of columns one step of
 * Adam changes a free log diagonal by up to about one, so that G^{-1} grows tenfold from batch to batch (measured: 4e3 to
 * 2e10 in seven), the implicit steps no longer converge and the loss overflows, whatever the learning rate. With the bound
 * |G^{-1}| < d (e^2 + (d - 1) / 2) rows + lambda.
 *
 * While training the sum is over the rows of the batch, as in the paper; once training has ended, over `centroids` rows
 * of the training data, whose places and matrices are kept with the model (`rhvaeInverseMetric`).
 */
import {
  abs,
  add,
  cholesky,
  compile,
  div,
  exp,
  expandDims,
  logDeterminant,
  matmul,
  mean,
  mul,
  ndarray,
  neg,
  type Operand,
  reshape,
  slice,
  solveTriangular,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
  zerosArray,
} from "../../engine/index.js";
import { initializeMlp, mlp } from "../../networks/index.js";
import { split } from "../../numerics/random.js";
import {
  autoencoderParts,
  decodeCode,
  draw,
  encodeLaw,
  initializeParts,
  logLikelihood,
  logNormal,
  logStandardNormal,
  potentialSlope,
} from "./common.js";
import {
  generalizedLeapfrog,
  kineticEnergy,
  type PhasePoint,
  riemannianHamiltonian,
  temperingFactors,
} from "./hamiltonian.js";
import type { AutoencoderModel } from "./model.js";
import { variationalAutoencoder } from "./vae.js";

export const riemannianHamiltonianAutoencoder: AutoencoderModel = {
  ...variationalAutoencoder,
  name: "rhvae",
  title: "Riemannian Hamiltonian VAE",
  source: "Chadebec, Mantoux and Allassonniere (2020), Geometry-aware Hamiltonian variational auto-encoder",
  options: {
    steps: { default: 3, min: 1, says: "K, leapfrog steps" },
    stepSize: { default: 1e-3, min: 1e-12, says: "size of a leapfrog step" },
    inverseTemperature: { default: 0.3, min: 1e-6, max: 1, says: "beta_0, where the tempering starts (1: none)" },
    temperature: { default: 1.5, min: 1e-6, says: "T, reach of a centroid in the metric" },
    regularization: { default: 0.01, min: 1e-9, says: "lambda, the inverse metric far from all centroids" },
    iterations: { default: 3, min: 1, says: "iterations of each fixed point" },
    metricUnits: { default: 400, min: 1, says: "hidden units of the metric's network" },
    centroids: {
      default: 300,
      min: 1,
      max: "rows",
      says: "rows of the training data that make up the metric in the end",
    },
  },
  groups: { autoencoder: [...autoencoderParts, "metric"] },
  remedy: "a smaller stepSize (--option stepSize)",
  terms: ["negative bound"],
  initialize: (key, shape) => {
    const { parameters, buffers } = initializeParts(key, shape, { stochastic: true });
    const { dataDimension: D, latentDimension: d, options } = shape;
    const sizes = [D, options.metricUnits, (d * (d + 1)) / 2];
    const metric = initializeMlp(split(key, "metric"), sizes, { activation: "relu" });
    const M = options.centroids;
    return {
      parameters: { ...parameters, metric },
      buffers: {
        ...buffers,
        metric: { centroids: zerosArray([M, d], "float32"), matrices: zerosArray([M, d, d], "float32") },
      },
    };
  },
  noise: (shape, N) => ({ z: [N, shape.latentDimension], momentum: [N, shape.latentDimension] }),
  losses: (given) => {
    const { shape, parameters, x, noise } = given;
    const { steps, stepSize, inverseTemperature, iterations } = shape.options;
    const { buffers: encoder, ...law } = encodeLaw(given, x);
    const start = draw(law, noise.z);
    const metric = { centroids: law.mean, matrices: metricMatrices(parameters.metric, x, shape.latentDimension) };
    const inverseMetric = (z: Tensor) => rhvaeInverseMetric(metric, z, shape.options);
    const logJoint = (z: Tensor) => add(logLikelihood(given, x, decodeCode(given, z)), logStandardNormal(z));
    const atStart = inverseMetric(start);
    // P = C C^T, G = C^{-T} C^{-1}: C^{-T} g ~ N(0, G)
    const drawn = solveTriangular(cholesky(atStart), noise.momentum, { transpose: true });
    let point: PhasePoint = { z: start, momentum: mul(drawn, 1 / Math.sqrt(inverseTemperature)) };
    const hamiltonian = riemannianHamiltonian(potentialSlope(given, x), inverseMetric);
    for (const factor of temperingFactors(steps, inverseTemperature)) {
      const next = generalizedLeapfrog(hamiltonian, inverseMetric, point, stepSize, iterations);
      point = { z: next.z, momentum: mul(factor, next.momentum) };
    }
    const constant = 0.5 * shape.latentDimension * Math.log(2 * Math.PI);
    // log N(r; 0, G) = -1/2 log det G - 1/2 r^T G^{-1} r - d/2 log 2 pi
    const end = sub(sub(logJoint(point.z), kineticEnergy(inverseMetric(point.z), point.momentum)), constant);
    const begin = add(
      add(logNormal(start, law), logStandardNormal(noise.momentum as Tensor)),
      mul(0.5, logDeterminant(atStart)),
    );
    const bounds = sub(end, begin);
    const bound = mean(bounds);
    const { buffers: decoder } = decodeCode(given, point.z);
    return {
      losses: { autoencoder: neg(bound) },
      terms: { "negative bound": neg(bound) },
      bounds,
      buffers: { ...given.buffers, encoder, decoder },
    };
  },
  finish: async ({ shape, parameters, buffers, rows, threads }) => {
    const { dataDimension: D, latentDimension: d, options } = shape;
    const f = compile(
      (parts: any, kept: any, x: Tensor) => ({
        centroids: encodeLaw({ shape, parameters: parts, buffers: kept, training: false }, x).mean,
        matrices: metricMatrices(parts.metric, x, d),
      }),
      { threads },
    );
    const x = ndarray(rows.data.slice(0, options.centroids * D), [options.centroids, D]);
    const metric = await f(parameters, buffers, x);
    await f.dispose();
    return { ...buffers, metric };
  },
};

export interface RhvaeMetric<T = Operand> {
  /** c_i. [M, d] */
  readonly centroids: T;
  /** L_i L_i^T. [M, d, d] */
  readonly matrices: T;
}

/** G(z)^{-1}, `[N, d] -> [N, d, d]`. Traceable. */
export function rhvaeInverseMetric(
  metric: RhvaeMetric,
  z: Tensor,
  { temperature, regularization }: Readonly<Record<string, number>>,
): Tensor {
  const [N, d] = z.shape;
  const M = (metric.centroids as Tensor).shape[0];
  const squares = sum(square(sub(expandDims(z, 1), expandDims(metric.centroids, 0))), -1); // [N, M]
  const weights = exp(mul(-1 / (temperature * temperature), squares));
  const blend = reshape(matmul(weights, reshape(metric.matrices, [M, d * d])), [N, d, d]);
  return add(blend, scaledIdentity(d, regularization));
}

/**
 * L_i L_i^T from the metric's network: `[N, D] -> [N, d, d]`. Diagonals of L_i in (1/e, e), what is below in (-1, 1).
 * Traceable.
 */
export function metricMatrices(layers: any, x: Operand, d: number): Tensor {
  const entries = mlp(layers, x, "relu"); // [N, d (d + 1) / 2]: log diagonal, then below it
  const [N, count] = entries.shape;
  // entry i of a row goes to element places[i] of the flattened matrix
  const scatter = (places: readonly number[]) => {
    const data = new Float64Array(places.length * d * d);
    places.forEach((place, i) => {
      data[i * d * d + place] = 1;
    });
    return ndarray(data, [places.length, d * d]);
  };
  const diagonal = Array.from({ length: d }, (_, i) => i * d + i);
  const below: number[] = [];
  for (let r = 1; r < d; r++) for (let c = 0; c < r; c++) below.push(r * d + c);
  let flat = matmul(exp(bounded(slice(entries, [null, [0, d]]))), scatter(diagonal));
  if (d > 1) flat = add(flat, matmul(bounded(slice(entries, [null, [d, count]])), scatter(below)));
  const lower = reshape(flat, [N, d, d]);
  return matmul(lower, transpose(lower, [0, 2, 1]));
}

/** x / (1 + |x|): in (-1, 1), slope 1 at 0, and flattening so slowly that a weight can always find its way back. */
function bounded(x: Tensor): Tensor {
  return div(x, add(1, abs(x)));
}

function scaledIdentity(d: number, scale: number) {
  const data = new Float64Array(d * d);
  for (let i = 0; i < d; i++) data[i * d + i] = scale;
  return ndarray(data, [1, d, d]);
}
