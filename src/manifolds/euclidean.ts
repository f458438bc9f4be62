/** Euclidean space R^d. */
import type { Arithmetic } from "./arithmetic.js";
import { everywhere, wrappedStandardNormal } from "./base.js";
import type { GeometryCore, Manifold } from "./geometry.js";
import { checkDimension, makeManifold } from "./make-manifold.js";

function core<S, V>(A: Arithmetic<S, V>, dimension: number): GeometryCore<S, V> {
  const ones = new Float64Array(dimension).fill(1);
  const squaredDistance = (x: V, y: V) => {
    const step = A.minus(y, x);
    return A.dot(step, step);
  };
  return {
    exponentialMap: (x, v) => A.plus(x, v),
    logarithmicMap: (x, y) => A.minus(y, x),
    squaredDistance,
    parallelTransport: (_x, _y, v) => v,
    projectPoint: (x) => x,
    projectVector: (_x, v) => v,
    metricDiagonal: (x) => A.plus(A.scale(0, x), A.vector(ones)),
    logVolumeElement: (x) => everywhere(A, x, 0),
    logExponentialVolume: (x) => everywhere(A, x, 0),
    fromFrame: (_x, e) => e,
    toFrame: (_x, v) => v,
    baseLogDensity: (x) => wrappedStandardNormal(A, dimension, A.dot(x, x), everywhere(A, x, 0)),
  };
}

/** R^d with its flat metric; base distribution N(0, I). @throws UsageError unless d is a whole number from 1 */
export function euclidean(dimension: number): Manifold {
  checkDimension("euclidean", dimension);
  return makeManifold({
    name: `Euclidean space of dimension ${dimension}`,
    kind: "euclidean",
    dimension,
    coordinates: dimension,
    curvature: 0,
    logTotalVolume: Infinity,
    injectivityRadius: Infinity,
    origin: new Float64Array(dimension),
    core: (A) => core(A, dimension),
    whyNotAPoint: () => undefined,
    drawBase: (random) => Float64Array.from({ length: dimension }, () => random.normal()),
  });
}
