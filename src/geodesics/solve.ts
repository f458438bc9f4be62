/**
 * One geodesic between two points. This file decides the order of things; it runs alike in the main thread and in
 * workers.
 *
 *   1. On a tabulated plane metric (`surrogate`): Newton in plain JavaScript from a graph path, at enough nodes that the
 *      curve's energy on four times as many agrees. Then the metric itself is asked for energy and gradient there;
 *      with the surrogate's Hessian that gives the decrease that is still to be had. Steps are taken until it is below
 *      the tolerance. Where that does not work out at once, 2. takes over from the best curve known.
 *   2. On the metric itself: Newton or quasi-Newton, coarse to fine; the solution at N segments is measured on 2 N, and
 *      where the extrapolated lengths disagree N is doubled.
 *
 * Axes: T nodes, N = T - 1 segments, d latent.
 */
import { constantSpeed, evenly, polylineLength, resampleAt } from "../numerics/resample.js";
import { contains, type GraphPath, graphPath, pathCurve, type StartGraph, straightLine } from "./graph-start.js";
import type { KernelKind } from "./kernels.js";
import { type CurveMeasure, measureSteps, sumOf } from "./measure.js";
import {
  atSaddle,
  type Evaluation,
  feedNewton,
  type NewtonMachine,
  type NewtonStatus,
  newtonMachine,
  startNewton,
} from "./newton.js";
import type { KernelValues, Programs } from "./programs.js";
import { quasiNewton } from "./quasi-newton.js";
import type { Reason } from "./result.js";
import {
  type Box,
  evaluateSurrogate,
  type Surrogate,
  type SurrogateWorkspace,
  surrogateMeasure,
  surrogateSegment,
  surrogateWorkspace,
} from "./surrogate.js";

/** What a solver knows about a metric; all but `programs` is plain data. */
export interface SolverSettings {
  readonly dimension: number;
  /** The metric has an embedding: kernels give |w_i|^2 as `coarse`. */
  readonly embedded: boolean;
  readonly precision: "float32" | "float64";
  /** Kernel of direct solves: `newton`, or quasi-Newton with `gaussNewton` or `frozenMetric` blocks. */
  readonly method: KernelKind;
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

/** A solve's end as plain data. */
export interface Solution {
  /** Constant speed. [points, d] */
  curve: Float64Array;
  length: number;
  energy: number;
  reason: Reason;
  iterations: number;
  straightLength: number;
  discretisationError: number;
  start: StartName;
  warnings: string[];
}

export interface SolveHooks {
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** The straight line, marked as not done. */
export function abortedSolution({ points }: SolverSettings, from: Float64Array, to: Float64Array): Solution {
  return {
    curve: straightLine(from, to, points),
    length: Number.NaN,
    energy: Number.NaN,
    reason: "aborted",
    iterations: 0,
    straightLength: Number.NaN,
    discretisationError: Number.NaN,
    start: "straight",
    warnings: [],
  };
}

/** A curve on its way: nodes, what was measured at them, what it took. */
interface Candidate {
  nodes: Float64Array;
  measure: CurveMeasure;
  steps: Float64Array;
  reason: Reason;
  iterations: number;
  error: number;
  start: StartName;
  /** A critical curve that is no minimum; known only where the metric's own Hessian was at hand. */
  saddle?: boolean;
}

/** The geodesic between two points: the one of lowest energy among those that the starts lead to. */
export async function solvePair(
  context: SolverContext,
  from: Float64Array,
  to: Float64Array,
  starts: readonly SolverStart[],
): Promise<Solution> {
  const warnings: string[] = [];
  if (from.every((value, k) => value === to[k])) return pointSolution(context, from);
  const straightLength = await straightLengthOf(context, from, to);
  let best: Candidate | undefined;
  let iterations = 0;
  for (const start of starts) {
    const candidate = await solveFrom(context, from, to, start, warnings);
    iterations += candidate.iterations;
    if (!best || better(candidate, best)) best = candidate;
  }
  const found = best!;
  let { reason } = found;
  if (reason === "converged" && !(found.measure.sum > 0)) reason = "zeroMetric";
  const finite = Number.isFinite(found.measure.length);
  if (!finite && reason === "converged") reason = "notFinite";
  const length = finite ? found.measure.length : straightLength;
  noteRegion(context, found.nodes, warnings);
  if (found.saddle) {
    warnings.push(
      "The curve is a geodesic but a saddle of the energy: there are shorter curves beside it; give a start that bends to one side.",
    );
  }
  if (Number.isFinite(straightLength) && length > straightLength * (1 + 1e-3)) {
    warnings.push(
      `The straight line is shorter (${straightLength.toPrecision(6)} against ${length.toPrecision(6)}): this geodesic is a local minimum only; add the start 'straight'.`,
    );
  }
  return {
    curve: finalCurve(context, found),
    length,
    energy: length * length, // the curve is returned at constant speed
    reason,
    iterations,
    straightLength,
    discretisationError: found.error,
    start: found.start,
    warnings,
  };
}

/**
 * Length of the straight latent segment: off the table where there is one (at 512 places, so that no ridge is missed),
 * by 64 chords and extrapolation otherwise.
 */
async function straightLengthOf(context: SolverContext, from: Float64Array, to: Float64Array): Promise<number> {
  const { surrogate, precision } = context;
  if (surrogate && precision === "float32" && surrogateCovers(surrogate, from) && surrogateCovers(surrogate, to))
    return surrogateSegment(surrogate, from[0], from[1], to[0] - from[0], to[1] - from[1], 512);
  return (await measureAt(context, straightLine(from, to, 257))).measure.length;
}

function better(a: Candidate, b: Candidate): boolean {
  if (!Number.isFinite(b.measure.energy)) return Number.isFinite(a.measure.energy);
  const [aWell, bWell] = [a.reason === "converged", b.reason === "converged"];
  // A converged curve wins over one that is not, unless it is clearly longer.
  if (aWell !== bWell)
    return aWell ? a.measure.energy < b.measure.energy * 1.01 : a.measure.energy * 1.01 < b.measure.energy;
  return a.measure.energy < b.measure.energy;
}

function pointSolution({ points, dimension }: SolverContext, at: Float64Array): Solution {
  const curve = new Float64Array(points * dimension);
  for (let i = 0; i < points; i++) curve.set(at, i * dimension);
  return {
    curve,
    length: 0,
    energy: 0,
    reason: "coincident",
    iterations: 0,
    straightLength: 0,
    discretisationError: 0,
    start: "straight",
    warnings: [],
  };
}

async function solveFrom(
  context: SolverContext,
  from: Float64Array,
  to: Float64Array,
  start: SolverStart,
  warnings: string[],
): Promise<Candidate> {
  const { dimension: d, surrogate, graph } = context;
  let path: GraphPath | undefined;
  let name: StartName = typeof start === "string" ? start : "given";
  if (start === "graph" && graph) {
    path = graphPath(graph, from, to);
    if (!path) {
      warnings.push("The graph has no path between the two points, so the straight line was the start.");
      name = "straight";
    }
  }
  const first = (points: number): Float64Array => {
    if (path) return pathCurve(path, d, points);
    if (typeof start !== "string") return givenCurve(start, from, to, points);
    return straightLine(from, to, points);
  };
  if (surrogate && surrogateCovers(surrogate, from) && surrogateCovers(surrogate, to)) {
    const polished = await solveOnSurrogate(context, surrogate, first, name);
    if (polished.settled) return polished.candidate;
    // A curve that was being polished is at hand with its nodes; without one, begin anew.
    const rest = await solveDirectly(context, polished.first ?? first, name, polished.segments ?? context.minSegments);
    rest.iterations += polished.iterations;
    return rest;
  }
  return solveDirectly(context, first, name, context.minSegments);
}

function givenCurve(curve: Float64Array, from: Float64Array, to: Float64Array, points: number): Float64Array {
  const d = from.length;
  const out = resampleAt(curve, d, evenly(1, curve.length / d), evenly(1, points), "linear");
  out.set(from, 0);
  out.set(to, (points - 1) * d);
  return out;
}

function surrogateCovers({ spline }: Surrogate, point: Float64Array): boolean {
  return contains({ lower: spline.lower, upper: spline.upper }, point);
}

// --- 1. on the surrogate --------------------------------------------------------------------------------------------

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

async function solveOnSurrogate(
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

// --- 2. on the metric itself ----------------------------------------------------------------------------------------

async function solveDirectly(
  context: SolverContext,
  first: (points: number) => Float64Array,
  name: StartName,
  firstSegments: number,
): Promise<Candidate> {
  const { dimension: d, maxSegments, accuracy, maxIterations } = context;
  let iterations = 0;
  let nodes = first(firstSegments + 1);
  let before = Number.NaN;
  for (let segments = firstSegments; ; segments *= 2) {
    const end = await solveLevel(context, nodes, maxIterations - iterations);
    iterations += end.iterations;
    const here = await measureAt(context, end.nodes);
    const candidate = (reason: Reason, error: number): Candidate => ({
      nodes: end.nodes,
      measure: here.measure,
      steps: here.steps,
      reason,
      iterations,
      error,
      start: name,
      saddle: end.saddle,
    });
    if (here.measure.sum === 0) return candidate("zeroMetric", 0);
    if (end.reason === "notFinite" || end.reason === "notPositive" || !Number.isFinite(here.measure.sum)) {
      return candidate(end.reason === "notPositive" ? "notPositive" : "notFinite", Infinity);
    }
    const finer = resampled(end.nodes, d, 2 * segments + 1);
    const there = await measureAt(context, finer);
    // Both are extrapolated: they agree to fourth order where the curve is resolved.
    let error = Math.abs(there.measure.length / here.measure.length - 1);
    // The minimiser at N segments lies off the geodesic by O(1 / N^2), its length by the square of that: where so
    // little counts, two levels must agree.
    if (accuracy < 1e-6) error = Math.max(error, Math.abs(there.measure.length / before - 1) || 0, before > 0 ? 0 : 1);
    before = there.measure.length;
    if (error <= accuracy || end.reason !== "converged" || 2 * segments > maxSegments) {
      const reason = end.reason === "converged" && !(error <= accuracy) ? "pointLimit" : end.reason;
      const last = candidate(reason, error);
      // the finer measure is the better one of the same curve
      if (error <= accuracy) last.measure = { ...there.measure };
      return last;
    }
    nodes = finer;
    // A curve that leapt over a ridge is a bad start for the next level: the first curve may be better.
    if (!(there.measure.discreteEnergy <= 1.02 * here.measure.discreteEnergy)) {
      const again = first(2 * segments + 1);
      const measured = await measureAt(context, again);
      if (measured.measure.discreteEnergy < there.measure.discreteEnergy) nodes = again;
    }
  }
}

interface LevelEnd {
  nodes: Float64Array;
  reason: Reason;
  iterations: number;
  saddle?: boolean;
}

/** No node moves farther in one step than this share of the curve's latent length: no leaps over hills. */
const LEVEL_STEP_SHARE = 0.1;

/** Minimises the discrete energy at one number of nodes. */
async function solveLevel(context: SolverContext, start: Float64Array, maxIterations: number): Promise<LevelEnd> {
  const { dimension: d, method, programs, tolerance } = context;
  const maxStep = LEVEL_STEP_SHARE * polylineLength(start, d);
  const options = { tolerance, maxIterations: Math.max(2, maxIterations), noise: noiseOf(context), maxStep };
  const area = d * d;
  const n = start.length / d - 2;
  const diagonal = new Float64Array(n * area);
  const curvature = new Float64Array(n * area);
  const evaluate = async (nodes: Float64Array): Promise<Evaluation> => {
    const values = await programs.run(method, nodes);
    const energy = sumOf(values.steps);
    const { gradient, blocks, lower } = values;
    if (method !== "newton") return { energy, gradient, diagonal: blocks, lower };
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < area; k++) {
        diagonal[i * area + k] = blocks[2 * i * area + k];
        curvature[i * area + k] = blocks[(2 * i + 1) * area + k];
      }
    }
    return { energy, gradient, diagonal, curvature, lower };
  };
  if (method !== "newton") {
    const end = await quasiNewton(evaluate, start, d, options);
    return {
      nodes: end.nodes,
      reason: reasonOf(end.status, end.predicted, end.energy, tolerance),
      iterations: end.iterations,
    };
  }
  const machine = newtonMachine(n + 2, d);
  startNewton(machine, start);
  let status: NewtonStatus = "running";
  while (status === "running") status = feedNewton(machine, await evaluate(machine.trial), options);
  return {
    nodes: machine.nodes,
    reason: reasonOf(status, machine.predicted, machine.energy, tolerance),
    iterations: machine.iterations,
    saddle: status === "converged" && atSaddle(machine, options.noise),
  };
}

function reasonOf(status: NewtonStatus, predicted: number, energy: number, tolerance: number): Reason {
  if (status === "running") return "stuck";
  if (status === "stuck" && predicted <= 100 * tolerance * energy) return "floatingPointLimit";
  return status;
}

/** Relative rounding error of an energy: below it an increase is none. */
function noiseOf({ precision }: SolverContext): number {
  return precision === "float64" ? 1e-13 : 5e-7;
}

// --- curves ---------------------------------------------------------------------------------------------------------

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

async function measureAt(
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
function resampled(nodes: Float64Array, d: number, points: number): Float64Array {
  if (nodes.length === points * d) return nodes.slice();
  const T = nodes.length / d;
  const out = resampleAt(nodes, d, evenly(1, T), evenly(1, points), "natural");
  out.set(nodes.subarray(0, d), 0);
  out.set(nodes.subarray((T - 1) * d), (points - 1) * d);
  return out;
}

function finalCurve({ dimension: d, points }: SolverContext, { nodes, steps, measure }: Candidate): Float64Array {
  if (!(measure.sum > 0) || !Number.isFinite(measure.sum)) return resampled(nodes, d, points);
  return constantSpeed(
    nodes,
    d,
    steps.map((square) => Math.sqrt(Math.max(0, square))),
    points,
    true,
  );
}

/** How far a curve may leave the box of the codes, as a share of its size, without a word. */
const REGION_SHARE = 0.2;

function noteRegion({ region, dimension: d }: SolverContext, nodes: Float64Array, warnings: string[]): void {
  if (!region) return;
  let farthest = 0;
  for (let i = 0; i < nodes.length; i++) {
    const k = i % d;
    const size = region.upper[k] - region.lower[k];
    if (size > 0)
      farthest = Math.max(farthest, (region.lower[k] - nodes[i]) / size, (nodes[i] - region.upper[k]) / size);
  }
  if (farthest > REGION_SHARE) {
    warnings.push(
      `The curve leaves the region of the codes by ${Math.round(farthest * 100)} % of its size, where the model was never trained: give the metric a floor (withFloor) or an uncertainty that keeps growing.`,
    );
  }
}
