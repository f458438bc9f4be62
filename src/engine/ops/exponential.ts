/**
 * Exponentials, logarithms, powers. `expm1` and `log1p` keep full relative precision near zero: the value is
 * computed apart from the derivative, by the rule f(x0 + d) with d = x - stopGradient(x), which is zero in value
 * and carries all derivatives through an addition theorem.
 */
import { lift, np, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { add, div, mul, neg, reciprocal, sub } from "./arithmetic.js";
import { asTensor, broadcastShapes, stopGradient } from "./common.js";
import { equal, less, where } from "./comparisons.js";

/** `e^x`. */
export function exp(x: Operand): Tensor {
  return asTensor(np.exp(lift(x)));
}

/** Natural logarithm. */
export function log(x: Operand): Tensor {
  return asTensor(np.log(lift(x)));
}

/** Square root. */
export function sqrt(x: Operand): Tensor {
  return asTensor(np.sqrt(lift(x)));
}

/** `1 / sqrt(x)`. */
export function rsqrt(x: Operand): Tensor {
  return reciprocal(sqrt(x));
}

/** `log(1 + x)`, precise near zero: the logarithm of the rounded sum, corrected by its rounding error. */
export function log1p(x: Operand): Tensor {
  const x0 = stopGradient(x);
  const u = add(x0, 1);
  const divisor = where(equal(u, 0), 1, u); // log1p(-1) is minus infinity
  const value = sub(log(u), div(sub(sub(u, 1), x0), divisor));
  return add(value, log(add(1, div(sub(x, x0), u))));
}

/** `e^x - 1`, precise near zero, by (e^x + 1) tanh(x/2) where |x| < 1. */
export function expm1(x: Operand): Tensor {
  const x0 = stopGradient(x);
  const e = exp(x0);
  const small = less(np_abs(x0), 1);
  const value = where(small, mul(add(e, 1), smallTanh(div(where(small, x0, 0), 2))), sub(e, 1));
  return add(value, mul(e, sub(exp(sub(x, x0)), 1)));
}

/**
 * `a ^ b`. Whole exponents up to 64 in magnitude given as numbers become products; otherwise `exp(b log a)`, for
 * a > 0 (for a number b > 1 also a = 0, with derivative zero).
 */
export function pow(a: Operand, b: Operand): Tensor {
  broadcastShapes("pow", shapeOf(a), shapeOf(b));
  if (typeof b === "number") {
    if (b === 0) return add(mul(a, 0), 1);
    if (b === 0.5) return sqrt(a);
    if (b === -0.5) return rsqrt(a);
    if (Number.isInteger(b) && Math.abs(b) <= 64) {
      const power = wholePower(a, Math.abs(b));
      return b < 0 ? reciprocal(power) : power;
    }
    if (b > 1) {
      // At zero the logarithm is infinite; the power and its derivative are zero.
      const zero = equal(a, 0);
      const safe = where(zero, 1, a);
      const half = Math.floor(b) + 0.5 === b && b < 64;
      return where(zero, 0, half ? mul(wholePower(safe, Math.floor(b)), sqrt(safe)) : exp(mul(b, log(safe))));
    }
  }
  return exp(mul(b, log(a)));
}

function wholePower(a: Operand, n: number): Tensor {
  if (n === 1) return asTensor(lift(a));
  const half = wholePower(a, Math.floor(n / 2));
  return n % 2 === 0 ? mul(half, half) : mul(mul(half, half), a);
}

/** `log(e^a + e^b)` without overflow. */
export function logAddExp(a: Operand, b: Operand): Tensor {
  broadcastShapes("logAddExp", shapeOf(a), shapeOf(b));
  const [x, y] = [asTensor(lift(a)), asTensor(lift(b))];
  const larger = asTensor(np.maximum(lift(x), lift(y)));
  return add(larger, log1p(exp(neg(np_abs(sub(x, y))))));
}

function np_abs(x: Tensor): Tensor {
  return where(less(x, 0), neg(x), x);
}

// tanh for |y| <= 1/2 through its continued fraction, which is exact to float64 there; it is used for values only.
function smallTanh(y: Tensor): Tensor {
  const y2 = mul(y, y);
  let tail: Operand = 17;
  for (let k = 15; k >= 1; k -= 2) tail = add(div(y2, tail), k);
  return div(y, tail);
}
