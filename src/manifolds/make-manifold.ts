/** From the description of a manifold (its formulas, its checks) to the object that users hold. */
import {
  expandDims,
  isNdArray,
  type NdArray,
  ndarray,
  type RandomKey,
  type RandomStream,
  squeeze,
  stream,
  type Tensor,
} from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import type { Arithmetic } from "./arithmetic.js";
import { type Coordinates, complete, type Geometry, type GeometryCore, type Manifold } from "./geometry.js";
import { host } from "./host-arithmetic.js";
import { traced } from "./traced-arithmetic.js";

export interface Description
  extends Pick<
    Manifold,
    "name" | "kind" | "dimension" | "coordinates" | "curvature" | "logTotalVolume" | "injectivityRadius"
  > {
  readonly origin: ArrayLike<number>;
  readonly factors?: readonly Manifold[];
  /** The formulas; `inTrace` tells whether values may be checked (on the host) or have to be guarded (in a trace). */
  core<S, V>(A: Arithmetic<S, V>, inTrace: boolean): GeometryCore<S, V>;
  /** See `Manifold.whyNotAPoint`; x has the right length and is finite. */
  whyNotAPoint(x: Float64Array): string | undefined;
  /** Why v is not tangent at the point x ("leaves the sphere ..."); absent where all coordinate vectors are tangent. */
  whyNotTangent?(x: Float64Array, v: Float64Array): string | undefined;
  drawBase(random: RandomStream): Float64Array;
}

export function makeManifold(description: Description): Manifold {
  const { core, coordinates: n, dimension: d, name } = description;
  const geometry = complete(host, core(host, false));
  const asVector = (argument: string, v: Coordinates, length = n): Float64Array => {
    expectThat(
      v !== undefined && v !== null && v.length === length,
      () =>
        `${argument} has ${v?.length ?? "no"} coordinates, where the ${name} needs ${length}; give ${length} numbers.`,
    );
    const out = v instanceof Float64Array ? v : Float64Array.from(v as ArrayLike<number>);
    for (let i = 0; i < length; i++)
      expectThat(Number.isFinite(out[i]), () => `${argument} has coordinate ${i} = ${out[i]}; give finite numbers.`);
    return out;
  };
  const whyNotAPoint = (x: Coordinates) => {
    if (x.length !== n) return `has ${x.length} coordinates instead of ${n}`;
    const v = Float64Array.from(x as ArrayLike<number>);
    const bad = v.findIndex((value) => !Number.isFinite(value));
    return bad >= 0 ? `has coordinate ${bad} = ${v[bad]}` : description.whyNotAPoint(v);
  };
  const asPoint = (argument: string, x: Coordinates): Float64Array => {
    const out = asVector(argument, x);
    const why = description.whyNotAPoint(out);
    if (why !== undefined)
      throw new UsageError(
        `${argument} ${why}, so it is not a point of the ${name}; projectPoint gives the nearest one, [${offered(geometry.projectPoint(out))}].`,
      );
    return out;
  };
  /** A point in as few digits as make one: rounded, else cut off (towards the inside of a ball), else in full. */
  const offered = (point: Float64Array): string => {
    const cut = (value: number) => Math.trunc(value * 1e6) / 1e6;
    const ways = [(value: number) => Number(value.toPrecision(6)), cut];
    const way = ways.find((short) => description.whyNotAPoint(point.map(short)) === undefined);
    return way === undefined ? shown(point, 17) : shown(point.map(way), 17);
  };
  /** A function of a point and of vectors at it, with both checked. */
  const onVectors =
    <R>(f: (x: Float64Array, ...vectors: any[]) => R, ...names: string[]) =>
    (x: Coordinates, ...vectors: Coordinates[]): R => {
      const point = asPoint("x", x);
      const checked = names.map((name, i) => {
        const v = asVector(name, vectors[i]);
        const why = description.whyNotTangent?.(point, v);
        if (why !== undefined)
          throw new UsageError(
            `${name} ${why}, so it is not a tangent vector of the ${description.name} at x; projectVector gives its tangent part, [${shown(geometry.projectVector(point, v), 6)}].`,
          );
        return v;
      });
      return f(point, ...checked);
    };
  return {
    ...description,
    totalVolume: Math.exp(description.logTotalVolume),
    factors: description.factors ?? [],
    origin: Float64Array.from(description.origin),
    traced: tracedGeometry(description),
    over: <S, V>(A: Arithmetic<S, V>) => complete(A, core(A, (A as unknown) !== host)),
    whyNotAPoint,
    whyNotTangent: (x, v) =>
      description.whyNotTangent?.(Float64Array.from(x as ArrayLike<number>), Float64Array.from(v as ArrayLike<number>)),
    checkPoint: (argument, x) => void asPoint(argument, x),
    exponentialMap: onVectors(geometry.exponentialMap, "v"),
    logarithmicMap: (x, y) => geometry.logarithmicMap(asPoint("x", x), asPoint("y", y)),
    squaredDistance: (x, y) => geometry.squaredDistance(asPoint("x", x), asPoint("y", y)),
    distance: (x, y) => geometry.distance(asPoint("x", x), asPoint("y", y)),
    geodesic: (x, y, t) => geometry.geodesic(asPoint("x", x), asPoint("y", y), t),
    parallelTransport: (x, y, v) =>
      onVectors((from, vector) => geometry.parallelTransport(from, asPoint("y", y), vector), "v")(x, v),
    projectPoint: (x) => geometry.projectPoint(asVector("x", x)),
    projectVector: (x, v) => geometry.projectVector(asPoint("x", x), asVector("v", v)),
    metricDiagonal: (x) => geometry.metricDiagonal(asPoint("x", x)),
    innerProduct: onVectors(geometry.innerProduct, "u", "v"),
    norm: onVectors(geometry.norm, "v"),
    logVolumeElement: (x) => geometry.logVolumeElement(asPoint("x", x)),
    logExponentialVolume: onVectors(geometry.logExponentialVolume, "v"),
    fromFrame: (x, e) => geometry.fromFrame(asPoint("x", x), asVector("e", e, d)),
    toFrame: onVectors(geometry.toFrame, "v"),
    baseLogDensity: (x) => geometry.baseLogDensity(asPoint("x", x)),
    sampleBase(key: RandomKey, count: number): NdArray {
      checkCount(count);
      const random = stream(key);
      const data = new Float64Array(count * n);
      for (let i = 0; i < count; i++) data.set(description.drawBase(random), i * n);
      return ndarray(data, [count, n]);
    },
  };
}

/** The first coordinates. */
function shown(x: Float64Array, digits: number): string {
  const first = Array.from(x.subarray(0, 4), (value) => Number(value.toPrecision(digits)));
  return x.length > 4 ? `${first.join(", ")}, ...` : first.join(", ");
}

/** The formulas on tensors: checks of shapes, and scalars without the axis of size 1. */
function tracedGeometry(description: Description): Geometry<Tensor, Tensor> {
  const { coordinates: n, dimension: d, name } = description;
  const g = complete(traced, description.core(traced, true));
  const checked = (argument: string, x: Tensor, width = n): Tensor => {
    const last = x?.shape?.[x.shape.length - 1];
    expectThat(
      last === width,
      () => `${argument} has shape [${x?.shape}], where the ${name} needs [..., ${width}]; give ${width} coordinates.`,
    );
    return x;
  };
  const scalar = (s: Tensor) => squeeze(s, -1);
  const point = (x: Tensor) => checked("x", x);
  return {
    exponentialMap: (x, v) => g.exponentialMap(point(x), checked("v", v)),
    logarithmicMap: (x, y) => g.logarithmicMap(point(x), checked("y", y)),
    squaredDistance: (x, y) => scalar(g.squaredDistance(point(x), checked("y", y))),
    distance: (x, y) => scalar(g.distance(point(x), checked("y", y))),
    geodesic: (x, y, t) =>
      g.geodesic(point(x), checked("y", y), typeof t === "number" || t.shape.length === 0 ? t : expandDims(t, -1)),
    parallelTransport: (x, y, v) => g.parallelTransport(point(x), checked("y", y), checked("v", v)),
    projectPoint: (x) => g.projectPoint(point(x)),
    projectVector: (x, v) => g.projectVector(point(x), checked("v", v)),
    metricDiagonal: (x) => g.metricDiagonal(point(x)),
    innerProduct: (x, u, v) => scalar(g.innerProduct(point(x), checked("u", u), checked("v", v))),
    norm: (x, v) => scalar(g.norm(point(x), checked("v", v))),
    logVolumeElement: (x) => scalar(g.logVolumeElement(point(x))),
    logExponentialVolume: (x, v) => scalar(g.logExponentialVolume(point(x), checked("v", v))),
    fromFrame: (x, e) => g.fromFrame(point(x), checked("e", e, d)),
    toFrame: (x, v) => g.toFrame(point(x), checked("v", v)),
    baseLogDensity: (x) => scalar(g.baseLogDensity(point(x))),
  };
}

/**
 * Checks every row of an array of points `[N, n]`.
 * @throws UsageError that names the first row off the manifold, how far off it is, and the projection
 */
export function checkPoints(manifold: Manifold, argument: string, points: NdArray): void {
  expectThat(
    isNdArray(points) && points.shape.length === 2 && points.shape[1] === manifold.coordinates,
    () =>
      `${argument} has shape [${points?.shape}]; give points of the ${manifold.name} as [N, ${manifold.coordinates}].`,
  );
  for (let i = 0; i < points.shape[0]; i++)
    manifold.checkPoint(
      `${argument}, row ${i},`,
      Float64Array.from(points.data.subarray(i * manifold.coordinates, (i + 1) * manifold.coordinates)),
    );
}

/** Projects every row of `[N, n]` to the manifold; float64. */
export function projectPoints(manifold: Manifold, points: NdArray): NdArray {
  const n = manifold.coordinates;
  const data = new Float64Array(points.data.length);
  for (let i = 0; i < points.shape[0]; i++)
    data.set(manifold.projectPoint(Float64Array.from(points.data.subarray(i * n, (i + 1) * n))), i * n);
  return ndarray(data, points.shape);
}

/** @throws UsageError unless `count` can be a number of draws */
export function checkCount(count: number): void {
  expectThat(
    Number.isInteger(count) && count >= 0,
    () => `count is ${count}, which is no number of draws; give a whole number from 0.`,
  );
}

/** @throws UsageError unless `dimension` is a whole number from 1. */
export function checkDimension(caller: string, dimension: number): void {
  expectThat(
    Number.isInteger(dimension) && dimension >= 1,
    () => `${caller}: dimension is ${dimension}; give a whole number from 1.`,
  );
}
