/**
 * Christoffel symbols of the Levi-Civita connection.
 *
 * Index order, here and everywhere: derivative indices last, the contravariant (or, for the first kind, the
 * lowered) index first.
 *   first kind   Gamma_{k,ij} = 1/2 (d_i g_kj + d_j g_ki - d_k g_ij)   stored [N, k, i, j]
 *   second kind  Gamma^k_ij   = g^kl Gamma_{l,ij}                      stored [N, k, i, j]
 * Both are symmetric in i and j. Geodesics obey c''^k + Gamma^k_ij c'^i c'^j = 0. For an embedding f,
 * Gamma_{k,ij} = <d_k f, d_i d_j f>.
 *
 * Axes: N points, d latent dimensions, D ambient dimensions.
 */
import { add, einsum, grad, jvp, mul, neg, reshape, rowJacobian, sub, sum, type Tensor, vjp } from "../engine/index.js";
import { eliminate, solvePositive } from "./linear-algebra.js";
import type { LatentMetric } from "./metric.js";

/** Which formula: by the embedding where there is one (`auto`), or always by derivatives of the metric tensor. */
export interface ConnectionOptions {
  readonly method?: "auto" | "tensor";
}

/** Gamma_{k,ij}, `[N, d] -> [N, k, i, j]`. d (d + 1) forward derivatives. */
export function christoffelFirstKind(metric: LatentMetric, z: Tensor, options: ConnectionOptions = {}): Tensor {
  if (usesEmbedding(metric, options)) {
    const { first, second } = derivatives(metric, z);
    return einsum("nak,naij->nkij", first, second);
  }
  return firstKindOf(rowJacobian((x) => metric.metricTensor(x), z).jacobian);
}

/** Gamma^k_ij, `[N, d] -> [N, k, i, j]`. */
export function christoffelSymbols(metric: LatentMetric, z: Tensor, options: ConnectionOptions = {}): Tensor {
  const [n, d] = z.shape;
  const lowered = reshape(christoffelFirstKind(metric, z, options), [n, d, d * d]);
  return reshape(eliminate(metric.metricTensor(z), lowered).solution, [n, d, d, d]);
}

/**
 * `Gamma_{k,ij} u^i v^j`, `[N, d]`, without the symbols: two nested forward derivatives and one reverse one.
 */
export function loweredConnection(
  metric: LatentMetric,
  z: Tensor,
  u: Tensor,
  v: Tensor,
  options: ConnectionOptions = {},
): Tensor {
  if (usesEmbedding(metric, options)) {
    const f = (x: Tensor) => metric.embedding!(x);
    return vjp(f, [z])[1](secondDerivative(f, z, u, v))[0];
  }
  const tensor = (x: Tensor) => metric.metricTensor(x);
  const along = (direction: Tensor, w: Tensor) => einsum("nij,nj->ni", jvp(tensor, [z], [direction])[1], w);
  const slope = grad((x: Tensor) => sum(einsum("ni,nij,nj->n", u, tensor(x), v)))(z);
  return mul(sub(add(along(u, v), along(v, u)), slope), 0.5);
}

/** `Gamma^k_ij u^i v^j`, `[N, d]`: the covariant derivative of v along u is `d_u v` plus this. */
export function connection(
  metric: LatentMetric,
  z: Tensor,
  u: Tensor,
  v: Tensor,
  options: ConnectionOptions = {},
): Tensor {
  return solvePositive(metric.metricTensor(z), loweredConnection(metric, z, u, v, options));
}

/** The acceleration `-Gamma^k_ij v^i v^j` of the geodesic through z with velocity v, `[N, d]`. */
export function geodesicAcceleration(metric: LatentMetric, z: Tensor, v: Tensor): Tensor {
  return neg(connection(metric, z, v, v));
}

/** First and second derivatives of the embedding: `[N, D, d]` and `[N, D, d, d]`. */
export function derivatives(metric: LatentMetric, z: Tensor): { first: Tensor; second: Tensor } {
  const f = (x: Tensor) => metric.embedding!(x);
  const { value, jacobian } = rowJacobian((x) => rowJacobian(f, x).jacobian, z);
  return { first: value, second: jacobian };
}

/** The second derivative of f at z in the directions u and v, `[N, D]`. */
export function secondDerivative(f: (z: Tensor) => Tensor, z: Tensor, u: Tensor, v: Tensor): Tensor {
  return jvp((x: Tensor) => jvp(f, [x], [u])[1], [z], [v])[1];
}

/** Gamma_{k,ij} from the derivatives d_m g_ab, `[N, a, b, m]`. */
export function firstKindOf(slopes: Tensor): Tensor {
  const direct = einsum("nkji->nkij", slopes); // d_i g_kj
  return mul(sub(add(direct, slopes), einsum("nijk->nkij", slopes)), 0.5);
}

export function usesEmbedding(metric: LatentMetric, options: ConnectionOptions): boolean {
  return metric.embedding !== undefined && options.method !== "tensor";
}

/**
 * The matrix `Gamma^k_ij u^i`, `[N, k, j]`: parallel transport of w along a curve with velocity u is w' = -(matrix) w.
 * d forward derivatives and as many nested ones.
 */
export function connectionMatrix(metric: LatentMetric, z: Tensor, u: Tensor): Tensor {
  const g = metric.metricTensor(z);
  if (metric.embedding) {
    const f = (x: Tensor) => metric.embedding!(x);
    const bend = rowJacobian((x) => jvp(f, [x], [u])[1], z).jacobian; // <d_j d_u f>, [N, D, j]
    return eliminate(g, einsum("nak,naj->nkj", rowJacobian(f, z).jacobian, bend)).solution;
  }
  const tensor = (x: Tensor) => metric.metricTensor(x);
  const along = jvp(tensor, [z], [u])[1]; // d_u g_kj
  const slopes = rowJacobian((x) => einsum("nki,ni->nk", tensor(x), u), z).jacobian; // d_j g_ki u^i, [N, k, j]
  return eliminate(g, mul(sub(add(along, slopes), einsum("nkj->njk", slopes)), 0.5)).solution;
}
