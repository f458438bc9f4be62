/**
 * Mixtures of von Mises-Fisher distributions, fitted by expectation maximisation (Banerjee, Dhillon, Ghosh and Sra,
 * JMLR 2005, "soft-movMF"): means are normalised weighted sums, concentrations solve A(kappa) = mean resultant length
 * (exactly, by Newton's method; the paper stops at the first approximation).
 */
import {
  foldIn,
  isNdArray,
  type NdArray,
  ndarray,
  type RandomKey,
  type RandomStream,
  stream,
} from "../engine/index.js";
import { expectThat } from "../errors.js";
import { type Coordinates, checkCount, checkPoints, sphere } from "../manifolds/index.js";
import { vonMisesFisherDrawer } from "./von-mises-fisher.js";
import { concentrationOf, vonMisesFisherConstants } from "./von-mises-fisher-normalizer.js";

export interface VonMisesFisherMixture {
  /** K weights that sum to 1. */
  readonly weights: Float64Array;
  /** Mean directions, [K, p]. */
  readonly means: NdArray;
  /** K concentrations. */
  readonly concentrations: Float64Array;
}

export interface MixtureFit extends VonMisesFisherMixture {
  /** Mean log density of the points under the mixture, after each iteration of the best start. */
  readonly history: readonly number[];
  /** The last of them. */
  readonly logLikelihood: number;
  /** Whether it rose by less than the tolerance in the last iteration. */
  readonly converged: boolean;
  /** Components whose concentration stands at the limit: they sit on repeated points. */
  readonly atLimit: number;
}

export interface MixtureOptions {
  readonly components: number;
  readonly key: RandomKey;
  /** Random starts, of which the best fit is kept; default 4. */
  readonly starts?: number;
  /** Default 500. */
  readonly iterations?: number;
  /** Stop when the mean log likelihood rises by less; default 1e-9. */
  readonly tolerance?: number;
  /** Concentrations stay below: repeated points make the likelihood unbounded. Default 1e5. */
  readonly largestConcentration?: number;
}

/**
 * Fits a mixture to unit vectors `[N, p]`. Cost of an iteration: N K p.
 * @throws UsageError for points off the sphere, more components than points, or options out of range
 */
export function fitVonMisesFisherMixture(points: NdArray, options: MixtureOptions): MixtureFit {
  const { components: K, key, starts = 4, iterations = 500, tolerance = 1e-9, largestConcentration = 1e5 } = options;
  expectThat(
    isNdArray(points) && points.shape.length === 2 && points.shape[1] >= 2,
    () => `fitVonMisesFisherMixture: points have shape [${points?.shape}]; give unit vectors as [N, p] with p >= 2.`,
  );
  checkPoints(sphere(points.shape[1] - 1), "points", points);
  expectThat(
    Number.isInteger(K) && K >= 1 && K <= points.shape[0],
    () => `fitVonMisesFisherMixture: components is ${K}; give a whole number from 1 to the ${points.shape[0]} points.`,
  );
  for (const [name, value] of Object.entries({ starts, iterations, largestConcentration }))
    expectThat(value > 0, () => `fitVonMisesFisherMixture: ${name} is ${value}; give a number above zero.`);
  let best: MixtureFit | undefined;
  for (let start = 0; start < starts; start++) {
    const random = stream(foldIn(key, start));
    const fit = fitOnce(points, seeds(points, K, random), iterations, tolerance, largestConcentration);
    if (best === undefined || fit.logLikelihood > best.logLikelihood) best = fit;
  }
  return best!;
}

/**
 * log densities of points `[N, p]` under a mixture, `[N]`, with respect to the area of the sphere.
 * @throws UsageError for points off the mixture's sphere
 */
export function mixtureLogDensity(mixture: VonMisesFisherMixture, points: NdArray): Float64Array {
  checkPoints(sphere(mixture.means.shape[1] - 1), "points", points);
  return expectation(mixture, points, undefined);
}

/** `count` draws, `[count, p]`. */
export function sampleMixture(mixture: VonMisesFisherMixture, key: RandomKey, count: number): NdArray {
  checkCount(count);
  const p = mixture.means.shape[1];
  const random = stream(key);
  const drawers = Array.from(mixture.concentrations, (kappa) => vonMisesFisherDrawer(p, kappa));
  const data = new Float64Array(count * p);
  for (let i = 0; i < count; i++) {
    const k = random.categorical(mixture.weights);
    data.set(drawers[k](Float64Array.from(mixture.means.data.subarray(k * p, (k + 1) * p)), random), i * p);
  }
  return ndarray(data, [count, p]);
}

/** k-means++ on the sphere: every next mean is a point, with probability proportional to its squared chord. */
function seeds(points: NdArray, K: number, random: RandomStream): Float64Array {
  const [N, p] = points.shape;
  const means = new Float64Array(K * p);
  const nearest = new Float64Array(N).fill(Infinity);
  for (let k = 0; k < K; k++) {
    const spread = k > 0 && nearest.some((value) => value > 0);
    const chosen = spread ? random.categorical(nearest) : random.integer(N);
    means.set(points.data.subarray(chosen * p, (chosen + 1) * p), k * p);
    for (let i = 0; i < N; i++) nearest[i] = Math.min(nearest[i], squaredChord(points.data, i * p, means, k * p, p));
  }
  return means;
}

function fitOnce(
  points: NdArray,
  startMeans: Float64Array,
  iterations: number,
  tolerance: number,
  largest: number,
): MixtureFit {
  const [N, p] = points.shape;
  const K = startMeans.length / p;
  let mixture: VonMisesFisherMixture = {
    weights: new Float64Array(K).fill(1 / K),
    means: ndarray(startMeans, [K, p]),
    concentrations: new Float64Array(K).fill(2 * p),
  };
  const responsibilities = new Float64Array(N * K);
  const history: number[] = [];
  let converged = false;
  const average = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / N;
  let current = average(expectation(mixture, points, responsibilities));
  for (let step = 0; step < iterations && !converged; step++) {
    mixture = maximization(points, responsibilities, mixture, largest);
    const next = average(expectation(mixture, points, responsibilities));
    history.push(next);
    converged = next - current < tolerance;
    current = next;
  }
  return {
    ...mixture,
    history,
    logLikelihood: current,
    converged,
    atLimit: mixture.concentrations.filter((kappa) => kappa >= largest).length,
  };
}

/** log densities of the points; fills `responsibilities` [N, K] where given. */
function expectation(
  mixture: VonMisesFisherMixture,
  points: NdArray,
  responsibilities: Float64Array | undefined,
): Float64Array {
  const [N, p] = points.shape;
  const { weights, means, concentrations } = mixture;
  const K = weights.length;
  const offsets = Array.from(
    weights,
    (w, k) => Math.log(w) - vonMisesFisherConstants(p, concentrations[k]).scaledLogNormalizer,
  );
  const logs = new Float64Array(K);
  return Float64Array.from({ length: N }, (_, i) => {
    let top = -Infinity;
    for (let k = 0; k < K; k++) {
      logs[k] = offsets[k] - 0.5 * concentrations[k] * squaredChord(points.data, i * p, means.data, k * p, p);
      if (logs[k] > top) top = logs[k];
    }
    let total = 0;
    for (let k = 0; k < K; k++) total += Math.exp(logs[k] - top);
    if (responsibilities !== undefined)
      for (let k = 0; k < K; k++) responsibilities[i * K + k] = Math.exp(logs[k] - top) / total;
    return top + Math.log(total);
  });
}

function maximization(
  points: NdArray,
  responsibilities: Float64Array,
  old: VonMisesFisherMixture,
  largest: number,
): VonMisesFisherMixture {
  const [N, p] = points.shape;
  const K = old.weights.length;
  const means = Float64Array.from(old.means.data);
  const concentrations = old.concentrations.slice();
  const weights = new Float64Array(K);
  for (let k = 0; k < K; k++) {
    const sum = new Float64Array(p);
    let mass = 0;
    for (let i = 0; i < N; i++) {
      const r = responsibilities[i * K + k];
      mass += r;
      for (let j = 0; j < p; j++) sum[j] += r * points.data[i * p + j];
    }
    weights[k] = mass / N;
    const length = Math.hypot(...sum);
    if (mass < 1e-12) continue; // an empty component keeps its place, with weight near zero
    if (length < 1e-12 * mass) {
      concentrations[k] = 0; // no direction is preferred: any mean does, so that of before
      continue;
    }
    for (let j = 0; j < p; j++) means[k * p + j] = sum[j] / length;
    concentrations[k] = concentrationOf(p, Math.min(length / mass, 1), largest);
  }
  return { weights, means: ndarray(means, [K, p]), concentrations };
}

function squaredChord(a: Coordinates, aStart: number, b: Coordinates, bStart: number, p: number): number {
  let total = 0;
  for (let j = 0; j < p; j++) total += (a[aStart + j] - b[bStart + j]) ** 2;
  return total;
}
