/**
 * The mean resultant length A(k) = I_{v+1}(k) / I_v(k) of the von Mises-Fisher law in R^p, v = p/2 - 1, in the three
 * forms that its geometry needs, each with full relative precision for every k >= 0, float32 included:
 *
 *   w = A / k,   c = 1 - A,   s = A' = 1 - A^2 - (p - 1) A / k  (a formula that cancels for large k).
 *
 * All three come from one function Q of k^2 that runs from p at k = 0 down to h = (p - 1) / 2 for large k. Defined by
 * s = w^2 Q, it makes Amos's bounds on w equalities (put D = 1/w - h into the formula for s):
 *
 *   D = sqrt(k^2 + h^2 + Q),   w = 1 / (h + D),   s = w^2 Q,   c = w (h + (h^2 + Q) / (D + k)),
 *
 * sums, products and quotients of positive numbers. Q is a polynomial in t = b / sqrt(k^2 + b^2), fitted once for each p
 * at Chebyshev nodes to values on the host, with a relative error of about 3e-14: 35 coefficients for p = 2, fewer for
 * larger p. The values come
 *   from the recurrence in the order, Q_j = 2 (j + 1) - A_{j+1}^2 Q_{j+1}, backwards from far up; and
 *   for large k from D' = (h + D - Q) / k, that is D = k + sum_n d_n / k^n and Q = h + sum_n (n + 1) d_n / k^n, where
 *   D^2 = k^2 + h^2 + Q says d_1 = (h^2 + h) / 2 and 2 d_{m+1} = (m + 1) d_m - sum_{i+j=m} d_i d_j.
 * (D. E. Amos, "Computation of modified Bessel functions and their ratios", Math. Comp. 28, 1974, for the bounds.)
 */
import { add, div, mul, type Operand, reciprocal, sqrt, square, type Tensor } from "../../engine/index.js";
import { chebyshevCoefficients, powerCoefficients } from "../../numerics/chebyshev.js";

export interface DirectionalRatio {
  /** A / k, 1 / p at 0. */
  readonly overKappa: Tensor;
  /** 1 - A. */
  readonly complement: Tensor;
  /** A'. */
  readonly slope: Tensor;
}

/** A(k) of the sphere in R^p in its three forms, element by element, for k >= 0. Traceable. */
export function directionalRatio(p: number, kappa: Operand): DirectionalRatio {
  const [h, squared] = [(p - 1) / 2, square(kappa)];
  const { Q, D, overKappa, slope } = ratioOfSquare(p, squared);
  const complement = mul(overKappa, add(h, div(add(h * h, Q), add(D, kappa))));
  return { overKappa, complement, slope };
}

/** A / k and A' from k^2, element by element. Traceable. */
export function ratioOfSquare(
  p: number,
  squared: Operand,
): { readonly Q: Tensor; readonly D: Tensor; readonly overKappa: Tensor; readonly slope: Tensor } {
  const h = (p - 1) / 2;
  const { scale, coefficients } = fitted(p);
  const x = add(div(2 * scale, sqrt(add(squared, scale * scale))), -1); // 2 t - 1
  let Q: Operand = coefficients[coefficients.length - 1];
  for (let i = coefficients.length - 2; i >= 0; i--) Q = add(mul(Q, x), coefficients[i]);
  const D = sqrt(add(squared, add(Q, h * h)));
  const overKappa = reciprocal(add(D, h));
  return { Q: Q as Tensor, D, overKappa, slope: mul(square(overKappa), Q) };
}

interface Fit {
  /** b, in t = b / sqrt(k^2 + b^2): about where coefficients fall fastest. */
  readonly scale: number;
  /** Of the powers of 2 t - 1. */
  readonly coefficients: readonly number[];
}

const fits = new Map<number, Fit>();

function fitted(p: number): Fit {
  let fit = fits.get(p);
  if (fit === undefined) {
    const scale = p / 2 + 4.5;
    const chebyshev = chebyshevCoefficients((x) => {
      const t = (x + 1) / 2;
      return slopeOverSquare(p, scale * Math.sqrt(1 / (t * t) - 1));
    });
    let last = chebyshev.length - 1;
    while (Math.abs(chebyshev[last]) < 1e-14 * p) last--;
    fits.set(p, (fit = { scale, coefficients: powerCoefficients(chebyshev.slice(0, last + 1)) }));
  }
  return fit;
}

/** Q(k) = A' k^2 / A^2 on the host, to about 3e-14. */
function slopeOverSquare(p: number, k: number): number {
  const [v, h] = [p / 2 - 1, (p - 1) / 2];
  if (k < 30 + 4 * v * v) {
    const start = v + Math.ceil(60 + 2.5 * k);
    let w = 1 / (start + 1 + Math.hypot(start + 1, k));
    let Q = start + 1;
    for (let j = start - 1; j >= v; j--) {
      Q = 2 * (j + 1) - (k * w) ** 2 * Q;
      w = 1 / (2 * (j + 1) + k * k * w);
    }
    return Q;
  }
  // 25 terms: they still fall there, and are far below the rounding
  const d = [0, (h * h + h) / 2];
  const terms = [h];
  for (let n = 1; n <= 25; n++) {
    terms.push((n + 1) * d[n] * k ** -n);
    let products = 0;
    for (let i = 1; i < n; i++) products += d[i] * d[n - i];
    d[n + 1] = ((n + 1) * d[n] - products) / 2;
  }
  return terms.reduceRight((total, term) => total + term, 0);
}
