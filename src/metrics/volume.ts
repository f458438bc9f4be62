/**
 * The volume element of a metric, sqrt(det G), called magnification factor in the literature on latent variable
 * models (Bishop, Svensen, Williams 1997): how much the decoder stretches volume.
 *
 * Axes: N points, d latent dimensions.
 */
import { exp, log, rowJacobian, sum, type Tensor } from "../engine/index.js";
import { gramSchmidt, halfLogDeterminant } from "./linear-algebra.js";
import type { LatentMetric } from "./metric.js";

/**
 * `log sqrt(det G(z))`, `[N]`. Where there is an embedding it is the sum of log |R_jj| of J = Q R, which squares
 * nothing, elsewhere half the sum of the logarithms of the pivots of G. Not finite where the metric is degenerate.
 */
export function logMagnificationFactor(metric: LatentMetric, z: Tensor): Tensor {
  const { embedding } = metric;
  if (!embedding) return halfLogDeterminant(metric.metricTensor(z));
  const { jacobian } = rowJacobian((x) => embedding.call(metric, x), z); // [N, D, d]
  return sum(log(gramSchmidt(jacobian).diagonal), 1);
}

/** `sqrt(det G(z))`, `[N]`: the volume element. In high dimension use its logarithm. */
export function magnificationFactor(metric: LatentMetric, z: Tensor): Tensor {
  return exp(logMagnificationFactor(metric, z));
}
