/**
 * The contract of all manifolds, and what follows from a few formulas.
 *
 * A manifold owes its formulas once, over an `Arithmetic` (`GeometryCore`); everything else is derived here. Users
 * see the same methods twice: on the host for single points in float64, with checks, and under `traced` for tensors
 * of points `[..., n]` inside a compiled program, with gradients and without checks of values.
 *
 * Axes: d dimensions of the manifold, n coordinates of a point (n = d + 1 for sphere and hyperboloid, else n = d).
 */
import type { NdArray, RandomKey, RandomStream, Tensor } from "../engine/index.js";
import { type Arithmetic, rootOrZero } from "./arithmetic.js";

/** What a manifold has to give. Points x, y and tangent vectors u, v are in coordinates of length n. */
export interface GeometryCore<S, V> {
  /** The end of the geodesic from x with velocity v, at time 1. */
  exponentialMap(x: V, v: V): V;
  /** The velocity at x of the shortest geodesic to y. */
  logarithmicMap(x: V, y: V): V;
  /** The squared geodesic distance; smooth at x = y. */
  squaredDistance(x: V, y: V): S;
  /** v at x carried along the shortest geodesic to y; keeps inner products. */
  parallelTransport(x: V, y: V, v: V): V;
  /** A point of the manifold near any coordinates: the nearest one, but for the hyperboloid, which keeps the spatial part. */
  projectPoint(x: V): V;
  /** The tangent part at x of any vector of n coordinates. */
  projectVector(x: V, v: V): V;
  /** The diagonal of the metric in coordinates: `g(u, v) = sum_i m_i u_i v_i`; all our metrics are diagonal. */
  metricDiagonal(x: V): V;
  /** log sqrt det of the metric in coordinates where n = d; 0 for embedded manifolds (their own area). */
  logVolumeElement(x: V): S;
  /** log |det d exp_x(v)|, from the tangent space at x to that at exp_x(v), in orthonormal frames. */
  logExponentialVolume(x: V, v: V): S;
  /** The tangent vector at x with coordinates e (length d) in an orthonormal frame: that of the origin, transported. */
  fromFrame(x: V, e: V): V;
  /** The inverse of `fromFrame`. */
  toFrame(x: V, v: V): V;
  /**
   * log density of the base distribution with respect to the Riemannian volume: uniform where the manifold has finite
   * volume, else the wrapped standard normal at the origin.
   */
  baseLogDensity(x: V): S;
}

/** The contract: the formulas and what follows from them. */
export interface Geometry<S, V> extends GeometryCore<S, V> {
  /** The geodesic distance; its derivative at x = y is given as zero. */
  distance(x: V, y: V): S;
  /** The point at parameter t of the geodesic with value x at 0 and y at 1. */
  geodesic(x: V, y: V, t: S | number): V;
  /** g_x(u, v). */
  innerProduct(x: V, u: V, v: V): S;
  /** sqrt(g_x(v, v)); its derivative at v = 0 is given as zero. */
  norm(x: V, v: V): S;
}

/** A point or vector on the host. */
export type Coordinates = ArrayLike<number>;

type OnHost<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: A[I] extends Float64Array ? Coordinates : A[I] }) => R
    : T[K];
};

/** The traced form: tensors of points `[..., n]`, scalars `[...]`; `t` of `geodesic` a number or a tensor `[...]`. */
export type TracedGeometry = Geometry<Tensor, Tensor>;

/**
 * A Riemannian manifold with closed forms. Its own methods work on single points on the host, in float64; they throw
 * a `UsageError` for points that are not on the manifold. `traced` has the same methods for compiled programs.
 */
export interface Manifold extends OnHost<Geometry<number, Float64Array>> {
  /** For reports, for example "Poincare ball of dimension 2, curvature -0.7". */
  readonly name: string;
  readonly kind: "euclidean" | "sphere" | "torus" | "poincare-ball" | "hyperboloid" | "product";
  /** d. */
  readonly dimension: number;
  /** n, the number of coordinates of a point. */
  readonly coordinates: number;
  /** Sectional curvature, where it is constant. */
  readonly curvature: number | undefined;
  /** Total volume; `Infinity` where it has none. */
  readonly totalVolume: number;
  /** Its logarithm, finite where the volume itself leaves the range of numbers: spheres and tori of hundreds of dimensions. */
  readonly logTotalVolume: number;
  /** The largest distance at which shortest geodesics are still unique. */
  readonly injectivityRadius: number;
  /** The point at which frames and base distributions are anchored, [n]. */
  readonly origin: Float64Array;
  /** The factors, of a product only. */
  readonly factors: readonly Manifold[];
  readonly traced: TracedGeometry;
  /** The formulas over any arithmetic, unchecked: for distributions and other manifolds. */
  over<S, V>(arithmetic: Arithmetic<S, V>): Geometry<S, V>;
  /** Why x is not a point of the manifold ("lies 0.2 beyond the edge ..."), or undefined if it is. */
  whyNotAPoint(x: Coordinates): string | undefined;
  /** Why v is not tangent at the point x, or undefined if it is. */
  whyNotTangent(x: Coordinates, v: Coordinates): string | undefined;
  /** @throws UsageError unless `x` is a point; the sentence says how far off it is and offers the projection. */
  checkPoint(argument: string, x: Coordinates): void;
  /** One draw from the base distribution. */
  drawBase(random: RandomStream): Float64Array;
  /** `count` draws from the base distribution, `[count, n]` float64. */
  sampleBase(key: RandomKey, count: number): NdArray;
}

/** The derived methods. */
export function complete<S, V>(A: Arithmetic<S, V>, core: GeometryCore<S, V>): Geometry<S, V> {
  const innerProduct = (x: V, u: V, v: V) => A.dot(A.times(core.metricDiagonal(x), u), v);
  return {
    ...core,
    innerProduct,
    distance: (x, y) => rootOrZero(A, core.squaredDistance(x, y)),
    geodesic: (x, y, t) => core.exponentialMap(x, A.scale(t, core.logarithmicMap(x, y))),
    norm: (x, v) => rootOrZero(A, A.max(innerProduct(x, v, v), 0)),
  };
}
