/**
 * The traced functions that geodesic solvers compile: discrete energies of a curve, their gradients, and the blocks of
 * Newton systems. A curve has T nodes c_0 .. c_{T-1} and N = T - 1 segments (N even); with an embedding f the squared
 * length of a segment is the chord's, e_i = |f(c_{i+1}) - f(c_i)|^2, otherwise the metric's own `segmentEnergy`. All
 * programs work with the sum F = sum_i e_i; the energy of the curve is E = N F.
 *
 *   gradient        dF/dc_i = 2 J_i^T w_i,   w_i = 2 f_i - f_{i-1} - f_{i+1}
 *   Gauss-Newton    H_ii = 4 J_i^T J_i,  H_{i+1,i} = -2 J_{i+1}^T J_i
 *   Newton          H_ii + 2 w_i . f''(c_i)
 *   frozen metric   H_ii = 2 (G_{i-1/2} + G_{i+1/2}),  H_{i+1,i} = -2 G_{i+1/2}
 *
 * Chords are subtracted and squared in the precision of the program; the sums over segments are the host's, in
 * float64. Outputs are few and wide, since each one costs a call some microseconds.
 *
 * Axes: T nodes, n = T - 2 inner nodes, d latent, D ambient.
 */
import {
  add,
  broadcastTo,
  concat,
  jvp,
  matmul,
  matrixTranspose,
  mul,
  ndarray,
  pad,
  reshape,
  slice,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  valueAndGrad,
  vjp,
} from "../engine/index.js";
import type { EndValues, LatentMetric, StepEnds } from "../metrics/metric.js";

/** Which second-order information a program gives. */
export type KernelKind = "energy" | "gradient" | "gaussNewton" | "newton" | "frozenMetric";

/** A program of a solver: a kernel of the nodes, or `product` of nodes and a direction. */
export type ProgramKind = KernelKind | "product";

export interface KernelOutputs {
  /** e_i. [N] */
  steps: Tensor;
  /**
   * What a curve of every second node would measure. With an embedding |w_i|^2 of the inner nodes, from which the
   * squared chords over two segments follow as 2 (e_{i-1} + e_i) - |w_i|^2; otherwise these squared lengths themselves.
   * [n], or [N / 2]
   */
  coarse: Tensor;
  /** dF/dc_i of the inner nodes, row-major. [n, d] */
  gradient?: Tensor;
  /** H_ii, and beside it the second-order term 2 w_i . f''(c_i) for `newton`. [n, d d] or [n, 2 d d] */
  blocks?: Tensor;
  /** H_{i+1,i}. [n - 1, d d] */
  lower?: Tensor;
}

/** The function of nodes [T, d] that a solver compiles. */
export function kernel(metric: LatentMetric, kind: KernelKind): (nodes: Tensor) => KernelOutputs {
  if (metric.embedding && kind !== "frozenMetric") return embeddedKernel(metric.embedding.bind(metric), kind);
  return intrinsicKernel(metric, kind);
}

const rows = (x: Tensor, start: number, end: number): Tensor => slice(x, [[start, end]]);

function embeddedKernel(embedding: (z: Tensor) => Tensor, kind: KernelKind): (nodes: Tensor) => KernelOutputs {
  return (nodes) => {
    const [T, d] = nodes.shape;
    const flat = (z: Tensor) => reshape(embedding(z), [T, -1]);
    if (kind === "energy") return chords(flat(nodes), T);
    if (kind === "gradient") {
      const [values, pullback] = vjp(flat, [nodes]);
      const { steps, coarse, second } = chords(values, T);
      const force = pad(second, [
        [1, 1],
        [0, 0],
      ]); // [T, D]
      return { steps, coarse, gradient: mul(2, rows(pullback(force)[0], 1, T - 1)) };
    }
    // J e_a for each latent axis a: [T, D] each; the work of the value is shared.
    const values = flat(nodes);
    const axes = Array.from({ length: d }, (_, a) => unit(d, a, T));
    const tangents = axes.map((axis) => jvp(flat, [nodes], [axis])[1] as Tensor);
    const { steps, coarse, second } = chords(values, T);
    const inner = tangents.map((t) => rows(t, 1, T - 1)); // [n, D] each
    const gram = (left: Tensor[], right: Tensor[]): Tensor => blocksOf(left, right);
    const gradient = stack(
      inner.map((t) => sum(mul(t, second), -1)),
      1,
    );
    const diagonal = mul(4, gram(inner, inner));
    const before = inner.map((t) => rows(t, 0, T - 3));
    const after = inner.map((t) => rows(t, 1, T - 2));
    const lower = mul(-2, gram(after, before));
    if (kind === "gaussNewton") return { steps, coarse, gradient: mul(2, gradient), blocks: diagonal, lower };
    const force = pad(second, [
      [1, 1],
      [0, 0],
    ]);
    const pulled = (z: Tensor): Tensor => vjp(flat, [z])[1](force)[0];
    const columns = axes.map((axis) => rows(jvp(pulled, [nodes], [axis])[1], 1, T - 1)); // [n, d] each
    const curvature = mul(2, concat(columns, 1)); // [n, d d], symmetric
    return { steps, coarse, gradient: mul(2, gradient), blocks: concat([diagonal, curvature], 1), lower };
  };
}

/** e_i and w_i of embedded nodes [T, D]. */
function chords(values: Tensor, T: number): { steps: Tensor; coarse: Tensor; second: Tensor } {
  const difference = sub(rows(values, 1, T), rows(values, 0, T - 1)); // [N, D]
  const second = sub(rows(difference, 0, T - 2), rows(difference, 1, T - 1)); // [n, D]
  return { steps: sum(square(difference), -1), coarse: sum(square(second), -1), second };
}

/** Products of tangents at each node, row a of `left` with column b of `right`: d tensors [n, D] twice -> [n, d d]. */
function blocksOf(left: readonly Tensor[], right: readonly Tensor[]): Tensor {
  const d = left.length;
  if (d <= 3) {
    const entries = left.flatMap((a) => right.map((b) => sum(mul(a, b), -1)));
    return stack(entries, 1);
  }
  const product = matmul(stack(left, 1), matrixTranspose(stack(right, 1))); // [n, d, d]
  return reshape(product, [product.shape[0], d * d]);
}

/** The unit vector of latent axis `a`, for every node. [T, d] */
function unit(d: number, a: number, T: number): Tensor {
  const data = new Float64Array(d);
  data[a] = 1;
  return broadcastTo(ndarray(data, [1, d]), [T, d]);
}

function intrinsicKernel(metric: LatentMetric, kind: KernelKind): (nodes: Tensor) => KernelOutputs {
  return (nodes) => {
    const [T, d] = nodes.shape;
    const N = T - 1;
    const { steps, coarse, gradient: full } = stepsOf(metric, nodes, kind !== "energy");
    if (full === undefined) return { steps, coarse };
    const gradient = rows(full, 1, N);
    if (kind === "gradient") return { steps, coarse, gradient };
    const middle = mul(0.5, add(rows(nodes, 0, N), rows(nodes, 1, T)));
    const tensors = reshape(metric.metricTensor(middle), [N, d * d]); // G_{i+1/2}
    return {
      steps,
      coarse,
      gradient,
      blocks: mul(2, add(rows(tensors, 0, N - 1), rows(tensors, 1, N))),
      lower: mul(-2, rows(tensors, 1, N - 1)),
    };
  };
}

/** Squared lengths of the steps [N], and of those over two segments [N / 2]; with the gradient of the former's sum. */
function stepsOf(
  metric: LatentMetric,
  nodes: Tensor,
  withGradient: boolean,
): { steps: Tensor; coarse: Tensor; gradient?: Tensor } {
  const T = nodes.shape[0];
  // What is not known of the ends of a step is in the points themselves.
  const { at, energy }: StepEnds = metric.ends ?? {
    at: (z) => ({ z }),
    energy: (a, b) => metric.segmentEnergy(a.z, b.z),
  };
  const measure = (values: EndValues, count: number) =>
    energy(
      mapRows(values, (x) => rows(x, 0, count - 1)),
      mapRows(values, (x) => rows(x, 1, count)),
    );
  const coarse = measure(
    mapRows(at(nodes), (x) => evenRows(x)),
    (T + 1) / 2,
  );
  const steps = measure(at(nodes), T);
  if (!withGradient) return { steps, coarse };
  const [, gradient] = valueAndGrad((z: Tensor) => sum(measure(at(z), T)))(nodes);
  return { steps, coarse, gradient };
}

/** A function of rows for each value; single rows go with all points. */
function mapRows(values: EndValues, f: (x: Tensor) => Tensor): EndValues {
  return Object.fromEntries(Object.entries(values).map(([name, x]) => [name, x.shape[0] === 1 ? x : f(x)]));
}

/** Rows 0, 2, 4, ... of [T, ...], T odd. */
function evenRows(x: Tensor): Tensor {
  const [T, ...rest] = x.shape;
  const pairs = reshape(rows(x, 0, T - 1), [(T - 1) / 2, 2, ...rest]);
  return concat([slice(pairs, [null, 0]), rows(x, T - 1, T)], 0);
}

/**
 * H v of the discrete energy's full Hessian, by a forward derivative of the gradient: what a matrix-free solver asks for.
 * Nodes and directions [T, d], zero at the ends, to the rows of the inner nodes [n, d].
 */
export function productKernel(metric: LatentMetric): (nodes: Tensor, direction: Tensor) => Tensor {
  return (nodes, direction) => {
    const T = nodes.shape[0];
    const gradient = (z: Tensor): Tensor => kernel(metric, "gradient")(z).gradient!;
    const [, product] = jvp(gradient, [nodes], [direction]) as [Tensor, Tensor];
    return reshape(product, [T - 2, nodes.shape[1]]);
  };
}

/** Metric tensors of points, flat: [M, d] -> [M, d d]; what surrogates and preconditioners tabulate. */
export function tensorKernel(metric: LatentMetric): (points: Tensor) => Tensor {
  return (points) => {
    const [M, d] = points.shape;
    if (!metric.embedding) return reshape(metric.metricTensor(points), [M, d * d]);
    const embedding = metric.embedding.bind(metric);
    const flat = (z: Tensor) => reshape(embedding(z), [M, -1]);
    const tangents = Array.from({ length: d }, (_, a) => jvp(flat, [points], [unit(d, a, M)])[1] as Tensor);
    return blocksOf(tangents, tangents);
  };
}

/** Embedded points, flat: [M, d] -> [M, D]. */
export function embeddingKernel(metric: LatentMetric): (points: Tensor) => Tensor {
  const embedding = metric.embedding!.bind(metric);
  return (points) => reshape(embedding(points), [points.shape[0], -1]);
}

/** Squared lengths of short steps: [M, d], [M, d] -> [M]. */
export function segmentKernel(metric: LatentMetric, from: Tensor, to: Tensor): Tensor {
  return metric.segmentEnergy(from, to);
}
