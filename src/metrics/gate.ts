/**
 * Calibrated uncertainty for a decoder into any family: near the codes it decodes as it is, away from them it tends to
 * a member of largest uncertainty, through a smooth gate on the distance to k-means centres of the codes (Arvanitidis
 * et al., "Pulling back information geometry", AISTATS 2022, appendix; with the repairs named below).
 *
 *   D(z)  = -t log sum_k exp(-|z - c_k|^2 / t)     squared distance to the nearest centre, by a smooth minimum
 *   alpha = sigmoid((D - h) / b),  b = h / log 1000
 *   w     = (1 + alpha_0) s^2 / (s + alpha_0),     s = max(0, alpha - alpha_0) / (1 - alpha_0)
 *   eta~  = (1 - w) eta + w eta_uncertain          in natural or logarithmic coordinates
 *
 * The published code has the translated sigmoid alpha alone, which is 1e-3 at the codes: a Poisson rate pulled towards
 * 1e5 would gain 100 there. Here alpha_0 is its value at D_0, the distance that `share` (99 %) of the codes keep, so
 * that w is exactly 0 there, and rises from it without a kink. Its minimum over centres is smooth, so gradients exist.
 *
 * Rule for the scale: h = reach^2 D_0, so half of the way to uncertainty is reached at `reach` (default 2) times the
 * radius sqrt(D_0) within which the codes lie around their centres; t is half the mean squared distance of a code to
 * its centre. Both are stored, and `gateWeight` draws the gate.
 *
 * What a gate does to a metric: only the ring where w rises is expensive (at most pi per Bernoulli column to cross
 * twice, about sqrt 2 log(sigma_far / sigma) per normal one); beyond it parameters are constant and the metric is 0.
 * Give the metric a floor (`withFloor`) where paths must not escape.
 *
 * Axes: N points, d latent dimensions, K centres.
 */
import { type Family, interpolate, type Parameters } from "../distributions/families/index.js";
import {
  add,
  div,
  logSumExp,
  maximum,
  mul,
  type NdArray,
  ndarray,
  reshape,
  sigmoid,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import { kMeans } from "../numerics/k-means.js";
import { randomKey } from "../numerics/random.js";
import { toPoints } from "./checks.js";
import type { DistributionDecoder } from "./fisher-rao.js";

export interface GateOptions {
  /** K; default 100, or as many as there are for ten codes each. */
  readonly clusters?: number;
  /** Share of the codes that the gate does not touch; default 0.99. */
  readonly share?: number;
  /** Where the gate is half open, in radii of the codes around their centres; default 2. */
  readonly reach?: number;
  readonly seed?: number;
}

/** A fitted gate: plain data. */
export interface Gate {
  /** c. [K, d] */
  readonly centres: NdArray;
  /** t, in squared latent units. */
  readonly temperature: number;
  /** D_0: where the gate begins to open, in squared latent units. */
  readonly begins: number;
  /** h: where it is half open, in squared latent units. */
  readonly half: number;
  readonly fit: { readonly seed: number; readonly clusters: number; readonly share: number; readonly reach: number };
}

const STEEPNESS = Math.log(1000);

/**
 * Fits a gate to codes. Host.
 * @param codes `[N, d]`
 * @throws UsageError for options out of range, or codes that are all equal
 */
export function fitGate(codes: NdArray | readonly (readonly number[])[], options: GateOptions = {}): Gate {
  const d = Array.isArray(codes) ? (codes[0]?.length ?? 0) : (codes as NdArray).shape[1];
  const points = toPoints("fitGate", "codes", codes, d);
  const n = points.shape[0];
  const { share = 0.99, reach = 2, seed = 0 } = options;
  const clusters = options.clusters ?? Math.max(1, Math.min(100, Math.floor(n / 10)));
  expectThat(share > 0 && share <= 1, () => `fitGate: share is ${share}; give a number above 0, up to 1.`);
  expectThat(reach > 1 && reach < Infinity, () => `fitGate: reach is ${reach}; give a number above 1, such as 2.`);
  expectThat(
    Number.isInteger(clusters) && clusters >= 1 && clusters <= n,
    () => `fitGate: clusters is ${clusters}; give a whole number from 1 to ${n}, the number of codes.`,
  );
  const grouping = kMeans(points.data as Float64Array, d, clusters, randomKey(seed));
  const spread = spreadOf(points, d, grouping.inertia / n);
  if (!(spread > 0))
    throw new UsageError("fitGate: all codes are equal, so there is no scale to a gate; give codes that vary.");
  const temperature = spread / 2;
  const { centres } = grouping;
  const distances = Float64Array.from({ length: n }, (_, i) =>
    smoothDistance(points.data.subarray(i * d, (i + 1) * d), centres, temperature),
  ).sort();
  const begins = Math.max(temperature, distances[Math.max(0, Math.ceil(share * n) - 1)]);
  return {
    centres: ndarray(centres, [clusters, d]),
    temperature,
    begins,
    half: reach * reach * begins,
    fit: { seed, clusters, share, reach },
  };
}

/** Mean squared distance of codes to their centres; at least a hundredth of their deviation, squared. */
function spreadOf(points: NdArray, d: number, within: number): number {
  const n = points.shape[0];
  let variance = 0;
  for (let j = 0; j < d; j++) {
    let [mean, squares] = [0, 0];
    for (let i = 0; i < n; i++) mean += points.data[i * d + j] / n;
    for (let i = 0; i < n; i++) squares += (points.data[i * d + j] - mean) ** 2 / n;
    variance += squares;
  }
  return Math.max(within, variance / 1e4);
}

/** D(z) on the host. */
function smoothDistance(z: ArrayLike<number>, centres: Float64Array, t: number): number {
  const d = z.length;
  let nearest = Infinity;
  const all: number[] = [];
  for (let k = 0; k < centres.length; k += d) {
    let square = 0;
    for (let j = 0; j < d; j++) square += (z[j] - centres[k + j]) ** 2;
    all.push(square);
    nearest = Math.min(nearest, square);
  }
  return nearest - t * Math.log(all.reduce((total, square) => total + Math.exp((nearest - square) / t), 0));
}

/** D(z), the smooth squared distance to the centres, `[N]`. Traceable. */
export function gateDistance(gate: Gate, z: Tensor): Tensor {
  const [n, d] = z.shape;
  const offsets = sub(reshape(z, [n, 1, d]), gate.centres); // [N, K, d]
  return mul(logSumExp(mul(sum(square(offsets), -1), -1 / gate.temperature), -1), -gate.temperature);
}

/** w(z), `[N]`: 0 at the codes, 1 far away. Continuously differentiable. Traceable; its contour is worth a picture. */
export function gateWeight(gate: Gate, z: Tensor): Tensor {
  const rate = STEEPNESS / gate.half;
  const alpha0 = 1 / (1 + Math.exp(rate * (gate.half - gate.begins)));
  const alpha = sigmoid(mul(sub(gateDistance(gate, z), gate.half), rate));
  const s = mul(maximum(sub(alpha, alpha0), 0), 1 / (1 - alpha0));
  return mul(div(square(s), add(s, alpha0)), 1 + alpha0);
}

export interface GatedOptions {
  /**
   * The uncertain member for families that have no most uncertain one, in units of the data: standard deviation
   * (normal) or mean (exponential, gamma, Poisson); see the family's `uncertain`.
   */
  readonly scale?: number;
  /** Another target, in place of the family's `uncertain`. Traceable. */
  readonly target?: (parameters: Parameters) => Parameters;
}

/** The decoder with its gate: `eta` near the codes, the uncertain member far from them. Traceable. */
export function gatedDecoder(
  decoder: DistributionDecoder,
  family: Family,
  gate: Gate,
  options: GatedOptions = {},
): DistributionDecoder {
  const { scale, target = (parameters) => family.uncertain(parameters, scale === undefined ? {} : { scale }) } =
    options;
  return (z) => {
    const parameters = decoder(z);
    return interpolate(parameters, target(parameters), gateWeight(gate, z));
  };
}
