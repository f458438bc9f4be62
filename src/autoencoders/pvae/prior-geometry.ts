/**
 * The geometry of the latent space itself, that of the prior and of the posteriors, in closed form: geodesics, matrices
 * of distances, the Frechet mean. It stands beside the geometry that the decoder pulls back, and works for any manifold
 * with closed forms. On the host, in float64.
 *
 * Axes: N points, T points of a curve, n coordinates.
 */
import { expandDims, mul, type NdArray, ndarray } from "../../engine/index.js";
import { expectThat } from "../../errors.js";
import { checkPoints, type Manifold } from "../../manifolds/index.js";
import type { LatentMetric } from "../../metrics/metric.js";

/**
 * The manifold's own metric as a latent metric, for whatever takes one (volumes, export, solvers): its tensor, and
 * segments measured by the exact distance. Coordinates must be as many as dimensions.
 */
export function manifoldMetric(space: Manifold, name = "hyperbolic"): LatentMetric {
  const n = space.coordinates;
  expectThat(
    space.dimension === n,
    () =>
      `manifoldMetric: the ${space.name} has ${n} coordinates for ${space.dimension} dimensions; use a chart of it.`,
  );
  const identity = ndarray(
    Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
    [n, n],
  );
  return {
    name,
    dimension: n,
    metricTensor: (z) => mul(expandDims(space.traced.metricDiagonal(z), -1), identity),
    segmentEnergy: (a, b) => space.traced.squaredDistance(a, b),
  };
}

/** The geodesic between two points at `points` equal steps of time: `[T, n]`, ends included. @throws UsageError for points off the manifold */
export function exactGeodesic(space: Manifold, from: ArrayLike<number>, to: ArrayLike<number>, points = 65): NdArray {
  space.checkPoint("from", from);
  space.checkPoint("to", to);
  const n = space.coordinates;
  const data = new Float64Array(points * n);
  for (let t = 1; t < points - 1; t++) data.set(space.geodesic(from, to, t / (points - 1)), t * n);
  data.set(Float64Array.from(from), 0);
  data.set(Float64Array.from(to), (points - 1) * n);
  return ndarray(data, [points, n]);
}

/** All distances between points `[N, n]`: `[N, N]`, symmetric. @throws UsageError for points off the manifold */
export function exactDistances(space: Manifold, points: NdArray): NdArray {
  checkPoints(space, "points", points);
  const [N, n] = points.shape;
  const rows = Array.from({ length: N }, (_, i) => Float64Array.from(points.data.subarray(i * n, (i + 1) * n)));
  const data = new Float64Array(N * N);
  for (let i = 0; i < N; i++)
    for (let j = 0; j < i; j++) {
      const distance = space.distance(rows[i], rows[j]);
      data[i * N + j] = distance;
      data[j * N + i] = distance;
    }
  return ndarray(data, [N, N]);
}

export interface ExactMean {
  /** [n] */
  readonly mean: NdArray;
  /** Mean of the squared distances to it. */
  readonly variance: number;
  /** |mean of the logarithmic maps|: zero at a mean. */
  readonly gradientNorm: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** The gradient's norm over the standard deviation at which a mean counts as found. */
const SETTLED = 1e-7;

/**
 * The Frechet mean of points `[N, n]` by Karcher's iteration x <- exp_x(step mean_i log_x(y_i)), the step halved where
 * the variance does not fall. On the ball, where curvature is negative, there is one minimum and it is found from
 * everywhere (Karcher, 1977).
 * @throws UsageError for no points, or points off the manifold
 */
export function exactMean(
  space: Manifold,
  points: NdArray,
  { tolerance = 1e-10, maxIterations = 500 }: { readonly tolerance?: number; readonly maxIterations?: number } = {},
): ExactMean {
  checkPoints(space, "points", points);
  const [N, n] = points.shape;
  expectThat(N > 0, "exactMean: there are no points; give at least one.");
  const rows = Array.from({ length: N }, (_, i) => Float64Array.from(points.data.subarray(i * n, (i + 1) * n)));
  const varianceAt = (x: Float64Array) => rows.reduce((sum, y) => sum + space.squaredDistance(x, y), 0) / N;
  const pullAt = (x: Float64Array) => {
    const pull = new Float64Array(n);
    for (const y of rows)
      space.logarithmicMap(x, y).forEach((entry, k) => {
        pull[k] += entry / N;
      });
    return { pull, norm: space.norm(x, pull) };
  };
  let mean: Float64Array = rows[0];
  let variance = varianceAt(mean);
  let { pull, norm: gradientNorm } = pullAt(mean);
  let [iterations, step] = [0, 1];
  const least = (times: number) => times * Math.max(Math.sqrt(variance), 1e-12);
  for (; iterations < maxIterations && gradientNorm > least(tolerance); iterations++) {
    const next = space.exponentialMap(
      mean,
      pull.map((entry) => step * entry),
    );
    const [there, at] = [varianceAt(next), pullAt(next)];
    // near the minimum the variance, flat to second order, resolves the mean to 1e-8 only: there the gradient decides
    const resolved = gradientNorm > least(1e-6);
    if (resolved ? there <= variance : at.norm < gradientNorm) {
      [mean, variance, pull, gradientNorm] = [next, there, at.pull, at.norm];
      step = Math.min(1, 2 * step);
    } else if (step < 1e-8) break;
    else step /= 2;
  }
  const converged = gradientNorm <= SETTLED * Math.max(Math.sqrt(variance), 1e-12);
  return { mean: ndarray(mean, [n]), variance, gradientNorm, iterations, converged };
}

/**
 * Length of the straight segment of ball coordinates between two points of the ball of curvature -c:
 * the integral of 2 |x'| / (1 - c|x|^2), with h the distance of the line from the origin and m^2 = 1 - c h^2,
 * (2 / (m sqrt c)) [artanh(sqrt(c) s / m)] from one end to the other.
 */
export function chordLength(curvature: number, from: ArrayLike<number>, to: ArrayLike<number>): number {
  const n = from.length;
  let [square, along, start] = [0, 0, 0];
  for (let k = 0; k < n; k++) {
    const step = to[k] - from[k];
    square += step * step;
    along += step * from[k];
    start += from[k] * from[k];
  }
  const length = Math.sqrt(square);
  if (length === 0) return 0;
  const first = along / length; // where the segment begins, from the foot of the perpendicular
  const m = Math.sqrt(Math.max(1 - curvature * (start - first * first), 1e-300));
  const root = Math.sqrt(curvature);
  return (2 / (m * root)) * (Math.atanh((root * (first + length)) / m) - Math.atanh((root * first) / m));
}
