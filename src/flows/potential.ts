/**
 * Gradients of a potential made of bumps, on the sphere S^d:
 *
 *   phi(x, t) = sum_k a_k(t) e^{<x, w_k> + b_k} / sqrt(1 + |w_k|^2),   f = grad phi,   div f = Laplacian of phi.
 *
 * A bump is an unnormalised von Mises-Fisher density of concentration |w_k|; the a_k are polynomials of time, sums of
 * Legendre's over [0, 1]. With u_k = <x, w_k> and g_k for the k-th term of phi,
 *
 *   f = sum_k g_k (w_k - u_k x),   div f = sum_k g_k (|w_k|^2 - u_k^2 - d u_k),
 *
 * so that the divergence costs two more columns of a product, where a network of x and t needs d forward derivatives.
 * Any density can be carried to any other by gradients (optimal transport does so), but their parameters enter linearly,
 * up to where and how wide the bumps are, which learns faster than a network does. The root keeps wide and narrow bumps
 * of comparable speed.
 *
 * Axes: N points, n = d + 1 coordinates, K bumps.
 */
import {
  add,
  concat,
  div,
  exp,
  matmul,
  mul,
  ndarray,
  type Operand,
  ones,
  reshape,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
  zerosArray,
} from "../engine/index.js";
import type { Dense, Mlp } from "../networks/index.js";
import type { FieldValue } from "./field-value.js";
import type { FlowShape } from "./shape.js";

/**
 * f and div f at unit vectors x [N, n] and time t (a number, or [N, 1]).
 * @param parameters the layer of bumps, W [n, K] and b [K]; then coefficients of the polynomials P_1, P_2, ... [degree, K]
 *   and of P_0 [K]
 */
export function potentialField(shape: FlowShape, parameters: Mlp<any>, x: Tensor, t: Operand): FieldValue {
  const [{ weight, bias }, ofTime] = parameters as Mlp<Tensor>;
  const [N, n] = x.shape;
  const [d, K] = [n - 1, shape.centres];
  const shift = reshape(bias, [1, K]);
  const concentration = sum(square(weight), 0, { keepDimensions: true }); // [1, K], squared
  const coefficients = mul(weightsAt(ofTime, t), div(1, sqrt(add(1, concentration)))); // [1 or N, K]
  // v = u + b by one product; what follows is in v, and the b_k go with the weights: no more passes over [N, K].
  const v = matmul(concat([x, ones([N, 1])], 1), concat([weight, shift], 0));
  const bumps = exp(v);
  // Coefficients that all points share go with the weights too; others into the bumps.
  const [terms, scale] = typeof t === "number" ? [bumps, coefficients] : [mul(bumps, coefficients), ones([1, K])];
  const times = (values: Tensor, weights: Tensor[]) => matmul(values, transpose(concat(weights, 0)));
  const first = mul(terms, v);
  const shifted = mul(shift, scale);
  const flat = times(terms, [mul(weight, scale), mul(sub(concentration, square(shift)), scale), shifted]); // [N, n + 2]
  const linear = times(first, [scale, shifted]); // [N, 2]
  const along = sub(column(linear, 0), column(flat, n + 1)); // sum of g u, [N, 1]
  const curved = sub(mul(2, column(linear, 1)), times(mul(first, v), [scale])); // sum of g (b^2 - u^2)
  const divergence = sub(add(column(flat, n), curved), mul(d, along));
  return { velocity: sub(slice(flat, [null, [0, n]]), mul(x, along)), divergence: slice(divergence, [null, 0]) };
}

function column(x: Tensor, i: number): Tensor {
  return slice(x, [null, [i, i + 1]]);
}

/** The a_k at a time: [1, K], or [N, K] for times [N, 1]. */
function weightsAt({ weight, bias }: Dense<Tensor>, t: Operand): Tensor {
  const degree = weight.shape[0];
  if (typeof t === "number")
    return add(matmul(ndarray(Float64Array.from(legendre(degree, 2 * t - 1)), [1, degree]), weight), bias);
  const s = sub(mul(2, t), 1);
  const polynomials: Tensor[] = [s];
  for (let n = 1; n < degree; n++) {
    const before = n === 1 ? 1 : polynomials[n - 2];
    polynomials.push(sub(mul((2 * n + 1) / (n + 1), mul(s, polynomials[n - 1])), mul(n / (n + 1), before)));
  }
  return add(matmul(concat(polynomials, 1), weight), bias);
}

/** P_1(s), ..., P_degree(s). */
function legendre(degree: number, s: number): number[] {
  const all = [1, s];
  for (let n = 1; n < degree; n++) all.push(((2 * n + 1) * s * all[n] - n * all[n - 1]) / (n + 1));
  return all.slice(1, degree + 1);
}

/** Parameters for given bumps: without weights at first, so that a new flow is its base. */
export function initializePotential(shape: FlowShape, bumps: Dense): Mlp {
  const [degree] = shape.hidden;
  return [
    bumps,
    { weight: zerosArray([degree, shape.centres], "float32"), bias: zerosArray([shape.centres], "float32") },
  ];
}
