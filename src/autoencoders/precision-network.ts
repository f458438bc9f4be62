/**
 * A decoder's uncertainty as a radial basis function network of the precision (Arvanitidis, Hansen, Hauberg, "Latent
 * Space Oddity", ICLR 2018; `std` there is sigma):
 *
 *   v_k(z) = exp(-lambda_k |z - c_k|^2),   gamma(z) = W v(z) + zeta,   std(z) = gamma(z)^(-1/2),   W >= 0, zeta > 0.
 *
 * Where there are codes, v is large and std is what the residuals ask for; away from them v vanishes and std rises to
 * its bound zeta^(-1/2). How it is fitted: `uncertainty.ts`.
 *
 * What bounds what, since large uncertainty alone does not make a metric large, only its change does: the barrier
 * around the codes is the ring where std rises, of total height sqrt(D) (zeta^(-1/2) - std at the codes); beyond the
 * ring std is constant and the metric is that of the mean alone.
 *
 * Axes: N points, D data dimensions, d latent dimensions, K centres.
 */
import {
  add,
  exp,
  matmul,
  mul,
  type NdArray,
  neg,
  type Operand,
  reshape,
  rsqrt,
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
  return rsqrt(precision(network, z));
}

/** gamma(z): `[N, d] -> [N, D]`. Traceable. */
export function precision(network: Omit<Uncertainty, "fit">, z: Operand): Tensor {
  return add(matmul(basis(network.centres, network.bandwidths, z), network.weights), network.zeta);
}

/** v(z): `[N, d] -> [N, K]`. By differences, since |z|^2 - 2 z.c + |c|^2 would cancel in float32. */
export function basis(centres: Operand, bandwidths: Operand, z: Operand): Tensor {
  const [count, d] = (z as Tensor).shape;
  const offsets = sub(reshape(z, [count, 1, d]), centres); // [N, K, d]
  return exp(neg(mul(bandwidths, sum(square(offsets), -1))));
}
