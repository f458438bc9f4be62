/**
 * The Poincare ball of curvature -c: |x| < 1/sqrt(c), metric `lambda_x^2 I`, `lambda_x = 2 / (1 - c |x|^2)`.
 *
 * Formulas: Ungar, "A gyrovector space approach to hyperbolic geometry" (2009); Ganea, Becigneul and Hofmann, NeurIPS
 * 2018. They are written in the step y - x and in a = 1 - c|x|^2, b = 1 - c|y|^2, q = |y - x|^2, with
 *   w = c q / (a b) = sinh^2(sqrt(c) d / 2),     1 - 2c x.y + c^2 |x|^2 |y|^2 = a b + c q,
 * sums of positive terms, so that nothing cancels near x = y or near the edge. The textbook forms (arccosh of a
 * quotient, artanh of a Mobius difference) lose half the digits in the first case or all in the second.
 *
 * A coordinate vector v at the origin has length 2 |v|: d(0, exp_0(v)) = 2 |v|. Papers that print
 * `exp_0(u) = tanh(sqrt(c) |u| / 2) u / (sqrt(c) |u|)` mean u in an orthonormal frame: that is `fromFrame` first.
 */
import { expectThat } from "../errors.js";
import type { Arithmetic } from "./arithmetic.js";
import { wrappedStandardNormal } from "./base.js";
import type { GeometryCore, Manifold } from "./geometry.js";
import { checkDimension, makeManifold } from "./make-manifold.js";
import { asinhRatio, atanhRatio, coshOfSquare, logSinhRatio, tanhRatio } from "./ratios.js";

/** Results on the host stay this far inside the ball, relative to its radius: the last float64 before the edge. */
const HOST_MARGIN = 1e-15;

/** Points in traced programs stay this far inside, unless another margin is asked for: what float32 holds. */
export const TRACED_MARGIN = 1e-5;

/** `1 - c |x|^2`, at least `floor`. */
function gap<S, V>(A: Arithmetic<S, V>, c: S | number, x: V, floor: number): S {
  return A.max(A.sub(1, A.mul(c, A.dot(x, x))), floor);
}

/**
 * The formulas over any arithmetic; c may be a scalar of it, so that curvature can be learned.
 * @param margin points count as lying at most at (1 - margin)/sqrt(c)
 */
export function poincareBallFormulas<S, V>(
  A: Arithmetic<S, V>,
  dimension: number,
  c: S | number,
  margin: number,
): GeometryCore<S, V> {
  const zero = new Float64Array(dimension);
  const gapOf = (x: V) => gap(A, c, x, margin);
  const projectPoint = (x: V) => projectToBall(A, c, x, margin);
  /** step = y - x, its square, the gaps of both, and w. */
  const relation = (x: V, y: V) => {
    const step = A.minus(y, x);
    const [q, a, b] = [A.dot(step, step), gapOf(x), gapOf(y)];
    return { step, q, a, b, w: A.div(A.mul(c, q), A.mul(a, b)) };
  };
  const squaredDistance = (x: V, y: V) => {
    const { q, a, b, w } = relation(x, y);
    const ratio = asinhRatio(A, w);
    return A.mul(A.div(A.mul(4, q), A.mul(a, b)), A.mul(ratio, ratio));
  };
  const logExponentialVolume = (x: V, v: V) => {
    const a = gapOf(x);
    const s = A.div(A.mul(A.mul(4, c), A.dot(v, v)), A.mul(a, a)); // c lambda^2 |v|^2
    return A.mul(dimension - 1, logSinhRatio(A, s));
  };
  return {
    exponentialMap(x, v) {
      const a = gapOf(x);
      const s = A.div(A.mul(c, A.dot(v, v)), A.mul(a, a)); // (sqrt(c) lambda |v| / 2)^2
      const u = A.scale(A.div(tanhRatio(A, s), a), v); // exp_0 of the vector carried to the origin
      // x (+) u = x + a (u + c|u|^2 x) / D, D = 1 + 2c x.u + c^2|x|^2|u|^2 = a (1 - c|u|^2) + c|x + u|^2.
      const cosh = coshOfSquare(A, A.min(s, 1600)); // 1 - c|u|^2 = 1/cosh^2; beyond, it is below 1e-34
      const sum = A.plus(x, u);
      const D = A.add(A.div(a, A.mul(cosh, cosh)), A.mul(c, A.dot(sum, sum)));
      const direction = A.plus(u, A.scale(A.mul(c, A.dot(u, u)), x));
      return projectPoint(A.plus(x, A.scale(A.div(a, D), direction)));
    },
    logarithmicMap(x, y) {
      const { step, q, a, b, w } = relation(x, y);
      const factor = A.div(asinhRatio(A, w), A.mul(b, A.sqrt(A.add(1, w))));
      return A.scale(factor, A.minus(A.scale(a, step), A.scale(A.mul(c, q), x)));
    },
    squaredDistance,
    parallelTransport(x, y, v) {
      // (lambda_x / lambda_y) gyr[y, -x] v, expanded in the step: see the tests for the textbook form.
      const { step, q, a, b } = relation(x, y);
      const [p, r] = [A.mul(c, A.dot(x, v)), A.mul(c, A.dot(step, v))];
      const cq = A.mul(c, q);
      const D = A.add(A.mul(a, b), cq);
      const X = A.sub(1, a); // c|x|^2
      const alongStep = A.div(A.mul(-2, A.add(A.mul(r, X), A.mul(p, A.add(b, cq)))), D);
      const alongX = A.div(A.mul(2, A.sub(A.mul(r, a), A.mul(p, cq))), D);
      return A.scale(A.div(b, a), A.plus(v, A.plus(A.scale(alongStep, step), A.scale(alongX, x))));
    },
    projectPoint,
    projectVector: (_x, v) => v,
    metricDiagonal(x) {
      const a = gapOf(x);
      return A.scale(A.div(4, A.mul(a, a)), A.vector(new Float64Array(dimension).fill(1)));
    },
    logVolumeElement: (x) => A.mul(dimension, A.log(A.div(2, gapOf(x)))),
    logExponentialVolume,
    fromFrame: (x, e) => A.scale(A.mul(0.5, gapOf(x)), e),
    toFrame: (x, v) => A.scale(A.div(2, gapOf(x)), v),
    baseLogDensity(x) {
      const s = squaredDistance(A.vector(zero), x);
      return wrappedStandardNormal(A, dimension, s, A.mul(dimension - 1, logSinhRatio(A, A.mul(c, s))));
    },
  };
}

/** The point itself, or where it lies beyond `(1 - margin)/sqrt(c)`, the point there in its direction. */
export function projectToBall<S, V>(A: Arithmetic<S, V>, c: S | number, x: V, margin: number): V {
  const limit = (1 - margin) ** 2;
  const s = A.mul(c, A.dot(x, x));
  return A.scale(A.ifLess(s, limit, 1, A.sqrt(A.div(limit, A.max(s, limit)))), x);
}

/** The conformal factor `lambda_x = 2 / (1 - c |x|^2)`. */
export function conformalFactor<S, V>(A: Arithmetic<S, V>, c: S | number, x: V): S {
  return A.div(2, A.sub(1, A.mul(c, A.dot(x, x))));
}

/** Mobius addition `x (+) y`; left inverse: `(-x) (+) (x (+) y) = y`. */
export function mobiusAdd<S, V>(A: Arithmetic<S, V>, c: S | number, x: V, y: V): V {
  const [xy, xx, yy] = [A.mul(c, A.dot(x, y)), A.mul(c, A.dot(x, x)), A.mul(c, A.dot(y, y))];
  const top = A.plus(A.scale(A.add(1, A.add(A.mul(2, xy), yy)), x), A.scale(A.sub(1, xx), y));
  return A.scale(A.div(1, A.add(1, A.add(A.mul(2, xy), A.mul(xx, yy)))), top);
}

/** Mobius scalar multiplication `t (x) x = tanh(t artanh(sqrt(c)|x|)) x / (sqrt(c)|x|)`. */
export function mobiusScale<S, V>(A: Arithmetic<S, V>, c: S | number, t: S | number, x: V): V {
  const s = A.mul(c, A.dot(x, x));
  const ratio = A.mul(t, atanhRatio(A, s)); // t artanh(r) / r
  return A.scale(A.mul(ratio, tanhRatio(A, A.mul(s, A.mul(ratio, ratio)))), x);
}

/**
 * Signed distance of x to the gyroplane through `point` with normal direction `normal` (coordinates at `point`):
 * `asinh(2 sqrt(c) <-p (+) x, n> / ((1 - c|-p (+) x|^2)|n|)) / sqrt(c)` (Ganea et al. 2018, theorem 5, with sign);
 * as c goes to 0, twice the Euclidean signed distance.
 */
export function gyroplaneDistance<S, V>(A: Arithmetic<S, V>, c: S | number, x: V, point: V, normal: V, margin = 0): S {
  const step = A.minus(x, point);
  const [a, b] = [gap(A, c, point, margin), gap(A, c, x, margin)];
  // -p (+) x = (a step - c|step|^2 p) / D and 1 - c|-p (+) x|^2 = a b / D: the D cancels.
  const across = A.minus(A.scale(a, step), A.scale(A.mul(c, A.dot(step, step)), point));
  const unit = A.sqrt(A.max(A.dot(normal, normal), 1e-30));
  const sine = A.div(A.mul(2, A.dot(across, normal)), A.mul(A.mul(a, b), unit)); // sinh(sqrt(c) d) / sqrt(c)
  return A.mul(sine, asinhRatio(A, A.mul(c, A.mul(sine, sine))));
}

export interface PoincareBallOptions {
  /** d. */
  readonly dimension: number;
  /** c > 0: the sectional curvature is -c and the radius 1/sqrt(c). Default 1. */
  readonly curvature?: number;
  /**
   * In traced programs points are kept inside the radius (1 - margin)/sqrt(c), that is within distance
   * `log(2/margin)/sqrt(c)` of the origin (12.2/sqrt(c) for the default 1e-5), so that values and gradients stay
   * finite in float32. Single points on the host are in float64 and reach up to 1 - 1e-15.
   */
  readonly margin?: number;
}

/**
 * The Poincare ball. Base distribution: the wrapped standard normal at the origin.
 * @throws UsageError unless c > 0 and the margin lies in (0, 0.1]; on the host, for points outside the ball
 */
export function poincareBall(options: PoincareBallOptions): Manifold {
  const { dimension, curvature: c = 1, margin = TRACED_MARGIN } = options;
  checkDimension("poincareBall", dimension);
  checkCurvature("poincareBall", c);
  expectThat(
    margin > 0 && margin <= 0.1,
    () => `poincareBall: margin is ${margin}; give a relative distance from the edge in (0, 0.1], such as 1e-5.`,
  );
  const radius = 1 / Math.sqrt(c);
  const ball = makeManifold({
    name: `Poincare ball of dimension ${dimension}, curvature ${-c}`,
    kind: "poincare-ball",
    dimension,
    coordinates: dimension,
    curvature: -c,
    logTotalVolume: Infinity,
    injectivityRadius: Infinity,
    origin: new Float64Array(dimension),
    core: (A, inTrace) => poincareBallFormulas(A, dimension, c, inTrace ? margin : HOST_MARGIN),
    whyNotAPoint(x) {
      const length = Math.hypot(...x);
      if (length < radius) return undefined;
      return `has length ${length.toPrecision(6)}, ${(length - radius).toPrecision(3)} beyond the edge of the ball at ${radius.toPrecision(6)}`;
    },
    drawBase(random) {
      const velocity = Float64Array.from({ length: dimension }, () => random.normal() / 2); // lambda_0 = 2
      return ball.exponentialMap(ball.origin, velocity);
    },
  });
  return {
    ...ball,
    projectPoint(x) {
      const length = Math.hypot(...Array.from(x as ArrayLike<number>));
      if (!(length > 1e100 * radius && length < Infinity)) return ball.projectPoint(x);
      return ball.projectPoint(Array.from(x as ArrayLike<number>, (value) => (value / length) * 2 * radius)); // squares stay in range
    },
  };
}

/** @throws UsageError unless c is finite and above zero. */
export function checkCurvature(caller: string, c: number): void {
  expectThat(
    Number.isFinite(c) && c > 0,
    () => `${caller}: curvature is ${c}; give c > 0, for a space of sectional curvature -c.`,
  );
}
