/**
 * Metrics whose geometry is known, for laws that every metric and solver has to obey. A case is a metric with
 * generators of points and vectors and, where there is a closed form, the exact answers.
 *
 * The closed forms come from three model spaces: flat space, the unit sphere in R^(d+1), and the hyperboloid
 * <X, X> = -1 in Minkowski space. A case says how its coordinates map to the model, and how tangent vectors do.
 */
import {
  add,
  array,
  concat,
  cos,
  div,
  matmul,
  mul,
  type NdArray,
  ndarray,
  reciprocal,
  reshape,
  sin,
  slice,
  square,
  sub,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import { euclideanMetric, type LatentMetric, metricFrom, metricFromTensor } from "../../src/metrics/index.js";
import { testRandom } from "../numerics/helpers.js";

type Vector = number[];
type Random = ReturnType<typeof testRandom>;

export interface Case {
  readonly name: string;
  readonly metric: LatentMetric;
  readonly dimension: number;
  /** One random point of a region where everything is smooth and geodesics between points are unique. */
  point(random: Random): Vector;
  /** Exact answers in latent coordinates. */
  readonly exact?: {
    distance(x: Vector, y: Vector): number;
    /** End point of the geodesic from x with initial velocity v, at time 1. */
    exponential(x: Vector, v: Vector): Vector;
    logarithm(x: Vector, y: Vector): Vector;
    /** Parallel transport of v from x to y along their geodesic. */
    transport(x: Vector, y: Vector, v: Vector): Vector;
  };
  /** Sectional curvature, where it does not depend on the plane (always so for d = 2). */
  readonly curvature?: (x: Vector) => number;
}

/** `n` random points of a case, `[n, d]` float64. */
export function pointsOf(test: Case, n: number, seed: number): NdArray {
  const random = testRandom(seed);
  return ndarray(Float64Array.from(Array.from({ length: n }, () => test.point(random)).flat()), [n, test.dimension]);
}

/** `n` random vectors with standard normal coordinates times `size`, `[n, d]` float64. */
export function vectorsOf(test: Case, n: number, seed: number, size = 1): NdArray {
  const random = testRandom(seed + 7919);
  return ndarray(
    Float64Array.from({ length: n * test.dimension }, () => size * random.normal()),
    [n, test.dimension],
  );
}

/** Row `i` of `[N, d]` as a list. */
export function rowOf(a: NdArray, i: number): Vector {
  const width = a.shape.slice(1).reduce((p, n) => p * n, 1);
  return Array.from(a.data.subarray(i * width, (i + 1) * width));
}

// ---------------------------------------------------------------------------------------------- model spaces

interface Space {
  distance(x: Vector, y: Vector): number;
  exponential(x: Vector, v: Vector): Vector;
  logarithm(x: Vector, y: Vector): Vector;
  transport(x: Vector, y: Vector, v: Vector): Vector;
}

/** Coordinates of a case on its model space: there and back, for points and for tangent vectors. */
interface Chart {
  to(z: Vector): Vector;
  from(x: Vector): Vector;
  push(z: Vector, v: Vector): Vector;
  pull(z: Vector, v: Vector): Vector;
}

const dot = (a: Vector, b: Vector) => a.reduce((s, x, i) => s + x * b[i], 0);
const minkowski = (a: Vector, b: Vector) => dot(a, b) - 2 * a[a.length - 1] * b[b.length - 1];
const combine = (a: number, x: Vector, b: number, y: Vector) => x.map((xi, i) => a * xi + b * y[i]);
const norm = (a: Vector) => Math.sqrt(dot(a, a));

const flatSpace: Space = {
  distance: (x, y) => norm(combine(1, y, -1, x)),
  exponential: (x, v) => combine(1, x, 1, v),
  logarithm: (x, y) => combine(1, y, -1, x),
  transport: (_x, _y, v) => v,
};

const unitSphere: Space = {
  distance: (x, y) => 2 * Math.atan2(norm(combine(1, x, -1, y)), norm(combine(1, x, 1, y))),
  exponential(x, v) {
    const length = norm(v);
    return length === 0 ? x : combine(Math.cos(length), x, Math.sin(length) / length, v);
  },
  logarithm(x, y) {
    const across = combine(1, y, -dot(x, y), x);
    const length = norm(across);
    return length === 0 ? x.map(() => 0) : across.map((a) => (a * unitSphere.distance(x, y)) / length);
  },
  transport: (x, y, v) => combine(1, v, -dot(v, y) / (1 + dot(x, y)), combine(1, x, 1, y)),
};

const hyperboloid: Space = {
  distance(x, y) {
    const chord = combine(1, x, -1, y);
    return 2 * Math.asinh(Math.sqrt(Math.max(minkowski(chord, chord), 0)) / 2);
  },
  exponential(x, v) {
    const length = Math.sqrt(Math.max(minkowski(v, v), 0));
    return length === 0 ? x : combine(Math.cosh(length), x, Math.sinh(length) / length, v);
  },
  logarithm(x, y) {
    const across = combine(1, y, minkowski(x, y), x);
    const length = Math.sqrt(Math.max(minkowski(across, across), 0));
    return length === 0 ? x.map(() => 0) : across.map((a) => (a * hyperboloid.distance(x, y)) / length);
  },
  transport: (x, y, v) => combine(1, v, minkowski(v, y) / (1 - minkowski(x, y)), combine(1, x, 1, y)),
};

/** The exact answers of a case whose chart is an isometry up to the factor `scale` on lengths. */
function exactBy(space: Space, chart: Chart, scale = 1): Case["exact"] {
  return {
    distance: (x, y) => scale * space.distance(chart.to(x), chart.to(y)),
    exponential: (x, v) => chart.from(space.exponential(chart.to(x), chart.push(x, v))),
    logarithm: (x, y) => chart.pull(x, space.logarithm(chart.to(x), chart.to(y))),
    transport: (x, y, v) => chart.pull(y, space.transport(chart.to(x), chart.to(y), chart.push(x, v))),
  };
}

// ---------------------------------------------------------------------------------------------------- charts

const identityChart: Chart = { to: (z) => z, from: (x) => x, push: (_z, v) => v, pull: (_z, v) => v };

/** Stereographic projection from the north pole. */
const stereographic: Chart = {
  to(z) {
    const s = dot(z, z);
    return [...z.map((zi) => (2 * zi) / (1 + s)), (s - 1) / (1 + s)];
  },
  from: (x) => x.slice(0, -1).map((xi) => xi / (1 - x[x.length - 1])),
  push(z, v) {
    const s = dot(z, z);
    const ds = 2 * dot(z, v);
    return [...z.map((zi, i) => (2 * v[i]) / (1 + s) - (2 * zi * ds) / (1 + s) ** 2), (2 * ds) / (1 + s) ** 2];
  },
  pull(z, v) {
    const x = stereographic.to(z);
    const up = 1 - x[x.length - 1];
    return z.map((_, i) => v[i] / up + (x[i] * v[v.length - 1]) / up ** 2);
  },
};

/** The half-space y > 0 (y the last coordinate) on the hyperboloid. */
const halfSpace: Chart = {
  to(z) {
    const y = z[z.length - 1];
    const s = dot(z, z);
    return [...z.slice(0, -1).map((xi) => xi / y), (s - 1) / (2 * y), (s + 1) / (2 * y)];
  },
  from(x) {
    const w = x[x.length - 1] - x[x.length - 2];
    return [...x.slice(0, -2).map((xi) => xi / w), 1 / w];
  },
  push(z, v) {
    const [y, dy] = [z[z.length - 1], v[v.length - 1]];
    const s = dot(z, z);
    const ds = 2 * dot(z, v);
    const height = (sign: number) => ds / (2 * y) - ((s + sign) * dy) / (2 * y * y);
    return [...z.slice(0, -1).map((xi, i) => v[i] / y - (xi * dy) / (y * y)), height(-1), height(1)];
  },
  pull(z, v) {
    const x = halfSpace.to(z);
    const w = x[x.length - 1] - x[x.length - 2];
    const dw = v[v.length - 1] - v[v.length - 2];
    return [...z.slice(0, -1).map((_, i) => v[i] / w - (x[i] * dw) / (w * w)), -dw / (w * w)];
  },
};

/** (mean, deviation) of a normal distribution as a point of the half-plane; Fisher-Rao is twice that metric. */
const normalFamily: Chart = {
  to: ([m, s]) => halfSpace.to([m / Math.SQRT2, s]),
  from(x) {
    const [a, s] = halfSpace.from(x);
    return [a * Math.SQRT2, s];
  },
  push: ([m, s], [dm, ds]) => halfSpace.push([m / Math.SQRT2, s], [dm / Math.SQRT2, ds]),
  pull([m, s], v) {
    const [a, ds] = halfSpace.pull([m / Math.SQRT2, s], v);
    return [a * Math.SQRT2, ds];
  },
};

/** (r, theta) of the plane. */
const polar: Chart = {
  to: ([r, t]) => [r * Math.cos(t), r * Math.sin(t)],
  from: ([x, y]) => [Math.hypot(x, y), Math.atan2(y, x)],
  push: ([r, t], [dr, dt]) => [dr * Math.cos(t) - r * Math.sin(t) * dt, dr * Math.sin(t) + r * Math.cos(t) * dt],
  pull: ([r, t], [dx, dy]) => [dx * Math.cos(t) + dy * Math.sin(t), (-dx * Math.sin(t) + dy * Math.cos(t)) / r],
};

/** (t, h) of the roll (t cos t, h, t sin t), unrolled: arc length of the spiral and height. */
const unrolled: Chart = {
  to: ([t, h]) => [spiralLength(t), h],
  from: ([s, h]) => [spiralAngle(s), h],
  push: ([t], [dt, dh]) => [Math.hypot(1, t) * dt, dh],
  pull: ([t], [ds, dh]) => [ds / Math.hypot(1, t), dh],
};

function spiralLength(t: number): number {
  return (t * Math.hypot(1, t) + Math.asinh(t)) / 2;
}

function spiralAngle(s: number): number {
  let t = Math.sqrt(2 * Math.abs(s));
  for (let i = 0; i < 60; i++) t -= (spiralLength(t) - s) / Math.hypot(1, t);
  return t;
}

/** A linear map x = A z, with the pseudo-inverse for the way back. */
function linearChart(matrix: number[][]): Chart {
  const columns = matrix[0].map((_, j) => matrix.map((row) => row[j]));
  const apply = (z: Vector) => matrix.map((row) => dot(row, z));
  const back = (x: Vector) =>
    solve(
      columns.map((a) => columns.map((b) => dot(a, b))),
      columns.map((a) => dot(a, x)),
    );
  return { to: apply, from: back, push: (_z, v) => apply(v), pull: (_z, v) => back(v) };
}

function solve(matrix: number[][], rhs: Vector): Vector {
  const a = matrix.map((row, i) => [...row, rhs[i]]);
  const n = rhs.length;
  for (let c = 0; c < n; c++)
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const factor = a[r][c] / a[c][c];
      for (let k = c; k <= n; k++) a[r][k] -= factor * a[c][k];
    }
  return a.map((row, i) => row[n] / row[i]);
}

// ---------------------------------------------------------------------------------------------------- metrics

const column = (z: Tensor, i: number) => slice(z, [null, [i, i + 1]]); // [N, 1]
const squaredNorm = (z: Tensor) => sum(square(z), 1, { keepDimensions: true }); // [N, 1]

/** The inverse of stereographic projection as an embedding, `[N, d] -> [N, d + 1]`. */
export function stereographicEmbedding(z: Tensor): Tensor {
  const s = squaredNorm(z);
  return concat([div(mul(z, 2), add(s, 1)), div(sub(s, 1), add(s, 1))], 1);
}

/** `factor(z) I` for a factor of shape `[N, 1]`. */
function conformal(factor: (z: Tensor) => Tensor, dimension: number): (z: Tensor) => Tensor {
  const identity = array(
    Array.from({ length: dimension }, (_, i) => Array.from({ length: dimension }, (_, j) => +(i === j))),
  );
  return (z) => mul(reshape(factor(z), [z.shape[0], 1, 1]), identity);
}

/** A diagonal tensor from d columns of shape `[N, 1]`. */
function diagonal(...entries: Tensor[]): Tensor {
  const n = entries[0].shape[0];
  const d = entries.length;
  const rows = entries.map((entry, i) => {
    const basis = array([Array.from({ length: d }, (_, j) => +(i === j))]);
    return reshape(mul(entry, basis), [n, 1, d]);
  });
  return concat(rows, 1);
}

const normals = (random: Random, d: number, size: number) => Array.from({ length: d }, () => size * random.normal());
const between = (random: Random, low: number, high: number) => low + (high - low) * random.uniform();

const sphere = (d: number): Case => ({
  name: `S^${d}, stereographic`,
  dimension: d,
  metric: metricFrom(stereographicEmbedding, { dimension: d, name: `S^${d}` }),
  point: (random) => normals(random, d, 0.6 / Math.sqrt(d)),
  exact: exactBy(unitSphere, stereographic),
  curvature: () => 1,
});

const sphereTensor = (d: number): Case => ({
  ...sphere(d),
  name: `S^${d}, stereographic, by its tensor`,
  metric: metricFromTensor(
    conformal((z) => mul(square(reciprocal(add(squaredNorm(z), 1))), 4), d),
    { dimension: d, name: `S^${d} by its tensor` },
  ),
});

const hyperbolic = (d: number): Case => ({
  name: `H^${d}, half-space`,
  dimension: d,
  metric: metricFromTensor(
    conformal((z) => square(reciprocal(column(z, d - 1))), d),
    { dimension: d, name: `H^${d}` },
  ),
  point: (random) => [...normals(random, d - 1, 0.6), Math.exp(between(random, -0.6, 0.6))],
  exact: exactBy(hyperboloid, halfSpace),
  curvature: () => -1,
});

const fisherNormal: Case = {
  name: "univariate normal, Fisher-Rao",
  dimension: 2,
  metric: metricFromTensor(
    (z) => {
      const inverse = square(reciprocal(column(z, 1)));
      return diagonal(inverse, mul(inverse, 2));
    },
    { dimension: 2, name: "normal family" },
  ),
  point: (random) => [random.normal(), Math.exp(between(random, -0.6, 0.6))],
  exact: exactBy(hyperboloid, normalFamily, Math.SQRT2),
  curvature: () => -0.5,
};

const polarEmbedded: Case = {
  name: "polar plane, embedded",
  dimension: 2,
  metric: metricFrom((z) => concat([mul(column(z, 0), cos(column(z, 1))), mul(column(z, 0), sin(column(z, 1)))], 1), {
    dimension: 2,
    name: "polar plane",
  }),
  point: (random) => [between(random, 1, 2), between(random, -0.7, 0.7)],
  exact: exactBy(flatSpace, polar),
  curvature: () => 0,
};

const polarTensor: Case = {
  ...polarEmbedded,
  name: "polar plane, by its tensor",
  metric: metricFromTensor((z) => diagonal(add(mul(column(z, 0), 0), 1), square(column(z, 0))), {
    dimension: 2,
    name: "polar plane by its tensor",
  }),
};

const swissRoll: Case = {
  name: "Swiss roll",
  dimension: 2,
  metric: metricFrom(
    (z) => {
      const t = column(z, 0);
      return concat([mul(t, cos(t)), column(z, 1), mul(t, sin(t))], 1);
    },
    { dimension: 2, name: "Swiss roll" },
  ),
  point: (random) => [between(random, 2, 6), between(random, -3, 3)],
  exact: exactBy(flatSpace, unrolled),
  curvature: () => 0,
};

/** Torus of revolution, radii 2 and 1; coordinates are the angles along the tube and around the axis. */
export const torus: Case = {
  name: "torus of revolution",
  dimension: 2,
  metric: metricFrom(
    (z) => {
      const [u, v] = [column(z, 0), column(z, 1)];
      const ring = add(cos(u), 2);
      return concat([mul(ring, cos(v)), mul(ring, sin(v)), sin(u)], 1);
    },
    { dimension: 2, name: "torus" },
  ),
  point: (random) => [between(random, -2, 2), between(random, -0.8, 0.8)],
  curvature: ([u]) => Math.cos(u) / (2 + Math.cos(u)),
};

const paraboloid: Case = {
  name: "paraboloid",
  dimension: 2,
  metric: metricFrom((z) => concat([z, squaredNorm(z)], 1), { dimension: 2, name: "paraboloid" }),
  point: (random) => normals(random, 2, 0.5),
  curvature: (z) => 4 / (1 + 4 * dot(z, z)) ** 2,
};

const linearMatrix = [
  [1, 0.3, -0.2],
  [0, 1.5, 0.4],
  [0.7, -0.1, 0.9],
  [0.2, 0.2, -1.1],
  [-0.5, 0.8, 0.1],
];

const linearDecoder: Case = {
  name: "linear decoder",
  dimension: 3,
  metric: metricFrom((z) => matmul(z, array(linearMatrix[0].map((_, j) => linearMatrix.map((row) => row[j])))), {
    dimension: 3,
    name: "linear decoder",
  }),
  point: (random) => normals(random, 3, 1),
  exact: exactBy(flatSpace, linearChart(linearMatrix)),
  curvature: () => 0,
};

const flat = (d: number): Case => ({
  name: `R^${d}`,
  dimension: d,
  metric: euclideanMetric(d),
  point: (random) => normals(random, d, 1),
  exact: exactBy(flatSpace, identityChart),
  curvature: () => 0,
});

/** Every metric of the table. */
export const cases: readonly Case[] = [
  flat(2),
  linearDecoder,
  sphere(2),
  sphere(3),
  sphere(8),
  sphereTensor(2),
  sphereTensor(3),
  hyperbolic(2),
  hyperbolic(3),
  fisherNormal,
  polarEmbedded,
  polarTensor,
  swissRoll,
  torus,
  paraboloid,
];

/** Those with exact distances, exponential and logarithmic maps and transport. */
export const exactCases = cases.filter((test): test is Case & { exact: NonNullable<Case["exact"]> } => !!test.exact);
