/**
 * The exponential map: the geodesic through a point with a given velocity, by the Hamiltonian form of the geodesic
 * equation. With momentum p = G(c) c' and H(c, p) = 1/2 p^T G(c)^-1 p,
 *
 *   c' = G(c)^-1 p,        p' = -dH/dc = grad_c [ 1/2 v^T G(c) v ]  with v = c' held fixed,
 *
 * so first derivatives of the metric are enough and no Christoffel symbol is formed; for an embedding f the bracket is
 * half the squared norm of one forward derivative of f. H is constant along exact solutions: its drift is reported.
 * Integration in float64 by Dormand and Prince's pair, with a step size for each geodesic of the batch.
 *
 * Axes: N geodesics, d latent dimensions, T times.
 */
import {
  abs,
  type Compiled,
  compile,
  concat,
  div,
  grad,
  mul,
  type NdArray,
  ndarray,
  reshape,
  split,
  sum,
  type Tensor,
} from "../engine/index.js";
import { RunError, UsageError } from "../errors.js";
import { evaluate, type LatentMetric, lower, raise, squaredNorm } from "../metrics/index.js";
import { batchOf, type Points } from "./batches.js";
import { type Ending, integrate } from "./dormand-prince.js";
import { isSuccess, type Reason, reasons } from "./result.js";

export interface ShootOptions {
  /** The geodesic is followed over [0, time]; default 1. May be negative: backwards. */
  readonly time?: number;
  /**
   * Local error of a step: of the point relative to |c'| times the duration, of the momentum relative to its size;
   * default 1e-10. Units of the latent space do not matter.
   */
  readonly tolerance?: number;
  /** Steps allowed for each geodesic; default 10,000. */
  readonly maxSteps?: number;
  /** Rising times within [0, time] (counted backwards if `time` is negative: from 0 to |time|) at which points are wanted. [T] */
  readonly times?: ArrayLike<number>;
  /** This many equal steps without error control; for measurements. */
  readonly fixedSteps?: number;
  readonly signal?: AbortSignal;
}

/** One field for each quantity, over the batch; without the axis N if one point was given. */
export interface ShootResult {
  /** c(time), or where the geodesic stopped. [N, d] float64 */
  readonly endPoint: NdArray;
  /** c'(time). [N, d] float64 */
  readonly endVelocity: NdArray;
  /** c at `times`; NaN where it was not reached. [N, T, d] float64; T = 0 if no times were asked for. */
  readonly path: NdArray;
  /** Riemannian length: time |v|; 0 where nothing was followed, NaN where the metric gives v no length. [N] */
  readonly length: Float64Array;
  /**
   * |H(end) / H(start) - 1|: how well the invariant was kept; NaN where H is no number. [N]
   * Above 1e-3 the geodesic does not count as converged.
   */
  readonly energyDrift: Float64Array;
  readonly converged: readonly boolean[];
  readonly reason: readonly Reason[];
  /** The reasons as sentences, each with the next thing to try. */
  readonly message: readonly string[];
  /** Steps of the integrator, refused ones included. [N] */
  readonly steps: Int32Array;
}

/**
 * Follows geodesics from points with initial velocities.
 * @param points `[N, d]`, or one point `[d]`
 * @param velocities of the same shape, in latent coordinates
 * Cost: six evaluations of the metric tensor and one gradient for each step of the whole batch.
 * @returns a result even where a geodesic cannot be followed to its end: see `converged` and `reason` (`leftDomain`:
 *   the metric stopped being finite, the geodesic runs off the chart, or its energy drifted; `notFinite`, `notPositive`:
 *   the metric is so at the point or, for `notPositive`, on the way; `stepLimit`; `aborted`)
 * @throws UsageError for shapes that do not fit, or options out of range
 * @example const { endPoint } = await shoot(metric, [0, 0], [1, 0.5]);
 */
export async function shoot(
  metric: LatentMetric,
  points: Points,
  velocities: Points,
  options: ShootOptions = {},
): Promise<ShootResult> {
  const { time = 1, tolerance = 1e-10, maxSteps = 10_000 } = options;
  check(options, time, tolerance, maxSteps);
  const from = batchOf("shoot", "points", points, metric.dimension);
  const along = batchOf("shoot", "velocities", velocities, metric.dimension, from.count);
  const [n, d] = [from.count, metric.dimension];
  const direction = Math.sign(time) || 1;
  const start = ndarray(
    Float64Array.from(along.array.data, (v) => v * direction),
    [n, d],
  );
  const momentum = await evaluate(metric, lower, from.array, [start], { notFinite: "keep" });
  const states = interleave(from.array.data as Float64Array, momentum.data as Float64Array, n, d);
  const flow = flowOf(metric);
  const count = Math.max(8, 2 ** Math.ceil(Math.log2(n))); // few shapes, few traces: the rest is padding
  const rows = Int32Array.from({ length: count }, (_, i) => Math.min(i, n - 1));
  const rightHandSide = async (y: Float64Array) => {
    const padded = rowsOf(y, rows, 2 * d);
    const slope = (await flow(ndarray(padded, [count, 2 * d]))) as NdArray;
    return (slope.data as Float64Array).subarray(0, n * 2 * d);
  };
  const result = await integrate(rightHandSide, states, n, {
    duration: Math.abs(time),
    tolerance,
    maxSteps,
    scale: (y, slopes) => scalesOf(y, slopes, n, d, Math.abs(time), tolerance),
    fixedSteps: options.fixedSteps,
    times: options.times,
    signal: options.signal,
  });
  const endPoint = ndarray(half(result.states, n, d, 0), [n, d]);
  const keep = { notFinite: "keep" } as const;
  const { velocity, known } = await velocitiesOf(metric, endPoint, half(result.states, n, d, 1), start);
  const before = await evaluate(metric, squaredNorm, from.array, [start], keep);
  const after = await evaluate(metric, squaredNorm, endPoint, [velocity], keep);
  const outcomes = result.endings.map((ending, i) =>
    outcomeOf(ending, known[i], result.reached[i], before.data[i], after.data[i], rowsNorm(start, i, d)),
  );
  const reason = outcomes.map((outcome) => outcome.reason);
  const asked = options.times?.length ?? 0;
  return {
    endPoint: from.like(endPoint),
    endVelocity: from.like(
      ndarray(
        velocity.data.map((v) => v * direction),
        [n, d],
      ),
    ),
    path: from.like(ndarray(half(result.path, n * asked, d, 0), [n, asked, d])),
    length: Float64Array.from(before.data, (h, i) => (result.reached[i] === 0 ? 0 : Math.sqrt(h) * result.reached[i])),
    energyDrift: Float64Array.from(before.data, (h, i) => driftOf(h, after.data[i])),
    converged: reason.map(isSuccess),
    reason,
    message: outcomes.map((outcome) => outcome.message),
    steps: result.steps,
  };
}

/**
 * The exponential map `exp_x(v)`: the point at time 1 on the geodesic from x with velocity v.
 * @returns `[N, d]`, or `[d]` for one point
 * @throws RunError where the geodesic cannot be followed to its end; UsageError as `shoot`
 */
export async function exponentialMap(
  metric: LatentMetric,
  points: Points,
  velocities: Points,
  options: ShootOptions = {},
): Promise<NdArray> {
  const result = await shoot(metric, points, velocities, options);
  const failed = result.converged.indexOf(false);
  if (failed >= 0)
    throw new RunError(
      `exponentialMap: geodesic ${failed} of ${result.converged.length} failed (${result.reason[failed]}): ${result.message[failed]}`,
    );
  return result.endPoint;
}

const reasonOf: Record<Ending, Reason> = {
  finished: "converged",
  notFinite: "leftDomain",
  stepLimit: "stepLimit",
  aborted: "aborted",
};
const LARGEST_DRIFT = 1e-3;

/** |H(end) / H(start) - 1| from both. */
function driftOf(before: number, after: number): number {
  return before === after || before === 0 ? Math.abs(after - before) : Math.abs(after / before - 1);
}

/**
 * Why a geodesic stopped. That the integrator came to its end is not enough: the energies 2 H at both ends must be
 * those of a positive metric and agree.
 * @param known whether the metric could turn the momentum into a velocity
 */
function outcomeOf(
  ending: Ending,
  known: boolean,
  reached: number,
  before: number,
  after: number,
  latentSpeed: number,
): { readonly reason: Reason; readonly message: string } {
  const because = (reason: Reason) => ({ reason, message: reasons[reason] });
  if (ending === "aborted" || ending === "stepLimit") return because(reasonOf[ending]);
  if (!Number.isFinite(before)) return because("notFinite");
  if (before < 0 || after < 0 || (before === 0 && latentSpeed > 1e-150)) return because("notPositive");
  if (!known) return because(reached === 0 ? "notPositive" : "leftDomain");
  if (ending === "notFinite" || !Number.isFinite(after)) return because("leftDomain");
  const drift = driftOf(before, after);
  if (drift > LARGEST_DRIFT)
    return {
      reason: "leftDomain",
      message: `The energy, which is constant along a geodesic, drifted by a part of ${drift.toPrecision(2)}: the metric is not smooth or not resolved on the way; lower the tolerance or take a shorter velocity.`,
    };
  return { reason: "converged", message: "The geodesic was followed to its end." };
}

/** G^-1 p at the points; the velocities `otherwise`, and `known` false, in rows where that is not finite. */
async function velocitiesOf(
  metric: LatentMetric,
  points: NdArray,
  momenta: Float64Array,
  otherwise: NdArray,
): Promise<{ velocity: NdArray; known: boolean[] }> {
  const [n, d] = points.shape;
  const row = (a: NdArray["data"] | Float64Array, i: number) => Array.from(a.subarray(i * d, (i + 1) * d));
  const finite = momenta.map((p) => (Number.isFinite(p) ? p : 0));
  const raised = await evaluate(metric, velocityOf, points, [ndarray(finite, [n, d])], { notFinite: "keep" });
  const known = Array.from({ length: n }, (_, i) =>
    [...row(momenta, i), ...row(raised.data, i)].every((value) => Number.isFinite(value)),
  );
  const rows = known.flatMap((yes, i) => row(yes ? raised.data : otherwise.data, i));
  return { velocity: ndarray(Float64Array.from(rows), [n, d]), known };
}

function rowsNorm(vectors: NdArray, i: number, d: number): number {
  return Math.hypot(...vectors.data.subarray(i * d, (i + 1) * d));
}

/** G^-1 p, solved with G divided by its size: elimination loses digits where entries are far from 1. */
function velocityOf(metric: LatentMetric, c: Tensor, p: Tensor): Tensor {
  const g = metric.metricTensor(c);
  const size = reshape(sum(abs(g), [1, 2]), [c.shape[0], 1]);
  const scaled: LatentMetric = { ...metric, metricTensor: () => div(g, reshape(size, [c.shape[0], 1, 1])) };
  return raise(scaled, c, div(p, size));
}

const flows = new WeakMap<LatentMetric, Compiled>();

/** (c, p) to (c', p') for a batch, `[N, 2 d]`, compiled once for each metric. */
function flowOf(metric: LatentMetric): Compiled {
  let flow = flows.get(metric);
  if (!flow) {
    const d = metric.dimension;
    flow = compile(
      (state: Tensor) => {
        const [c, p] = split(state, [d, d], 1);
        const v = velocityOf(metric, c, p);
        const force = grad((x: Tensor) => mul(sum(squaredNorm(metric, x, v)), 0.5))(c);
        return concat([v, force], 1);
      },
      { precision: "float64" },
    );
    flows.set(metric, flow);
  }
  return flow;
}

/**
 * What errors are measured against, one size for the point and one for the momentum of each row: |c'| times the
 * duration, so that units and origin of the latent space do not matter (but no less than rounding of c), and |p|.
 */
function scalesOf(
  y: Float64Array,
  slopes: Float64Array,
  n: number,
  d: number,
  duration: number,
  tolerance: number,
): Float64Array {
  const scale = new Float64Array(y.length);
  const largest = (values: Float64Array, at: number) => {
    let size = 0;
    for (let k = 0; k < d; k++) size = Math.max(size, Math.abs(values[at + k]));
    return size;
  };
  for (let i = 0; i < n; i++) {
    const at = i * 2 * d;
    const rounding = (4 * Number.EPSILON * largest(y, at)) / tolerance;
    scale.fill(Math.max(largest(slopes, at) * duration, rounding, TINY), at, at + d);
    scale.fill(Math.max(largest(y, at + d), TINY), at + d, at + 2 * d);
  }
  return scale;
}

const TINY = 1e-250; // for a geodesic that stays where it is

function interleave(c: Float64Array, p: Float64Array, n: number, d: number): Float64Array {
  const y = new Float64Array(2 * n * d);
  for (let i = 0; i < n; i++) {
    y.set(c.subarray(i * d, (i + 1) * d), 2 * i * d);
    y.set(p.subarray(i * d, (i + 1) * d), (2 * i + 1) * d);
  }
  return y;
}

/** The points (0) or momenta (1) of states `[n * 2 d]`. */
function half(y: Float64Array, n: number, d: number, which: 0 | 1): Float64Array {
  const out = new Float64Array(n * d);
  for (let i = 0; i < n; i++) out.set(y.subarray((2 * i + which) * d, (2 * i + which + 1) * d), i * d);
  return out;
}

function rowsOf(y: Float64Array, rows: Int32Array, width: number): Float64Array {
  const out = new Float64Array(rows.length * width);
  rows.forEach((row, i) => out.set(y.subarray(row * width, (row + 1) * width), i * width));
  return out;
}

function check(options: ShootOptions, time: number, tolerance: number, maxSteps: number): void {
  const refuse = (sentence: string) => {
    throw new UsageError(`shoot: ${sentence}`);
  };
  if (!Number.isFinite(time)) refuse(`time is ${time}; give a finite number.`);
  if (!(tolerance >= 1e-14 && tolerance < 1)) refuse(`tolerance is ${tolerance}; give a number from 1e-14 to 1.`);
  if (!(Number.isInteger(maxSteps) && maxSteps >= 1)) refuse(`maxSteps is ${maxSteps}; give a whole number from 1.`);
  const { fixedSteps, times = [] } = options;
  if (fixedSteps !== undefined && !(Number.isInteger(fixedSteps) && fixedSteps >= 1))
    refuse(`fixedSteps is ${fixedSteps}; give a whole number from 1.`);
  for (let i = 0; i < times.length; i++)
    if (!(times[i] >= (i === 0 ? 0 : times[i - 1]) && times[i] <= Math.abs(time)))
      refuse(`times[${i}] is ${times[i]}; give rising times from 0 to ${Math.abs(time)}.`);
}
