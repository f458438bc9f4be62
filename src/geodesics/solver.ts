/**
 * What is kept between the geodesics of one metric: options made whole, compiled kernels, the graph that starts are
 * searched on, the tabulated metric, worker threads. Each part is made when it is first needed.
 */
import { compile, type NdArray, ndarray, type Precision, type Tensor } from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import type { LatentMetric } from "../metrics/metric.js";
import { choleskyInto } from "../numerics/dense.js";
import { type Graph, setEmbeddingWeights } from "../numerics/graph.js";
import { batchOf, type Points } from "./batches.js";
import type { SolverContext, SolverSettings, SolverStart } from "./context.js";
import { distanceRow } from "./distance-row.js";
import {
  boxOf,
  FINE_GRID,
  fillWeights,
  GRIDS,
  gridStart,
  grow,
  neighbourStart,
  type StartGraph,
} from "./graph-start.js";
import { embeddingKernel, segmentKernel, tensorKernel } from "./kernels.js";
import { createPool, type Pool, type RowJob, type SolveJob } from "./pool.js";
import { createPrograms, loweringSource, type Programs } from "./programs.js";
import { abortedSolution, type Solution, type SolveHooks, solvePair } from "./solve.js";
import { type Box, buildSurrogate, type Surrogate, surrogateSegment } from "./surrogate.js";

export interface SolverOptions {
  /** Points of the returned curve, at constant speed. Default 64. The solver refines beyond it where it must. */
  points?: number;
  /**
   * Largest number of segments that a curve is refined to. Default 512; 2048 in float64, and in up to three dimensions
   * without an embedding.
   */
  maxPoints?: number;
  /** Predicted relative decrease of the energy at which a solve has converged. Default 4e-5 (float32), 1e-12 (float64). */
  tolerance?: number;
  /**
   * Relative error of the length that the number of points may cause. Default 1e-4 (float32), 1e-8 (float64). In more than
   * three dimensions (accuracy 1e-6 or larger) it is the agreement of two levels of refinement; between its nodes the
   * curve may then be up to fifty times as inaccurate, in directions that cost next to nothing.
   */
  accuracy?: number;
  /** Iterations for each start. Default 300. */
  maxIterations?: number;
  /** Number format of the compiled kernels; all small solves are in float64 anyway. Default "float32". */
  precision?: Precision;
  /**
   * Encoded data `[N, d]`: they say where the latent space is inhabited, which graphs, the tabulated metric and the
   * warning about curves that leave the region need.
   */
  codes?: Points;
  /**
   * Whether a latent plane's metric is tabulated: `true` or nodes along each axis (default 384); `false` never;
   * "auto" (default) where there are codes and many pairs. It changes the time, not the answer.
   */
  surrogate?: boolean | number | "auto";
  /** Worker threads for batches: default one for each core; 0 for none. */
  workers?: number;
  /** Threads of a kernel in the calling thread. Default 1: more help large decoders, and only on an idle machine. */
  threads?: number;
}

export interface RowHooks {
  onRow: (row: number, lengths: Float64Array) => void;
  signal?: AbortSignal;
}

export interface Solver {
  readonly dimension: number;
  readonly hasCodes: boolean;
  /** Makes the graph ready where it is wanted, and the tabulated metric where it is worth while. */
  prepare(many: boolean, graph?: boolean): Promise<void>;
  /** Geodesics between rows of `from` and `to`, [B, d] each. */
  solve(from: Float64Array, to: Float64Array, starts: readonly SolverStart[], hooks?: SolveHooks): Promise<Solution[]>;
  /** Rows of a distance matrix on the graph, see `distance-row.ts`; in any order. */
  rows(points: Float64Array, refine: boolean, hooks: RowHooks): Promise<void>;
  /** The context of the calling thread. */
  context(): SolverContext;
  /** Lengths of straight latent segments, each measured as `pieces` chords. [E, d], [E, d] -> [E] */
  segmentLengths(starts: Float64Array, ends: Float64Array, pieces?: number): Promise<Float64Array>;
  dispose(): Promise<void>;
}

const DEFAULTS = { points: 64, maxIterations: 300 } as const;
/** Nodes of a tabulated metric along each axis. */
const TABLE_SIZE = 384;
/** Shares of the codes' box that graphs, and tables, reach beyond it: curves may run outside of what is searched. */
const MARGIN = 0.15;
const TABLE_MARGIN = 0.4;
/** Codes in a neighbour graph for starts, at most. */
const GRAPH_CODES = 2000;
/**
 * Up to this latent dimension Newton's method forms the Hessian's blocks; above, products with the Hessian in conjugate
 * gradients. Measured on random decoders d-100-100-784, ms of processor a pair, products against L-BFGS on the Gauss-Newton
 * blocks: 32 and 24 (d = 4), 35 and 40 (8), 49 and 91 (16), 98 and 265 (30), at the same lengths.
 */
const NEWTON_DIMENSIONS = 3;
/** Pairs from which on worker threads pay. */
const WORTH_THREADS = 24;

/** Nodes of a solution at which the metric must be positive, and the ends of a solve after which that is asked. */
const CHECKED_NODES = 17;
const MEASURED: ReadonlySet<string> = new Set([
  "converged",
  "pointLimit",
  "floatingPointLimit",
  "iterationLimit",
  "stuck",
]);

/** @param padFlat whether codes that agree in a coordinate span a thin region, where they would be refused */
export function createSolver(
  metric: LatentMetric,
  options: SolverOptions,
  { padFlat = false }: { padFlat?: boolean } = {},
): Solver {
  const d = metric.dimension;
  const settings = settingsOf(metric, options);
  const codes = options.codes === undefined ? undefined : batchOf("connect", "codes", options.codes, d);
  const { precision } = settings;
  const source = loweringSource(metric, precision);
  let programs: Programs | undefined;
  let surrogate: Surrogate | undefined;
  let graph: StartGraph | undefined;
  let pool: Pool | undefined;
  let definite: (((points: NdArray) => Promise<NdArray>) & { dispose(): Promise<void> }) | undefined;
  let preparing: Promise<void> = Promise.resolve();
  const region = codes ? boxOf(codes.array.data as Float64Array, d) : undefined;
  const spanned = region && padFlat ? padded(region) : region;
  const box = spanned && roomy(spanned, MARGIN);
  const tableBox = spanned && roomy(spanned, TABLE_MARGIN);

  const context = (): SolverContext => {
    programs ??= createPrograms(source, d, precision, options.threads ?? 1);
    return { ...settings, region, surrogate, graph, programs };
  };

  async function tabulate(within: Box): Promise<void> {
    const size = typeof options.surrogate === "number" ? options.surrogate : TABLE_SIZE;
    const tensors = compile(tensorKernel(metric), { precision: "float32" });
    try {
      const table = await buildSurrogate(
        async (points) => (await tensors(ndarray(Float32Array.from(points), [points.length / 2, 2]))).data,
        within,
        size,
      );
      surrogate = table;
    } finally {
      await tensors.dispose();
    }
  }

  async function buildGraph(): Promise<void> {
    expectThat(
      codes && box,
      "connect: start 'graph' needs codes, so that it knows where to look: pass { codes } with encoded data [N, d].",
    );
    if (surrogate) {
      const table = surrogate;
      const cell = (box.upper[0] - box.lower[0]) / (FINE_GRID.nodes - 1);
      const lengthsOf = async (starts: Float64Array, ends: Float64Array) => {
        const lengths = new Float64Array(starts.length / 2);
        for (let e = 0; e < lengths.length; e++) {
          const u = ends[2 * e] - starts[2 * e];
          const v = ends[2 * e + 1] - starts[2 * e + 1];
          const samples = Math.max(2, Math.ceil(1.25 * (Math.hypot(u, v) / cell)));
          lengths[e] = surrogateSegment(table, starts[2 * e], starts[2 * e + 1], u, v, samples);
        }
        return lengths;
      };
      graph = await gridStart(box, FINE_GRID, (g, places) => fillWeights(g, places, 2, lengthsOf));
      return;
    }
    if (d in GRIDS) {
      graph = await gridStart(box, GRIDS[d], weighGrid);
      return;
    }
    const data = codes.array.data as Float64Array;
    expectThat(
      codes.count >= 3,
      () => `connect: start 'graph' in ${d} dimensions needs three codes or more, there are ${codes.count}; pass more.`,
    );
    const stride = Math.max(1, codes.count / GRAPH_CODES);
    const count = Math.min(codes.count, GRAPH_CODES);
    const chosen = new Float64Array(count * d);
    for (let i = 0; i < count; i++) {
      const row = Math.floor(i * stride);
      chosen.set(data.subarray(row * d, (row + 1) * d), i * d);
    }
    graph = await neighbourStart(chosen, d, (g, places) =>
      fillWeights(g, places, d, (starts, ends) => segmentLengths(starts, ends)),
    );
  }

  /** Grid edges by decoded differences where there is an embedding: each node is decoded once. */
  async function weighGrid(g: Graph, places: Float64Array): Promise<void> {
    if (!metric.embedding) {
      await fillWeights(g, places, d, (starts, ends) => segmentLengths(starts, ends, 1));
      return;
    }
    const embed = compile(embeddingKernel(metric), { precision: "float32" });
    try {
      const decoded: NdArray = await embed(ndarray(Float32Array.from(places), [g.nodes, d]));
      setEmbeddingWeights(g, decoded.data as Float32Array, decoded.shape[1]);
    } finally {
      await embed.dispose();
    }
  }

  const measure = compile((a: Tensor, b: Tensor) => segmentKernel(metric, a, b), { precision, threads: undefined });
  const CHORDS = 2048;
  async function segmentLengths(starts: Float64Array, ends: Float64Array, pieces = 4): Promise<Float64Array> {
    const edges = starts.length / d;
    const out = new Float64Array(edges);
    const perCall = Math.max(1, Math.floor(CHORDS / pieces));
    const a = ndarray(new Float64Array(perCall * pieces * d), [perCall * pieces, d]);
    const b = ndarray(new Float64Array(perCall * pieces * d), [perCall * pieces, d]);
    for (let first = 0; first < edges; first += perCall) {
      for (let e = 0; e < perCall; e++) {
        const edge = Math.min(first + e, edges - 1);
        for (let p = 0; p < pieces; p++) {
          for (let k = 0; k < d; k++) {
            const low = starts[edge * d + k];
            const step = (ends[edge * d + k] - low) / pieces;
            a.data[(e * pieces + p) * d + k] = low + p * step;
            b.data[(e * pieces + p) * d + k] = low + (p + 1) * step;
          }
        }
      }
      const { data } = await measure(a, b);
      for (let e = 0; e < Math.min(perCall, edges - first); e++) {
        let sum = 0;
        for (let p = 0; p < pieces; p++) sum += Math.sqrt(Math.max(0, data[e * pieces + p]));
        out[first + e] = sum;
      }
    }
    return out;
  }

  async function prepare(many: boolean, wantsGraph = codes !== undefined): Promise<void> {
    const wanted = options.surrogate ?? "auto";
    const table = d === 2 && box && wanted !== false && (many || wanted !== "auto");
    if (wanted !== "auto" && wanted !== false)
      expectThat(
        d === 2 && codes,
        () =>
          `connect: a surrogate needs a latent plane and codes; here d = ${d}${codes ? "" : " and there are no codes"}.`,
      );
    preparing = preparing.then(async () => {
      if (table && !surrogate) {
        await tabulate(tableBox!);
        graph = undefined; // the table allows a finer one
        await pool?.dispose();
        pool = undefined;
      }
      if (wantsGraph && !graph) await buildGraph();
    });
    const mine = preparing;
    preparing = preparing.catch(() => undefined);
    await mine;
  }

  async function solve(
    from: Float64Array,
    to: Float64Array,
    starts: readonly SolverStart[],
    hooks: SolveHooks = {},
  ): Promise<Solution[]> {
    const count = from.length / d;
    const here = context();
    const solutions: Solution[] = [];
    const workers = count >= WORTH_THREADS ? await threads() : undefined;
    if (workers) {
      let done = 0;
      await workers.run<SolveJob>(
        count,
        (job) => {
          if (hooks.signal?.aborted) return undefined;
          const [first, last] = [job * d, (job + 1) * d];
          return { type: "solve", from: from.slice(first, last), to: to.slice(first, last), starts };
        },
        (job, answer) => {
          solutions[job] = answer;
          hooks.onProgress?.(++done, count);
        },
      );
      for (let i = 0; i < count; i++)
        solutions[i] ??= abortedSolution(settings, from.slice(i * d, (i + 1) * d), to.slice(i * d, (i + 1) * d));
      for (const solution of solutions) await checkDefinite(solution);
      return solutions;
    }
    for (let i = 0; i < count; i++) {
      const [a, b] = [from.slice(i * d, (i + 1) * d), to.slice(i * d, (i + 1) * d)];
      if (hooks.signal?.aborted) {
        solutions.push(abortedSolution(settings, a, b));
        continue;
      }
      const solution = await exclusively(() => solvePair(here, a, b, starts));
      await checkDefinite(solution);
      solutions.push(solution);
      hooks.onProgress?.(i + 1, count);
    }
    return solutions;
  }

  /**
   * An energy can be positive on a curve along which the metric is indefinite: only the tensor tells. A pullback
   * J^T J cannot be, so metrics with an embedding are not asked; nor are those that have no tensor, only a form near one.
   */
  async function checkDefinite(solution: Solution): Promise<void> {
    if (metric.embedding || metric.finsler || !solution.curve.length || !MEASURED.has(solution.reason)) return;
    definite ??= compile(tensorKernel(metric), { precision });
    const nodes = new Float64Array(CHECKED_NODES * d);
    const last = solution.curve.length / d - 1;
    for (let i = 0; i < CHECKED_NODES; i++) {
      const row = Math.round((i * last) / (CHECKED_NODES - 1));
      nodes.set(solution.curve.subarray(row * d, (row + 1) * d), i * d);
    }
    const tensors = Float64Array.from((await definite(ndarray(nodes, [CHECKED_NODES, d]))).data);
    for (let i = 0; i < CHECKED_NODES; i++) {
      const at = i * d * d;
      if (!tensors.subarray(at, at + d * d).every(Number.isFinite)) continue; // an end may lie on the domain's border
      // Zero is allowed up to rounding: a direction that costs nothing is no reason to fail.
      let trace = 0;
      for (let k = 0; k < d; k++) trace += Math.abs(tensors[at + k * (d + 1)]);
      const ridge = (precision === "float64" ? 1e-12 : 1e-5) * trace;
      if (ridge === 0) continue;
      for (let k = 0; k < d; k++) tensors[at + k * (d + 1)] += ridge;
      if (!choleskyInto(tensors, d, tensors, at)) {
        solution.reason = "notPositive";
        return;
      }
    }
  }

  async function rows(points: Float64Array, refine: boolean, hooks: RowHooks): Promise<void> {
    const count = points.length / d - 1;
    const { signal } = hooks;
    const workers = (count * count) / 2 >= WORTH_THREADS ? await threads() : undefined;
    if (workers) {
      await workers.run<RowJob>(
        count,
        (row) => (signal?.aborted ? undefined : { type: "row", points, row, refine }),
        (row, lengths) => hooks.onRow(row, lengths),
      );
    } else {
      for (let row = 0; row < count && !signal?.aborted; row++)
        hooks.onRow(row, await exclusively(() => distanceRow(context(), points, row, refine)));
    }
    signal?.throwIfAborted();
  }

  /** The worker threads, started when first needed; undefined where there are none or none are wanted. */
  async function threads(): Promise<Pool | undefined> {
    if (options.workers === 0) return undefined;
    pool ??= await createPool({ ...context(), programs: undefined } as SolverSettings, source, options.workers);
    return pool;
  }

  return {
    dimension: d,
    rows,
    hasCodes: codes !== undefined,
    prepare,
    solve,
    context,
    segmentLengths,
    async dispose() {
      await measure.dispose();
      await definite?.dispose();
      definite = undefined;
      await programs?.release();
      await pool?.dispose();
      programs = undefined;
      pool = undefined;
    },
  };

  function roomy(codesBox: Box, margin: number): Box {
    const grown = grow(codesBox, margin);
    expectThat(
      grown.lower.every((low, k) => low < grown.upper[k]),
      "connect: all codes agree in one coordinate, so they span no region; pass codes that vary in every latent dimension.",
    );
    return grown;
  }
}

/** How far a box reaches to both sides along an axis in which it is flat, as a share of its largest side. */
const FLAT_SHARE = 0.1;

function padded({ lower, upper }: Box): Box {
  const widest = Math.max(...lower.map((low, k) => upper[k] - low)) || 1;
  const pad = lower.map((low, k) => (upper[k] > low ? 0 : FLAT_SHARE * widest));
  return { lower: lower.map((low, k) => low - pad[k]), upper: upper.map((high, k) => high + pad[k]) };
}

let last: Promise<unknown> = Promise.resolve();

/**
 * One solve at a time in a thread: kernels and Newton machines have one set of buffers each, and calls that were not
 * awaited may overlap. (Nothing is lost: a native run blocks the thread anyway.)
 */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => undefined);
  return result;
}

/**
 * Norms have no Hessian to speak of; metrics by values at the ends of steps (chords, KL) on a plane converge as fast by
 * quasi-Newton steps, without the programs of Hessian products, which every worker would have to make (a batch of 100 under
 * Fisher-Rao of normal laws took 17 ms a pair with them, 4 ms without).
 */
function descentFor({ finsler, ends, embedding, dimension }: LatentMetric): SolverSettings["descent"] {
  if (finsler || (ends && dimension <= NEWTON_DIMENSIONS)) return "quasiNewton";
  return embedding && dimension <= NEWTON_DIMENSIONS ? "newton" : "newtonCg";
}

function settingsOf(metric: LatentMetric, options: SolverOptions): SolverSettings {
  const { dimension: d } = metric;
  const precision = options.precision ?? "float32";
  const double = precision === "float64";
  // Metrics without an embedding may have bumps far thinner than a curve is long (posterior covariances).
  const cheap = !metric.embedding && d <= NEWTON_DIMENSIONS;
  const {
    points = DEFAULTS.points,
    maxPoints = double || cheap ? 2048 : 512,
    maxIterations = DEFAULTS.maxIterations,
  } = options;
  const { tolerance = double ? 1e-12 : 4e-5, accuracy = double ? 1e-8 : 1e-4 } = options;
  const whole = (name: string, value: number, low: number, high: number) => {
    if (!(Number.isInteger(value) && value >= low && value <= high))
      throw new UsageError(`connect: ${name} is ${value}; give a whole number from ${low} to ${high}.`);
  };
  whole("points", points, 2, 65536);
  whole("maxPoints", maxPoints, 16, 8192);
  whole("maxIterations", maxIterations, 1, 1e6);
  for (const [name, value] of Object.entries({ tolerance, accuracy })) {
    if (!(value > 0 && value < 1)) throw new UsageError(`connect: ${name} is ${value}; give a number between 0 and 1.`);
  }
  if (precision !== "float32" && precision !== "float64")
    throw new UsageError(`connect: precision is ${precision}; give "float32" or "float64".`);
  const { workers, threads, surrogate } = options;
  if (workers !== undefined) whole("workers", workers, 0, 1024);
  if (threads !== undefined) whole("threads", threads, 1, 1024);
  if (typeof surrogate === "number") whole("surrogate", surrogate, 8, 4096);
  else if (surrogate !== undefined && surrogate !== "auto" && typeof surrogate !== "boolean")
    throw new UsageError(
      `connect: surrogate is ${JSON.stringify(surrogate)}; give true, false, "auto" or nodes along each axis.`,
    );
  const maxSegments = 2 ** Math.floor(Math.log2(maxPoints));
  return {
    dimension: d,
    embedded: metric.embedding !== undefined,
    precision,
    descent: descentFor(metric),
    operator: metric.embedding ? "gaussNewton" : "frozenMetric",
    tolerance,
    accuracy,
    maxIterations,
    points,
    minSegments: Math.min(metric.embedding && d > NEWTON_DIMENSIONS ? 16 : 64, maxSegments),
    maxSegments,
  };
}
