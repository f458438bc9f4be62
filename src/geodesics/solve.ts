/**
 * One geodesic between two points: from the starts to what is reported. It runs alike in the main thread and in workers.
 * A tabulated plane metric is solved on first (`on-table.ts`); otherwise, and where that does not settle at once, the metric
 * itself is (`levels.ts`).
 *
 * Axes: T nodes, d latent.
 */
import { constantSpeed, evenly, resampleAt } from "../numerics/resample.js";
import {
  type Candidate,
  measureAt,
  resampled,
  type SolverContext,
  type SolverSettings,
  type SolverStart,
  type StartName,
} from "./context.js";
import { graphPath, pathCurve, straightLine } from "./graph-start.js";
import { type FirstCurve, solveByLevels } from "./levels.js";
import { solveOnSurrogate, surrogateCovers } from "./on-table.js";
import type { Reason } from "./result.js";
import { type Surrogate, surrogateSegment } from "./surrogate.js";

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
  const firsts = starts.map((start) => firstCurve(context, from, to, start, warnings));
  const found = await bestOf(context, from, to, firsts);
  const { iterations } = found;
  let { reason } = found;
  if (reason === "converged" && !(found.measure.sum > 0)) reason = "zeroMetric";
  const finite = Number.isFinite(found.measure.length);
  if (!finite && reason === "converged") reason = "notFinite";
  const length = finite ? found.measure.length : straightLength;
  noteRegion(context, found.nodes, warnings);
  if (found.between !== undefined)
    warnings.push(
      `Two levels of refinement agree in length, but between its nodes the curve is off by ${(100 * found.between).toPrecision(2)} %: there are directions that cost next to nothing; raise maxPoints, or give the metric a floor.`,
    );
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
    discretisationError: found.between ?? found.error,
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

/** The first curve that a start stands for; the straight line, with a warning, where the graph has no path. */
function firstCurve(
  { dimension: d, graph }: SolverContext,
  from: Float64Array,
  to: Float64Array,
  start: SolverStart,
  warnings: string[],
): FirstCurve {
  if (typeof start !== "string") return { name: "given", at: (points) => givenCurve(start, from, to, points) };
  const path = start === "graph" && graph ? graphPath(graph, from, to) : undefined;
  if (path) return { name: "graph", at: (points) => pathCurve(path, d, points) };
  if (start === "graph" && graph)
    warnings.push("The graph has no path between the two points, so the straight line was the start.");
  return { name: graph ? "straight" : start, at: (points) => straightLine(from, to, points) };
}

/** The best of the geodesics that first curves lead to, with the iterations of all. */
async function bestOf(
  context: SolverContext,
  from: Float64Array,
  to: Float64Array,
  firsts: readonly FirstCurve[],
): Promise<Candidate> {
  const { surrogate, embedded, dimension } = context;
  const onTable = surrogate && surrogateCovers(surrogate, from) && surrogateCovers(surrogate, to);
  // In many dimensions the coarsest level tells the starts apart. (Without an embedding its curves may leap over bumps.)
  if (!onTable && dimension > 3 && embedded) return solveByLevels(context, firsts);
  let best: Candidate | undefined;
  let iterations = 0;
  for (const first of firsts) {
    const candidate = onTable ? await solveTabulated(context, surrogate, first) : await solveByLevels(context, [first]);
    iterations += candidate.iterations;
    if (!best || better(candidate, best)) best = candidate;
  }
  return { ...best!, iterations };
}

async function solveTabulated(context: SolverContext, surrogate: Surrogate, first: FirstCurve): Promise<Candidate> {
  const polished = await solveOnSurrogate(context, surrogate, first.at, first.name);
  if (polished.settled) return polished.candidate;
  // A curve that was being polished is at hand with its nodes; without one, begin anew.
  const from = { name: first.name, at: polished.first ?? first.at };
  const rest = await solveByLevels(context, [from], polished.segments ?? context.minSegments);
  return { ...rest, iterations: rest.iterations + polished.iterations };
}

function givenCurve(curve: Float64Array, from: Float64Array, to: Float64Array, points: number): Float64Array {
  const d = from.length;
  const out = resampleAt(curve, d, evenly(1, curve.length / d), evenly(1, points), "linear");
  out.set(from, 0);
  out.set(to, (points - 1) * d);
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
