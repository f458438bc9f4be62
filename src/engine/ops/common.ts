/** What all operations share: lifting a pair of operands, shape checks with sentences, axes. */
import * as jax from "@jax-js/jax";
import { UsageError } from "../../errors.js";
import { dtypeOf, lift, type Operand, shapeOf, type Tensor, type Tracer } from "../tensor.js";

/** The NumPy broadcast of two shapes. @throws UsageError that names the operation and both shapes. */
export function broadcastShapes(operation: string, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new UsageError(`${operation}: shapes [${a}] and [${b}] do not broadcast (axis ${i} has ${x} and ${y}).`);
    return x === 1 ? y : x;
  });
}

/** Lifts two operands to a common element type, after checking that they broadcast. */
export function liftPair(operation: string, a: Operand, b: Operand): [Tracer, Tracer] {
  broadcastShapes(operation, shapeOf(a), shapeOf(b));
  const integer = (x: Operand, other: Operand) =>
    typeof x === "number" && typeof other !== "number" && dtypeOf(other) === "int32" && Number.isInteger(x);
  return [lift(a, integer(a, b) ? "int32" : "float64"), lift(b, integer(b, a) ? "int32" : "float64")];
}

/** `axis` counted from the front. @throws UsageError that names the operation and the shape. */
export function normalizeAxis(operation: string, axis: number, shape: readonly number[], extra = 0): number {
  const rank = shape.length + extra;
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank)
    throw new UsageError(`${operation}: axis ${axis} does not exist in shape [${shape}]; use ${-rank} to ${rank - 1}.`);
  return normalized;
}

/** All axes, one, or several, as a sorted list counted from the front. */
export function normalizeAxes(
  operation: string,
  axis: number | readonly number[] | undefined,
  shape: readonly number[],
): number[] {
  if (axis === undefined) return shape.map((_, i) => i);
  const axes = (typeof axis === "number" ? [axis] : axis).map((a) => normalizeAxis(operation, a, shape));
  if (new Set(axes).size !== axes.length)
    throw new UsageError(`${operation}: an axis is named twice in [${axis}] for shape [${shape}].`);
  return [...axes].sort((a, b) => a - b);
}

export const asTensor = (x: Tracer): Tensor => x as Tensor;

/** The same value with derivative zero. */
export function stopGradient(x: Operand): Tensor {
  return asTensor(jax.lax.stopGradient(lift(x)));
}
