/**
 * Calibrated uncertainty for a decoder into any family: near the codes it decodes as it is, away from them it tends to
 * a member of largest uncertainty, through a smooth gate on the distance to k-means centres of the codes (Arvanitidis
 * et al., "Pulling back information geometry", AISTATS 2022, appendix; with the repairs named below).
 *
 *   D(z)  = -t log sum_k exp(-|z - c_k|^2 / t)     squared distance to the nearest centres, by a smooth minimum
 *   alpha = sigmoid((D - h) / b),  b = (h - D_0) / log 1000
 *   w     = (1 + alpha_0) s^2 / (s + alpha_0),     s = max(0, alpha - alpha_0) / (1 - alpha_0)
 *   eta~  = (1 - w) eta + w eta_uncertain          in natural or logarithmic coordinates
 *
 * The published code has the translated sigmoid alpha alone, which is alpha_0 = 1e-3 at the centres: a Poisson rate
 * pulled towards 1e5 gains 100 there. Here D_0 is the distance that `share` (99 %) of the codes keep, and w is exactly 0
 * up to it and rises from it without a kink. The minimum over centres is smooth, so gradients exist.
 *
 * Rule for the scale: with rho the radius within which that share of the codes lies around the nearest centre,
 * h = D_0 + (reach^2 - 1) rho^2: half of the way to uncertainty is reached at `reach` (default 3) such radii. t is four
 * times the mean squared distance of a code to its centre, at which the sum over centres is smooth along a row of them
 * (bumps of a few percent). All are stored; draw the contours of `gateWeight`.
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
  /**
   * K; default sqrt(N), at most 100 and half of the distinct codes (data with few different rows have few). More centres make a narrower gate, and curves that squeeze along its wall: with 50
   * centres for 500 codes on a circle the solver needed ten times the iterations or gave up, with 20 it did not.
   */
  readonly clusters?: number;
  /** Share of the codes that the gate does not touch; default 0.99. */
  readonly share?: number;
  /** Where the gate is half open, in radii of the codes around their centres; default 3. */
  readonly reach?: number;
  readonly seed?: number;
}

/** A fitted gate: plain data. */
export interface Gate {
  /** c. [K, d] */
  readonly centres: NdArray;
  /** t, in squared latent units. */
  readonly temperature: number;
  /** D_0: where the gate begins to open, in squared latent units (may be negative, where centres are dense). */
  readonly begins: number;
  /** h: where it is half open, likewise. */
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
  const { share = 0.99, reach = 3, seed = 0 } = options;
  const clusters = options.clusters ?? defaultClusters(points, d);
  expectThat(share > 0 && share <= 1, () => `fitGate: share is ${share}; give a number above 0, up to 1.`);
  expectThat(reach > 1 && reach < Infinity, () => `fitGate: reach is ${reach}; give a number above 1, such as 3.`);
  expectThat(
    Number.isInteger(clusters) && clusters >= 1 && clusters <= n,
    () => `fitGate: clusters is ${clusters}; give a whole number from 1 to ${n}, the number of codes.`,
  );
  const grouping = kMeans(points.data as Float64Array, d, clusters, randomKey(seed));
  const spread = spreadOf(points, d, grouping.inertia / n);
  if (!(spread > 0))
    throw new UsageError("fitGate: all codes are equal, so there is no scale to a gate; give codes that vary.");
  const temperature = 4 * spread;
  const { centres } = grouping;
  const squares = Array.from({ length: n }, (_, i) => squaresTo(points.data.subarray(i * d, (i + 1) * d), centres));
  const begins = quantile(
    squares.map((each) => smoothMinimum(each, temperature)),
    share,
  );
  const radius2 = Math.max(
    spread,
    quantile(
      squares.map((each) => each.reduce((a, b) => Math.min(a, b))),
      share,
    ),
  );
  return {
    centres: ndarray(centres, [clusters, d]),
    temperature,
    begins,
    half: begins + (reach * reach - 1) * radius2,
    fit: { seed, clusters, share, reach },
  };
}

/** As `GateOptions.clusters` says: with a centre on every distinct code the radius of codes around centres would be 0. */
function defaultClusters(points: NdArray, d: number): number {
  const n = points.shape[0];
  let size = 0;
  for (const x of points.data) size = Math.max(size, Math.abs(x));
  const cell = size > 0 ? EQUAL * size : 1;
  const distinct = new Set<string>();
  for (let i = 0; i < n; i++) {
    const row = Array.from(points.data.subarray(i * d, (i + 1) * d), (x) => Math.round(x / cell));
    distinct.add(row.join(" "));
  }
  return Math.max(1, Math.min(100, Math.floor(Math.sqrt(n)), Math.floor(distinct.size / 2)));
}

/** Codes nearer than this, relative to the largest coordinate, are of equal rows: rounding of float32 networks. */
const EQUAL = 1e-5;

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

/** Squared distances of a point to the centres. */
function squaresTo(z: ArrayLike<number>, centres: Float64Array): Float64Array {
  const d = z.length;
  const squares = new Float64Array(centres.length / d);
  for (let k = 0; k < centres.length; k++) squares[Math.floor(k / d)] += (z[k % d] - centres[k]) ** 2;
  return squares;
}

/** D on the host. */
function smoothMinimum(squares: Float64Array, t: number): number {
  const nearest = squares.reduce((a, b) => Math.min(a, b));
  return nearest - t * Math.log(squares.reduce((total, square) => total + Math.exp((nearest - square) / t), 0));
}

/** The smallest value that `share` of all do not exceed. */
function quantile(values: number[], share: number): number {
  return Float64Array.from(values).sort()[Math.max(0, Math.ceil(share * values.length) - 1)];
}

/** D(z), the smooth squared distance to the centres, `[N]`. Traceable. */
export function gateDistance(gate: Gate, z: Tensor): Tensor {
  const [n, d] = z.shape;
  const offsets = sub(reshape(z, [n, 1, d]), gate.centres); // [N, K, d]
  return mul(logSumExp(mul(sum(square(offsets), -1), -1 / gate.temperature), -1), -gate.temperature);
}

/** w(z), `[N]`: 0 at the codes, 1 far away. Continuously differentiable. Traceable; its contour is worth a picture. */
export function gateWeight(gate: Gate, z: Tensor): Tensor {
  const rate = STEEPNESS / (gate.half - gate.begins);
  const alpha0 = 1 / (1 + Math.exp(STEEPNESS));
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
