/**
 * Gradients of a potential made of bumps, on the sphere S^d:
 *
 *   phi(x, t) = sum_k a_k(t) e^{<x, w_k> + b_k} / sqrt(1 + |w_k|^2),   f = grad phi,   div f = Laplacian of phi.
 *
 * A bump is an unnormalised von Mises-Fisher density of concentration |w_k|; a network of time alone gives the a_k. With
 * u_k = <x, w_k> and g_k for the k-th term of phi,
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
} from "../engine/index.js";
import { type ActivationName, type Dense, initializeMlp, type Mlp, mlp } from "../networks/index.js";
import type { RandomKey } from "../numerics/random.js";
import type { FieldValue } from "./fields.js";
import type { FlowShape } from "./shape.js";

/**
 * f and div f at unit vectors x [N, n] and time t (a number, or [N, 1]).
 * @param parameters the layer of bumps, W [n, K] and b [K], then the layers of the network of time
 */
export function potentialField(shape: FlowShape, parameters: Mlp<any>, x: Tensor, t: Operand): FieldValue {
  const [{ weight, bias }, ...network] = parameters as Mlp<Tensor>;
  const [N, n] = x.shape;
  const [d, K] = [n - 1, shape.centres];
  const shift = reshape(bias, [1, K]);
  const concentration = sum(square(weight), 0, { keepDimensions: true }); // [1, K], squared
  const coefficients = mul(networkOfTime(shape, network, t), div(1, sqrt(add(1, concentration)))); // [1 or N, K]
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

/** The a_k at a time. */
function networkOfTime(shape: FlowShape, network: Mlp<any>, t: Operand): Tensor {
  const centred = typeof t === "number" ? ndarray(Float64Array.of(2 * t - 1), [1, 1]) : sub(mul(2, t), 1);
  return mlp(network, centred, shape.activation as ActivationName);
}

/** How steep the units of the network's first layer are at the start, in 2 t - 1. */
const STEEPNESS = 3;

/**
 * Random parameters for given bumps. The first layer's units turn at times spread evenly over [0, 1] (drawn like the
 * layers of other networks, they would all turn at the middle); the last layer is drawn small, so that a new flow is
 * close to its base.
 */
export function initializePotential(key: RandomKey, shape: FlowShape, bumps: Dense): Mlp {
  const layers = initializeMlp(key, [1, ...shape.hidden, shape.centres], { activation: shape.activation as any });
  const units = shape.hidden[0];
  const slopes = Float32Array.from({ length: units }, (_, i) => (i % 2 === 0 ? STEEPNESS : -STEEPNESS));
  const turns = slopes.map((slope, i) => -slope * ((2 * i + 1) / units - 1));
  const first: Dense = { weight: ndarray(slopes, [1, units]), bias: ndarray(turns, [units]) };
  const last = layers[layers.length - 1];
  const small = ndarray(
    (last.weight.data as Float32Array).map((w) => 0.1 * w),
    last.weight.shape,
  );
  return [bumps, first, ...layers.slice(1, -1), { ...last, weight: small }];
}
