/** The base distribution's density, for manifolds of constant curvature. */
import type { Arithmetic } from "./arithmetic.js";

/**
 * log density at distance r (squared: `s`) of the wrapped standard normal, with respect to the Riemannian volume:
 * `-d/2 log(2 pi) - s/2 - log |det d exp|` (reference: Mathieu et al., NeurIPS 2019, appendix B.3).
 */
export function wrappedStandardNormal<S, V>(A: Arithmetic<S, V>, dimension: number, s: S, logExponentialVolume: S): S {
  return A.sub(A.mul(-0.5, A.add(s, dimension * Math.log(2 * Math.PI))), logExponentialVolume);
}

/** The same number at every point: `value`, with the shape that a scalar at x has. */
export function everywhere<S, V>(A: Arithmetic<S, V>, x: V, value: number): S {
  return A.add(A.mul(A.component(x, 0), 0), value);
}
