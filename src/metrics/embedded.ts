/**
 * Metrics that are pullbacks of a flat one: `G(z) = J(z)^T J(z)`, J the Jacobian of a map f from the latent space to
 * R^D. Steps are measured by chords, `|f(b) - f(a)|^2`, so curve energies need values of f only.
 *
 * Axes: N points, d latent dimensions, D ambient dimensions.
 */
import { concat, einsum, reshape, rowJacobian, square, sub, sum, type Tensor } from "../engine/index.js";
import { checkDimension, flattenRows } from "./checks.js";
import { jacobianColumns, rowDot, separateColumns } from "./linear-algebra.js";
import type { LatentMetric } from "./metric.js";

/** A metric that is the pullback of a flat one, so that `embedding` is there for sure. */
export interface EmbeddedMetric extends LatentMetric {
  embedding(z: Tensor): Tensor;
}

/**
 * The pullback of the Euclidean metric of R^D by a map `f: [N, d] -> [N, D]` whose rows do not depend on each other
 * (output axes beyond the first are flattened).
 * Cost of the metric tensor: d forward derivatives of f, which share the work of its value, and d (d + 1) / 2 products
 * of length D for each point.
 * @param options `dimension`: d; `name`: for pictures and reports
 * @throws UsageError if the dimension is not a positive whole number
 */
export function embeddedMetric(
  f: (z: Tensor) => Tensor,
  options: { readonly dimension: number; readonly name: string },
): EmbeddedMetric {
  checkDimension("embeddedMetric", options.dimension);
  const embedding = (z: Tensor) => flattenRows(f(z));
  return {
    name: options.name,
    dimension: options.dimension,
    embedding,
    metricTensor: (z) => gramMatrix(embedding, z),
    segmentEnergy: (a, b) => sum(square(sub(embedding(b), embedding(a))), -1), // [N]
  };
}

/**
 * `J^T J`, `[N, d, d]`. Few columns are multiplied pair by pair: no `[N, D, d]` array is put in order in memory, which
 * made it five times faster for a decoder 2-100-100-784 than one contraction over D.
 */
function gramMatrix(f: (z: Tensor) => Tensor, z: Tensor): Tensor {
  const [n, d] = z.shape;
  if (!separateColumns(d)) {
    const { jacobian } = rowJacobian(f, z); // [N, D, d]
    return einsum("nai,naj->nij", jacobian, jacobian);
  }
  const columns = jacobianColumns(f, z);
  const entries = columns.map((a, i) => columns.slice(0, i + 1).map((b) => rowDot(a, b))); // [N, 1] each, j <= i
  const at = (i: number, j: number) => (j <= i ? entries[i][j] : entries[j][i]);
  const all = columns.flatMap((_, i) => columns.map((_, j) => at(i, j)));
  return reshape(concat(all, 1), [n, d, d]);
}
