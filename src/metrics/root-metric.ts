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

export interface RootMetricOptions {
  /** d */
  readonly dimension: number;
  readonly name: string;
  /** How steps are measured; by default by the midpoint rule, `|A((a + b) / 2) (b - a)|^2`. */
  readonly ends?: StepEnds;
}

/**
 * @param root `z [N, d]` to `v [N, d] -> [N, M]`, traceable, linear in v, row by row; what depends on z alone is made once
 * @throws UsageError if the dimension is not a positive whole number
 */
export function rootMetric(root: (z: Tensor) => (v: Tensor) => Tensor, options: RootMetricOptions): LatentMetric {
  const gram = (z: Tensor): Tensor => {
    const push = root(z);
    const [n, d] = z.shape;
    if (separateColumns(d)) return gramOfColumns(unitVectors(z).map(push));
    const columns = vmap((direction: Tensor) => push(broadcastTo(direction, [n, d])))(identityMatrix(d)); // [d, N, M]
    return einsum("ina,jna->nij", columns, columns);
  };
  return metricOf(gram, (z, v) => root(z)(v), options);
}

/**
 * The same for a root whose images of several vectors share more than what depends on z alone: a system of equations
 * with several right-hand sides.
 * @param root `z [N, d]` to `vectors [N, d] each -> [N, M] each`
 * @throws UsageError if the dimension is not a positive whole number
 */
export function jointRootMetric(
  root: (z: Tensor) => (vectors: readonly Tensor[]) => Tensor[],
  options: RootMetricOptions,
): LatentMetric {
  return metricOf(
    (z) => gramOfColumns(root(z)(unitVectors(z))),
    (z, v) => root(z)([v])[0],
    options,
  );
}

function metricOf(
  metricTensor: (z: Tensor) => Tensor,
  image: (z: Tensor, v: Tensor) => Tensor,
  { name, dimension, ends }: RootMetricOptions,
): LatentMetric {
  checkDimension(name, dimension);
  return {
    name,
    dimension,
    metricTensor,
    ...(ends && { ends }),
    segmentEnergy: ends ? energyOfEnds(ends) : (a, b) => sum(square(image(mul(add(a, b), 0.5), sub(b, a))), -1),
  };
}

function unitVectors(z: Tensor): Tensor[] {
  const d = z.shape[1];
  return Array.from({ length: d }, (_, k) => broadcastTo(unitRow(d, k), z.shape));
}

/** `A^T A`, `[N, d, d]`, from the images of unit vectors, `[N, M]` each: their products. */
function gramOfColumns(columns: readonly Tensor[]): Tensor {
  const [n, d] = [columns[0].shape[0], columns.length];
  const entries = columns.map((a, i) => columns.slice(0, i + 1).map((b) => rowDot(a, b))); // [N, 1] each, j <= i
  const all = columns.flatMap((_, i) => columns.map((_, j) => (j <= i ? entries[i][j] : entries[j][i])));
  return reshape(concat(all, 1), [n, d, d]);
}
