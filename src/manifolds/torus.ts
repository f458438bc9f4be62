/** The flat torus T^d = (R / 2 pi Z)^d: coordinates are angles in [-pi, pi), each circle of radius 1. */
import type { Arithmetic } from "./arithmetic.js";
import { everywhere } from "./base.js";
import type { GeometryCore, Manifold } from "./geometry.js";
import { checkDimension, makeManifold } from "./make-manifold.js";

const TURN = 2 * Math.PI;

function core<S, V>(A: Arithmetic<S, V>, dimension: number): GeometryCore<S, V> {
  const ones = new Float64Array(dimension).fill(1);
  const wrap = (x: V) => A.minus(x, A.scale(TURN, A.nearestWhole(A.scale(1 / TURN, x))));
  const logarithmicMap = (x: V, y: V) => wrap(A.minus(y, x));
  return {
    exponentialMap: (x, v) => wrap(A.plus(x, v)),
    logarithmicMap,
    squaredDistance(x, y) {
      const step = logarithmicMap(x, y);
      return A.dot(step, step);
    },
    parallelTransport: (_x, _y, v) => v,
    projectPoint: wrap,
    projectVector: (_x, v) => v,
    metricDiagonal: (x) => A.plus(A.scale(0, x), A.vector(ones)),
    logVolumeElement: (x) => everywhere(A, x, 0),
    logExponentialVolume: (x) => everywhere(A, x, 0),
    fromFrame: (_x, e) => e,
    toFrame: (_x, v) => v,
    baseLogDensity: (x) => everywhere(A, x, -dimension * Math.log(TURN)),
  };
}

/**
 * The flat torus. Any angles are accepted as points; results lie in [-pi, pi). Base distribution: uniform.
 * @throws UsageError unless d is a whole number from 1
 */
export function torus(dimension: number): Manifold {
  checkDimension("torus", dimension);
  return makeManifold({
    name: `torus of dimension ${dimension}`,
    kind: "torus",
    dimension,
    coordinates: dimension,
    curvature: 0,
    logTotalVolume: dimension * Math.log(TURN),
    injectivityRadius: Math.PI,
    origin: new Float64Array(dimension),
    core: (A) => core(A, dimension),
    whyNotAPoint: () => undefined,
    drawBase: (random) => Float64Array.from({ length: dimension }, () => TURN * (random.uniform() - 0.5)),
  });
}
