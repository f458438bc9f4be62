/**
 * Metrics given by a root: a map A(z), linear in the vector, with `g_z(v, v) = |A(z) v|^2`. The Fisher-Rao metric of a
 * family is one (A = root of the Fisher information times the decoder's Jacobian), and so are Wasserstein metrics.
 * No P x P matrix is formed, and a metric made in this way cannot become indefinite by rounding.
 *
 * Axes: N points, d latent dimensions, M rows of the root.
 */
import {
  add,
  broadcastTo,
  concat,
  einsum,
  mul,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
  vmap,
} from "../engine/index.js";
import { checkDimension } from "./checks.js";
import { identityMatrix, rowDot, separateColumns, unitRow } from "./linear-algebra.js";
import { energyOfEnds, type LatentMetric, type StepEnds } from "./metric.js";

/**
 * @param root `z [N, d]` to `v [N, d] -> [N, M]`, traceable, linear in v, row by row; what depends on z alone is made once
 * @param options `dimension`: d; `name`; how steps are measured: by `ends`, by default by the midpoint rule,
 *   `|A((a + b) / 2) (b - a)|^2`
 * @throws UsageError if the dimension is not a positive whole number
 */
export function rootMetric(
  root: (z: Tensor) => (v: Tensor) => Tensor,
  options: {
    readonly dimension: number;
    readonly name: string;
    readonly ends?: StepEnds;
  },
): LatentMetric {
  const { ends } = options;
  checkDimension(options.name, options.dimension);
  return {
    name: options.name,
    dimension: options.dimension,
    metricTensor: (z) => gramOfRoot(root(z), z.shape),
    ...(ends && { ends }),
    segmentEnergy: ends ? energyOfEnds(ends) : (a, b) => sum(square(root(mul(add(a, b), 0.5))(sub(b, a))), -1),
  };
}

/** `A^T A`, `[N, d, d]`: d images of unit vectors, which share the work of the value, and their products. */
function gramOfRoot(push: (v: Tensor) => Tensor, [n, d]: readonly number[]): Tensor {
  if (!separateColumns(d)) {
    const columns = vmap((direction: Tensor) => push(broadcastTo(direction, [n, d])))(identityMatrix(d)); // [d, N, M]
    return einsum("ina,jna->nij", columns, columns);
  }
  const columns = Array.from({ length: d }, (_, k) => push(broadcastTo(unitRow(d, k), [n, d])));
  const entries = columns.map((a, i) => columns.slice(0, i + 1).map((b) => rowDot(a, b))); // [N, 1] each, j <= i
  const all = columns.flatMap((_, i) => columns.map((_, j) => (j <= i ? entries[i][j] : entries[j][i])));
  return reshape(concat(all, 1), [n, d, d]);
}
