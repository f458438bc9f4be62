/**
 * The hyperboloid of curvature -c: `{X in R^(d+1): <X, X> = -1/c, X_0 > 0}` with `<X, Y> = -X_0 Y_0 + X_s.Y_s`, the
 * time coordinate X_0 first.
 *
 * It has no edge: far from the origin, where radii in the ball run out of digits (at distance 37/sqrt(c) in float64,
 * 17/sqrt(c) in float32), it still tells radii apart, up to 350/sqrt(c) and 40/sqrt(c). (Directions have the digits of
 * the number format in both models: sideways a point at distance r is known to eps sinh(r) only.) That needs the
 * distance in polar form, since <X - Y, X - Y> cancels there:
 *   w = sinh^2(sqrt(c) d/2) = sinh^2((rho_x - rho_y)/2) + sinh(rho_x) sinh(rho_y) sin^2(theta/2).
 * Close to the origin, where polar coordinates are singular, w = c <Y - X, Y - X> / 4.
 */
import type { Arithmetic } from "./arithmetic.js";
import { wrappedStandardNormal } from "./base.js";
import type { GeometryCore, Manifold } from "./geometry.js";
import { checkDimension, makeManifold } from "./make-manifold.js";
import { checkCurvature } from "./poincare-ball.js";
import { asinhRatio, coshOfSquare, logSinhRatio, sinhRatio } from "./ratios.js";

/** A step may be at most this long (times sqrt(c)): squares of coordinates must not overflow. */
const LONGEST_STEP = { host: 300, traced: 40 };
/** |c <X, X> + 1| relative to c X_0^2, up to which host points are accepted (float32 data passes). */
const TOLERANCE = 1e-5;

/** The formulas over any arithmetic; c may be a scalar of it. */
export function hyperboloidFormulas<S, V>(
  A: Arithmetic<S, V>,
  dimension: number,
  c: S | number,
  longestStep: number,
): GeometryCore<S, V> {
  const n = dimension + 1;
  const signs = new Float64Array(n).fill(1);
  signs[0] = -1;
  const ones = new Float64Array(dimension).fill(1);
  const metric = () => A.vector(signs); // not before it is used: tensors exist inside a trace only
  const unitOrigin = new Float64Array(n);
  unitOrigin[0] = 1;
  const origin = () => A.scale(A.div(1, A.sqrt(c)), A.vector(unitOrigin));
  const product = (u: V, v: V) => A.dot(A.times(metric(), u), v);
  const space = (x: V) => A.part(x, 1, n);
  const onSheet = (spatial: V) => A.join([A.asVector(A.sqrt(A.add(A.div(1, c), A.dot(spatial, spatial)))), spatial]);

  /** w = sinh^2(sqrt(c) d(x, y) / 2), three ways. */
  const halfSineSquared = (x: V, y: V): S => {
    const [xs, ys, x0, y0] = [space(x), space(y), A.component(x, 0), A.component(y, 0)];
    const step = A.minus(ys, xs);
    const [nx2, ny2, q] = [A.dot(xs, xs), A.dot(ys, ys), A.dot(step, step)];
    const difference = A.dot(step, A.plus(xs, ys)); // |ys|^2 - |xs|^2
    const timeStep = A.div(difference, A.add(x0, y0));
    const close = A.mul(A.mul(0.25, c), A.max(A.sub(q, A.mul(timeStep, timeStep)), 0));
    const apart = A.mul(0.5, A.sub(A.mul(c, A.sub(A.mul(x0, y0), A.dot(xs, ys))), 1));
    const near = A.ifLess(A.mul(c, q), 1, close, A.max(apart, 0));
    // Polar form. sinh(rho_y - rho_x) = (|ys|^2 - |xs|^2) / (|xs| y_0 + x_0 |ys|).
    const smallest = A.div(0.5, c); // only used beyond |.|^2 = 1/c
    const [nx, ny] = [A.sqrt(A.max(nx2, smallest)), A.sqrt(A.max(ny2, smallest))];
    const sine = A.div(difference, A.add(A.mul(nx, y0), A.mul(x0, ny)));
    const sine2 = A.mul(sine, sine);
    const radial = A.div(sine2, A.mul(2, A.add(1, A.sqrt(A.add(1, sine2)))));
    const direction = (spatial: V, length: S) => A.quotient(spatial, A.scale(length, A.vector(ones)));
    const chord = A.minus(direction(xs, nx), direction(ys, ny)); // its square: 4 sin^2(theta/2)
    const polar = A.add(radial, A.mul(A.mul(0.25, c), A.mul(A.mul(nx, ny), A.dot(chord, chord))));
    return A.ifLess(A.mul(c, A.min(nx2, ny2)), 1, near, polar);
  };
  const squaredDistance = (x: V, y: V) => {
    const w = halfSineSquared(x, y);
    const ratio = asinhRatio(A, w);
    return A.div(A.mul(4, A.mul(w, A.mul(ratio, ratio))), c);
  };
  const parallelTransport = (x: V, y: V, v: V) => {
    const alongStep = product(A.minus(y, x), v); // <y, v>, since <x, v> = 0
    const factor = A.div(A.mul(c, alongStep), A.mul(2, A.add(1, halfSineSquared(x, y))));
    return A.plus(v, A.scale(factor, A.plus(x, y)));
  };
  return {
    exponentialMap(x, v) {
      const s = A.mul(c, A.max(product(v, v), 0));
      const cap = longestStep * longestStep;
      const step = A.scale(A.ifLess(s, cap, 1, A.sqrt(A.div(cap, A.max(s, cap)))), v);
      const capped = A.min(s, cap);
      const end = A.plus(A.scale(coshOfSquare(A, capped), x), A.scale(sinhRatio(A, capped), step));
      return onSheet(space(end));
    },
    logarithmicMap(x, y) {
      const w = halfSineSquared(x, y);
      const factor = A.div(asinhRatio(A, w), A.sqrt(A.add(1, w)));
      return A.scale(factor, A.minus(A.minus(y, x), A.scale(A.mul(2, w), x)));
    },
    squaredDistance,
    parallelTransport,
    projectPoint: (x) => onSheet(space(x)),
    projectVector: (x, v) => A.plus(v, A.scale(A.mul(c, product(x, v)), x)),
    metricDiagonal: (x) => A.plus(A.scale(0, x), metric()),
    logVolumeElement: (x) => A.mul(A.component(x, 0), 0),
    logExponentialVolume: (_x, v) => A.mul(dimension - 1, logSinhRatio(A, A.mul(c, A.max(product(v, v), 0)))),
    fromFrame: (x, e) => parallelTransport(origin(), x, A.join([A.asVector(A.mul(A.component(e, 0), 0)), e])),
    toFrame: (x, v) => space(parallelTransport(x, origin(), v)),
    baseLogDensity(x) {
      const s = squaredDistance(origin(), x);
      return wrappedStandardNormal(A, dimension, s, A.mul(dimension - 1, logSinhRatio(A, A.mul(c, s))));
    },
  };
}

/**
 * Hyperbolic space of curvature -c (default 1) as a hyperboloid in R^(d+1). Base distribution: the wrapped standard
 * normal at the origin (1/sqrt(c), 0, ..., 0).
 * @throws UsageError unless c > 0; on the host, for points off the hyperboloid by more than 1e-5, relatively
 */
export function hyperboloid(options: { readonly dimension: number; readonly curvature?: number }): Manifold {
  const { dimension, curvature: c = 1 } = options;
  checkDimension("hyperboloid", dimension);
  checkCurvature("hyperboloid", c);
  const origin = new Float64Array(dimension + 1);
  origin[0] = 1 / Math.sqrt(c);
  const made = makeManifold({
    name: `hyperboloid of dimension ${dimension}, curvature ${-c}`,
    kind: "hyperboloid",
    dimension,
    coordinates: dimension + 1,
    curvature: -c,
    logTotalVolume: Infinity,
    injectivityRadius: Infinity,
    origin,
    core: (A, inTrace) => hyperboloidFormulas(A, dimension, c, inTrace ? LONGEST_STEP.traced : LONGEST_STEP.host),
    whyNotAPoint(x) {
      const expected = Math.hypot(1 / Math.sqrt(c), ...x.subarray(1));
      const off = Math.abs(x[0] - expected);
      if (off <= TOLERANCE * expected) return undefined;
      return `has time coordinate ${x[0].toPrecision(6)}, ${off.toPrecision(3)} away from the sheet at ${expected.toPrecision(6)}`;
    },
    whyNotTangent(x, v) {
      const across = x.reduce((sum, value, i) => sum + (i === 0 ? -value : value) * v[i], 0);
      if (Math.abs(across) <= 2 * TOLERANCE * Math.hypot(...x) * Math.hypot(...v)) return undefined;
      return `leaves the sheet, by ${across.toPrecision(3)} in the Minkowski product with x`;
    },
    drawBase(random) {
      const velocity = Float64Array.from({ length: dimension + 1 }, (_, i) => (i === 0 ? 0 : random.normal()));
      return made.exponentialMap(origin, velocity);
    },
  });
  return made;
}
