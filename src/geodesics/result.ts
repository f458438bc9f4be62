/**
 * How a geodesic solve ends. Failure is data: a solver returns a result that says whether it converged and why it
 * stopped; each reason is a sentence that ends with the next thing to try. Throwing is the caller's choice
 * (`requireConverged`).
 *
 * Axes: T points of a curve, d latent dimensions.
 */
import type { NdArray } from "../engine/index.js";
import { RunError } from "../errors.js";

/** Every way in which `connect`, `shoot` and `logarithmicMap` can end; the values are what the user reads. */
export const reasons = {
  converged: "The curve is a geodesic to the tolerance asked for.",
  coincident: "Both ends are the same point: the geodesic is that point and its length is zero.",
  floatingPointLimit:
    "The energy cannot be lowered further in this precision, but the tolerance was not met; use precision 'float64' or a larger tolerance.",
  iterationLimit:
    "The iterations ran out before the tolerance was met; raise maxIterations, or use start 'graph' for a better first curve.",
  pointLimit:
    "The curve at the largest number of points still misses detail of the metric between them; raise maxPoints.",
  stuck:
    "No step lowered the energy although the gradient is not small; use start 'graph' or precision 'float64', and check that the metric is smooth.",
  notFinite:
    "The metric gave a value that is not finite on the way; check it with metricTensor at the end points and along the straight line.",
  notPositive:
    "The metric is not positive definite on the way, so lengths make no sense there; add a small multiple of the identity.",
  zeroMetric:
    "The metric vanishes along the curve, so that all curves there have length zero; choose a metric with a floor, or other points.",
  leftDomain:
    "The solution left the region where the metric is defined (a value stopped being finite); take a shorter velocity or a closer target.",
  stepLimit:
    "The integrator needed more steps than allowed; raise maxSteps or the tolerance, or take a shorter velocity.",
  disconnected: "The graph has no path between the two points; use more neighbours, or start 'straight'.",
  aborted: "The solve was stopped by its AbortSignal; run it again to finish.",
} as const;

export type Reason = keyof typeof reasons;

/** Reasons that mean success. */
const successes: ReadonlySet<Reason> = new Set<Reason>(["converged", "coincident"]);

/** Whether a reason means that the solve did what was asked. */
export function isSuccess(reason: Reason): boolean {
  return successes.has(reason);
}

/** What `connect` returns for one pair of points. */
export interface GeodesicResult {
  /** The curve at constant speed, at t = 0, 1/(T-1), .., 1; first and last rows are the two points exactly. [T, d] float64 */
  readonly curve: NdArray;
  /** Length of the curve in the metric, L = int sqrt(g(c', c')) dt; for a failed solve that of the best curve found. */
  readonly length: number;
  /** Energy E = int g(c', c') dt (no factor 1/2); L^2 <= E, with equality at constant speed. */
  readonly energy: number;
  /** Whether the tolerance was met. */
  readonly converged: boolean;
  /** Why the solver stopped: a key of `reasons`. */
  readonly reason: Reason;
  /** The reason as a sentence, with the next thing to try. */
  readonly message: string;
  /** Second-order (or quasi-Newton) iterations, over all numbers of points and all starts. */
  readonly iterations: number;
  /** Latent distance from the ends of the curve to the points that were asked for; 0 for `connect`, which pins them. */
  readonly endPointGap: number;
  /** Length of the straight latent segment between the points, in the same metric. */
  readonly straightLength: number;
  /** Estimated relative error of `length` that comes from the finite number of points. */
  readonly discretisationError: number;
  /** Which start led to this curve. */
  readonly start: "straight" | "graph" | "surrogate" | "given";
  /** Things that are no failure but that the reader of the numbers should know, as sentences. */
  readonly warnings: readonly string[];
}

/**
 * The result itself where it converged; throws `RunError` with the reason's sentence where it did not.
 * @example const { length } = requireConverged(await connect(metric, a, b));
 */
export function requireConverged<R extends { readonly reason: Reason }>(result: R): R {
  if (!isSuccess(result.reason))
    throw new RunError(`The geodesic solve failed (${result.reason}): ${reasons[result.reason]}`);
  return result;
}
