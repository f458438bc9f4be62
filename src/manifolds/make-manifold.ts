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
    "name" | "kind" | "dimension" | "coordinates" | "curvature" | "totalVolume" | "injectivityRadius"
  > {
  readonly origin: ArrayLike<number>;
  readonly factors?: readonly Manifold[];
  /** The formulas; `inTrace` tells whether values may be checked (on the host) or have to be guarded (in a trace). */
  core<S, V>(A: Arithmetic<S, V>, inTrace: boolean): GeometryCore<S, V>;
  /** See `Manifold.whyNotAPoint`; x has the right length and is finite. */
  whyNotAPoint(x: Float64Array): string | undefined;
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
        `${argument} ${why}, so it is not a point of the ${name}; projectPoint gives the nearest one, [${brief(geometry.projectPoint(out))}].`,
      );
    return out;
  };
  return {
    ...description,
    factors: description.factors ?? [],
    origin: Float64Array.from(description.origin),
    traced: tracedGeometry(description),
    over: <S, V>(A: Arithmetic<S, V>) => complete(A, core(A, (A as unknown) !== host)),
    whyNotAPoint,
    checkPoint: (argument, x) => void asPoint(argument, x),
    exponentialMap: (x, v) => geometry.exponentialMap(asPoint("x", x), asVector("v", v)),
    logarithmicMap: (x, y) => geometry.logarithmicMap(asPoint("x", x), asPoint("y", y)),
    squaredDistance: (x, y) => geometry.squaredDistance(asPoint("x", x), asPoint("y", y)),
    distance: (x, y) => geometry.distance(asPoint("x", x), asPoint("y", y)),
    geodesic: (x, y, t) => geometry.geodesic(asPoint("x", x), asPoint("y", y), t),
    parallelTransport: (x, y, v) => geometry.parallelTransport(asPoint("x", x), asPoint("y", y), asVector("v", v)),
    projectPoint: (x) => geometry.projectPoint(asVector("x", x)),
    projectVector: (x, v) => geometry.projectVector(asPoint("x", x), asVector("v", v)),
    metricDiagonal: (x) => geometry.metricDiagonal(asPoint("x", x)),
    innerProduct: (x, u, v) => geometry.innerProduct(asPoint("x", x), asVector("u", u), asVector("v", v)),
    norm: (x, v) => geometry.norm(asPoint("x", x), asVector("v", v)),
    logVolumeElement: (x) => geometry.logVolumeElement(asPoint("x", x)),
    logExponentialVolume: (x, v) => geometry.logExponentialVolume(asPoint("x", x), asVector("v", v)),
    fromFrame: (x, e) => geometry.fromFrame(asPoint("x", x), asVector("e", e, d)),
    toFrame: (x, v) => geometry.toFrame(asPoint("x", x), asVector("v", v)),
    baseLogDensity: (x) => geometry.baseLogDensity(asPoint("x", x)),
    sampleBase(key: RandomKey, count: number): NdArray {
      const random = stream(key);
      const data = new Float64Array(count * n);
      for (let i = 0; i < count; i++) data.set(description.drawBase(random), i * n);
      return ndarray(data, [count, n]);
    },
  };
}

function brief(x: Float64Array): string {
  const shown = Array.from(x.subarray(0, 4), (value) => Number(value.toPrecision(6)));
  return x.length > 4 ? `${shown.join(", ")}, ...` : shown.join(", ");
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

/** @throws UsageError unless `dimension` is a whole number from 1. */
export function checkDimension(caller: string, dimension: number): void {
  expectThat(
    Number.isInteger(dimension) && dimension >= 1,
    () => `${caller}: dimension is ${dimension}; give a whole number from 1.`,
  );
}
