/**
 * The posterior-covariance metric of Chadebec and Allassonniere, "A geometric perspective on variational autoencoders"
 * (2022), equation 4 and algorithm 1: Gaussian posteriors N(c_i, Sigma_i) at n centroids make
 *
 *   G(z) = sum_i Sigma_i^-1 w_i(z) + lambda exp(-tau |z|^2) I,   w_i(z) = exp(-(z - c_i)^T Sigma_i^-1 (z - c_i) / rho^2),
 *
 * without a factor 1/2 in the exponent, as in the paper. The sum is not normalised, so G(c_i) is only about Sigma_i^-1.
 * With diagonal covariances nothing is ever a matrix. Everything is computed relative to the largest term
 * (log-sum-exp), so that neither G's determinant nor the weights under- or overflow.
 *
 * Axes: N points, n centroids, d latent dimensions.
 */
import {
  add,
  array,
  broadcastTo,
  exp,
  expandDims,
  isNdArray,
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
  takeRows,
} from "../engine/index.js";
import { expectThat } from "../errors.js";
import { kMedoids } from "../numerics/k-medoids.js";
import { randomKey } from "../numerics/random.js";
import { checkPositive, toPoints } from "./checks.js";
import { conformalMetric, euclideanMetric } from "./combine.js";
import type { LatentMetric } from "./metric.js";
import { diagonals, precisions, type Terms } from "./posterior-terms.js";

type Rows = NdArray | readonly (readonly number[])[];

export interface PosteriorMetricOptions {
  /** c_i. [n, d] */
  readonly centroids: Rows;
  /** Diagonals of Sigma_i^-1, positive. [n, d]. Either these or `inverseCovariances`. */
  readonly inverseVariances?: Rows;
  /** Sigma_i^-1, symmetric and positive definite. [n, d, d] */
  readonly inverseCovariances?: NdArray;
  /** Reach of a centroid; by default the paper's rule, `paperRho`. */
  readonly rho?: number;
  /** Floor of the metric; default 0.01, the paper's choice for MNIST and SVHN (CIFAR10 0.1, CelebA and OASIS 1). */
  readonly lambda?: number;
  /** Decay of the floor; default 0, as in the official code (the paper says "tau about 0"). */
  readonly tau?: number;
}

/** What makes the metric, as plain data to keep with a run. */
export interface PosteriorDescription {
  readonly rho: number;
  readonly lambda: number;
  readonly tau: number;
  /** n */
  readonly centroids: number;
  /** Whether the covariances are diagonal. */
  readonly diagonal: boolean;
  /** Where centroids were chosen among codes: their rows, ascending, and the seed of k-medoids. */
  readonly chosen?: { readonly indices: readonly number[]; readonly seed: number };
}

export interface PosteriorMetric extends LatentMetric {
  readonly description: PosteriorDescription;
  /** [n, d] float64 */
  readonly centroids: NdArray;
  /** [n, d] float64, where diagonal */
  readonly inverseVariances?: NdArray;
  /** [n, d, d] float64, otherwise */
  readonly inverseCovariances?: NdArray;
  /** `log w_i(z)`: `[N, d] -> [N, n]`. */
  logWeights(z: Tensor): Tensor;
  /** `log sqrt(det G(z))`: `[N, d] -> [N]`. Traceable, finite everywhere. */
  logVolume(z: Tensor): Tensor;
  /** The same with its exact gradient by formula (two more matrix products): `[N]` and `[N, d]`. */
  logVolumeWithGradient(z: Tensor): { readonly logVolume: Tensor; readonly gradient: Tensor };
  /** The same metric with another decay of the floor. */
  withTau(tau: number): PosteriorMetric;
}

/**
 * The metric from centroids and their posterior precisions.
 * @throws UsageError for shapes that do not fit, numbers that are not finite, variances or covariances that are not
 *   positive, or rho, lambda, tau out of range
 */
export function posteriorMetric(options: PosteriorMetricOptions): PosteriorMetric {
  const caller = "posteriorMetric";
  const d = widthOf(options.centroids);
  const centroids = toPoints(caller, "centroids", options.centroids, d);
  const n = centroids.shape[0];
  expectThat(n > 0 && d > 0, `${caller}: centroids has shape [${n}, ${d}]; give at least one centroid.`);
  const { lambda = 0.01, tau = 0 } = options;
  checkPositive(caller, "lambda", lambda);
  expectThat(
    Number.isFinite(tau) && tau >= 0,
    () => `${caller}: tau is ${tau}; give a finite number from 0 (0 keeps the floor everywhere).`,
  );
  const rho = options.rho ?? paperRho(centroids);
  checkPositive(caller, "rho", rho);
  const diagonal = options.inverseVariances !== undefined;
  expectThat(
    diagonal !== (options.inverseCovariances !== undefined),
    `${caller}: give either inverseVariances [n, d] or inverseCovariances [n, d, d].`,
  );
  const terms = diagonal ? diagonals(options.inverseVariances!, n, d) : precisions(options.inverseCovariances!, n, d);
  return build(centroids, terms, {
    rho,
    lambda,
    tau,
    centroids: n,
    diagonal,
  });
}

/**
 * The paper's rule for rho: the largest distance from a centroid to its nearest other one.
 * @param centroids [n, d]
 * @throws UsageError where the rule gives nothing: one centroid, or centroids that all coincide
 */
export function paperRho(centroids: NdArray): number {
  const [n, d] = centroids.shape;
  expectThat(n > 1, "paperRho: a single centroid has no neighbour to take rho from; give rho.");
  let largest = 0;
  for (let i = 0; i < n; i++) {
    let nearest = Number.POSITIVE_INFINITY;
    for (let j = 0; j < n; j++) {
      if (i === j) continue;
      let squared = 0;
      for (let k = 0; k < d; k++) squared += (centroids.data[i * d + k] - centroids.data[j * d + k]) ** 2;
      nearest = Math.min(nearest, squared);
    }
    largest = Math.max(largest, nearest);
  }
  expectThat(largest > 0, `paperRho: all ${n} centroids have a coinciding one, so that rho would be 0; give rho.`);
  return Math.sqrt(largest);
}

export interface PosteriorOfCodes extends Pick<PosteriorMetricOptions, "rho" | "lambda" | "tau"> {
  /** Number of medoids; default 100, as in the paper, or all codes where there are fewer. */
  readonly centroids?: number;
  /** Seed of k-medoids; default 0. */
  readonly seed?: number;
}

/**
 * Algorithm 1: centroids by k-medoids on the codes, with the posterior variances of the chosen ones.
 * @param codes posterior means, [N, d] @param logVariances of the posteriors, [N, d]
 * @throws UsageError for fewer codes than centroids, or shapes that do not fit
 */
export function posteriorMetricOf(codes: NdArray, logVariances: NdArray, options: PosteriorOfCodes = {}) {
  const caller = "posteriorMetricOf";
  const { seed = 0, rho, lambda, tau } = options;
  const d = widthOf(codes);
  const means = toPoints(caller, "codes", codes, d);
  const n = means.shape[0];
  const logs = toPoints(caller, "logVariances", logVariances, d, n);
  const k = options.centroids ?? Math.min(100, n);
  expectThat(
    Number.isInteger(k) && k >= 1 && k <= n,
    () => `${caller}: ${k} centroids of ${n} codes; give a whole number from 1 to ${n}.`,
  );
  const { medoids } = kMedoids(means.data as Float64Array, d, k, randomKey(seed));
  const chosenLogs = takeRows(logs, medoids);
  const inverseVariances = ndarray(
    Float64Array.from(chosenLogs.data, (x) => Math.exp(-x)),
    [k, d],
  );
  const metric = posteriorMetric({ centroids: takeRows(means, medoids), inverseVariances, rho, lambda, tau });
  return describe(metric, { ...metric.description, chosen: { indices: Array.from(medoids), seed } });
}

export interface PotentialOptions {
  /** a; default 1/d, which tames the potential (at d = 16 it spans some 16 decades). a = 1 is int V |c'| dt. */
  readonly exponent?: number;
}

/**
 * The conformal metric `V(z)^(2a) I` of the potential `V = (det G)^(-1/2)`, whose geodesics are the curves that
 * "minimise the potential": the length is int V^a |c'| dt. The paper's own wording, the integral of V alone, is
 * minimised by resting at the best point; the exponent a is in the name, so that pictures say it.
 */
export function potentialMetric(metric: PosteriorMetric, options: PotentialOptions = {}): LatentMetric {
  const { exponent = 1 / metric.dimension } = options;
  checkPositive("potentialMetric", "exponent", exponent);
  return conformalMetric(
    euclideanMetric(metric.dimension),
    (z) => mul(metric.logVolume(z), -exponent),
    `potential V^(2a), a = ${Number(exponent.toPrecision(4))}`,
  );
}

function build(centroids: NdArray, terms: Terms, description: PosteriorDescription): PosteriorMetric {
  const [n, d] = centroids.shape;
  const { rho, lambda, tau } = description;
  const middle = new Float64Array(d);
  for (let i = 0; i < n * d; i++) middle[i % d] += centroids.data[i] / n;
  const relative = Float64Array.from(centroids.data, (c, i) => c - middle[i % d]);
  const p = terms(relative);
  const scale = -1 / rho ** 2;
  const coefficients = scaled(p.coefficients, scale);
  const offsets = scaled(p.offsets, scale);
  const centred = (z: Tensor) => sub(z, ndarray(middle));
  const logWeightsAt = (u: Tensor) => add(matmul(p.features(u), coefficients), offsets); // [N, n]
  const logFloorAt = (z: Tensor) =>
    tau === 0
      ? broadcastTo(array([[Math.log(lambda)]]), [z.shape[0], 1])
      : sub(Math.log(lambda), mul(sum(square(z), 1, { keepDimensions: true }), tau)); // [N, 1]

  /** All terms divided by e^shift, the largest of them. */
  function at(z: Tensor) {
    const u = centred(z);
    const logWeights = logWeightsAt(u);
    const logFloor = logFloorAt(z);
    const shift = stopGradient(maximum(max(logWeights, 1, { keepDimensions: true }), logFloor)); // [N, 1]
    const weights = exp(sub(logWeights, shift));
    const floor = exp(sub(logFloor, shift));
    return { u, shift, weights, floor, total: p.sum(weights, floor) };
  }
  const logVolumeOf = ({ shift, total }: ReturnType<typeof at>) =>
    add(total.halfLogDeterminant(), mul(reshape(shift, [shift.shape[0]]), d / 2));

  const metric: PosteriorMetric = {
    name: "posterior covariance",
    dimension: d,
    description,
    centroids,
    inverseVariances: p.inverseVariances,
    inverseCovariances: p.inverseCovariances,
    metricTensor(z) {
      const { shift, total } = at(z);
      return mul(expandDims(exp(shift), 2), total.tensor());
    },
    segmentEnergy(a, b) {
      const { shift, total } = at(mul(add(a, b), 0.5));
      return mul(reshape(exp(shift), [a.shape[0]]), total.quadratic(sub(b, a)));
    },
    logWeights: (z) => logWeightsAt(centred(z)),
    logVolume: (z) => logVolumeOf(at(z)),
    logVolumeWithGradient(z) {
      // d_k log sqrt det G = -(1/rho^2) sum_i w_i tr(G^-1 P_i) (P_i (z - c_i))_k - tau z_k floor tr(G^-1)
      const parts = at(z);
      const { each, inverse: inverseTrace } = parts.total.traces();
      let gradient = mul(parts.total.pull(mul(each, parts.weights), parts.u), scale);
      if (tau > 0) gradient = sub(gradient, mul(mul(z, tau), mul(parts.floor, inverseTrace)));
      return { logVolume: logVolumeOf(parts), gradient };
    },
    withTau: (other) => {
      expectThat(
        Number.isFinite(other) && other >= 0,
        () => `withTau: tau is ${other}; give a finite number from 0 (0 keeps the floor everywhere).`,
      );
      return build(centroids, terms, { ...description, tau: other });
    },
  };
  return metric;
}

function describe(metric: PosteriorMetric, description: PosteriorDescription): PosteriorMetric {
  return { ...metric, description, withTau: (tau) => describe(metric.withTau(tau), { ...description, tau }) };
}

function widthOf(rows: Rows): number {
  return (isNdArray(rows) ? rows.shape[1] : rows[0]?.length) ?? 0;
}

function scaled(a: NdArray, factor: number): NdArray {
  return ndarray(
    Float64Array.from(a.data, (x) => x * factor),
    a.shape,
  );
}
