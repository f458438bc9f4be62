/** Reductions over one axis, several, or all. */
import { UsageError } from "../../errors.js";
import { lift, np, type Operand, type Tensor } from "../tensor.js";
import { mul, square, sub } from "./arithmetic.js";
import { asTensor, normalizeAxes, normalizeAxis, stopGradient } from "./common.js";
import { toFloat } from "./comparisons.js";
import { sqrt } from "./exponential.js";
import { concat, ones, reshape, slice, transpose } from "./shape.js";

export interface ReduceOptions {
  /** Keep reduced axes with size 1. */
  keepDimensions?: boolean;
}
type Axis = number | readonly number[];

function reduce(name: string, kernel: string, x: Operand, axis: Axis | undefined, options: ReduceOptions = {}): Tensor {
  const t = asTensor(lift(x));
  const axes = normalizeAxes(name, axis, t.shape);
  if (axes.length === 0) return t;
  if ((name === "max" || name === "min") && axes.some((a) => t.shape[a] === 0))
    throw new UsageError(`${name}: axis of size 0 in shape [${t.shape}] has no ${name}imum.`);
  return asTensor(np[kernel](lift(t), axes, { keepdims: options.keepDimensions ?? false }));
}

/** Sum over `axis` (default: all axes). Booleans count as 0 and 1. */
export function sum(x: Operand, axis?: Axis, options?: ReduceOptions): Tensor {
  const t = asTensor(lift(x));
  return reduce("sum", "sum", t.dtype === "bool" ? toFloat(t) : t, axis, options);
}

/** Mean over `axis` (default: all axes). */
export function mean(x: Operand, axis?: Axis, options?: ReduceOptions): Tensor {
  const t = asTensor(lift(x));
  const count = normalizeAxes("mean", axis, t.shape).reduce((n, a) => n * t.shape[a], 1);
  if (count === 0) throw new UsageError(`mean: shape [${t.shape}] has no elements along the axes [${axis}].`);
  return mul(sum(t, axis, options), 1 / count);
}

/** Largest element over `axis`; the gradient is shared among equals. */
export function max(x: Operand, axis?: Axis, options?: ReduceOptions): Tensor {
  return reduce("max", "max", x, axis, options);
}

/** Smallest element over `axis`; the gradient is shared among equals. */
export function min(x: Operand, axis?: Axis, options?: ReduceOptions): Tensor {
  return reduce("min", "min", x, axis, options);
}

/**
 * Product over `axis`, by multiplying halves, so that the derivatives are right where factors are zero (jax-js divides
 * the product by each factor).
 */
export function prod(x: Operand, axis?: Axis, options: ReduceOptions = {}): Tensor {
  const t = asTensor(lift(x));
  const axes = normalizeAxes("prod", axis, t.shape);
  const kept = t.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  let size = axes.reduce((n, a) => n * t.shape[a], 1);
  let factors = reshape(transpose(t, [...kept, ...axes]), [...kept.map((a) => t.shape[a]), size]);
  const range = (start: number, end: number) => slice(factors, [...kept.map(() => null), [start, end]]);
  if (size === 0) [factors, size] = [ones([...kept.map((a) => t.shape[a]), 1]), 1];
  for (; size > 1; size = Math.ceil(size / 2)) {
    const half = Math.floor(size / 2);
    const product = mul(range(0, half), range(half, 2 * half));
    factors = size % 2 === 0 ? product : concat([product, range(size - 1, size)], -1);
  }
  const shape = t.shape.flatMap((n, i) => (kept.includes(i) ? [n] : options.keepDimensions ? [1] : []));
  return reshape(factors, shape);
}

/** Variance over `axis` with divisor n. */
export function variance(x: Operand, axis?: Axis, options?: ReduceOptions): Tensor {
  return mean(square(sub(x, mean(x, axis, { keepDimensions: true }))), axis, options);
}

/** Euclidean norm over `axis` (default: the last); the gradient at zero is undefined, use squares in losses. */
export function norm(x: Operand, axis: Axis = -1, options?: ReduceOptions): Tensor {
  return sqrt(sum(square(x), axis, options));
}

/** Index of the largest element along `axis` (the first one of equals), of type int32. */
export function argmax(x: Operand, axis = -1): Tensor {
  const t = stopGradient(x);
  return asTensor(np.argmax(lift(t), normalizeAxis("argmax", axis, t.shape)));
}

/** Index of the smallest element along `axis`, of type int32. */
export function argmin(x: Operand, axis = -1): Tensor {
  const t = stopGradient(x);
  return asTensor(np.argmin(lift(t), normalizeAxis("argmin", axis, t.shape)));
}
