/** Arithmetic, element by element, with NumPy broadcasting. */
import { lift, np, type Operand, type Tensor } from "../tensor.js";
import { asTensor, liftPair } from "./common.js";

/** `a + b`. */
export function add(a: Operand, b: Operand): Tensor {
  const [x, y] = liftPair("add", a, b);
  return asTensor(np.add(x, y));
}

/** `a - b`. */
export function sub(a: Operand, b: Operand): Tensor {
  const [x, y] = liftPair("sub", a, b);
  return asTensor(np.subtract(x, y));
}

/** `a * b`. */
export function mul(a: Operand, b: Operand): Tensor {
  const [x, y] = liftPair("mul", a, b);
  return asTensor(np.multiply(x, y));
}

/** `a / b`, always a floating-point division. */
export function div(a: Operand, b: Operand): Tensor {
  const [x, y] = liftPair("div", a, b);
  return asTensor(np.multiply(x, np.reciprocal(y)));
}

/** `-x`. */
export function neg(x: Operand): Tensor {
  return asTensor(np.negative(lift(x)));
}

/** `1 / x`. */
export function reciprocal(x: Operand): Tensor {
  return asTensor(np.reciprocal(lift(x)));
}

/** `x * x`. */
export function square(x: Operand): Tensor {
  return asTensor(np.multiply(lift(x), lift(x)));
}

/** The larger of the two; where they are equal the gradient goes to the first. */
export function maximum(a: Operand, b: Operand): Tensor {
  const [x, y] = liftPair("maximum", a, b);
  return asTensor(np.maximum(x, y));
}

/** The smaller of the two; where they are equal the gradient goes to the first. */
export function minimum(a: Operand, b: Operand): Tensor {
  const [x, y] = liftPair("minimum", a, b);
  return asTensor(np.minimum(x, y));
}

/** `x` limited to `[low, high]`; the gradient is zero outside. */
export function clip(x: Operand, low: number, high: number): Tensor {
  return minimum(maximum(x, low), high);
}

/** `|x|`; the gradient at zero is 1. */
export function abs(x: Operand): Tensor {
  return asTensor(np.where(np.less(lift(x), lift(0)), np.negative(lift(x)), lift(x)));
}

/** -1, 0 or 1; without gradient. */
export function sign(x: Operand): Tensor {
  return asTensor(
    np.where(np.less(lift(x), lift(0)), lift(-1), np.where(np.greater(lift(x), lift(0)), lift(1), lift(0))),
  );
}

/** The largest whole number not above `x`; without gradient. */
export function floor(x: Operand): Tensor {
  return asTensor(np.floor(lift(x)));
}

/** The smallest whole number not below `x`; without gradient. */
export function ceil(x: Operand): Tensor {
  return asTensor(np.ceil(lift(x)));
}
