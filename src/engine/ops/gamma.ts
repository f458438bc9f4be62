/**
 * The logarithm of the gamma function, its derivatives, and the logarithm of the beta function, for positive
 * arguments, with derivatives of any order by differentiation of what is written here.
 *
 *   x >= 8: Stirling's series with 8 terms (truncation below 1e-16).
 *   x < 8:  x = n + t with n = round(x), |t| <= 1/2; the recurrence leads to log Gamma(2 + t), whose Taylor series
 *           (1 - gamma) t + sum_k (-1)^k (zeta(k) - 1) t^k / k  falls faster than 4^-k. So the zeros at 1 and 2 are
 *           met with full relative precision, and nothing large cancels (in float32 too).
 */
import { type Operand, shapeOf, type Tensor } from "../tensor.js";
import { add, div, floor, maximum, minimum, mul, neg, reciprocal, square, sub } from "./arithmetic.js";
import { broadcastShapes, stopGradient } from "./common.js";
import { greaterEqual, less, where } from "./comparisons.js";
import { log, log1p } from "./exponential.js";

const threshold = 8;
const eulerGamma = 0.5772156649015329;

/** Bernoulli terms B_2k / (2k (2k - 1)) of Stirling's series. */
const stirling = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400];

/** zeta(k) - 1 by Euler and Maclaurin from n = 60 on. */
function zetaMinusOne(k: number): number {
  const n = 60;
  let tail = n ** (1 - k) / (k - 1) - n ** -k / 2;
  tail += (k / 12) * n ** (-k - 1) - ((k * (k + 1) * (k + 2)) / 720) * n ** (-k - 3);
  tail += ((k * (k + 1) * (k + 2) * (k + 3) * (k + 4)) / 30240) * n ** (-k - 5);
  for (let i = n; i >= 2; i--) tail += i ** -k;
  return tail;
}

/** Taylor coefficients of log Gamma(2 + t), from t^0 on. */
const taylor = [
  0,
  1 - eulerGamma,
  ...Array.from({ length: 29 }, (_, i) => ((i % 2 === 0 ? 1 : -1) * zetaMinusOne(i + 2)) / (i + 2)),
];
const derivativeOf = (c: readonly number[]): number[] => c.slice(1).map((value, i) => value * (i + 1));
const taylorDigamma = derivativeOf(taylor);
const taylorTrigamma = derivativeOf(taylorDigamma);

/** Horner's rule; coefficients from the constant on. */
function polynomial(coefficients: readonly number[], x: Operand): Tensor {
  let sum: Operand = coefficients[coefficients.length - 1];
  for (let i = coefficients.length - 2; i >= 0; i--)
    sum = coefficients[i] === 0 ? mul(sum, x) : add(mul(sum, x), coefficients[i]);
  return sum as Tensor;
}

/**
 * Logarithm of the gamma function, for x > 0; element by element. Infinite at 0, NaN below.
 * Relative error a few units in the last place, absolute near the point x = 2.5 between recurrence steps.
 */
export function lgamma(x: Operand): Tensor {
  const { small, large, offset, rounded, isSmall } = divided(x);
  // Gamma(x) = Gamma(2 + t) (x - 1)(x - 2) ... for n > 2, divided by x (1 + x) ... for n < 2.
  let up: Tensor | undefined;
  for (let j = 1; j <= threshold - 2; j++) {
    const factor = where(greaterEqual(rounded, j + 2), sub(small, j), 1);
    up = up === undefined ? factor : mul(up, factor);
  }
  const below = less(rounded, 2);
  const down = mul(small, where(less(rounded, 1), add(where(less(small, 0), 0, small), 1), 1));
  const product = log(where(below, down, up as Tensor));
  const inner = add(polynomial(taylor, offset), where(below, neg(product), product));
  const outer = add(mul(sub(large, 0.5), sub(log(large), 1)), add(correction(large), (Math.log(2 * Math.PI) - 1) / 2));
  return where(isSmall, inner, outer);
}

/** Derivative of `lgamma`, for x > 0; element by element. */
export function digamma(x: Operand): Tensor {
  const { small, large, offset, rounded, isSmall } = divided(x);
  let inner = polynomial(taylorDigamma, offset);
  for (let j = 1; j <= threshold - 2; j++) {
    const present = greaterEqual(rounded, j + 2);
    inner = add(inner, where(present, reciprocal(where(present, sub(small, j), 1)), 0));
  }
  for (let j = 0; j <= 1; j++) {
    const present = less(rounded, 2 - j);
    inner = sub(inner, where(present, reciprocal(where(present, add(small, j), 1)), 0));
  }
  const r = reciprocal(large);
  const series = polynomial([0.5, ...interleaved(stirling.map((s, k) => s * (2 * k + 1)))], r);
  return where(less(x, 0), Number.NaN, where(isSmall, inner, sub(log(large), mul(r, series))));
}

/** Second derivative of `lgamma`, for x > 0; element by element. */
export function trigamma(x: Operand): Tensor {
  const { small, large, offset, rounded, isSmall } = divided(x);
  let inner = polynomial(taylorTrigamma, offset);
  for (let j = 1; j <= threshold - 2; j++) {
    const present = greaterEqual(rounded, j + 2);
    inner = sub(inner, where(present, square(reciprocal(where(present, sub(small, j), 1))), 0));
  }
  for (let j = 0; j <= 1; j++) {
    const present = less(rounded, 2 - j);
    inner = add(inner, where(present, square(reciprocal(where(present, add(small, j), 1))), 0));
  }
  const r = reciprocal(large);
  const series = polynomial([1, 0.5, ...interleaved(stirling.map((s, k) => s * (2 * k + 1) * (2 * k + 2)))], r);
  return where(less(x, 0), Number.NaN, where(isSmall, inner, mul(r, series)));
}

/**
 * Logarithm of the beta function `Gamma(a) Gamma(b) / Gamma(a + b)`, for a, b > 0, with broadcasting. Where one
 * argument is large the three large logarithms are not formed: their difference is taken inside Stirling's series
 * (A. R. DiDonato and A. H. Morris, ACM TOMS 708, 1992).
 */
export function lbeta(a: Operand, b: Operand): Tensor {
  broadcastShapes("lbeta", shapeOf(a), shapeOf(b));
  const [big, little] = [where(less(a, b), b, a), where(less(a, b), a, b)];
  // Gamma(big) / Gamma(big + little) for big >= 8.
  const isLarge = greaterEqual(big, threshold);
  const p = where(isLarge, big, threshold);
  const difference = sub(correction(p), correction(add(p, little)));
  const ratio = mul(sub(p, 0.5), log1p(div(little, p)));
  // Both large: log Gamma(little) by Stirling as well, so that `little log little` meets `little log(p + little)`.
  const bothLarge = greaterEqual(little, threshold);
  const q = where(bothLarge, little, threshold);
  const tail = add(correction(q), Math.log(2 * Math.PI) / 2);
  const both = add(sub(sub(neg(ratio), mul(q, log1p(div(p, q)))), mul(0.5, log(q))), add(difference, tail));
  const s = where(bothLarge, 1, little);
  const one = add(add(sub(lgamma(s), mul(s, log(add(p, s)))), sub(s, ratio)), difference);
  const pSmall = where(isLarge, 1, big);
  const none = sub(add(lgamma(pSmall), lgamma(s)), lgamma(add(pSmall, s)));
  return where(isLarge, where(bothLarge, both, one), none);
}

/** Stirling's series without its leading part: sum_k B_2k / (2k (2k - 1) x^(2k - 1)). */
function correction(x: Tensor): Tensor {
  const r = reciprocal(x);
  return mul(r, polynomial(stirling, square(r)));
}

/** c0 x + c1 x^3 + ... as coefficients of x, x^2, x^3, ... */
function interleaved(coefficients: readonly number[]): number[] {
  return coefficients.flatMap((c, i) => (i === 0 ? [c] : [0, c]));
}

/** The two ranges, each with its argument kept inside, so that the branch not taken is harmless. */
function divided(x: Operand) {
  const isSmall = less(x, threshold);
  const small = minimum(x, threshold);
  const rounded = stopGradient(floor(add(small, 0.5)));
  return { isSmall, small, large: maximum(x, threshold), rounded, offset: sub(small, rounded) };
}
