/**
 * The arithmetic in which closed forms of geometry are written, once: numbers on the host (float64) or tensors inside
 * a traced program. A scalar `S` is one number for each point, a vector `V` the coordinates of each point.
 *
 * On the host S is a number and V a Float64Array; in a trace V has shape [..., n] and S shape [..., 1], so that they
 * broadcast against each other.
 */
export interface Arithmetic<S, V> {
  add(a: S | number, b: S | number): S;
  sub(a: S | number, b: S | number): S;
  mul(a: S | number, b: S | number): S;
  div(a: S | number, b: S | number): S;
  max(a: S | number, b: S | number): S;
  min(a: S | number, b: S | number): S;
  sqrt(a: S | number): S;
  exp(a: S | number): S;
  log(a: S | number): S;
  sin(a: S | number): S;
  cos(a: S | number): S;
  tanh(a: S | number): S;
  atan(a: S | number): S;
  /** `then` where a < b, `otherwise` elsewhere. Both are computed: keep their arguments in range. */
  ifLess(a: S | number, b: S | number, then: S | number, otherwise: S | number): S;
  /** The same value with derivative zero. */
  frozen(a: S): S;
  /**
   * `log of the integral of exp(logIntegrand(t))` over [low, high], by Gauss-Legendre with 64 nodes. The nodes carry
   * no derivative, so that derivatives are those of the integrand's parameters.
   */
  logIntegral(logIntegrand: (t: S) => S, low: S | number, high: S | number): S;

  plus(u: V, v: V): V;
  minus(u: V, v: V): V;
  /** Element by element. */
  times(u: V, v: V): V;
  /** Element by element. */
  quotient(u: V, v: V): V;
  scale(a: S | number, v: V): V;
  dot(u: V, v: V): S;
  /** The sum of the logarithms of the coordinates. */
  sumOfLogarithms(v: V): S;
  /** Each coordinate rounded to the nearest whole number; derivative zero. */
  nearestWhole(v: V): V;
  /** A constant vector, the same for all points. */
  vector(values: ArrayLike<number>): V;
  /** Coordinates start, ..., end - 1. */
  part(v: V, start: number, end: number): V;
  component(v: V, index: number): S;
  join(parts: readonly V[]): V;
  asVector(a: S): V;
}

/** `coefficients[0] + coefficients[1] x + ...` by Horner's rule. */
export function polynomial<S, V>(A: Arithmetic<S, V>, coefficients: readonly number[], x: S): S {
  let value: S | number = coefficients[coefficients.length - 1];
  for (let k = coefficients.length - 2; k >= 0; k--) value = A.add(A.mul(value, x), coefficients[k]);
  return value as S;
}

/** The square root with derivative zero, instead of infinity, at zero (and below `1e-36`, which underflows there). */
export function rootOrZero<S, V>(A: Arithmetic<S, V>, squared: S): S {
  const tiny = 1e-36; // above the smallest normal float32, 1.2e-38
  return A.ifLess(squared, tiny, 0, A.sqrt(A.max(squared, tiny)));
}
