/**
 * Curvature. Conventions, here and everywhere:
 *
 *   R(X, Y) Z   = nabla_X nabla_Y Z - nabla_Y nabla_X Z - nabla_[X,Y] Z
 *   R_lkij      = g(R(d_i, d_j) d_k, d_l)                        stored [N, l, k, i, j]
 *   sectional   K(u, v) = g(R(u, v) v, u) / (g(u,u) g(v,v) - g(u,v)^2)
 *   Ricci       Ric_kj = g^li R_lkij                             stored [N, k, j]
 *   scalar      S = g^kj Ric_kj = 2 K for d = 2
 *
 * so that the unit sphere has R_lkij = g_li g_kj - g_lj g_ki, K = 1, Ric = (d - 1) g and S = d (d - 1).
 *
 * Two ways. By the metric tensor:
 *   R_lkij = 1/2 (d_k d_i g_lj + d_l d_j g_ki - d_l d_i g_kj - d_k d_j g_li)
 *            + g^mn (Gamma_{m,ki} Gamma_{n,lj} - Gamma_{m,kj} Gamma_{n,li})
 * and, where there is an embedding, by the Gauss equation with the second fundamental form II (the part of the second
 * derivatives that is normal to the surface), which needs one derivative less:
 *   R_lkij = <II_li, II_kj> - <II_lj, II_ki>
 *
 * Axes: N points, d latent dimensions, D ambient dimensions.
 */
import { add, div, einsum, mul, reshape, rowJacobian, slice, square, sub, sum, type Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { type ConnectionOptions, derivatives, firstKindOf, secondDerivative, usesEmbedding } from "./christoffel.js";
import { innerProduct, inverseMetric, squaredNorm } from "./lengths-and-angles.js";
import { gramSchmidt, invertPositive, jacobianColumns, removeComponents } from "./linear-algebra.js";
import type { LatentMetric } from "./metric.js";

/** The curvature tensor R_lkij with all indices lowered, `[N, d] -> [N, l, k, i, j]`. */
export function curvatureTensor(metric: LatentMetric, z: Tensor, options: ConnectionOptions = {}): Tensor {
  if (usesEmbedding(metric, options)) {
    const form = secondFundamentalForm(metric, z); // [N, D, d, d]
    const products = einsum("nali,nakj->nlkij", form, form);
    return sub(products, einsum("nlkji->nlkij", products));
  }
  const { value: first, jacobian: second } = rowJacobian(
    (x) => rowJacobian((y) => metric.metricTensor(y), x).jacobian,
    z,
  ); // d_m g_ab [N, a, b, m] and d_n d_m g_ab [N, a, b, m, n]
  const symbols = firstKindOf(first);
  const raised = einsum("nmp,nplj->nmlj", inverseMetric(metric, z), symbols);
  const products = einsum("nmki,nmlj->nlkij", symbols, raised);
  // The terms with i and j exchanged have the opposite sign.
  const half = add(mul(add(einsum("nljki->nlkij", second), einsum("nkilj->nlkij", second)), 0.5), products);
  return sub(half, einsum("nlkji->nlkij", half));
}

/**
 * Sectional curvature of the plane spanned by u and v, `[N, d]` each, to `[N]`. Not finite where they are parallel.
 * Where there is an embedding it takes three nested forward derivatives, whatever d.
 */
export function sectionalCurvature(
  metric: LatentMetric,
  z: Tensor,
  u: Tensor,
  v: Tensor,
  options: ConnectionOptions = {},
): Tensor {
  const area = sub(mul(squaredNorm(metric, z, u), squaredNorm(metric, z, v)), square(innerProduct(metric, z, u, v)));
  if (!usesEmbedding(metric, options)) {
    const tensor = curvatureTensor(metric, z, options);
    return div(einsum("nlkij,nl,nk,ni,nj->n", tensor, u, v, u, v), area);
  }
  const f = (x: Tensor) => metric.embedding!(x);
  const { basis } = gramSchmidt(jacobianColumns(f, z));
  const form = (a: Tensor, b: Tensor) => removeComponents(secondDerivative(f, z, a, b), basis); // [N, D]
  return div(sub(sum(mul(form(u, u), form(v, v)), 1), sum(square(form(u, v)), 1)), area);
}

/** Ricci curvature Ric_kj = g^li R_lkij, `[N, d] -> [N, d, d]`. */
export function ricciCurvature(metric: LatentMetric, z: Tensor, options: ConnectionOptions = {}): Tensor {
  return einsum("nli,nlkij->nkj", inverseMetric(metric, z), curvatureTensor(metric, z, options));
}

/** Scalar curvature S = g^kj Ric_kj, `[N, d] -> [N]`. */
export function scalarCurvature(metric: LatentMetric, z: Tensor, options: ConnectionOptions = {}): Tensor {
  const inverse = invertPositive(metric.metricTensor(z));
  return einsum("nkj,nkj->n", inverse, ricciCurvature(metric, z, options));
}

/**
 * Gaussian curvature K = R_1212 / det G of a surface, `[N, 2] -> [N]`.
 * @throws UsageError unless d = 2
 */
export function gaussianCurvature(metric: LatentMetric, z: Tensor, options: ConnectionOptions = {}): Tensor {
  if (metric.dimension !== 2)
    throw new UsageError(
      `gaussianCurvature: the metric "${metric.name}" has ${metric.dimension} latent dimensions; use sectionalCurvature or scalarCurvature unless there are 2.`,
    );
  return mul(scalarCurvature(metric, z, options), 0.5);
}

/** II_ij: the part of d_i d_j f that is orthogonal to the surface, `[N, D, i, j]`. */
function secondFundamentalForm(metric: LatentMetric, z: Tensor): Tensor {
  const { first, second } = derivatives(metric, z);
  const [n, size, d] = first.shape;
  const columns = Array.from({ length: d }, (_, k) => reshape(slice(first, [null, null, [k, k + 1]]), [n, size]));
  const { basis } = gramSchmidt(columns);
  return basis.reduce((rest, q) => {
    const along = einsum("na,naij->nij", q, rest);
    return sub(rest, mul(reshape(q, [n, size, 1, 1]), reshape(along, [n, 1, d, d])));
  }, second);
}
