/**
 * Mixtures of Gaussians with full covariances, fitted by expectation maximisation (Dempster, Laird, Rubin 1977) from a
 * k-means start. The log likelihood never falls from one iteration to the next (but for the floor of the covariances).
 *
 * Axes: N points, K components, d coordinates.
 */
import { expectThat, UsageError } from "../errors.js";
import { choleskyInto } from "./dense.js";
import { kMeans } from "./k-means.js";
import type { RandomKey, RandomStream } from "./random.js";

export interface MixtureParameters {
  /** Positive, sum 1. [K] */
  readonly weights: Float64Array;
  /** [K, d] */
  readonly means: Float64Array;
  /** Symmetric, positive definite. [K, d, d] */
  readonly covariances: Float64Array;
}

export interface GaussianMixture extends MixtureParameters {
  readonly dimension: number;
  readonly components: number;
  /** Log density at a point. [d] */
  logDensity(x: ArrayLike<number>): number;
  /** Writes one draw to `out`. [d] */
  drawInto(out: Float64Array, random: RandomStream): void;
  /** Mean log likelihood of a point before each iteration and at the end, where the mixture was fitted. */
  readonly history: readonly number[];
  /** Whether the last iteration gained less than the tolerance. */
  readonly converged: boolean;
}

export interface MixtureOptions {
  /** Iterations at most; default 300. */
  readonly maxIterations?: number;
  /** Stops when the mean log likelihood gains less, in nats; default 1e-5. */
  readonly tolerance?: number;
  /** Floor added to the diagonals of covariances, as a share of the mean variance of the points; default 1e-6. */
  readonly floor?: number;
}

/**
 * Fits K Gaussians.
 * @param points row-major, finite. [N, d]
 * @throws UsageError for K outside 1 to N, points that are not finite or all alike, or a covariance that is singular
 */
export function fitGaussianMixture(
  points: Float64Array,
  d: number,
  components: number,
  key: RandomKey,
  options: MixtureOptions = {},
): GaussianMixture {
  const { maxIterations = 300, tolerance = 1e-5, floor = 1e-6 } = options;
  const n = points.length / d;
  expectThat(
    Number.isInteger(components) && components >= 1 && components <= n,
    () => `fitGaussianMixture: ${components} components for ${n} points; give a whole number from 1 to ${n}.`,
  );
  expectThat(
    Number.isFinite(floor) && floor >= 0,
    () => `fitGaussianMixture: floor is ${floor}; give a finite number from 0, for example 1e-6.`,
  );
  const ridge = floor * meanVariance(points, n, d);
  const start = kMeans(points, d, components, key);
  // The start as responsibilities of one or nothing.
  const responsibilities = new Float64Array(n * components);
  start.assignment.forEach((k, i) => {
    responsibilities[i * components + k] = 1;
  });
  let parameters: MixtureParameters = {
    weights: new Float64Array(components).fill(1 / components),
    means: start.centres,
    covariances: new Float64Array(components * d * d),
  };
  parameters = maximise(points, n, d, responsibilities, parameters, ridge);
  const history: number[] = [];
  let converged = false;
  for (let iteration = 0; ; iteration++) {
    const likelihood = expect(points, n, mixtureFrom(parameters, d), responsibilities);
    const gain = likelihood - (history.at(-1) ?? Number.NEGATIVE_INFINITY);
    history.push(likelihood);
    converged = gain < tolerance;
    if (converged || iteration >= maxIterations) break;
    parameters = maximise(points, n, d, responsibilities, parameters, ridge);
  }
  return { ...mixtureFrom(parameters, d), history, converged };
}

/**
 * The mixture of given parameters.
 * @throws UsageError for a covariance that is not positive definite
 */
export function gaussianMixture(parameters: MixtureParameters, d: number): GaussianMixture {
  return { ...mixtureFrom(parameters, d), history: [], converged: true };
}

interface Evaluator extends Omit<GaussianMixture, "history" | "converged"> {
  /** log(weight_k N(x; mean_k, covariance_k)) for each k, of the point that starts at `at`. */
  logJoint(points: ArrayLike<number>, at: number, out: Float64Array): void;
}

function mixtureFrom(parameters: MixtureParameters, d: number): Evaluator {
  const { weights, means, covariances } = parameters;
  const components = weights.length;
  const factors = new Float64Array(components * d * d); // L of L L^T
  const constants = new Float64Array(components);
  for (let k = 0; k < components; k++) {
    factors.set(covariances.subarray(k * d * d, (k + 1) * d * d), k * d * d);
    if (!choleskyInto(factors, d, factors, k * d * d))
      throw new UsageError(
        `Gaussian mixture: the covariance of component ${k} is singular; take fewer components, more points, or a larger floor.`,
      );
    constants[k] = Math.log(weights[k]) - 0.5 * d * Math.log(2 * Math.PI);
    for (let r = 0; r < d; r++) {
      constants[k] -= Math.log(factors[(k * d + r) * d + r]);
      factors[(k * d + r) * d + r] = 1 / factors[(k * d + r) * d + r]; // divisions once, here
    }
  }
  const y = new Float64Array(d);
  const joint = new Float64Array(components);
  function logJoint(points: ArrayLike<number>, at: number, out: Float64Array): void {
    for (let k = 0; k < components; k++) {
      let squared = 0;
      for (let r = 0; r < d; r++) {
        const row = (k * d + r) * d;
        let value = points[at + r] - means[k * d + r];
        for (let c = 0; c < r; c++) value -= factors[row + c] * y[c];
        value *= factors[row + r];
        y[r] = value;
        squared += value * value;
      }
      out[k] = constants[k] - 0.5 * squared;
    }
  }
  return {
    weights,
    means,
    covariances,
    dimension: d,
    components,
    logJoint,
    logDensity(x) {
      logJoint(x, 0, joint);
      return logSum(joint);
    },
    drawInto(out, random) {
      const k = random.categorical(weights);
      for (let r = 0; r < d; r++) y[r] = random.normal();
      for (let r = 0; r < d; r++) {
        const row = (k * d + r) * d;
        let value = means[k * d + r] + y[r] / factors[row + r];
        for (let c = 0; c < r; c++) value += factors[row + c] * y[c];
        out[r] = value;
      }
    },
  };
}

/** Writes the responsibilities; gives the mean log likelihood of a point. */
function expect(points: Float64Array, n: number, mixture: Evaluator, responsibilities: Float64Array): number {
  const { components, dimension: d, logJoint } = mixture;
  const joint = new Float64Array(components);
  let total = 0;
  for (let i = 0; i < n; i++) {
    logJoint(points, i * d, joint);
    const logDensity = logSum(joint);
    total += logDensity;
    for (let k = 0; k < components; k++) responsibilities[i * components + k] = Math.exp(joint[k] - logDensity);
  }
  return total / n;
}

/** Weights, means and covariances of the points under responsibilities. */
function maximise(
  points: Float64Array,
  n: number,
  d: number,
  responsibilities: Float64Array,
  last: MixtureParameters,
  ridge: number,
): MixtureParameters {
  const components = last.weights.length;
  const weights = new Float64Array(components);
  const means = new Float64Array(components * d);
  const covariances = new Float64Array(components * d * d);
  const x = new Float64Array(d);
  for (let k = 0; k < components; k++) {
    // Moments about the last mean, which is near the new one; then shifted, so that nothing cancels.
    const first = new Float64Array(d);
    const second = covariances.subarray(k * d * d, (k + 1) * d * d);
    let mass = 0;
    for (let i = 0; i < n; i++) {
      const r = responsibilities[i * components + k];
      if (r < 1e-14) continue; // below the rounding of the sums
      mass += r;
      for (let a = 0; a < d; a++) {
        x[a] = points[i * d + a] - last.means[k * d + a];
        const weighted = r * x[a];
        first[a] += weighted;
        for (let b = 0; b <= a; b++) second[a * d + b] += weighted * x[b];
      }
    }
    weights[k] = mass / n;
    if (!(mass > 1e-9)) {
      // Nobody's component any more: it stays where it was, with no weight to speak of.
      weights[k] = 1e-300;
      means.set(last.means.subarray(k * d, (k + 1) * d), k * d);
      second.set(last.covariances.subarray(k * d * d, (k + 1) * d * d));
      continue;
    }
    for (let a = 0; a < d; a++) means[k * d + a] = last.means[k * d + a] + first[a] / mass;
    for (let a = 0; a < d; a++)
      for (let b = 0; b <= a; b++) {
        const value = second[a * d + b] / mass - (first[a] / mass) * (first[b] / mass) + (a === b ? ridge : 0);
        second[a * d + b] = value;
        second[b * d + a] = value;
      }
  }
  return { weights, means, covariances };
}

function logSum(values: Float64Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > largest) largest = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

function meanVariance(points: Float64Array, n: number, d: number): number {
  const mean = new Float64Array(d);
  for (let i = 0; i < points.length; i++) mean[i % d] += points[i] / n;
  let total = 0;
  for (let i = 0; i < points.length; i++) total += (points[i] - mean[i % d]) ** 2;
  expectThat(
    Number.isFinite(total),
    "fitGaussianMixture: the points have a value that is not finite; leave such points out.",
  );
  expectThat(total > 0, `fitGaussianMixture: all ${n} points are alike; give points that differ.`);
  return total / (n * d);
}
