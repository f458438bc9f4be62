/**
 * Spectral normalisation (Miyato et al., 2018): a weight matrix is divided by its largest singular value, found by
 * power iteration on a direction that is kept from step to step.
 *
 *   v = W u / |W u|,  u' = W^T v / |W^T v|,  sigma = v^T W u',   W / sigma.
 *
 * u and v count as constants in derivatives, as in the paper (at convergence that is exact: d sigma = v^T dW u). A
 * convolution's kernel is taken as the matrix of its first axis against the others; its largest singular value is not
 * the norm of the convolution as an operator, only of one size with it.
 */
import {
  add,
  div,
  matmul,
  mul,
  type NdArray,
  type Operand,
  reshape,
  rsqrt,
  square,
  stopGradient,
  sum,
  type Tensor,
  transpose,
} from "../engine/index.js";
import { fillNormal, type RandomKey, stream } from "../numerics/random.js";

/** A random unit direction for a weight of this shape: [columns], what its first axis is mapped against. */
export function initialDirection(key: RandomKey, shape: readonly number[]): NdArray {
  const columns = shape.slice(1).reduce((product, size) => product * size, 1);
  const data = fillNormal(stream(key), new Float32Array(columns));
  const length = Math.hypot(...data);
  return { data: data.map((value) => value / length), shape: [columns], dtype: "float32" };
}

/**
 * The weight divided by its largest singular value.
 * @param weight [rows, ...], taken as [rows, columns]
 * @param direction the right singular direction so far, of length 1. [columns]
 * @param iterations power iterations; default 1, enough where the direction is kept from step to step
 * @returns the normalised weight, sigma [] and the next direction. Traceable.
 */
export function spectralNormalization(
  weight: Tensor,
  direction: Operand,
  iterations = 1,
): { weight: Tensor; sigma: Tensor; direction: Tensor } {
  const rows = weight.shape[0];
  const matrix = reshape(weight, [rows, -1]);
  const fixed = stopGradient(matrix);
  let u = reshape(direction, [-1, 1]);
  let v = unit(matmul(fixed, u));
  u = unit(matmul(transpose(fixed), v));
  for (let i = 1; i < iterations; i++) {
    v = unit(matmul(fixed, u));
    u = unit(matmul(transpose(fixed), v));
  }
  [u, v] = [stopGradient(u), stopGradient(v)];
  const sigma = sum(mul(matmul(matrix, u), v));
  return { weight: div(weight, sigma), sigma, direction: reshape(u, [-1]) };
}

function unit(x: Tensor): Tensor {
  // a weight of zero has no direction: stay at zero
  return mul(x, rsqrt(add(sum(square(x)), 1e-30)));
}
