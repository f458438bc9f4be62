/**
 * Shortest paths on a fine grid over a latent plane, as the paper finds its geodesics (it takes 50 x 50 nodes): the
 * metric is tabulated and every edge measured on the table; 128 x 128 nodes with 48 neighbours each make paths at most
 * 0.6 % too long, then smoothed. Used where uncertainty rises like a wall right beside the codes: geodesics of least
 * Fisher-Rao length lean on that wall, where Newton's method takes hundreds of iterations and often gives up.
 *
 * Axes: T points of a path.
 */
import { compile, type NdArray, ndarray, type Tensor } from "../../engine/index.js";
import { FINE_GRID, fillWeights, graphPath, gridStart, pathCurve } from "../../geodesics/graph-start.js";
import { tensorKernel } from "../../geodesics/kernels.js";
import {
  type Box,
  buildSurrogate,
  type Surrogate,
  surrogateMeasure,
  surrogateSegment,
} from "../../geodesics/surrogate.js";
import type { LatentMetric } from "../../metrics/index.js";
import { constantSpeed } from "../../numerics/resample.js";

/** Nodes of the table along each axis. */
const TABLE = 256;
/** Points of a path on its way to be smoothed and measured. */
const FINE = 513;

export interface GridGeodesics {
  /** The shortest path and the straight line between two points, each with its length in the metric. */
  between(from: readonly number[], to: readonly number[], points: number): GridPath;
}

export interface GridPath {
  /** At constant speed in the metric. [T, 2] */
  readonly curve: NdArray;
  readonly length: number;
  readonly straightLength: number;
  readonly milliseconds: number;
}

type Square = { readonly x: readonly [number, number]; readonly y: readonly [number, number] };

/** Tabulates a metric over a box and measures the grid's edges: a second or two for a small decoder. */
export async function gridGeodesics(
  metric: LatentMetric,
  box: Square,
  options: { readonly threads?: number; readonly table?: number } = {},
): Promise<GridGeodesics> {
  const tensors = compile(tensorKernel(metric) as (z: Tensor) => Tensor, { threads: options.threads });
  const table = await buildSurrogate(
    async (points) => (await tensors(ndarray(Float32Array.from(points), [points.length / 2, 2]))).data,
    boxOfSquare(box),
    options.table ?? TABLE,
  );
  await tensors.dispose();
  return geodesicsOnTable(table);
}

export const boxOfSquare = ({ x, y }: Square): Box => ({ lower: [x[0], y[0]], upper: [x[1], y[1]] });

/** Measures the grid's edges on a tabulated metric. */
export async function geodesicsOnTable(table: Surrogate): Promise<GridGeodesics> {
  const { lower, upper, step } = table.spline;
  const cell = Math.min(step[0], step[1]);
  const graph = await gridStart({ lower, upper }, FINE_GRID, (g, places) =>
    fillWeights(g, places, 2, async (starts, ends) => {
      const lengths = new Float64Array(starts.length / 2);
      for (let e = 0; e < lengths.length; e++) {
        const [u, v] = [ends[2 * e] - starts[2 * e], ends[2 * e + 1] - starts[2 * e + 1]];
        const samples = Math.max(2, Math.ceil((1.5 * Math.hypot(u, v)) / cell));
        lengths[e] = surrogateSegment(table, starts[2 * e], starts[2 * e + 1], u, v, samples);
      }
      return lengths;
    }),
  );
  return {
    between(from, to, points) {
      const begun = performance.now();
      const [a, b] = [Float64Array.from(from), Float64Array.from(to)];
      const fine = pathCurve(graphPath(graph, a, b)!, 2, FINE);
      const steps = stepsOnTable(table, fine);
      return {
        curve: ndarray(constantSpeed(fine, 2, steps, points, true), [points, 2]),
        length: steps.reduce((total, step) => total + step, 0),
        straightLength: surrogateMeasure(table, Float64Array.from([...from, ...to]), 1024).length,
        milliseconds: performance.now() - begun,
      };
    },
  };
}

/** Lengths of a curve's segments on the table, [T, 2] -> [T - 1]. */
export function stepsOnTable(table: Surrogate, curve: Float64Array): Float64Array {
  return Float64Array.from({ length: curve.length / 2 - 1 }, (_, i) => {
    const [x, y] = [curve[2 * i], curve[2 * i + 1]];
    return surrogateSegment(table, x, y, curve[2 * i + 2] - x, curve[2 * i + 3] - y, 4);
  });
}
