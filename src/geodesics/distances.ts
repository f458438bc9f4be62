/**
 * Distances between all pairs of N points.
 *
 * - `exact`: a geodesic for each pair, by `connect`.
 * - `graph`: one shortest-path search for each point on a graph whose edges carry metric lengths (a grid over the
 *   region in up to three latent dimensions, a neighbour graph over points and codes above), which gives lengths that are
 *   usually some per cent too long. They are no bounds: an edge is measured by one or a few chords, which can be shorter
 *   than the arc (by 1.6 % at worst where it was measured). Then, unless `refine: false`, a few second-order steps from each path: on a latent
 *   plane on the tabulated metric (some 0.1 ms a pair), otherwise on the metric itself (some ms a pair).
 *
 * Axes: N points, d latent dimensions.
 */
import { type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { LatentMetric } from "../metrics/metric.js";
import { batchOf, type Points } from "./batches.js";
import { isSuccess } from "./result.js";
import { createSolver, type Solver, type SolverOptions } from "./solver.js";

export interface DistanceOptions extends SolverOptions {
  /** "exact" (default) or "graph". */
  method?: "exact" | "graph";
  /** For "graph": relax each path by a few steps (default), or give the lengths on the graph (usually some per cent too long). */
  refine?: boolean;
  /** Called as pairs get done. */
  onProgress?: (done: number, total: number) => void;
  /** Streams what is known: called with each finished row i, the distances to the points 0 .. N-1 (NaN where not yet known). */
  onRow?: (row: number, distances: Float64Array) => void;
  /** Stops the work: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface DistanceResult {
  /** Symmetric, zero diagonal; NaN where a solve gave no length. [N, N] float64 */
  readonly distances: NdArray;
  /** Pairs (of N (N - 1) / 2) that converged (`exact`), or that a path was found for (`graph`, four places or more). */
  readonly converged: number;
  /** Pairs that did not, as [i, j]. */
  readonly failed: readonly (readonly [number, number])[];
}

/**
 * The matrix of geodesic distances of N points.
 *
 * @param points `[N, d]`, N >= 2; with fewer than four points and codes in all, "graph" is done as "exact"
 * @throws UsageError for other shapes, numbers that are not finite, impossible options
 * @example
 *   const { distances } = await distanceMatrix(metric, codes, { method: "graph" });
 */
export async function distanceMatrix(
  metric: LatentMetric,
  points: Points,
  options: DistanceOptions = {},
): Promise<DistanceResult> {
  const { method = "exact", refine = true, onProgress, onRow, signal, ...rest } = options;
  if (method !== "exact" && method !== "graph")
    throw new UsageError(`distanceMatrix: method is ${JSON.stringify(method)}; give "exact" or "graph".`);
  const d = metric.dimension;
  const { array, count: N } = batchOf("distanceMatrix", "points", points, d);
  if (N < 2) throw new UsageError("distanceMatrix: points holds one point; give two or more.");
  const data = array.data as Float64Array;
  // Graph and table must reach the points too, so they count as codes.
  const extra = rest.codes === undefined ? undefined : batchOf("distanceMatrix", "codes", rest.codes, d);
  const codes = new Float64Array(data.length + (extra?.array.data.length ?? 0));
  codes.set(data);
  if (extra) codes.set(extra.array.data, data.length);
  const withCodes = { ...rest, codes: ndarray(codes, [codes.length / d, d]) };
  // A graph over fewer than four places says nothing that their geodesics would not say as soon.
  const byPaths = method === "graph" && codes.length / d >= 4;
  const solver = createSolver(metric, byPaths || extra ? withCodes : rest, { padFlat: true });
  const state: State = { N, out: new Float64Array(N * N), converged: 0, failed: [], done: 0 };
  for (let i = 0; i < N; i++) state.out.fill(Number.NaN, i * N, (i + 1) * N);
  for (let i = 0; i < N; i++) state.out[i * N + i] = 0;
  const note = (i: number, j: number, length: number, good: boolean) => {
    state.out[i * N + j] = length;
    state.out[j * N + i] = length;
    if (good) state.converged++;
    else state.failed.push([i, j]);
    state.done++;
  };
  const rowDone = (i: number) => {
    onProgress?.(state.done, (N * (N - 1)) / 2);
    onRow?.(i, state.out.slice(i * N, (i + 1) * N));
  };
  try {
    if (byPaths) {
      await solver.prepare(true, true);
      await byGraph(solver, data, refine, note, rowDone, signal);
    } else {
      await solver.prepare((N * (N - 1)) / 2 >= 48 && solver.hasCodes, solver.hasCodes);
      await byConnect(solver, data, note, rowDone, signal);
    }
  } finally {
    await solver.dispose();
  }
  return { distances: ndarray(state.out, [N, N]), converged: state.converged, failed: state.failed };
}

interface State {
  readonly N: number;
  readonly out: Float64Array;
  converged: number;
  readonly failed: [number, number][];
  done: number;
}

type Note = (i: number, j: number, length: number, good: boolean) => void;

/** Each row's pairs as one batch of geodesics. */
async function byConnect(
  solver: Solver,
  data: Float64Array,
  note: Note,
  rowDone: (i: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const d = solver.dimension;
  const N = data.length / d;
  for (let i = 0; i + 1 < N; i++) {
    signal?.throwIfAborted();
    const to = data.slice((i + 1) * d);
    const from = new Float64Array(to.length);
    for (let k = 0; k < from.length; k += d) from.set(data.subarray(i * d, (i + 1) * d), k);
    const solutions = await solver.solve(from, to, [solver.hasCodes ? "graph" : "straight"], { signal });
    signal?.throwIfAborted();
    solutions.forEach((solution, k) => {
      const good = isSuccess(solution.reason);
      note(i, i + 1 + k, Number.isFinite(solution.length) ? solution.length : Number.NaN, good);
    });
    rowDone(i);
  }
}

async function byGraph(
  solver: Solver,
  data: Float64Array,
  refine: boolean,
  note: Note,
  rowDone: (i: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const d = solver.dimension;
  const N = data.length / d;
  await solver.rows(data, refine, {
    signal,
    onRow: (i, lengths) => {
      for (let j = i + 1; j < N; j++) note(i, j, lengths[j - i - 1], Number.isFinite(lengths[j - i - 1]));
      rowDone(i);
    },
  });
}
