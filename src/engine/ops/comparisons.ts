/** Comparisons (results of type bool), choice between two values, logic. */
import { UsageError } from "../../errors.js";
import { lift, np, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { asTensor, broadcastShapes, liftPair } from "./common.js";

/** `a < b`. */
export function less(a: Operand, b: Operand): Tensor {
  return asTensor(np.less(...liftPair("less", a, b)));
}

/** `a <= b`. */
export function lessEqual(a: Operand, b: Operand): Tensor {
  return asTensor(np.lessEqual(...liftPair("lessEqual", a, b)));
}

/** `a > b`. */
export function greater(a: Operand, b: Operand): Tensor {
  return asTensor(np.greater(...liftPair("greater", a, b)));
}

/** `a >= b`. */
export function greaterEqual(a: Operand, b: Operand): Tensor {
  return asTensor(np.greaterEqual(...liftPair("greaterEqual", a, b)));
}

/** `a == b`. */
export function equal(a: Operand, b: Operand): Tensor {
  return asTensor(np.equal(...liftPair("equal", a, b)));
}

/** `a != b`. */
export function notEqual(a: Operand, b: Operand): Tensor {
  return asTensor(np.notEqual(...liftPair("notEqual", a, b)));
}

/**
 * `condition ? a : b`, element by element. The gradient of the branch not taken is zero, but it is multiplied:
 * keep the argument of each branch in its domain, or infinities turn into NaN.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  if (condition.dtype !== "bool")
    throw new UsageError(
      `where: the condition of shape [${condition.shape}] is of type ${condition.dtype}; compare it first, as in less(x, 0).`,
    );
  broadcastShapes("where", condition.shape, broadcastShapes("where", shapeOf(a), shapeOf(b)));
  const [x, y] = liftPair("where", a, b);
  return asTensor(np.where(lift(condition), x, y));
}

/** Both; of bool tensors. */
export function logicalAnd(a: Tensor, b: Tensor): Tensor {
  return asTensor(np.multiply(lift(a), lift(b)));
}

/** Either; of bool tensors. */
export function logicalOr(a: Tensor, b: Tensor): Tensor {
  return asTensor(np.add(lift(a), lift(b)));
}

/** Not; of a bool tensor. */
export function logicalNot(a: Tensor): Tensor {
  return asTensor(np.where(lift(a), np.array(false), np.array(true)));
}

/** Numbers from a bool or integer tensor: true is 1. Float tensors pass unchanged. */
export function toFloat(x: Tensor): Tensor {
  return asTensor(lift(x).astype("float64"));
}

/** Whole numbers from a float tensor (cut towards zero) or a bool one. */
export function toInt(x: Tensor): Tensor {
  return asTensor(lift(x).astype("int32"));
}
