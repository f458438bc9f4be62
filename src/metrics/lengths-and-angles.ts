/**
 * Lengths and angles of tangent vectors, and the passage between vectors and covectors. Traceable functions of a
 * metric, points and vectors; batch first.
 *
 * Axes: N points, d latent dimensions.
 */
import {
  add,
  atan2,
  div,
  einsum,
  expandDims,
  jvp,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { invertPositive, solvePositive } from "./linear-algebra.js";
import type { LatentMetric } from "./metric.js";

/** `g_z(u, v) = u^T G(z) v`: `[N, d]` three times to `[N]`. Two forward derivatives where there is an embedding. */
export function innerProduct(metric: LatentMetric, z: Tensor, u: Tensor, v: Tensor): Tensor {
  if (metric.embedding) return sum(mul(pushForward(metric, z, u), pushForward(metric, z, v)), 1);
  return einsum("ni,nij,nj->n", u, metric.metricTensor(z), v);
}

/** `g_z(v, v)`, `[N]`. */
export function squaredNorm(metric: LatentMetric, z: Tensor, v: Tensor): Tensor {
  if (metric.embedding) return sum(square(pushForward(metric, z, v)), 1);
  return einsum("ni,nij,nj->n", v, metric.metricTensor(z), v);
}

/** `sqrt(g_z(v, v))`, `[N]`: the speed of a curve through z with velocity v. */
export function metricNorm(metric: LatentMetric, z: Tensor, v: Tensor): Tensor {
  return sqrt(squaredNorm(metric, z, v));
}

/**
 * Angle between u and v at z, in [0, pi] radians, `[N]`, by 2 atan2(|u' - v'|, |u' + v'|) of the unit vectors, which
 * is precise for nearly parallel vectors too. NaN for a vector of length zero.
 */
export function angle(metric: LatentMetric, z: Tensor, u: Tensor, v: Tensor): Tensor {
  const unit = (w: Tensor) => div(w, expandDims(metricNorm(metric, z, w), 1));
  const [a, b] = [unit(u), unit(v)];
  return mul(atan2(metricNorm(metric, z, sub(a, b)), metricNorm(metric, z, add(a, b))), 2);
}

/** The covector `g(v, .)`, with components `G(z) v`, `[N, d]`. */
export function lower(metric: LatentMetric, z: Tensor, v: Tensor): Tensor {
  return einsum("nij,nj->ni", metric.metricTensor(z), v);
}

/** The vector of a covector: `G(z)^-1 p`, `[N, d]`. The Riemannian gradient is `raise` of the partial derivatives. */
export function raise(metric: LatentMetric, z: Tensor, p: Tensor): Tensor {
  return solvePositive(metric.metricTensor(z), p);
}

/** The inverse metric (cometric) `G(z)^-1`, `[N, d, d]`. */
export function inverseMetric(metric: LatentMetric, z: Tensor): Tensor {
  return invertPositive(metric.metricTensor(z));
}

/** The image `J(z) v` of a vector under a metric's embedding, `[N, D]`: one forward derivative. */
export function pushForward(metric: LatentMetric, z: Tensor, v: Tensor): Tensor {
  return jvp((x: Tensor) => metric.embedding!(x), [z], [reshape(v, z.shape)])[1];
}
