/**
 * Quantities of a metric at many points on the host: compiled once for each metric and quantity, run in chunks.
 *
 * Axes: N points, d latent dimensions.
 */
import { type Compiled, compile, type NdArray, type Precision, type Tensor, takeRows } from "../engine/index.js";
import { RunError, UsageError } from "../errors.js";
import { toPoints } from "./checks.js";
import type { LatentMetric } from "./metric.js";

/** A traceable quantity of a metric at points and, where it needs them, vectors; its first axis is N. */
export type Quantity = (metric: LatentMetric, z: Tensor, ...vectors: any[]) => Tensor;

export interface EvaluateOptions {
  /** Default "float64" (curvature needs it); "float32" is faster for wide decoders. */
  readonly precision?: Precision;
  /** Points in one run; default 512. */
  readonly chunk?: number;
  /** What to do with values that are not finite: "throw" (default), or "keep" them. */
  readonly notFinite?: "throw" | "keep";
}

/** Programs by metric, then by quantity and precision, so that a metric is traced once. */
const programs = new WeakMap<LatentMetric, Map<Quantity, Map<string, Compiled>>>();

/**
 * `quantity` at points.
 * @param points `[N, d]`, as an NdArray or as lists
 * @param vectors further arguments of the quantity, `[N, ...]` each
 * @returns `[N, ...]`
 * @throws UsageError for shapes that do not fit; RunError for values that are not finite, naming the first such point
 * @example const curvature = await evaluate(metric, gaussianCurvature, [[0, 0], [1, 0]]);
 */
export async function evaluate(
  metric: LatentMetric,
  quantity: Quantity,
  points: NdArray | readonly (readonly number[])[],
  vectors: readonly (NdArray | readonly (readonly number[])[])[] = [],
  options: EvaluateOptions = {},
): Promise<NdArray> {
  if (metric.finsler)
    throw new UsageError(
      `evaluate: "${metric.name}" has lengths and energies of curves (connect), but no metric tensor; use wasserstein2.`,
    );
  const z = toPoints("evaluate", "points", points, metric.dimension);
  const n = z.shape[0];
  const others = vectors.map((v, i) => toPoints("evaluate", `vectors[${i}]`, v, metric.dimension, n));
  const { chunk = 512, precision = "float64", notFinite = "throw" } = options;
  if (!(Number.isInteger(chunk) && chunk >= 1))
    throw new UsageError(`evaluate: chunk is ${chunk}; give a whole number of points from 1.`);
  if (n === 0) throw new UsageError("evaluate: there are no points; give at least one.");
  const program = programFor(metric, quantity, precision, others.length);
  // One shape for all chunks, and few shapes overall: sizes are powers of two from 8 up to the chunk, the rest is padding.
  const size = Math.min(chunk, Math.max(8, 2 ** Math.ceil(Math.log2(n))));
  let result: NdArray | undefined;
  for (let start = 0; start < n; start += size) {
    const rows = Int32Array.from({ length: size }, (_, i) => Math.min(start + i, n - 1));
    const part = (await program(takeRows(z, rows), ...others.map((v) => takeRows(v, rows)))) as NdArray;
    const width = part.data.length / size;
    result ??= {
      data: new (part.data.constructor as Float64ArrayConstructor)(n * width),
      shape: [n, ...part.shape.slice(1)],
      dtype: part.dtype,
    };
    result.data.set(part.data.subarray(0, Math.min(size, n - start) * width), start * width);
  }
  if (notFinite === "throw") requireFinite(result!, z, metric, quantity);
  return result!;
}

/** A field over a rectangle of a latent plane, as pictures want it. */
export interface Field {
  /** Coordinates of columns and rows. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** `[rows, columns]` (and further axes of the quantity): `values[row][column]` at (xs[column], ys[row]). */
  readonly values: NdArray;
}

/**
 * A quantity on an even grid over a rectangle, its borders included, for a metric with d = 2.
 * @param box `{ x: [low, high], y: [low, high] }`
 * @throws UsageError for a metric of another dimension, an empty box or fewer than two columns or rows
 * @example const field = await evaluateOnGrid(metric, { x: [-3, 3], y: [-3, 3] }, 128, 128, logMagnificationFactor);
 */
export async function evaluateOnGrid(
  metric: LatentMetric,
  box: { readonly x: readonly [number, number]; readonly y: readonly [number, number] },
  columns: number,
  rows: number,
  quantity: Quantity,
  options: EvaluateOptions = {},
): Promise<Field> {
  if (metric.dimension !== 2)
    throw new UsageError(
      `evaluateOnGrid: the metric "${metric.name}" has ${metric.dimension} latent dimensions; a grid needs 2.`,
    );
  const [xs, ys] = [evenly("x", box.x, columns), evenly("y", box.y, rows)];
  const data = new Float64Array(rows * columns * 2);
  for (let r = 0, k = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      data[k++] = xs[c];
      data[k++] = ys[r];
    }
  const points: NdArray = { data, shape: [rows * columns, 2], dtype: "float64" };
  const flat = await evaluate(metric, quantity, points, [], options);
  return { xs, ys, values: { ...flat, shape: [rows, columns, ...flat.shape.slice(1)] } };
}

function evenly(axis: string, [low, high]: readonly [number, number], count: number): Float64Array {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high))
    throw new UsageError(`evaluateOnGrid: box.${axis} is [${low}, ${high}]; give two finite numbers, the lower first.`);
  if (!(Number.isInteger(count) && count >= 2))
    throw new UsageError(`evaluateOnGrid: ${count} points along ${axis} are no grid; give a whole number from 2.`);
  return Float64Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
}

function programFor(metric: LatentMetric, quantity: Quantity, precision: Precision, vectors: number): Compiled {
  let ofMetric = programs.get(metric);
  if (!ofMetric) programs.set(metric, (ofMetric = new Map()));
  let ofQuantity = ofMetric.get(quantity);
  if (!ofQuantity) ofMetric.set(quantity, (ofQuantity = new Map()));
  const key = `${precision} ${vectors}`;
  let program = ofQuantity.get(key);
  if (!program) {
    program = compile((z: Tensor, ...rest: Tensor[]) => quantity(metric, z, ...rest), { precision });
    ofQuantity.set(key, program);
  }
  return program;
}

function requireFinite(result: NdArray, z: NdArray, metric: LatentMetric, quantity: Quantity): void {
  const bad = result.data.findIndex((x: number) => !Number.isFinite(x));
  if (bad < 0) return;
  const [n, d] = z.shape;
  const row = Math.floor((bad * n) / result.data.length);
  const point = Array.from(z.data.subarray(row * d, (row + 1) * d), (x) => Number(x.toPrecision(6)));
  throw new RunError(
    `evaluate: ${quantity.name || "the quantity"} of "${metric.name}" is ${result.data[bad]} at the point [${point}]; ` +
      `the metric is degenerate or undefined there: leave the point out, or give the metric a floor (withFloor).`,
  );
}
