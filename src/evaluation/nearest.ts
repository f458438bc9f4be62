/**
 * Nearest rows in Euclidean distance, in many dimensions, by matrix products in a compiled program. Distances of the
 * rows that are found are computed again in float64 from the rows themselves, so that equal rows have distance 0; among
 * rows whose squared distances differ by less than about 1e-6 of the rows' squared norms, either may be found.
 */
import {
  compile,
  matmul,
  mul,
  type NdArray,
  ndarray,
  neg,
  square,
  sub,
  sum,
  type Tensor,
  topK,
  transpose,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { checkRows, checkSameWidth } from "./score.js";

export interface NearestRows {
  /** Nearest first. [queries, k] */
  readonly indices: Int32Array;
  /** [queries, k] */
  readonly distances: Float64Array;
  readonly k: number;
}

const QUERIES = 500;
const POINTS = 5000;

/**
 * The k nearest of `points` [M, D] for each of `queries` [N, D].
 * @param options.others leave out the point of the query's own number (for queries that are the points)
 */
export async function nearestRows(
  queries: NdArray,
  points: NdArray,
  k = 1,
  options: { readonly others?: boolean; readonly threads?: number } = {},
): Promise<NearestRows> {
  const { n, width } = checkRows("queries", queries, 1);
  const { n: m, width: other } = checkRows("points", points, 1);
  checkSameWidth("nearestRows", width, other);
  const { others = false, threads } = options;
  const wanted = others ? k + 1 : k;
  if (!(Number.isInteger(k) && k >= 1 && wanted <= m))
    throw new UsageError(`nearestRows: ${k} neighbours among ${m} rows; ask for 1 to ${others ? m - 1 : m}.`);
  const f = compile(
    (a: Tensor, b: Tensor) => {
      // |a|^2 is the same for all candidates of a row
      const closeness = sub(mul(2, matmul(a, transpose(b))), sum(square(b), -1));
      const { values, indices } = topK(closeness, Math.min(wanted, b.shape[0]));
      return { values: neg(values), indices };
    },
    { threads },
  );
  const indices = new Int32Array(n * k).fill(-1);
  const distances = new Float64Array(n * k);
  for (let q = 0; q < n; q += QUERIES) {
    const a = part(queries, q, Math.min(n, q + QUERIES));
    const rows = a.shape[0];
    let best: [number, number][][] = Array.from({ length: rows }, () => []);
    for (let p = 0; p < m; p += POINTS) {
      const found = await f(a, part(points, p, Math.min(m, p + POINTS)));
      const count = found.indices.shape[1];
      best = best.map((list, i) => {
        for (let j = 0; j < count; j++)
          list.push([found.values.data[i * count + j], p + found.indices.data[i * count + j]]);
        return list.sort((x, y) => x[0] - y[0]).slice(0, wanted);
      });
    }
    best.forEach((list, i) => {
      const kept = (others ? list.filter(([, index]) => index !== q + i) : list)
        .slice(0, k)
        .map(([, index]): [number, number] => [distance(queries, q + i, points, index, width), index])
        .sort((x, y) => x[0] - y[0]);
      kept.forEach(([length, index], j) => {
        indices[(q + i) * k + j] = index;
        distances[(q + i) * k + j] = length;
      });
    });
  }
  await f.dispose();
  return { indices, distances, k };
}

function part(rows: NdArray, from: number, to: number): NdArray {
  const width = rows.shape[1];
  return ndarray(Float32Array.from(rows.data.subarray(from * width, to * width)), [to - from, width]);
}

function distance(a: NdArray, i: number, b: NdArray, j: number, width: number): number {
  let squares = 0;
  for (let c = 0; c < width; c++) squares += (a.data[i * width + c] - b.data[j * width + c]) ** 2;
  return Math.sqrt(squares);
}
