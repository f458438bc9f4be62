/**
 * The Frechet mean: the point that minimises the weighted sum of squared geodesic distances,
 *
 *   f(x) = sum_i w_i d(x, y_i)^2,   grad f(x) = -2 sum_i w_i log_x(y_i)   (sum_i w_i = 1),
 *
 * by Karcher's iteration x <- exp_x(step sum_i w_i log_x(y_i)), whose step is halved where f does not fall or a geodesic fails (H. Karcher,
 * Riemannian center of mass and mollifier smoothing, 1977). Where the points lie far apart there can be several local
 * minima; this is the one that is reached from the start.
 *
 * Axes: N points, d latent dimensions.
 */
import { type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { evaluate, type LatentMetric, metricNorm } from "../metrics/index.js";
import { batchOf, type Points } from "./batches.js";
import { type LogarithmOptions, type LogarithmResult, logarithmicMap } from "./logarithm.js";
import { isSuccess, type Reason, reasons } from "./result.js";
import { shoot } from "./shoot.js";

export interface MeanOptions {
  /** Positive weights, one for each point; default equal. They are divided by their sum. */
  readonly weights?: ArrayLike<number>;
  /** Where to start; default: the point nearest to the average of the coordinates. [d] */
  readonly initial?: readonly number[] | NdArray;
  /** Stops when |sum w log| is below this part of the root of the variance; default 1e-4. */
  readonly tolerance?: number;
  /** Steps, halved ones included; default 50. */
  readonly maxIterations?: number;
  /**
   * How the logarithmic maps are found. Default `{ refine: false }`: as precise as the curves of `connect`; refine for
   * tolerances below 1e-5.
   */
  readonly logarithm?: Omit<LogarithmOptions, "initial">;
}

export interface MeanResult {
  /** [d] float64 */
  readonly mean: NdArray;
  /** sum_i w_i d(mean, y_i)^2 */
  readonly variance: number;
  /** Geodesic distances from the mean to the points. [N] */
  readonly distances: Float64Array;
  /** |sum_i w_i log_mean(y_i)| in the metric: zero at a mean. */
  readonly gradientNorm: number;
  readonly converged: boolean;
  /** `converged`, `iterationLimit`, `stuck`, or why a geodesic to one of the points failed. */
  readonly reason: Reason;
  readonly message: string;
  readonly iterations: number;
}

/**
 * Frechet mean of points under a metric.
 * @param points `[N, d]`
 * Cost: N geodesics for each step.
 * @throws UsageError for shapes that do not fit, or weights that are not positive
 * @example const { mean, converged } = await frechetMean(metric, codes);
 */
export async function frechetMean(
  metric: LatentMetric,
  points: Points,
  options: MeanOptions = {},
): Promise<MeanResult> {
  const { tolerance = 1e-4, maxIterations = 50, logarithm = { refine: false } } = options;
  const d = metric.dimension;
  const batch = batchOf("frechetMean", "points", points, d);
  const n = batch.count;
  if (!(tolerance > 0 && tolerance < 1))
    throw new UsageError(`frechetMean: tolerance is ${tolerance}; give a number between 0 and 1.`);
  if (!(Number.isInteger(maxIterations) && maxIterations >= 1))
    throw new UsageError(`frechetMean: maxIterations is ${maxIterations}; give a whole number from 1.`);
  const weights = normalised(options.weights, n);
  const start = options.initial
    ? batchOf("frechetMean", "initial", options.initial as Points, d, 1).array.data
    : nearestToAverage(batch.array.data as Float64Array, weights, d);

  let here = await look(metric, Float64Array.from(start), batch.array, weights, logarithm);
  let step = 1;
  let iterations = 0;
  let reason: Reason = "iterationLimit";
  while (true) {
    if (here.gradientNorm <= tolerance * Math.sqrt(here.variance)) {
      reason = here.variance === 0 ? "coincident" : "converged";
      break;
    }
    if (iterations >= maxIterations) break;
    iterations++;
    const velocity = ndarray(
      here.direction.map((v) => v * step),
      [d],
    );
    const moved = await shoot(metric, ndarray(here.x, [d]), velocity);
    const there = moved.converged[0]
      ? await look(metric, Float64Array.from(moved.endPoint.data), batch.array, weights, logarithm)
      : undefined;
    // Near the mean f is flat to rounding, so a fall of the gradient counts as progress too. Where a geodesic failed its
    // length is no distance and f no objective.
    const better =
      there?.finite &&
      there.followed &&
      (!here.followed || there.variance < here.variance || there.gradientNorm < 0.9 * here.gradientNorm);
    if (better) {
      here = there;
      step = Math.min(1, 2 * step);
    } else if ((step /= 2) < 1e-4) {
      reason = "stuck";
      break;
    }
  }
  const failed = here.logs.reason.find((r) => !isSuccess(r));
  if (failed !== undefined) reason = failed;
  return {
    mean: ndarray(here.x, [d]),
    variance: here.variance,
    distances: here.logs.distance,
    gradientNorm: here.gradientNorm,
    converged: isSuccess(reason),
    reason,
    message: isSuccess(reason) ? "The mean was found to the tolerance asked for." : reasons[reason],
    iterations,
  };
}

interface View {
  readonly x: Float64Array;
  readonly logs: LogarithmResult;
  /** sum_i w_i log_x(y_i) */
  readonly direction: Float64Array;
  readonly gradientNorm: number;
  readonly variance: number;
  readonly finite: boolean;
  /** Whether all geodesics converged. */
  readonly followed: boolean;
}

/** The objective and its gradient at x. */
async function look(
  metric: LatentMetric,
  x: Float64Array,
  points: NdArray,
  weights: Float64Array,
  options: LogarithmOptions,
): Promise<View> {
  const [n, d] = points.shape;
  const repeated = new Float64Array(n * d);
  for (let i = 0; i < n; i++) repeated.set(x, i * d);
  const logs = await logarithmicMap(metric, ndarray(repeated, [n, d]), points, options);
  const direction = new Float64Array(d);
  let variance = 0;
  for (let i = 0; i < n; i++) {
    variance += weights[i] * logs.distance[i] ** 2;
    for (let k = 0; k < d; k++) direction[k] += weights[i] * logs.vector.data[i * d + k];
  }
  const finite = Number.isFinite(variance) && direction.every(Number.isFinite);
  const norm = finite
    ? await evaluate(metric, metricNorm, ndarray(x, [1, d]), [ndarray(direction, [1, d])])
    : undefined;
  return {
    x,
    logs,
    direction,
    variance,
    finite,
    followed: logs.converged.every(Boolean),
    gradientNorm: norm ? norm.data[0] : Number.NaN,
  };
}

function normalised(weights: ArrayLike<number> | undefined, n: number): Float64Array {
  if (weights === undefined) return new Float64Array(n).fill(1 / n);
  if (weights.length !== n)
    throw new UsageError(`frechetMean: there are ${weights.length} weights for ${n} points; give one for each.`);
  const list = Float64Array.from(weights);
  const bad = list.findIndex((w) => !(w > 0 && Number.isFinite(w)));
  if (bad >= 0) throw new UsageError(`frechetMean: weights[${bad}] is ${list[bad]}; give finite numbers above zero.`);
  const total = list.reduce((a, b) => a + b, 0);
  return list.map((w) => w / total);
}

function nearestToAverage(points: Float64Array, weights: Float64Array, d: number): Float64Array {
  const average = new Float64Array(d);
  weights.forEach((w, i) => {
    for (let k = 0; k < d; k++) average[k] += w * points[i * d + k];
  });
  let best = 0;
  let smallest = Number.POSITIVE_INFINITY;
  weights.forEach((_, i) => {
    let square = 0;
    for (let k = 0; k < d; k++) square += (points[i * d + k] - average[k]) ** 2;
    if (square < smallest) [best, smallest] = [i, square];
  });
  return points.slice(best * d, (best + 1) * d);
}
