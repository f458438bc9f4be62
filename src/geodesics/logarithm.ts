/**
 * The logarithmic map: the initial velocity of the geodesic from x to y that `connect` finds, so that
 * exp_x(log_x(y)) = y and |log_x(y)| = d(x, y).
 *
 * The velocity read off the curve is refined by Newton's method on the shooting residual exp_x(v) - y in float64. Its
 * Jacobian is measured by d more geodesics of the same batch, and kept while convergence is fast; steps that do not
 * lower the residual are halved.
 *
 * Axes: B pairs, d latent dimensions.
 */
import { type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { evaluate, type LatentMetric, metricNorm } from "../metrics/index.js";
import { solve } from "../numerics/dense.js";
import { batchOf, type Points } from "./batches.js";
import { type ConnectOptions, connect } from "./connect.js";
import { curveVelocities } from "./differences.js";
import { isSuccess, type Reason, reasons } from "./result.js";
import { shoot } from "./shoot.js";

export interface LogarithmOptions {
  /** Options of `connect`, which finds the geodesic. */
  readonly connect?: ConnectOptions;
  /** Whether to refine by shooting; default true. Without, the precision is that of the curve's points. */
  readonly refine?: boolean;
  /** Largest distance in latent coordinates between exp_x(v) and y, relative to |y - x|; default 1e-9. */
  readonly tolerance?: number;
  /** Newton steps; default 20. */
  readonly maxIterations?: number;
  /** Initial velocities to start from instead of `connect`, `[B, d]`. */
  readonly initial?: Points;
}

/** One field for each quantity over the batch. */
export interface LogarithmResult {
  /** log_x(y). [B, d] float64, or [d] for one pair */
  readonly vector: NdArray;
  /** |log_x(y)| in the metric at x: the length of the geodesic (of `connect`'s curve, if not refined). [B] */
  readonly distance: Float64Array;
  /** Distance in latent coordinates between exp_x(vector) and y; NaN if not refined. [B] */
  readonly endPointGap: Float64Array;
  readonly converged: readonly boolean[];
  readonly reason: readonly Reason[];
  readonly message: readonly string[];
  /** Newton steps on the shooting residual. [B] */
  readonly iterations: Int32Array;
}

/**
 * The logarithmic map from points x to points y.
 * @param x `[B, d]` or `[d]`; @param y of the same shape
 * @returns a result even where it did not converge; then the vector is the best one known
 * @throws UsageError for shapes that do not fit, or options out of range
 * @example const { vector, distance } = await logarithmicMap(metric, [0, 0], [1, 1]);
 */
export async function logarithmicMap(
  metric: LatentMetric,
  x: Points,
  y: Points,
  options: LogarithmOptions = {},
): Promise<LogarithmResult> {
  const { refine = true, tolerance = 1e-9, maxIterations = 20 } = options;
  if (!(tolerance > 0 && tolerance < 1))
    throw new UsageError(`logarithmicMap: tolerance is ${tolerance}; give a number between 0 and 1.`);
  if (!(Number.isInteger(maxIterations) && maxIterations >= 0))
    throw new UsageError(`logarithmicMap: maxIterations is ${maxIterations}; give a whole number from 0.`);
  const d = metric.dimension;
  const from = batchOf("logarithmicMap", "x", x, d);
  const to = batchOf("logarithmicMap", "y", y, d, from.count);
  const n = from.count;
  const state: State = {
    x: from.array.data as Float64Array,
    y: to.array.data as Float64Array,
    v: new Float64Array(n * d),
    gap: new Float64Array(n).fill(Number.NaN),
    reason: new Array(n).fill("converged"),
    iterations: new Int32Array(n),
  };
  if (options.initial) {
    state.v.set(batchOf("logarithmicMap", "initial", options.initial, d, n).array.data);
  } else {
    const results = await connect(metric, from.array, to.array, options.connect);
    results.forEach((result, i) => {
      state.reason[i] = result.reason;
      if (result.reason !== "coincident") state.v.set(curveVelocities(result.curve.data, d).subarray(0, d), i * d);
      else if (!sameEnds(state, i)) {
        // too close for a curve in the precision of \`connect\`: the geodesic is straight there
        for (let q = i * d; q < (i + 1) * d; q++) state.v[q] = state.y[q] - state.x[q];
        state.reason[i] = "converged";
      }
    });
    if (!refine)
      await rescale(
        metric,
        from.array,
        state,
        Float64Array.from(results, (result) => result.length),
      );
  }
  if (refine) await newton(metric, state, tolerance, maxIterations);
  const vector = ndarray(state.v, [n, d]);
  const distance = await evaluate(metric, metricNorm, from.array, [vector], { notFinite: "keep" });
  return {
    vector: from.like(vector),
    distance: Float64Array.from(distance.data),
    endPointGap: state.gap,
    converged: state.reason.map(isSuccess),
    reason: state.reason,
    message: state.reason.map((r) => reasons[r]),
    iterations: state.iterations,
  };
}

interface State {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly v: Float64Array;
  readonly gap: Float64Array;
  readonly reason: Reason[];
  readonly iterations: Int32Array;
}

/** Whether x and y of pair i are equal in every bit that counts. */
function sameEnds({ x, y, gap }: State, i: number): boolean {
  const d = x.length / gap.length;
  for (let q = i * d; q < (i + 1) * d; q++) if (x[q] !== y[q]) return false;
  return true;
}

/** Gives velocities read off curves the length of the curve as norm: that is known better than the slope at its end. */
async function rescale(metric: LatentMetric, from: NdArray, { v }: State, lengths: Float64Array): Promise<void> {
  const [n, d] = from.shape;
  const norms = await evaluate(metric, metricNorm, from, [ndarray(Float64Array.from(v), [n, d])], {
    notFinite: "keep",
  });
  lengths.forEach((length, i) => {
    const factor = length / norms.data[i];
    if (length > 0 && Number.isFinite(factor)) for (let q = i * d; q < (i + 1) * d; q++) v[q] *= factor;
  });
}

/** Newton's method on exp_x(v) = y, for all pairs that are not done yet at once. */
async function newton(metric: LatentMetric, state: State, tolerance: number, maxIterations: number): Promise<void> {
  const { x, y, v, gap, reason, iterations } = state;
  const d = metric.dimension;
  const n = gap.length;
  const row = (a: Float64Array, i: number) => a.subarray(i * d, (i + 1) * d);
  const length = (a: ArrayLike<number>) => Math.hypot(...Array.from(a));
  const displacement = (i: number) => length(row(y, i).map((a, q) => a - x[i * d + q]));
  const rounding = (i: number) => 64 * Number.EPSILON * Math.max(length(row(x, i)), length(row(y, i)));
  const allowed = (i: number) => tolerance * displacement(i) + rounding(i);
  const jacobians: (Float64Array | undefined)[] = new Array(n);
  const fresh: boolean[] = new Array(n).fill(false);
  const residual = new Float64Array(n * d);
  const scale = new Float64Array(n).fill(1); // how much of Newton's step is taken
  const measure = async (list: readonly number[], trial: Float64Array, ends: Float64Array) => {
    const select = (a: Float64Array) => Float64Array.from(list.flatMap((i) => Array.from(row(a, i))));
    const shape = [list.length, d];
    const shot = await shoot(metric, ndarray(select(x), shape), ndarray(select(trial), shape), shootOptions);
    list.forEach((i, k) => {
      for (let q = 0; q < d; q++)
        ends[i * d + q] = shot.converged[k] ? shot.endPoint.data[k * d + q] - y[i * d + q] : Number.NaN;
    });
  };
  let open = Array.from({ length: n }, (_, i) => i);
  await measure(open, v, residual);
  for (const i of open) gap[i] = length(row(residual, i));
  open = open.filter((i) => !(gap[i] <= allowed(i)));
  for (const i of open) if (!Number.isFinite(gap[i])) reason[i] = "leftDomain";
  open = open.filter((i) => Number.isFinite(gap[i]));
  for (const i of open) reason[i] = "iterationLimit";
  const trial = Float64Array.from(v);
  const next = new Float64Array(n * d);
  for (let iteration = 0; iteration < maxIterations && open.length > 0; iteration++) {
    const unknown = open.filter((i) => jacobians[i] === undefined);
    await measureJacobians(metric, state, unknown, residual, jacobians);
    for (const i of unknown) fresh[i] = true;
    for (const i of open) {
      const step = solve(jacobians[i]!, d, row(residual, i));
      if (step === false || !step.every(Number.isFinite)) reason[i] = "stuck";
      else for (let q = 0; q < d; q++) trial[i * d + q] = v[i * d + q] - scale[i] * step[q];
    }
    open = open.filter((i) => reason[i] !== "stuck");
    await measure(open, trial, next);
    for (const i of open) {
      iterations[i]++;
      const now = length(row(next, i));
      if (!(now < gap[i])) {
        if (fresh[i]) scale[i] /= 2;
        else jacobians[i] = undefined; // it was measured elsewhere: measure it here first
        if (scale[i] < 1e-6) reason[i] = "stuck";
        continue;
      }
      fresh[i] = false;
      if (now > 0.2 * gap[i] || scale[i] < 1) jacobians[i] = undefined;
      scale[i] = Math.min(1, 2 * scale[i]);
      gap[i] = now;
      row(v, i).set(row(trial, i));
      row(residual, i).set(row(next, i));
      if (now <= allowed(i)) reason[i] = "converged";
    }
    open = open.filter((i) => reason[i] === "iterationLimit");
  }
  for (let i = 0; i < n; i++)
    if (gap[i] <= allowed(i)) reason[i] = sameEnds(state, i) && length(row(v, i)) === 0 ? "coincident" : "converged";
}

const shootOptions = { tolerance: 1e-11 };

/** d exp_x(v) / dv by forward differences, for the pairs of `list`, all in one batch. */
async function measureJacobians(
  metric: LatentMetric,
  { x, y, v }: State,
  list: readonly number[],
  residual: Float64Array,
  jacobians: (Float64Array | undefined)[],
): Promise<void> {
  if (list.length === 0) return;
  const d = metric.dimension;
  const points: number[][] = [];
  const velocities: number[][] = [];
  const steps: number[] = [];
  for (const i of list) {
    const velocity = Array.from(v.subarray(i * d, (i + 1) * d));
    const start = Array.from(x.subarray(i * d, (i + 1) * d));
    const apart = start.map((a, k) => Math.abs(y[i * d + k] - a));
    // a part of the displacement, but enough to be seen over the rounding of x
    const step = Math.max(
      1e-5 * Math.max(...velocity.map(Math.abs), ...apart),
      1e-11 * Math.max(...start.map(Math.abs)),
    );
    steps.push(step);
    for (let q = 0; q < d; q++) {
      points.push(start);
      velocities.push(velocity.map((a, k) => (k === q ? a + step : a)));
    }
  }
  const shot = await shoot(metric, points, velocities, shootOptions);
  list.forEach((i, k) => {
    const jacobian = new Float64Array(d * d);
    for (let r = 0; r < d; r++)
      for (let q = 0; q < d; q++) {
        const end = shot.endPoint.data[(k * d + q) * d + r] - y[i * d + r];
        jacobian[r * d + q] = (end - residual[i * d + r]) / steps[k];
      }
    jacobians[i] = jacobian;
  });
}
