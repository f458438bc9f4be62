/**
 * Special functions on the host, in float64, to about 1e-14 relative: log-gamma, the incomplete gamma functions, erf,
 * erfc, the normal distribution function and its inverse; and Gauss-Legendre nodes.
 */

import { expectThat } from "../errors.js";

/** Lanczos coefficients for g = 7, n = 9 (Godfrey). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/**
 * log |Gamma(x)|. Absolute error below 1e-14, or relative 1e-14 where larger (x > 0). Infinity at 0, -1, -2, ..
 */
export function logGamma(x: number): number {
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  if (x > 1e5) {
    // Stirling's series: the Lanczos form loses digits to cancellation of large logarithms
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x);
  }
  const z = x - 1;
  let sum = LANCZOS[0];
  for (let i = 1; i < 9; i++) sum += LANCZOS[i] / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * Regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P, a > 0, x >= 0: the series below a + 1, the
 * continued fraction (modified Lentz) above. (Press et al., Numerical Recipes, section 6.2.)
 */
export function incompleteGamma(a: number, x: number): { lower: number; upper: number } {
  expectThat(a > 0 && x >= 0, () => `incompleteGamma got a = ${a}, x = ${x}: it needs a > 0 and x >= 0.`);
  if (x === 0) return { lower: 0, upper: 1 };
  if (x === Infinity) return { lower: 1, upper: 0 };
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  const steps = 1000 + 20 * Math.sqrt(a);
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < steps; n++) {
      term *= x / (a + n);
      sum += term;
      if (term < sum * 1e-17) break;
    }
    return { lower: front * sum, upper: 1 - front * sum };
  }
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < steps; n++) {
    const an = -n * (n - a);
    b += 2;
    d = an * d + b;
    if (Math.abs(d) < tiny) d = tiny;
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    d = 1 / d;
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return { lower: 1 - front * h, upper: front * h };
}

/** erf(x) = 2/sqrt(pi) int_0^x exp(-t^2) dt; relative error about 1e-15. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 2) return x > 0 ? 1 - erfc(x) : erfc(size) - 1;
  // 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!: all terms of one sign
  let term = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
    if (Math.abs(term) <= 1e-17 * Math.abs(sum)) break;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc(x) = 1 - erf(x), with its relative accuracy kept in the right tail (about 1e-13). */
export function erfc(x: number): number {
  if (x < 2) return 1 - erf(x);
  if (x > 27.3) return 0;
  // exp(-x^2)/sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ..)))), from the end (Abramowitz and Stegun 7.1.14)
  let tail = x;
  for (let n = 120; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/** Standard normal distribution function, accurate in both tails. */
export function normalDistribution(x: number): number {
  return x < 0 ? 0.5 * erfc(-x / Math.SQRT2) : 1 - 0.5 * erfc(x / Math.SQRT2);
}

/**
 * Gauss-Legendre nodes (ascending) and weights on [low, high]: exact for polynomials of degree 2 n - 1. By Newton's
 * method on the Legendre polynomial.
 */
export function gaussLegendre(n: number, low = -1, high = 1): { nodes: Float64Array; weights: Float64Array } {
  expectThat(
    Number.isInteger(n) && n >= 1 && low < high,
    () => `gaussLegendre got n = ${n} on [${low}, ${high}]: pass a positive integer and an interval.`,
  );
  const nodes = new Float64Array(n);
  const weights = new Float64Array(n);
  const half = (high - low) / 2;
  const middle = (low + high) / 2;
  for (let i = 0; i < n; i++) {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 50; step++) {
      let p = 1;
      let before = 0;
      for (let k = 1; k <= n; k++) {
        const next = ((2 * k - 1) * x * p - (k - 1) * before) / k;
        before = p;
        p = next;
      }
      slope = (n * (x * p - before)) / (x * x - 1);
      const change = p / slope;
      x -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    nodes[i] = middle + half * x;
    weights[i] = (2 * half) / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}
