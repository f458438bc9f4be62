/** Trigonometric and hyperbolic functions and their inverses. Angles in radians. */
import { lift, np, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { add, div, minimum, mul, neg, sign, square, sub } from "./arithmetic.js";
import { asTensor, broadcastShapes, stopGradient } from "./common.js";
import { equal, less, logicalAnd, where } from "./comparisons.js";
import { expm1, log1p, sqrt } from "./exponential.js";

export function sin(x: Operand): Tensor {
  return asTensor(np.sin(lift(x)));
}

export function cos(x: Operand): Tensor {
  return asTensor(np.cos(lift(x)));
}

export function tan(x: Operand): Tensor {
  return div(sin(x), cos(x));
}

/** Inverse tangent, in (-pi/2, pi/2). */
export function atan(x: Operand): Tensor {
  return asTensor(np.arctan(lift(x)));
}

/** Inverse sine, in [-pi/2, pi/2], for |x| <= 1; the gradient is infinite at the ends. */
export function asin(x: Operand): Tensor {
  return atan2(x, sqrt(mul(sub(1, x), add(1, x))));
}

/** Inverse cosine, in [0, pi], for |x| <= 1; precise near 1 as well. */
export function acos(x: Operand): Tensor {
  return atan2(sqrt(mul(sub(1, x), add(1, x))), x);
}

/** The angle of the point (x, y), in (-pi, pi]; `atan2(0, 0)` is 0 with gradient zero. */
export function atan2(y: Operand, x: Operand): Tensor {
  broadcastShapes("atan2", shapeOf(y), shapeOf(x));
  const [ty, tx] = [asTensor(lift(y)), asTensor(lift(x))];
  const swap = less(absolute(tx), absolute(ty));
  const origin = logicalAnd(equal(tx, 0), equal(ty, 0));
  const numerator = where(swap, tx, ty);
  const denominator = where(origin, 1, where(swap, ty, tx));
  const base = atan(div(numerator, denominator));
  const half = where(less(ty, 0), -Math.PI / 2, Math.PI / 2);
  const whole = where(less(tx, 0), where(less(ty, 0), -Math.PI, Math.PI), 0);
  return where(swap, sub(half, base), add(base, whole));
}

/** `(e^x - e^-x) / 2`, precise near zero. */
export function sinh(x: Operand): Tensor {
  const u = expm1(absolute(asTensor(lift(x))));
  const bounded = minimum(u, 1e18); // infinity / infinity is not a number
  return mul(mul(0.5, stopGradient(signOrOne(x))), add(u, div(bounded, add(bounded, 1))));
}

/** `(e^x + e^-x) / 2`, as 1 + 2 sinh^2(x / 2), so that the derivative too is precise near zero. */
export function cosh(x: Operand): Tensor {
  return add(1, mul(2, square(sinh(mul(0.5, x)))));
}

/** Inverse hyperbolic sine, precise near zero and for large |x|. */
export function asinh(x: Operand): Tensor {
  const a = absolute(asTensor(lift(x)));
  const a2 = square(a);
  return mul(stopGradient(signOrOne(x)), log1p(add(a, div(a2, add(1, sqrt(add(a2, 1)))))));
}

/** Inverse hyperbolic cosine, for x >= 1; precise near 1. */
export function acosh(x: Operand): Tensor {
  const t = sub(x, 1);
  return log1p(add(t, sqrt(mul(t, add(t, 2)))));
}

/** Inverse hyperbolic tangent, for |x| < 1; precise near zero. */
export function atanh(x: Operand): Tensor {
  const a = absolute(asTensor(lift(x)));
  return mul(mul(0.5, stopGradient(signOrOne(x))), log1p(div(mul(2, a), sub(1, a))));
}

function signOrOne(x: Operand): Tensor {
  return where(equal(x, 0), 1, sign(x));
}

function absolute(x: Tensor): Tensor {
  return where(less(x, 0), neg(x), x);
}
