/**
 * jax-js has one contraction, `Dot`: broadcast two arrays, multiply, sum the last axis. Here it becomes a matrix
 * product without making the broadcast arrays: each argument is followed back through reshapes, transpositions and
 * repetitions to the array it comes from, which tells for each axis whether it is real or repeated. Axes real in
 * both are batch axes, the others are rows or columns.
 */
import { sizeOf } from "../arrays.js";
import type { Builder, Value } from "./graph.js";

/** A strided look at an array: for each axis the (merged) axes of the base it runs over, none if repeated. */
interface View {
  readonly base: Value;
  readonly axes: readonly (readonly number[])[];
  readonly shape: readonly number[];
}

/** `sum(a * b, last axis)` with broadcasting. */
export function lowerDot(a: Value, b: Value, build: Builder): Value {
  const rank = Math.max(a.shape.length, b.shape.length);
  const align = (x: Value) => build.reshape(x, [...Array(rank - x.shape.length).fill(1), ...x.shape]);
  const [x, y] = [align(a), align(b)];
  const last = rank - 1;
  const shape = Array.from({ length: last }, (_, i) => (x.shape[i] === 1 ? y.shape[i] : x.shape[i]));
  const k = x.shape[last] === 1 ? y.shape[last] : x.shape[last];
  const [u, v] = [viewOf(x), viewOf(y)];
  if (k === 1 || sizeOf(shape) === 0 || k === 0) return byMultiplication(x, y, shape, build);
  const real = (w: View, i: number) => w.axes[i].length > 0 && w.shape[i] !== 1;
  if (!real(u, last) && !real(v, last)) return byMultiplication(x, y, shape, build);
  // Summing over an axis along which one factor is repeated: sum the other, then multiply.
  if (!real(u, last)) return scaled(x, y, shape, build);
  if (!real(v, last)) return scaled(y, x, shape, build);
  const outer = shape.map((_, i) => i);
  const batch = outer.filter((i) => real(u, i) && real(v, i));
  const rows = outer.filter((i) => real(u, i) && !real(v, i));
  const columns = outer.filter((i) => !real(u, i) && real(v, i));
  // Only batch axes: nothing is shared between products, a product and a sum is what is left.
  if (rows.length === 0 && columns.length === 0) return byMultiplication(x, y, shape, build);
  const extent = (w: View, list: readonly number[]) => list.reduce((n, i) => n * w.shape[i], 1);
  const [m, n, nb] = [extent(u, rows), extent(v, columns), extent(u, batch)];
  const product =
    batch.length === 0
      ? matrixProduct(u, rows, m, v, columns, n, last, k, build)
      : build.make(
          "MatMul",
          [
            arranged(u, [...batch, ...rows, last], [nb, m, k], build),
            arranged(v, [...batch, last, ...columns], [nb, k, n], build),
          ],
          {},
          [nb, m, n],
        );
  const order = [...batch, ...rows, ...columns];
  const sizes = order.map((i) => shape[i]);
  const unit = outer.filter((i) => !order.includes(i));
  const result = build.reshape(product, [...sizes, ...unit.map(() => 1)]);
  const positions = [...order, ...unit];
  const inOrder = build.transpose(
    result,
    outer.map((i) => positions.indexOf(i)),
  );
  return build.expand(inOrder, shape); // axes that both factors repeat
}

/**
 * `sum(a * b, axes)` as one matrix product, where it is one: axes that only `a` has, axes that only `b` has, none among
 * the results that both have. `a` and `b` have as many axes and broadcast. Otherwise undefined.
 */
export function lowerSumOfProduct(a: Value, b: Value, axes: readonly number[], build: Builder): Value | undefined {
  const shape = a.shape.map((n, i) => (n === 1 ? b.shape[i] : n));
  if (sizeOf(shape) === 0) return undefined;
  const [u, v] = [viewOf(a), viewOf(b)];
  const real = (w: View, i: number) => w.axes[i].length > 0 && w.shape[i] !== 1;
  const kept = shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const summed = axes.filter((i) => shape[i] !== 1);
  // Only what is a product of matrices at once, with all sums over axes that both have.
  if (summed.length === 0 || !summed.every((i) => real(u, i) && real(v, i))) return undefined;
  if (kept.some((i) => real(u, i) && real(v, i))) return undefined;
  if (!kept.some((i) => real(u, i)) || !kept.some((i) => real(v, i))) return undefined;
  const last = (x: Value) =>
    build.reshape(build.transpose(x, [...kept, ...axes]), [
      ...kept.map((i) => x.shape[i]),
      axes.reduce((n, i) => n * x.shape[i], 1),
    ]);
  return lowerDot(last(a), last(b), build);
}

/** Two-dimensional product; transposed arguments are told to Gemm instead of being moved. */
function matrixProduct(
  u: View,
  rows: readonly number[],
  m: number,
  v: View,
  columns: readonly number[],
  n: number,
  last: number,
  k: number,
  build: Builder,
): Value {
  const transA = isInOrder(u, [last, ...rows]) && !isInOrder(u, [...rows, last]);
  const transB = isInOrder(v, [...columns, last]) && !isInOrder(v, [last, ...columns]);
  const left = transA ? arranged(u, [last, ...rows], [k, m], build) : arranged(u, [...rows, last], [m, k], build);
  const right = transB
    ? arranged(v, [...columns, last], [n, k], build)
    : arranged(v, [last, ...columns], [k, n], build);
  if (transA && !transB && isFasterTransposed(m, n, k))
    return build.transpose(build.make("Gemm", [right, left], { transA: 1, transB: 0 }, [n, m]), [1, 0]);
  // Constant weights are better transposed once, while the session is made, than at every product.
  if (!transA && (!transB || right.array !== undefined))
    return build.make("MatMul", [left, transB ? build.transpose(right, [1, 0]) : right], {}, [m, n]);
  return build.make("Gemm", [left, right], { transA: Number(transA), transB: Number(transB) }, [m, n]);
}

/**
 * Whether `A^T B` of [k, m] and [k, n] is faster by way of `B^T A`: the runtime walks the wider factor in full for each
 * block of few rows. Measured for k = 6400, 64 x 512: 8.9 ms against 5.8. For shorter sums it is not worth the
 * transposition of the result.
 */
export function isFasterTransposed(m: number, n: number, k: number): boolean {
  return m < n && k >= 8 * n;
}

function byMultiplication(x: Value, y: Value, shape: readonly number[], build: Builder): Value {
  const product = build.elementwise("Mul", [x, y]);
  return build.make("ReduceSum", [product], { axes: [product.shape.length - 1] }, shape);
}

function scaled(repeated: Value, summed: Value, shape: readonly number[], build: Builder): Value {
  const last = summed.shape.length - 1;
  const total = build.make("ReduceSum", [summed], { axes: [last] }, summed.shape.slice(0, -1));
  const start = repeated.shape.map((n, i) => (i === last ? 1 : n));
  const one = build.make("Slice", [repeated], { starts: start.map(() => 0), ends: start }, start);
  return build.expand(build.elementwise("Mul", [total, build.reshape(one, start.slice(0, -1))]), shape);
}

const flat = (w: View, order: readonly number[]): number[] => order.flatMap((i) => [...w.axes[i]]);

function isInOrder(w: View, order: readonly number[]): boolean {
  const axes = flat(w, order).filter((axis) => w.base.shape[axis] !== 1);
  return axes.every((axis, i) => i === 0 || axis > axes[i - 1]);
}

/** The base with its axes in the order of the view's axes `order`, in shape `shape`. */
function arranged(w: View, order: readonly number[], shape: readonly number[], build: Builder): Value {
  const axes = flat(w, order);
  const rest = w.base.shape.map((_, i) => i).filter((i) => !axes.includes(i)); // all of size 1
  return build.reshape(build.transpose(w.base, [...rest, ...axes]), shape);
}

/** Follows a value back to the array whose elements it shows. */
function viewOf(x: Value): View {
  const node = x.node;
  if (node?.op === "Expand") {
    const inner = viewOf(node.inputs[0]);
    const lead = x.shape.length - inner.shape.length;
    const axes = x.shape.map((n, i) => (i < lead || inner.shape[i - lead] !== n ? [] : inner.axes[i - lead]));
    return { base: inner.base, axes, shape: x.shape };
  }
  if (node?.op === "Transpose") {
    const inner = viewOf(node.inputs[0]);
    const perm = node.attributes.perm as readonly number[];
    return { base: inner.base, axes: perm.map((p) => inner.axes[p]), shape: x.shape };
  }
  if (node?.op === "Reshape") {
    const inner = viewOf(node.inputs[0]);
    const axes = regroup(inner, x.shape);
    if (axes !== undefined) return { base: inner.base, axes, shape: x.shape };
  }
  return { base: x, axes: x.shape.map((_, i) => [i]), shape: x.shape };
}

/** The axes after a reshape that merges, splits or drops axes only at the borders of base axes. */
function regroup(inner: View, shape: readonly number[]): number[][] | undefined {
  // A merged axis with a repeated part cannot be shown by the base.
  const atoms = inner.axes.flatMap((list, i) =>
    list.length > 0
      ? list.map((axis) => ({ axis, size: inner.base.shape[axis] }))
      : inner.shape[i] === 1
        ? []
        : [{ axis: -1, size: inner.shape[i] }],
  );
  const result: number[][] = [];
  let next = 0;
  for (const n of shape) {
    const group: number[] = [];
    let size = 1;
    while (size < n && next < atoms.length) {
      const atom = atoms[next++];
      if (atom.size === 1) continue;
      size *= atom.size;
      group.push(atom.axis);
    }
    if (size !== n) return undefined;
    const repeated = group.filter((axis) => axis === -1).length;
    if (repeated > 0 && repeated < group.length) return undefined;
    result.push(repeated > 0 ? [] : group);
  }
  return result;
}
