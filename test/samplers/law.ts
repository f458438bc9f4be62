/** A posterior metric in the plane with overlapping and separate bumps, and its law by numerical integration. */
import { type NdArray, ndarray } from "../../src/engine/index.js";
import { evaluate, type PosteriorMetric, posteriorMetric } from "../../src/metrics/index.js";
import { chiSquareTest } from "../../src/numerics/statistics.js";

/** Two bumps that overlap, one a little apart; lambda so large that the floor has its say. */
export const overlapping = posteriorMetric({
  centroids: [
    [0, 0],
    [0.7, 0.3],
    [2, -0.8],
  ],
  inverseVariances: [
    [2, 6],
    [9, 2],
    [4, 4],
  ],
  rho: 1,
  lambda: 0.02,
});

export const box = { low: [-3.5, -4], high: [5, 3.5] } as const;

/** Where the law is tested: edges of cells of unequal probability, in both coordinates. */
const columns = [-3.5, -1, -0.5, -0.2, 0, 0.2, 0.45, 0.8, 1.3, 1.8, 2.2, 5];
const rows = [-4, -1.2, -0.8, -0.4, -0.15, 0.05, 0.25, 0.5, 0.9, 3.5];

export interface GridLaw {
  /** Of the cells, with what lies outside the box as the last. */
  readonly cells: Float64Array;
  readonly mean: readonly [number, number];
  readonly covariance: readonly [number, number, number]; // xx, xy, yy
}

/** The law sqrt(det G) in `keep` (default: everywhere), by the midpoint rule on a grid of steps 1/40. */
export async function integrate(
  metric: PosteriorMetric,
  keep: (x: number, y: number) => boolean = () => true,
  margin = 8,
): Promise<GridLaw> {
  const h = 0.025;
  const cells = new Float64Array((columns.length - 1) * (rows.length - 1) + 1);
  const nx = Math.round((box.high[0] - box.low[0] + 2 * margin) / h);
  const ny = Math.round((box.high[1] - box.low[1] + 2 * margin) / h);
  const sums = [0, 0, 0, 0, 0, 0];
  for (let j = 0; j < ny; j++) {
    const y = box.low[1] - margin + (j + 0.5) * h;
    const points = new Float64Array(2 * nx);
    for (let i = 0; i < nx; i++) points.set([box.low[0] - margin + (i + 0.5) * h, y], 2 * i);
    const line = await evaluate(metric, logVolume, ndarray(points, [nx, 2]), [], { chunk: 512 });
    for (let i = 0; i < nx; i++) {
      const x = points[2 * i];
      if (!keep(x, y)) continue;
      const w = Math.exp(line.data[i]);
      cells[cellOf(x, y)] += w;
      [1, x, y, x * x, x * y, y * y].forEach((f, k) => {
        sums[k] += w * f;
      });
    }
  }
  const [mass, x, y, xx, xy, yy] = sums;
  const mean = [x / mass, y / mass] as const;
  return {
    cells: cells.map((c) => c / mass),
    mean,
    covariance: [xx / mass - mean[0] ** 2, xy / mass - mean[0] * mean[1], yy / mass - mean[1] ** 2],
  };
}

const logVolume = (m: unknown, z: Parameters<PosteriorMetric["logVolume"]>[0]) => (m as PosteriorMetric).logVolume(z);

function cellOf(x: number, y: number): number {
  const find = (edges: readonly number[], value: number) => edges.findIndex((edge) => value < edge) - 1;
  const [i, j] = [find(columns, x), find(rows, y)];
  return i < 0 || j < 0 ? (columns.length - 1) * (rows.length - 1) : j * (columns.length - 1) + i;
}

/** p of Pearson's test that independent points [N, 2] follow the law; cells of fewer than 5 expected are joined. */
export function fitOfPoints(points: ArrayLike<number>, law: GridLaw): number {
  const n = points.length / 2;
  const counts = new Float64Array(law.cells.length);
  for (let i = 0; i < n; i++) counts[cellOf(points[2 * i], points[2 * i + 1])]++;
  const observed: number[] = [];
  const expected: number[] = [];
  let [o, e] = [0, 0];
  law.cells.forEach((p, c) => {
    o += counts[c];
    e += n * p;
    if (e < 5 && c < law.cells.length - 1) return;
    if (e < 5) {
      observed[observed.length - 1] += o;
      expected[expected.length - 1] += e;
      return;
    }
    observed.push(o);
    expected.push(e);
    [o, e] = [0, 0];
  });
  return chiSquareTest(observed, expected).pValue;
}

export const asRows = (a: NdArray): number[][] =>
  Array.from({ length: a.shape[0] }, (_, i) => Array.from(a.data.subarray(i * a.shape[1], (i + 1) * a.shape[1])));
