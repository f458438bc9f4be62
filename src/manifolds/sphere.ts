/**
 * The unit sphere S^d in R^(d+1), with coordinates of the ambient space.
 *
 * With the chord q = |y - x|^2 and p = |y + x|^2 = 4 - q, the angle is theta = 2 atan(sqrt(q/p)), which keeps all
 * digits both for near and for nearly opposite points; and x.y = 1 - q/2 is never formed.
 */
import { expectThat } from "../errors.js";
import type { Arithmetic } from "./arithmetic.js";
import { everywhere } from "./base.js";
import type { GeometryCore, Manifold } from "./geometry.js";
import { checkDimension, makeManifold } from "./make-manifold.js";
import { atanRatio, cosOfSquare, logSinRatio, sinRatio } from "./ratios.js";

/** |x + y|^2 counts as at least this: at the antipode, where log has no value, results stay finite. */
const ANTIPODE = 1e-12;
/** Distance from the sphere, |1 - |x||, up to which host points are accepted (float32 data passes). */
const TOLERANCE = 1e-5;

function core<S, V>(A: Arithmetic<S, V>, dimension: number): GeometryCore<S, V> {
  const ones = new Float64Array(dimension + 1).fill(1);
  const pole = new Float64Array(dimension + 1);
  pole[dimension] = 1;
  const antichord = (x: V, y: V) => {
    const s = A.plus(x, y);
    return A.max(A.dot(s, s), ANTIPODE);
  };
  const parallelTransport = (x: V, y: V, v: V) =>
    // v - (v.y) / (1 + x.y) (x + y), where v.y = v.(y - x) and 1 + x.y = p/2.
    A.minus(v, A.scale(A.div(A.mul(2, A.dot(v, A.minus(y, x))), antichord(x, y)), A.plus(x, y)));
  return {
    exponentialMap(x, v) {
      const s = A.dot(v, v);
      return A.plus(A.scale(cosOfSquare(A, s), x), A.scale(sinRatio(A, s), v));
    },
    logarithmicMap(x, y) {
      const step = A.minus(y, x);
      const q = A.dot(step, step);
      const p = antichord(x, y);
      // theta / sin(theta) = 4 atanRatio(q/p) / p; the tangent part of the step is step + (q/2) x.
      const tangent = A.plus(step, A.scale(A.mul(0.5, q), x));
      return A.scale(A.div(A.mul(4, atanRatio(A, A.div(q, p))), p), tangent);
    },
    squaredDistance(x, y) {
      const step = A.minus(y, x);
      const w = A.div(A.dot(step, step), antichord(x, y));
      const ratio = atanRatio(A, w);
      return A.mul(4, A.mul(w, A.mul(ratio, ratio)));
    },
    parallelTransport,
    projectPoint: (x) => A.scale(A.div(1, A.sqrt(A.max(A.dot(x, x), 1e-30))), x),
    projectVector: (x, v) => A.minus(v, A.scale(A.div(A.dot(x, v), A.dot(x, x)), x)),
    metricDiagonal: (x) => A.plus(A.scale(0, x), A.vector(ones)),
    logVolumeElement: (x) => everywhere(A, x, 0),
    logExponentialVolume: (_x, v) => A.mul(dimension - 1, logSinRatio(A, A.dot(v, v))),
    fromFrame(x, e) {
      const v = A.join([e, A.asVector(A.mul(A.component(e, 0), 0))]);
      return parallelTransport(A.vector(pole), x, v);
    },
    toFrame: (x, v) => A.part(parallelTransport(x, A.vector(pole), v), 0, dimension),
    baseLogDensity: (x) => everywhere(A, x, -logSphereArea(dimension)),
  };
}

/** The area of S^d, `2 pi^((d+1)/2) / Gamma((d+1)/2)`: 2 (two points), 2 pi, 4 pi, 2 pi^2, ... */
export function sphereArea(dimension: number): number {
  return Math.exp(logSphereArea(dimension));
}

/** log of the area of S^d; for d beyond 300 the area itself underflows. */
export function logSphereArea(dimension: number): number {
  let area = Math.log(dimension % 2 === 0 ? 2 : 2 * Math.PI); // S^0 and S^1, then A_d = A_(d-2) 2 pi / (d - 1)
  for (let d = dimension % 2 === 0 ? 2 : 3; d <= dimension; d += 2) area += Math.log((2 * Math.PI) / (d - 1));
  return area;
}

/**
 * The unit sphere of dimension d. Points are unit vectors of length d + 1; the frame's origin is the last axis, and
 * the frame has no value at the opposite pole. Base distribution: uniform.
 * @throws UsageError unless d is a whole number from 1; on the host, for points off the sphere by more than 1e-5, and
 *   for the logarithm between opposite points
 */
export function sphere(dimension: number): Manifold {
  checkDimension("sphere", dimension);
  const n = dimension + 1;
  const origin = new Float64Array(n);
  origin[dimension] = 1;
  const made = makeManifold({
    name: `sphere of dimension ${dimension}`,
    kind: "sphere",
    dimension,
    coordinates: n,
    curvature: dimension === 1 ? 0 : 1,
    logTotalVolume: logSphereArea(dimension),
    injectivityRadius: Math.PI,
    origin,
    core: (A) => core(A, dimension),
    whyNotAPoint(x) {
      const length = Math.hypot(...x);
      const off = Math.abs(length - 1);
      if (off <= TOLERANCE) return undefined;
      return `has length ${length.toPrecision(6)}, ${off.toPrecision(3)} ${length > 1 ? "outside" : "inside"} the unit sphere`;
    },
    whyNotTangent(x, v) {
      const across = x.reduce((sum, value, i) => sum + value * v[i], 0);
      if (Math.abs(across) <= 2 * TOLERANCE * Math.hypot(...v)) return undefined;
      return `leaves the sphere, by ${across.toPrecision(3)} along x`;
    },
    drawBase(random) {
      const x = Float64Array.from({ length: n }, () => random.normal());
      const length = Math.hypot(...x);
      return x.map((value) => value / length);
    },
  });
  const notOpposite = (x: ArrayLike<number>, y: ArrayLike<number>) => {
    let p = 0;
    for (let i = 0; i < n; i++) p += (x[i] + y[i]) ** 2;
    expectThat(
      p > ANTIPODE,
      () =>
        `x and y are opposite points of the ${made.name}, between which no geodesic is shortest; move one of them by more than 1e-6.`,
    );
  };
  return {
    ...made,
    projectPoint(x) {
      const zero = Array.from(x as ArrayLike<number>).every((value) => value === 0);
      expectThat(
        !zero,
        () => `x is the zero vector, which has no nearest point on the ${made.name}; give any other vector.`,
      );
      const largest = Math.max(...Array.from(x as ArrayLike<number>, Math.abs));
      return made.projectPoint(
        Number.isFinite(largest) ? Array.from(x as ArrayLike<number>, (value) => value / largest) : x, // squares stay in range
      );
    },
    logarithmicMap(x, y) {
      notOpposite(x, y);
      return made.logarithmicMap(x, y);
    },
    geodesic(x, y, t) {
      notOpposite(x, y);
      return made.geodesic(x, y, t);
    },
    parallelTransport(x, y, v) {
      notOpposite(x, y);
      return made.parallelTransport(x, y, v);
    },
  };
}
