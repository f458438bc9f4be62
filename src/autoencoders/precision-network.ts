/**
 * A decoder's uncertainty as a radial basis function network of the precision (Arvanitidis, Hansen, Hauberg, "Latent
 * Space Oddity", ICLR 2018; `std` there is sigma):
 *
 *   v_k(z) = exp(-lambda_k |z - c_k|^2),   gamma(z) = W v(z) + zeta,   W >= 0, zeta > 0,
 *   std(z) = gamma(z)^(-1/2) + growth r(z),   r = sqrt(1 + softplus(q - q0)) - 1,   q = -log sum_k v_k(z).
 *
 * Where there are codes, v is large and std is what the residuals ask for; away from them v vanishes and the first term
 * rises to its bound zeta^(-1/2). How it is fitted: `uncertainty.ts`.
 *
 * The second term is not in the paper. Large uncertainty alone does not make a metric large, only its change does: with
 * the first term alone there is a ring around the codes where std rises, and beyond it the metric is nearly zero, so
 * that geodesics tunnel through empty space. r is nothing at the codes and grows in proportion to the distance from
 * them outside of the ring (q is that squared distance in bandwidths), so that empty space has a price everywhere.
 * growth = 0 gives the network of the paper.
 *
 * Axes: N points, D data dimensions, d latent dimensions, K centres.
 */
import {
  add,
  exp,
  logSumExp,
  matmul,
  mul,
  type NdArray,
  neg,
  type Operand,
  reshape,
  rsqrt,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";

/** A fitted precision network. */
export interface Uncertainty {
  /** [K, d] */
  readonly centres: NdArray;
  /** lambda. [K] */
  readonly bandwidths: NdArray;
  /** W transposed. [K, D] */
  readonly weights: NdArray;
  /** zeta, one for all outputs. [1] */
  readonly zeta: NdArray;
  /** growth, in data units for each bandwidth of distance. [1] */
  readonly growth: NdArray;
  readonly fit: UncertaintyFit;
}

/** How it was fitted, and how well: plain data. */
export interface UncertaintyFit {
  readonly seed: number;
  readonly clusters: number;
  /** s_k in root cluster variances. */
  readonly bandwidth: number;
  /** Least standard deviation, in data units. */
  readonly floor: number;
  /** zeta^(-1/2): largest standard deviation, in data units. */
  readonly ceiling: number;
  readonly rows: number;
  readonly iterations: number;
  /** Mean log density of the residuals, in nats a row, after each tenth iteration. */
  readonly logLikelihoods: readonly number[];
}

/** std(z): `[N, d] -> [N, D]`. Traceable. */
export function precisionStd(network: Omit<Uncertainty, "fit">, z: Operand): Tensor {
  const v = basis(network.centres, network.bandwidths, z);
  const bounded = rsqrt(add(matmul(v, network.weights), network.zeta)); // [N, D]
  return add(bounded, mul(network.growth, remoteness(network, z)));
}

/** q0: where the ring ends; there the precision is all but zeta for a ceiling of ten typical deviations. */
const RING = 6;

/** r(z): how far outside of the codes a point lies, in bandwidths. `[N, d] -> [N, 1]`. Traceable. */
export function remoteness(network: Pick<Uncertainty, "centres" | "bandwidths">, z: Operand): Tensor {
  const q = neg(logSumExp(neg(scaledSquares(network.centres, network.bandwidths, z)), -1, { keepDimensions: true }));
  return sub(sqrt(add(1, softplus(sub(q, RING)))), 1);
}

/** gamma(z): `[N, d] -> [N, D]`. Traceable. */
export function precision(network: Omit<Uncertainty, "fit" | "growth">, z: Operand): Tensor {
  return add(matmul(basis(network.centres, network.bandwidths, z), network.weights), network.zeta);
}

/** v(z): `[N, d] -> [N, K]`. By differences, since |z|^2 - 2 z.c + |c|^2 would cancel in float32. */
export function basis(centres: Operand, bandwidths: Operand, z: Operand): Tensor {
  return exp(neg(scaledSquares(centres, bandwidths, z)));
}

/** lambda_k |z - c_k|^2. [N, K] */
function scaledSquares(centres: Operand, bandwidths: Operand, z: Operand): Tensor {
  const [count, d] = (z as Tensor).shape;
  const offsets = sub(reshape(z, [count, 1, d]), centres); // [N, K, d]
  return mul(bandwidths, sum(square(offsets), -1));
}
