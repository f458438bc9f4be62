/**
 * Activation functions. tanh, sigmoid and softplus have a value that the lowering recognises as the runtime's own
 * kernel, and derivatives through their addition theorems: f(x0 + d), where d = x - stopGradient(x) is zero in value
 * (for tanh and sigmoid up to the tenth order). The usual formulas would overflow in the derivative (e^-x times zero)
 * or cost twice the work.
 */
import { lift, np, type Operand, type Tensor } from "../tensor.js";
import { abs, add, div, maximum, minimum, mul, neg, reciprocal, square, sub } from "./arithmetic.js";
import { asTensor, normalizeAxis, stopGradient } from "./common.js";
import { greater, less, where } from "./comparisons.js";
import { exp, expm1, log } from "./exponential.js";
import { max, sum } from "./reductions.js";
import { erf } from "./special.js";

/** `1 / (1 + e^-x)`. */
export function sigmoid(x: Operand): Tensor {
  const x0 = stopGradient(x);
  const y0 = sigmoidValue(x0);
  const t = tanhNearZero(mul(0.5, sub(x, x0)));
  const slope = mul(y0, sub(1, y0));
  return add(y0, mul(slope, mul(2, div(t, add(1, mul(sub(mul(2, y0), 1), t))))));
}

/** Hyperbolic tangent. */
export function tanh(x: Operand): Tensor {
  const x0 = stopGradient(x);
  const y0 = sub(mul(2, sigmoidValue(mul(2, x0))), 1);
  const t = tanhNearZero(sub(x, x0));
  return add(y0, mul(sub(1, square(y0)), div(t, add(1, mul(y0, t)))));
}

// tanh d for a d that is zero in value: its series, long enough for derivatives up to the tenth. Written in d^2, so
// that the even derivatives, which are zero, cost nothing.
function tanhNearZero(d: Tensor): Tensor {
  const u = square(d);
  let h: Operand = 62 / 2835;
  for (const coefficient of [-17 / 315, 2 / 15, -1 / 3, 1]) h = add(mul(h, u), coefficient);
  return mul(d, h);
}

/** `log(1 + e^x)`, without overflow and precise for very negative x. */
export function softplus(x: Operand): Tensor {
  const x0 = stopGradient(x);
  const value = neg(log(sigmoidValue(neg(x0))));
  return add(value, log(add(1, mul(sigmoidValue(x0), sub(exp(sub(x, x0)), 1)))));
}

/** `log sigmoid(x) = -softplus(-x)`. */
export function logSigmoid(x: Operand): Tensor {
  return neg(softplus(neg(x)));
}

/** `max(x, 0)`. */
export function relu(x: Operand): Tensor {
  return maximum(x, 0);
}

/** `x` where positive, `slope * x` elsewhere. */
export function leakyRelu(x: Operand, slope = 0.01): Tensor {
  return where(greater(x, 0), x, mul(x, slope));
}

/** `x` where positive, `alpha (e^x - 1)` elsewhere. */
export function elu(x: Operand, alpha = 1): Tensor {
  return where(greater(x, 0), x, mul(alpha, expm1(minimum(x, 0))));
}

/** `x Phi(x)` with the normal distribution function (the exact form, by erf). */
export function gelu(x: Operand): Tensor {
  return mul(mul(0.5, x), add(1, erf(mul(x, Math.SQRT1_2))));
}

/** `x sigmoid(x)`, also called SiLU. */
export function swish(x: Operand): Tensor {
  return mul(x, sigmoid(x));
}

/** `log sum e^x` over `axis` (default: the last), without overflow. */
export function logSumExp(x: Operand, axis = -1, options: { keepDimensions?: boolean } = {}): Tensor {
  const t = asTensor(lift(x));
  const a = normalizeAxis("logSumExp", axis, t.shape);
  const shift = stopGradient(max(t, a, { keepDimensions: true }));
  const finite = where(less(abs(shift), Number.POSITIVE_INFINITY), shift, 0);
  const result = add(log(sum(exp(sub(t, finite)), a, { keepDimensions: true })), finite);
  return options.keepDimensions ? result : asTensor(np.squeeze(lift(result), a));
}

/** `x - logSumExp(x)` over `axis`. */
export function logSoftmax(x: Operand, axis = -1): Tensor {
  return sub(x, logSumExp(x, axis, { keepDimensions: true }));
}

/** `e^x / sum e^x` over `axis`. */
export function softmax(x: Operand, axis = -1): Tensor {
  const t = asTensor(lift(x));
  const a = normalizeAxis("softmax", axis, t.shape);
  const e = exp(sub(t, stopGradient(max(t, a, { keepDimensions: true }))));
  return mul(e, reciprocal(sum(e, a, { keepDimensions: true })));
}

// The patterns that the lowering turns into single kernels: keep them in step with `lowering/passes/activations.ts`.
function sigmoidValue(x0: Tensor): Tensor {
  return reciprocal(add(1, exp(neg(x0))));
}
