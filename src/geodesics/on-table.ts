/**
 * A geodesic on a tabulated plane metric: Newton in plain JavaScript from a first curve, at enough nodes that the curve's
 * energy on four times as many agrees. Then the metric itself is asked for energy and gradient there; with the table's
 * Hessian that gives the decrease that is still to be had. Steps are taken until it is below the tolerance. Where that
 * does not work out at once, `levels.ts` takes over from the best curve known.
 *
 * Axes: T nodes, N = T - 1 segments.
 */
import { type Candidate, noiseOf, resampled, type SolverContext, type StartName } from "./context.js";
import { contains, type GraphPath, pathCurve } from "./graph-start.js";
import { measureSteps, sumOf } from "./measure.js";
import {
  type Evaluation,
  feedNewton,
  type NewtonMachine,
  type NewtonStatus,
  newtonMachine,
  startNewton,
} from "./newton.js";
import type { KernelValues } from "./programs.js";
import {
  evaluateSurrogate,
  type Surrogate,
  type SurrogateWorkspace,
  surrogateMeasure,
  surrogateWorkspace,
} from "./surrogate.js";

/** First number of segments on a surrogate: a leap over a thin ridge pays less the more there are. */
const SURROGATE_SEGMENTS = 192;
/** The energy of a surrogate curve measured at twice as many places may differ by so much. */
const SURROGATE_AGREEMENT = 2e-3;
/** Half as many nodes disagree four times as much: below this they are enough. */
const HALVED_AGREEMENT = SURROGATE_AGREEMENT / 4;
/** Steps on the metric itself with the surrogate's Hessian. */
const POLISHING_STEPS = 5;
/** No node moves farther in one step than this share of the table's diagonal. */
const STEP_SHARE = 0.01;

interface SurrogateRoom {
  machine: NewtonMachine;
  workspace: SurrogateWorkspace;
}

const rooms = new Map<number, SurrogateRoom>();

function roomFor(points: number): SurrogateRoom {
  let room = rooms.get(points);
  if (!room) {
    room = { machine: newtonMachine(points, 2), workspace: surrogateWorkspace(points) };
    rooms.set(points, room);
  }
  return room;
}

type SurrogateEnd =
  | { settled: true; candidate: Candidate; iterations: number }
  | { settled: false; iterations: number; first?: (points: number) => Float64Array; segments?: number };

export async function solveOnSurrogate(
  context: SolverContext,
  surrogate: Surrogate,
  first: (points: number) => Float64Array,
  name: StartName,
): Promise<SurrogateEnd> {
  const { spline } = surrogate;
  const diagonal = Math.hypot(spline.upper[0] - spline.lower[0], spline.upper[1] - spline.lower[1]);
  const maxStep = STEP_SHARE * diagonal;
  let iterations = 0;
  let near: Float64Array | undefined;
  const finest = Math.max(4 * SURROGATE_SEGMENTS, context.maxSegments);
  for (let segments = SURROGATE_SEGMENTS; segments <= finest; segments *= 2) {
    const { machine, workspace } = roomFor(segments + 1);
    startNewton(machine, withinTable(surrogate, near ? resampled(near, 2, segments + 1) : first(segments + 1)));
    let status: NewtonStatus = "running";
    let inside = true;
    while (status === "running") {
      evaluateSurrogate(surrogate, machine.trial, workspace);
      // Off the table nothing is known: steps that lead there are rejected.
      if (machine.iterations === 0) inside = workspace.inside;
      else if (!workspace.inside) workspace.energy = Number.POSITIVE_INFINITY;
      status = feedNewton(machine, workspace, { tolerance: 2e-5, maxIterations: 40, noise: 1e-13, maxStep });
    }
    iterations += machine.iterations;
    // The border of the table is in the way: the metric itself goes on from here.
    if (inside && status === "stuck") return handOver(context, machine.nodes, iterations);
    // A curve that leaps over ridges may behave at more nodes.
    near = undefined;
    if (!inside || status !== "converged") continue;
    const disagreement = Math.abs(surrogateMeasure(surrogate, machine.nodes, 2).energy / machine.energy - 1);
    if (disagreement > SURROGATE_AGREEMENT) {
      // Nearly resolved: go on from here. Otherwise it leapt somewhere, and the first curve is the better start.
      if (disagreement < 10 * SURROGATE_AGREEMENT) near = machine.nodes.slice();
      continue;
    }
    const nodes = machine.nodes.slice();
    // In float64 the whole solve is repeated on the metric, from here.
    if (context.precision === "float64")
      return { settled: false, iterations, first: (points) => resampled(nodes, 2, points) };
    // Where half as many nodes resolve the curve as well, the metric itself, which costs most, is asked at those.
    const halved = disagreement < HALVED_AGREEMENT && segments % 4 === 0;
    const kept = halved ? everySecond(nodes, 2) : nodes;
    return polish(context, surrogate, kept, name, iterations, maxStep);
  }
  return { settled: false, iterations };
}

/** Nodes 0, 2, 4, ... of a curve with an even number of segments. */
function everySecond(nodes: Float64Array, d: number): Float64Array {
  return nodes.filter((_, i) => Math.floor(i / d) % 2 === 0);
}

/** Smoothing can push a path along the border of the table off it: back onto it. */
function withinTable({ spline }: Surrogate, nodes: Float64Array): Float64Array {
  for (let i = 0; i < nodes.length; i++) {
    nodes[i] = Math.min(Math.max(nodes[i], spline.lower[i % 2]), spline.upper[i % 2]);
  }
  return nodes;
}

/** Steps on the metric itself: its gradient, the surrogate's Hessian. */
async function polish(
  context: SolverContext,
  surrogate: Surrogate,
  first: Float64Array,
  name: StartName,
  before: number,
  maxStep: number,
): Promise<SurrogateEnd> {
  const { machine, workspace } = roomFor(first.length / 2);
  let nodes = first;
  startNewton(machine, nodes);
  evaluateSurrogate(surrogate, machine.trial, workspace);
  let best: { nodes: Float64Array; values: Values } | undefined;
  let iterations = before;
  for (let step = 0; step < POLISHING_STEPS; step++) {
    const values = copyValues(await context.programs.run("gradient", machine.trial));
    iterations++;
    const energy = sumOf(values.steps);
    if (step > 0) evaluateSurrogate(surrogate, machine.trial, workspace);
    const trial = machine.trial.slice();
    const evaluation: Evaluation = { ...workspace, energy, gradient: values.gradient };
    const status = feedNewton(machine, evaluation, {
      tolerance: context.tolerance,
      maxIterations: POLISHING_STEPS + 1,
      noise: noiseOf(context),
      maxStep,
    });
    if (machine.rejections === 0) {
      best = { nodes: trial, values };
      nodes = trial;
    }
    if (status === "converged" && best) {
      const measure = measureSteps(best.values.steps, best.values.coarse, context.embedded);
      const candidate: Candidate = {
        nodes: best.nodes,
        measure,
        steps: best.values.steps,
        reason: "converged",
        iterations,
        error: Math.abs(measure.length - measure.discreteLength) / measure.length,
        start: name,
      };
      return { settled: true, candidate, iterations };
    }
    if (status !== "running" || machine.rejections > 1) break;
  }
  return handOver(context, nodes, iterations);
}

/** The curve so far as the first of a direct solve, at its number of nodes. */
function handOver(context: SolverContext, nodes: Float64Array, iterations: number): SurrogateEnd {
  const from = nodes.slice();
  const segments = Math.min(from.length / 2 - 1, context.maxSegments);
  return { settled: false, iterations, first: (points) => resampled(from, 2, points), segments };
}

/** Nodes and steps of quick lengths. */
const QUICK_SEGMENTS = [64, 256];
const QUICK_STEPS = 8;

/**
 * Length of the geodesic near a path, on the surrogate alone: a few Newton steps, then the length at twice as many
 * places. The length of the path's smoothed curve where the steps led nowhere. Right to the table's accuracy, usually 1e-3 or better.
 */
export function quickLength(surrogate: Surrogate, path: GraphPath): number {
  const { spline } = surrogate;
  const maxStep = 2 * STEP_SHARE * Math.hypot(spline.upper[0] - spline.lower[0], spline.upper[1] - spline.lower[1]);
  let best = Number.POSITIVE_INFINITY;
  for (const segments of QUICK_SEGMENTS) {
    const { machine, workspace } = roomFor(segments + 1);
    const first = pathCurve(path, 2, segments + 1);
    startNewton(machine, first);
    let status: NewtonStatus = "running";
    while (status === "running") {
      evaluateSurrogate(surrogate, machine.trial, workspace);
      if (!workspace.inside && machine.iterations > 0) workspace.energy = Number.POSITIVE_INFINITY;
      status = feedNewton(machine, workspace, { tolerance: 1e-3, maxIterations: QUICK_STEPS, noise: 1e-13, maxStep });
    }
    const { energy, length } = surrogateMeasure(surrogate, machine.nodes, 2);
    best = Math.min(best, length);
    if (Math.abs(energy / machine.energy - 1) < QUICK_AGREEMENT) return best;
    best = Math.min(best, surrogateMeasure(surrogate, first, 2).length);
  }
  return best;
}

/** The length at the nodes of a quick solve and at twice as many may differ by half of this. */
const QUICK_AGREEMENT = 1e-2;

export function surrogateCovers({ spline }: Surrogate, point: Float64Array): boolean {
  return contains({ lower: spline.lower, upper: spline.upper }, point);
}

interface Values {
  steps: Float64Array;
  coarse: Float64Array;
  gradient: Float64Array;
}

/** Kernel outputs are overwritten by the next run: keep what is needed. */
function copyValues(values: KernelValues): Values {
  return {
    steps: Float64Array.from(values.steps),
    coarse: Float64Array.from(values.coarse),
    gradient: Float64Array.from(values.gradient),
  };
}
