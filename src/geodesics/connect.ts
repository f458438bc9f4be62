/**
 * `connect`: geodesics between pairs of points of a latent metric, as critical curves of the discrete energy
 * E = N sum_i |c_i -> c_{i+1}|^2 with fixed ends, found by descent. How they are found is in `solve.ts`; what is kept between calls
 * (compiled kernels, a graph, a tabulated metric, worker threads) is in `solver.ts`.
 *
 * A geodesic is a critical curve; short pieces of it are shortest, the whole need not be. Descent ends at a minimum,
 * unless a start lies exactly on a saddle by symmetry. The curve returned is the one of lowest energy among those that
 * the starts led to; no method of this kind knows that there is no shorter one elsewhere.
 */
import { isNdArray, type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { LatentMetric } from "../metrics/metric.js";
import { batchOf, type Points } from "./batches.js";
import { type GeodesicResult, isSuccess, reasons } from "./result.js";
import type { Solution } from "./solve.js";
import { createSolver, type Solver, type SolverOptions } from "./solver.js";

/** Where a solve begins: a straight line, a shortest path on a graph, or a curve [T, d]. */
export type Start = "straight" | "graph" | NdArray | readonly (readonly number[])[];

export interface ConnectOptions extends SolverOptions {
  /**
   * One start or several, of which the lowest energy is kept. Default where `codes` are given: "graph" in up to three latent
   * dimensions (a grid), "straight" and "graph" in more (a neighbour graph over the codes, by way of which paths are long);
   * "straight" otherwise.
   */
  start?: Start | readonly Start[];
  /** Called after each pair of a batch. */
  onProgress?: (done: number, total: number) => void;
  /** Stops the solve: pairs that are not done then end with the reason "aborted". */
  signal?: AbortSignal;
}

/**
 * The geodesic between two points, or between the rows of two batches of points.
 *
 * @param metric any latent metric; one with an `embedding` is solved by Newton's method
 * @param from `[d]`, or a batch `[B, d]` (an NdArray or lists)
 * @param to of the same shape
 * @returns one result, or B of them: curve `[points, d]` at constant speed on [0, 1], length L and energy E in the
 *   units of the metric, whether and why the solve ended. Lengths and energies are Richardson extrapolations in the
 *   number of nodes. A failed solve is returned, not thrown: see `converged`, `message`, and `requireConverged`.
 *   Default precision float32: lengths right to 1e-4 or better; `precision: "float64"`: to 1e-8 where the metric is smooth.
 *   The curve is critical for the energy, and as a rule a minimum among the curves near it, but it can be a saddle where
 *   the start lies on one by symmetry: the equator of a sphere in longitude and latitude over more than half a turn, the
 *   outer equator of a torus. Solves by Newton's method on an embedding (up to three latent dimensions, no tabulated
 *   metric) test for that and say so in `warnings`; elsewhere give a start that bends to one side and compare.
 * Cost, with a decoder 2-100-100-784 on 2 cores: some 5 ms a pair with codes (after the first: see `prepareConnect`).
 * @throws UsageError for shapes that do not fit, numbers that are not finite, and impossible options
 * @example
 *   const sphere = metricFrom((z) => concat([cos(z), sin(z)], 1), { dimension: 1 }); // the unit circle
 *   (await connect(sphere, [0], [1])).length // 1.0000
 */
export async function connect(
  metric: LatentMetric,
  from: readonly number[] | Float64Array,
  to: readonly number[] | Float64Array,
  options?: ConnectOptions,
): Promise<GeodesicResult>;
export async function connect(
  metric: LatentMetric,
  from: NdArray | readonly (readonly number[])[],
  to: NdArray | readonly (readonly number[])[],
  options?: ConnectOptions,
): Promise<GeodesicResult[]>;
export async function connect(
  metric: LatentMetric,
  from: Points | Float64Array,
  to: Points | Float64Array,
  options: ConnectOptions = {},
): Promise<GeodesicResult | GeodesicResult[]> {
  const [a, b] = endPoints("connect", metric, from, to);
  const solver = solverFor(metric, options);
  return solve(solver, a, b, options);
}

/** A metric made ready for many geodesics. */
export interface PreparedConnect {
  /** As `connect`, without its first and last arguments' preparation. */
  connect(
    from: readonly number[] | Float64Array,
    to: readonly number[] | Float64Array,
    options?: Pick<ConnectOptions, "start" | "onProgress" | "signal">,
  ): Promise<GeodesicResult>;
  connect(
    from: NdArray | readonly (readonly number[])[],
    to: NdArray | readonly (readonly number[])[],
    options?: Pick<ConnectOptions, "start" | "onProgress" | "signal">,
  ): Promise<GeodesicResult[]>;
  /** What the preparation took, in seconds. */
  readonly seconds: number;
  /** Frees the native sessions and the threads. */
  dispose(): Promise<void>;
}

/**
 * Makes a metric ready for many geodesics: compiles its kernels, measures the graph that starts are searched on and,
 * on a latent plane with codes, tabulates the metric for starts that cost less than a millisecond. Takes about a second
 * for a decoder 2-100-100-784, and makes each geodesic several times cheaper; `connect` does the same by itself for
 * batches of 48 pairs and more.
 * @throws UsageError as `connect`
 */
export async function prepareConnect(metric: LatentMetric, options: SolverOptions = {}): Promise<PreparedConnect> {
  const begin = performance.now();
  const solver = createSolver(metric, options);
  await solver.prepare(true);
  const seconds = (performance.now() - begin) / 1000;
  const run = (from: Points | Float64Array, to: Points | Float64Array, more: ConnectOptions = {}) => {
    const [a, b] = endPoints("connect", metric, from, to);
    return solve(solver, a, b, more);
  };
  return { connect: run as PreparedConnect["connect"], seconds, dispose: () => solver.dispose() };
}

type Ends = ReturnType<typeof batchOf>;

function endPoints(
  caller: string,
  metric: LatentMetric,
  from: Points | Float64Array,
  to: Points | Float64Array,
): [Ends, Ends] {
  const a = batchOf(caller, "from", pointsOf(from), metric.dimension);
  const b = batchOf(caller, "to", pointsOf(to), metric.dimension, a.count);
  if (a.single !== b.single)
    throw new UsageError(
      `${caller}: from is ${a.single ? "one point" : "a batch"} and to is ${b.single ? "one point" : "a batch"}; give two points or two batches.`,
    );
  return [a, b];
}

function pointsOf(points: Points | Float64Array): Points {
  return points instanceof Float64Array ? ndarray(points) : points;
}

/** Pairs from which on a batch is worth the preparation. */
const WORTH_PREPARING = 48;

async function solve(
  solver: Solver,
  a: Ends,
  b: Ends,
  options: ConnectOptions,
): Promise<GeodesicResult | GeodesicResult[]> {
  const starts = startsOf(options.start, solver);
  await solver.prepare(a.count >= WORTH_PREPARING && starts.includes("graph"), starts.includes("graph"));
  const { onProgress, signal } = options;
  const solutions = await solver.solve(a.array.data as Float64Array, b.array.data as Float64Array, starts, {
    onProgress,
    signal,
  });
  const results = solutions.map((solution) => resultOf(solution, solver.dimension));
  return a.single ? results[0] : results;
}

function startsOf(start: ConnectOptions["start"], solver: Solver): ("straight" | "graph" | Float64Array)[] {
  if (start === undefined) {
    if (!solver.hasCodes) return ["straight"];
    return solver.dimension > 3 ? ["straight", "graph"] : ["graph"];
  }
  const isCurve = (x: unknown): boolean =>
    isNdArray(x) || (Array.isArray(x) && Array.isArray(x[0]) && typeof x[0][0] === "number");
  const list = Array.isArray(start) && !isCurve(start) ? (start as readonly Start[]) : [start as Start];
  if (list.length === 0) throw new UsageError("connect: start is an empty list; give 'straight', 'graph' or a curve.");
  return list.map((one) => {
    if (one === "straight" || one === "graph") return one;
    if (!isCurve(one))
      throw new UsageError(`connect: start is ${JSON.stringify(one)}; give 'straight', 'graph' or a curve [T, d].`);
    const curve = batchOf("connect", "start", one as Points, solver.dimension);
    if (curve.count < 2) throw new UsageError("connect: the start curve has one point; give two or more.");
    return curve.array.data as Float64Array;
  });
}

function resultOf(solution: Solution, dimension: number): GeodesicResult {
  const { curve, reason } = solution;
  return {
    ...solution,
    curve: ndarray(curve, [curve.length / dimension, dimension]),
    converged: isSuccess(reason),
    message: reasons[reason],
    endPointGap: 0,
  };
}

// Solvers of plain calls are kept as long as their metric; one for each combination of options.
const solvers = new WeakMap<LatentMetric, Map<string, Solver>>();
const codesNumbers = new WeakMap<object, number>();
let codesSeen = 0;

function solverFor(metric: LatentMetric, options: ConnectOptions): Solver {
  const { start: _start, onProgress: _progress, signal: _signal, codes, ...rest } = options;
  let number = 0;
  if (codes) {
    number = codesNumbers.get(codes) ?? ++codesSeen;
    codesNumbers.set(codes, number);
  }
  const key = JSON.stringify([number, rest]);
  let known = solvers.get(metric);
  if (!known) {
    known = new Map();
    solvers.set(metric, known);
  }
  let solver = known.get(key);
  if (!solver) {
    solver = createSolver(metric, { ...rest, codes });
    known.set(key, solver);
  }
  return solver;
}

/** The solver that plain calls of `connect` with these options share; for `distanceMatrix`. */
export { solverFor };
