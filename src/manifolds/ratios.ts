/**
 * Guarded elementary functions of a squared length s = r^2, such as tanh(r)/r: smooth at s = 0, where forms in r
 * lose digits and have derivatives 0/0. Below `SERIES_END` a Taylor polynomial, beyond it the closed form, whose
 * argument is kept out of the other's range so that no infinity enters a derivative.
 *
 * At `SERIES_END` the closed forms' derivatives have lost about log10(1/0.05) digits, and twelve terms leave an error
 * below 1e-16 for all of them (the slowest, asinh and atan, converge like s^k).
 */
import { type Arithmetic, polynomial } from "./arithmetic.js";

const SERIES_END = 0.05;
const TERMS = 13;

const factorials = [1];
for (let k = 1; k < 2 * TERMS + 2; k++) factorials.push(factorials[k - 1] * k);
const terms = (coefficient: (k: number) => number) => Array.from({ length: TERMS }, (_, k) => coefficient(k));
/** Without the terms that are below 1e-19 at `SERIES_END`: six to thirteen are left. */
const trimmed = (series: readonly number[]): readonly number[] => {
  let length = series.length;
  while (length > 1 && Math.abs(series[length - 1]) * SERIES_END ** (length - 1) < 1e-19) length--;
  return series.slice(0, length);
};
const alternating = (series: number[]) => series.map((a, k) => (k % 2 === 0 ? a : -a));

// Series in s; the circular functions' alternate.
const cosh = terms((k) => 1 / factorials[2 * k]);
const sinh = terms((k) => 1 / factorials[2 * k + 1]);
// asinh: (-1)^k (2k)! / (4^k (k!)^2 (2k+1))
const asinh = alternating(terms((k) => factorials[2 * k] / (4 ** k * factorials[k] * factorials[k] * (2 * k + 1))));

const COSH = trimmed(cosh);
const SINH = trimmed(sinh);
const TANH = trimmed(quotientSeries(sinh, cosh));
const LOG_SINH = trimmed(logarithmSeries(sinh));
const ASINH = trimmed(asinh);
const ATAN = trimmed(alternating(terms((k) => 1 / (2 * k + 1))));
const COS = trimmed(alternating(cosh));
const SIN = trimmed(alternating(sinh));
const LOG_SIN = trimmed(logarithmSeries(alternating(sinh)));

function quotientSeries(top: readonly number[], bottom: readonly number[]): number[] {
  const out: number[] = [];
  for (let k = 0; k < top.length; k++) {
    let value = top[k];
    for (let j = 1; j <= k; j++) value -= bottom[j] * out[k - j];
    out.push(value / bottom[0]);
  }
  return out;
}

/** log of a series that starts with 1, from L' S = S'. */
function logarithmSeries(series: readonly number[]): number[] {
  const out = [0];
  for (let k = 1; k < series.length; k++) {
    let value = series[k];
    for (let j = 1; j < k; j++) value -= (j * out[j] * series[k - j]) / k;
    out.push(value);
  }
  return out;
}

function evenFunction<S, V>(A: Arithmetic<S, V>, s: S, series: readonly number[], closed: (r: S, s: S) => S): S {
  // On the host only the branch taken is computed; the other one costs half the time of everything in this room.
  if (typeof s === "number") return s < SERIES_END ? polynomial(A, series, s) : closed(A.sqrt(s), s);
  const large = A.max(s, SERIES_END);
  const small = A.min(s, SERIES_END);
  return A.ifLess(s, SERIES_END, polynomial(A, series, small), closed(A.sqrt(large), large));
}

/** tanh(r)/r of s = r^2. */
export function tanhRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, TANH, (r) => A.div(A.tanh(r), r));
}

/** asinh(r)/r of s = r^2. */
export function asinhRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, ASINH, (r, large) => A.div(A.log(A.add(r, A.sqrt(A.add(large, 1)))), r));
}

/** atanh(r)/r of s = r^2 < 1, through asinh(r / sqrt(1 - r^2)). */
export function atanhRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  const rest = A.sub(1, s);
  return A.div(asinhRatio(A, A.div(s, rest)), A.sqrt(rest));
}

/** atan(r)/r of s = r^2. */
export function atanRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, ATAN, (r) => A.div(A.atan(r), r));
}

/** sinh(r)/r of s = r^2. */
export function sinhRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, SINH, (r) => A.div(A.sub(A.exp(r), A.exp(A.sub(0, r))), A.mul(2, r)));
}

/** cosh(r) of s = r^2. */
export function coshOfSquare<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, COSH, (r) => A.mul(0.5, A.add(A.exp(r), A.exp(A.sub(0, r)))));
}

/** sin(r)/r of s = r^2. */
export function sinRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, SIN, (r) => A.div(A.sin(r), r));
}

/** cos(r) of s = r^2. */
export function cosOfSquare<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, COS, (r) => A.cos(r));
}

/** log(sinh(r)/r) of s = r^2, without overflow. */
export function logSinhRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, LOG_SINH, (r) => A.sub(A.add(r, A.log(A.sub(1, A.exp(A.mul(-2, r))))), A.log(A.mul(2, r))));
}

/** log(|sin(r)|/r) of s = r^2; near multiples of pi, where it is -infinity, |sin| counts as at least 1e-12. */
export function logSinRatio<S, V>(A: Arithmetic<S, V>, s: S): S {
  return evenFunction(A, s, LOG_SIN, (r) => {
    const sine = A.sin(r);
    return A.log(A.div(A.max(A.max(sine, A.sub(0, sine)), 1e-12), r));
  });
}
