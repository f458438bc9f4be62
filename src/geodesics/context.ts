/**
 * What the parts of a geodesic solver share: the settings of a metric, a curve on its way, and what is measured of one.
 *
 * Axes: T nodes, N = T - 1 segments, d latent.
 */
import { evenly, resampleAt } from "../numerics/resample.js";
import type { StartGraph } from "./graph-start.js";
import { type CurveMeasure, measureSteps, sumOf } from "./measure.js";
import type { Programs } from "./programs.js";
import type { Reason } from "./result.js";
import type { Box, Surrogate } from "./surrogate.js";

/** What a solver knows about a metric; all but `programs` is plain data. */
export interface SolverSettings {
  readonly dimension: number;
  /** The metric has an embedding: kernels give |w_i|^2 as `coarse`. */
  readonly embedded: boolean;
  readonly precision: "float32" | "float64";
  /** How direct solves lower the energy, see `levels.ts`. */
  readonly descent: "newton" | "newtonCg" | "quasiNewton";
  /** The block-tridiagonal operator that they precondition with. */
  readonly operator: "gaussNewton" | "frozenMetric";
  /** Predicted relative decrease of the energy at which a solve has converged. */
  readonly tolerance: number;
  /** Relative error of the length that the number of nodes may cause. */
  readonly accuracy: number;
  readonly maxIterations: number;
  /** Rows of the returned curve. */
  readonly points: number;
  /** Segments of the first and of the finest level: powers of two. */
  readonly minSegments: number;
  readonly maxSegments: number;
  readonly surrogate?: Surrogate;
  readonly graph?: StartGraph;
  /** The region of the codes. */
  readonly region?: Box;
}

export interface SolverContext extends SolverSettings {
  readonly programs: Programs;
}

export type StartName = "straight" | "graph" | "surrogate" | "given";

/** Where to start: by name, or a curve [T, d]. */
export type SolverStart = "straight" | "graph" | Float64Array;

/** A curve on its way: nodes, what was measured at them, what it took. */
export interface Candidate {
  nodes: Float64Array;
  measure: CurveMeasure;
  steps: Float64Array;
  reason: Reason;
  iterations: number;
  error: number;
  start: StartName;
  /** A critical curve that is no minimum; known only where the metric's own Hessian was at hand. */
  saddle?: boolean;
  /** How far the length between nodes is off, relative, where two levels agree all the same (see `levels.ts`). */
  between?: number;
}

/** Relative rounding error of an energy: below it an increase is none. */
export function noiseOf({ precision }: SolverContext): number {
  return precision === "float64" ? 1e-13 : 5e-7;
}

export async function measureAt(
  context: SolverContext,
  nodes: Float64Array,
): Promise<{ measure: CurveMeasure; steps: Float64Array }> {
  const values = await context.programs.run("energy", nodes);
  const steps = Float64Array.from(values.steps);
  const measure = measureSteps(steps, values.coarse, context.embedded);
  if (!Number.isFinite(sumOf(steps))) measure.sum = Number.NaN;
  return { measure, steps };
}

/** The curve at another number of nodes, by a natural cubic spline in t. */
export function resampled(nodes: Float64Array, d: number, points: number): Float64Array {
  if (nodes.length === points * d) return nodes.slice();
  const T = nodes.length / d;
  const out = resampleAt(nodes, d, evenly(1, T), evenly(1, points), "natural");
  out.set(nodes.subarray(0, d), 0);
  out.set(nodes.subarray((T - 1) * d), (points - 1) * d);
  return out;
}
