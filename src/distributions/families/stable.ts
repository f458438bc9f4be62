/**
 * Scalar functions, written so that neighbours do not cancel in float32; and the map from network outputs to positive
 * numbers.
 *
 * KL divergences of neighbours are small differences of large numbers if written as they are usually printed. Written
 * with psi(d) = e^d - 1 - d >= 0 they are sums of terms that are each non-negative and of the second order.
 */
import {
  abs,
  add,
  clip,
  exp,
  expm1,
  greater,
  log,
  mul,
  type Operand,
  reciprocal,
  softplus,
  sqrt,
  sub,
  type Tensor,
  where,
} from "../../engine/index.js";

/** 1 / (k + 2)! */
const coefficients = Array.from({ length: 11 }, (_, k) => 1 / factorial(k + 2));

function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

const near = 0.25;

/** `e^d - 1 - d`, with full relative precision near 0. */
export function expMinusTangent(d: Operand): Tensor {
  return where(greater(abs(d), near), sub(expm1(d), d), seriesPart(clip(d, -near, near)));
}

function seriesPart(d: Operand): Tensor {
  let series: Operand = coefficients[coefficients.length - 1];
  for (let k = coefficients.length - 2; k >= 0; k--) series = add(mul(series, d), coefficients[k]);
  return mul(mul(d, d), series);
}

/**
 * `q - p - p log(q / p) >= 0` for p, q >= 0 with d = log q - log p: a term of the KL divergence of Bernoulli,
 * categorical and Poisson members. p = 0 or overflow of e^d do no harm.
 */
export function divergenceTerm(p: Operand, q: Operand, d: Operand): Tensor {
  const direct = sub(sub(q, p), mul(p, d));
  return where(greater(abs(d), near), direct, mul(p, seriesPart(clip(d, -near, near))));
}

/** The smallest value that `positive` gives. */
export const POSITIVE_OFFSET = 1e-4;

/** What logarithms were taken of, so that nobody has to undo them: the runtime's logarithm costs as much as ten products. */
const positives = new WeakMap<object, Tensor>();

/** log(unit (softplus(x) + offset)): the logarithm of a positive number, from any real output. About unit x for large x. */
export function logPositive(x: Operand, offset = POSITIVE_OFFSET, unit = 1): Tensor {
  const positive = mul(unit, add(softplus(x), offset));
  const logarithm = log(positive);
  positives.set(logarithm, positive);
  return logarithm;
}

/** e^(power x); of what `logPositive` gave without the logarithm. */
export function expOf(x: Operand, power: 1 | 0.5 | -1 = 1): Tensor {
  const positive = typeof x === "number" ? undefined : positives.get(x);
  if (positive === undefined) return exp(power === 1 ? x : mul(power, x));
  return power === 1 ? positive : power === 0.5 ? sqrt(positive) : reciprocal(positive);
}
