/**
 * The volume element of a metric, sqrt(det G), called magnification factor in the literature on latent variable
 * models (Bishop, Svensen, Williams 1997): how much the decoder stretches volume.
 *
 * Axes: N points, d latent dimensions.
 */
import { exp, log, sum, type Tensor } from "../engine/index.js";
import { gramSchmidt, halfLogDeterminant, jacobianColumns } from "./linear-algebra.js";
import type { LatentMetric } from "./metric.js";

/**
 * `log sqrt(det G(z))`, `[N]`. Where there is an embedding it is the sum of log |R_jj| of J = Q R, which squares
 * nothing, elsewhere half the sum of the logarithms of the pivots of G. Not finite where the metric is degenerate.
 */
export function logMagnificationFactor(metric: LatentMetric, z: Tensor): Tensor {
  const { embedding } = metric;
  if (!embedding) return halfLogDeterminant(metric.metricTensor(z));
  const columns = jacobianColumns((x) => embedding.call(metric, x), z);
  return sum(log(gramSchmidt(columns).diagonal), 1);
}

/** `sqrt(det G(z))`, `[N]`: the volume element. In high dimension use its logarithm. */
export function magnificationFactor(metric: LatentMetric, z: Tensor): Tensor {
  return exp(logMagnificationFactor(metric, z));
}
