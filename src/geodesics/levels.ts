/**
 * A geodesic on the metric itself, coarse to fine: the solution at N segments is measured on 2 N, and where the
 * extrapolated lengths disagree N is doubled. How the energy is lowered at one number of nodes, by the metric:
 *
 *   newton       second derivatives of the embedding (up to three latent dimensions), block-tridiagonal systems
 *   newtonCg     products with the Hessian, preconditioned with Gauss-Newton blocks or the frozen metric
 *   quasiNewton  L-BFGS: for lengths that no inner product gives, whose energies have kinks; on a plane also for metrics by
 *                values at both ends of steps, which need no Hessian there
 *
 * With an embedding of more than three dimensions the levels begin at 16 segments, where an evaluation costs a quarter
 * and curves find their way around; such curves are not taken for answers. Of several starts the best one at the coarsest
 * level goes on.
 *
 * Axes: T nodes, N = T - 1 segments, d latent.
 */
import { polylineLength } from "../numerics/resample.js";
import { type Candidate, measureAt, noiseOf, resampled, type SolverContext, type StartName } from "./context.js";
import { type GraphPath, pathCurve } from "./graph-start.js";
import { type CurveMeasure, sumOf } from "./measure.js";
import { atSaddle, type Evaluation, feedNewton, type NewtonStatus, newtonMachine, startNewton } from "./newton.js";
import { newtonCg } from "./newton-cg.js";
import { quasiNewton } from "./quasi-newton.js";
import type { Reason } from "./result.js";

/** A first curve at any number of nodes. */
export interface FirstCurve {
  readonly name: StartName;
  at(points: number): Float64Array;
}

/** Curves with fewer segments are steps on the way only. */
const LEAST_SEGMENTS = 64;
/** A level that is not the last may spend this share of the iterations that are left. */
const COARSE_SHARE = 0.5;
/**
 * Where the solutions of two levels agree, the curve between the nodes of the last may be so many times as inaccurate as
 * the length asked for: where directions cost next to nothing, nodes lie far apart in them.
 */
const BETWEEN_NODES = 50;

/** The geodesic that a first curve leads to; of several, of the one with the lowest energy at the first level. */
export async function solveByLevels(
  context: SolverContext,
  firsts: readonly FirstCurve[],
  firstSegments: number = context.minSegments,
): Promise<Candidate> {
  const { dimension: d, maxSegments, accuracy, maxIterations } = context;
  const least = Math.min(LEAST_SEGMENTS, maxSegments);
  let iterations = 0;
  let first = firsts[0];
  let nodes = first.at(firstSegments + 1);
  let before: CurveMeasure | undefined; // of the level before, where it converged
  let finerBefore = Number.NaN;
  let found: Candidate | undefined; // of the level before
  if (firsts.length > 1) {
    let lowest = Infinity;
    for (const one of firsts) {
      const share = Math.ceil((maxIterations * COARSE_SHARE) / firsts.length);
      const end = await solveLevel(context, one.at(firstSegments + 1), share);
      iterations += end.iterations;
      if (end.energy < lowest) [lowest, nodes, first] = [end.energy, end.nodes, one];
    }
  }
  for (let segments = firstSegments; ; segments *= 2) {
    const last = 2 * segments > maxSegments;
    const left = maxIterations - iterations;
    const end = await solveLevel(context, nodes, last ? left : Math.ceil(left * COARSE_SHARE));
    iterations += end.iterations;
    const here = await measureAt(context, end.nodes);
    const candidate = (reason: Reason, error: number): Candidate => ({
      nodes: end.nodes,
      measure: here.measure,
      steps: here.steps,
      reason,
      iterations,
      error,
      start: first.name,
      saddle: end.saddle,
    });
    if (here.measure.sum === 0) return candidate("zeroMetric", 0);
    if (end.reason === "notFinite" || end.reason === "notPositive" || !Number.isFinite(here.measure.sum)) {
      if (found && end.reason === "notFinite") return found;
      return candidate(end.reason === "notPositive" ? "notPositive" : "notFinite", Infinity);
    }
    const finer = resampled(end.nodes, d, 2 * segments + 1);
    const there = await measureAt(context, finer);
    // Both are extrapolated: they agree to fourth order where the curve is resolved.
    let error = Math.abs(there.measure.length / here.measure.length - 1);
    const between = error;
    const resolved = between <= accuracy;
    // The minimiser at N segments lies off the geodesic by O(1 / N^2), its length by the square of that: where so
    // little counts, two levels must agree.
    if (accuracy < 1e-6)
      error = Math.max(error, Math.abs(there.measure.length / finerBefore - 1) || 0, finerBefore > 0 ? 0 : 1);
    else if (d > 3 && before && error <= BETWEEN_NODES * accuracy)
      error = Math.min(error, Math.abs(here.measure.length / before.length - 1));
    finerBefore = there.measure.length;
    const converged = end.reason === "converged";
    before = converged ? here.measure : undefined;
    const fine = segments >= least && error <= accuracy;
    // an indefinite metric: nothing to go on from
    const lost = !converged && !Number.isFinite(there.measure.sum);
    const unfinished = fine && !last && end.reason === "iterationLimit" && iterations < maxIterations;
    if ((fine && !unfinished) || last || end.reason === "stuck" || lost || iterations >= maxIterations) {
      const reason = converged && !(error <= accuracy) ? "pointLimit" : end.reason;
      const answer = candidate(reason, error);
      // the finer measure is the better one of the same curve
      if (resolved) answer.measure = { ...there.measure };
      else if (reason === "converged") answer.between = between;
      return answer;
    }
    if (unfinished) {
      nodes = end.nodes;
      segments /= 2;
      continue;
    }
    found = candidate(converged ? "pointLimit" : end.reason, error);
    nodes = finer;
    // A curve that leapt over a ridge is a bad start for the next level: the first curve may be better.
    if (!(there.measure.discreteEnergy <= 1.02 * here.measure.discreteEnergy)) {
      const again = first.at(2 * segments + 1);
      const measured = await measureAt(context, again);
      if (measured.measure.discreteEnergy < there.measure.discreteEnergy) nodes = again;
    }
  }
}

/** Length of the geodesic near a path, by a few steps on the metric itself, at 32 segments. */
export async function shortLength(context: SolverContext, path: GraphPath): Promise<number> {
  const { dimension: d } = context;
  const first = pathCurve(path, d, 33);
  const own = (await measureAt(context, resampled(first, d, 65))).measure.length;
  const end = await solveLevel({ ...context, tolerance: 1e-4 }, first, 6);
  if (end.reason === "notFinite" || end.reason === "notPositive") return own;
  const { measure } = await measureAt(context, resampled(end.nodes, d, 65));
  return Number.isFinite(measure.length) ? Math.min(own, measure.length) : own;
}

interface LevelEnd {
  nodes: Float64Array;
  /** Discrete energy F. */
  energy: number;
  reason: Reason;
  iterations: number;
  saddle?: boolean;
}

/** No node moves farther in one step than this share of the curve's latent length: no leaps over hills. */
const LEVEL_STEP_SHARE = 0.1;

/** Minimises the discrete energy at one number of nodes. */
async function solveLevel(context: SolverContext, start: Float64Array, maxIterations: number): Promise<LevelEnd> {
  const { dimension: d, descent, tolerance } = context;
  const maxStep = LEVEL_STEP_SHARE * polylineLength(start, d);
  const options = { tolerance, maxIterations: Math.max(2, maxIterations), noise: noiseOf(context), maxStep };
  if (descent === "newton") return byNewton(context, start, options);
  const end =
    descent === "newtonCg"
      ? await newtonCg(energyOf(context), start, d, options)
      : await quasiNewton((nodes) => blocksAt(context, nodes), start, d, options);
  const { nodes, energy, iterations } = end;
  return { nodes, energy, reason: reasonOf(end.status, end.predicted, energy, tolerance), iterations };
}

type LevelOptions = Parameters<typeof feedNewton>[2];

async function byNewton(context: SolverContext, start: Float64Array, options: LevelOptions): Promise<LevelEnd> {
  const { dimension: d, programs, tolerance } = context;
  const area = d * d;
  const n = start.length / d - 2;
  const diagonal = new Float64Array(n * area);
  const curvature = new Float64Array(n * area);
  const machine = newtonMachine(n + 2, d);
  startNewton(machine, start);
  let status: NewtonStatus = "running";
  while (status === "running") {
    const { steps, gradient, blocks, lower } = await programs.run("newton", machine.trial);
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < area; k++) {
        diagonal[i * area + k] = blocks[2 * i * area + k];
        curvature[i * area + k] = blocks[(2 * i + 1) * area + k];
      }
    }
    status = feedNewton(machine, { energy: sumOf(steps), gradient, diagonal, curvature, lower }, options);
  }
  const { nodes, energy, predicted, iterations } = machine;
  const saddle = status === "converged" && atSaddle(machine, options.noise);
  return { nodes, energy, reason: reasonOf(status, predicted, energy, tolerance), iterations, saddle };
}

function energyOf({ programs, operator }: SolverContext): Parameters<typeof newtonCg>[0] {
  return {
    async value(nodes) {
      const { steps, gradient } = await programs.run("gradient", nodes);
      return { energy: sumOf(steps), gradient };
    },
    product: (nodes, direction) => programs.product(nodes, direction),
    async operator(nodes) {
      const { blocks, lower } = await programs.run(operator, nodes);
      return { diagonal: blocks, lower };
    },
  };
}

async function blocksAt({ programs, operator }: SolverContext, nodes: Float64Array): Promise<Evaluation> {
  const { steps, gradient, blocks, lower } = await programs.run(operator, nodes);
  return { energy: sumOf(steps), gradient, diagonal: blocks, lower };
}

function reasonOf(status: NewtonStatus, predicted: number, energy: number, tolerance: number): Reason {
  if (status === "running") return "stuck";
  if (status === "stuck" && predicted <= 100 * tolerance * energy) return "floatingPointLimit";
  return status;
}
