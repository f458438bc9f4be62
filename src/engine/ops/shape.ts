/** Operations that move elements: shapes, slices, gathering, joining, sorting. */
import { UsageError } from "../../errors.js";
import { isNdArray, type NdArray, sizeOf } from "../arrays.js";
import { lift, np, type Operand, shapeOf, type Tensor } from "../tensor.js";
import { asTensor, broadcastShapes, normalizeAxis } from "./common.js";

/** Another shape of the same size; one entry may be -1 and is inferred. */
export function reshape(x: Operand, shape: readonly number[]): Tensor {
  const from = shapeOf(x);
  const unknown = shape.indexOf(-1);
  const known = shape.reduce((p, n, i) => (i === unknown ? p : p * n), 1);
  const target = unknown < 0 ? shape : shape.map((n, i) => (i === unknown ? sizeOf(from) / known : n));
  if (sizeOf(target) !== sizeOf(from) || target.some((n) => !Number.isInteger(n) || n < 0))
    throw new UsageError(`reshape: shape [${from}] (${sizeOf(from)} elements) cannot become [${shape}].`);
  return asTensor(np.reshape(lift(x), [...target]));
}

/** Axes in the order `permutation` (default: reversed). */
export function transpose(x: Operand, permutation?: readonly number[]): Tensor {
  const shape = shapeOf(x);
  const axes = (permutation ?? shape.map((_, i) => shape.length - 1 - i)).map((a) =>
    normalizeAxis("transpose", a, shape),
  );
  if (new Set(axes).size !== shape.length || axes.length !== shape.length)
    throw new UsageError(
      `transpose: [${permutation}] is not a permutation of the ${shape.length} axes of shape [${shape}].`,
    );
  return asTensor(np.transpose(lift(x), axes));
}

/** The last two axes exchanged. */
export function matrixTranspose(x: Operand): Tensor {
  const rank = shapeOf(x).length;
  if (rank < 2) throw new UsageError(`matrixTranspose: shape [${shapeOf(x)}] has fewer than two axes.`);
  const axes = Array.from({ length: rank }, (_, i) => i);
  [axes[rank - 2], axes[rank - 1]] = [rank - 1, rank - 2];
  return transpose(x, axes);
}

/** Repeats along new axes and axes of size 1 so that the shape becomes `shape`. */
export function broadcastTo(x: Operand, shape: readonly number[]): Tensor {
  const result = broadcastShapes("broadcastTo", shapeOf(x), shape);
  if (result.length !== shape.length || result.some((n, i) => n !== shape[i]))
    throw new UsageError(`broadcastTo: shape [${shapeOf(x)}] does not broadcast to [${shape}].`);
  return asTensor(np.broadcastTo(lift(x), [...shape]));
}

/** A new axis of size 1 at position `axis`. */
export function expandDims(x: Operand, axis: number): Tensor {
  const shape = [...shapeOf(x)];
  shape.splice(normalizeAxis("expandDims", axis, shape, 1), 0, 1);
  return reshape(x, shape);
}

/** Without the axis `axis`, which must have size 1. */
export function squeeze(x: Operand, axis: number): Tensor {
  const shape = [...shapeOf(x)];
  const a = normalizeAxis("squeeze", axis, shape);
  if (shape[a] !== 1) throw new UsageError(`squeeze: axis ${axis} of shape [${shape}] has size ${shape[a]}, not 1.`);
  shape.splice(a, 1);
  return reshape(x, shape);
}

/** One entry of `slice`: an index (drops the axis), `[start, end)` with negatives from the end, or null for all. */
export type SliceEntry = number | readonly [number, number?] | null;

/** `x[entries]` as in NumPy, without steps; missing entries mean all. @example slice(x, [null, [1, 3]]) */
export function slice(x: Operand, entries: readonly SliceEntry[]): Tensor {
  const shape = shapeOf(x);
  if (entries.length > shape.length)
    throw new UsageError(`slice: ${entries.length} entries for shape [${shape}], which has ${shape.length} axes.`);
  const ranges = entries.map((entry, i) => {
    if (entry === null) return [];
    const n = shape[i];
    if (typeof entry === "number") {
      const index = entry < 0 ? entry + n : entry;
      if (!Number.isInteger(entry) || index < 0 || index >= n)
        throw new UsageError(`slice: index ${entry} is outside axis ${i} of shape [${shape}].`);
      return index;
    }
    const start = entry[0] < 0 ? entry[0] + n : entry[0];
    const end = entry[1] === undefined ? n : entry[1] < 0 ? entry[1] + n : entry[1];
    if (!(start >= 0 && end <= n && start <= end))
      throw new UsageError(`slice: range [${entry}] is outside axis ${i} of shape [${shape}].`);
    return [start, end];
  });
  const t = lift(x);
  return asTensor(ranges.length === 0 ? t : t.slice(...ranges));
}

/** `x[..., indices, ...]` along `axis`: rows by number, with repetition. Indices are of type int32. */
export function take(x: Operand, indices: Tensor | NdArray | readonly number[], axis = 0): Tensor {
  const shape = shapeOf(x);
  const a = normalizeAxis("take", axis, shape);
  const list = Array.isArray(indices)
    ? { data: Int32Array.from(indices), shape: [indices.length], dtype: "int32" as const }
    : (indices as Tensor | NdArray);
  if (list.dtype !== "int32") throw new UsageError(`take: indices are of type ${list.dtype}; give int32.`);
  if (isNdArray(list))
    for (const i of list.data)
      if (i < 0 || i >= shape[a]) throw new UsageError(`take: index ${i} is outside axis ${axis} of shape [${shape}].`);
  return asTensor(np.take(lift(x), lift(list), a));
}

/** Joins along an existing axis; other axes must agree. */
export function concat(parts: readonly Operand[], axis = 0): Tensor {
  if (parts.length === 0) throw new UsageError("concat: give at least one tensor.");
  const shapes = parts.map(shapeOf);
  const a = normalizeAxis("concat", axis, shapes[0]);
  for (const shape of shapes)
    if (shape.length !== shapes[0].length || shape.some((n, i) => i !== a && n !== shapes[0][i]))
      throw new UsageError(`concat: shapes [${shapes[0]}] and [${shape}] differ off axis ${axis}.`);
  if (parts.length === 1) return asTensor(lift(parts[0]));
  return asTensor(
    np.concatenate(
      parts.map((p) => lift(p)),
      a,
    ),
  );
}

/** Joins along a new axis; all shapes must agree. */
export function stack(parts: readonly Operand[], axis = 0): Tensor {
  if (parts.length === 0) throw new UsageError("stack: give at least one tensor.");
  const first = shapeOf(parts[0]);
  for (const shape of parts.map(shapeOf))
    if (shape.length !== first.length || shape.some((n, i) => n !== first[i]))
      throw new UsageError(`stack: shapes [${first}] and [${shape}] differ; stack tensors of one shape.`);
  return concat(
    parts.map((p) => expandDims(p, axis)),
    axis,
  );
}

/** Cuts along `axis` into pieces of the given sizes. */
export function split(x: Operand, sizes: readonly number[], axis = 0): Tensor[] {
  const shape = shapeOf(x);
  const a = normalizeAxis("split", axis, shape);
  if (sizes.reduce((s, n) => s + n, 0) !== shape[a])
    throw new UsageError(`split: sizes [${sizes}] do not sum to axis ${axis} of shape [${shape}].`);
  let start = 0;
  return sizes.map((n) => {
    const entries: SliceEntry[] = shape.map(() => null);
    entries[a] = [start, (start += n)];
    return slice(x, entries);
  });
}

/** Zeros (or `value`) around: `widths[i] = [before, after]` for each axis. */
export function pad(x: Operand, widths: readonly (readonly [number, number])[], value = 0): Tensor {
  const shape = shapeOf(x);
  if (widths.length !== shape.length || widths.flat().some((w) => !Number.isInteger(w) || w < 0))
    throw new UsageError(
      `pad: widths ${JSON.stringify(widths)} do not fit shape [${shape}]; give [before, after] for each axis.`,
    );
  const padded = np.pad(
    value === 0 ? lift(x) : lift(x).sub(lift(value)),
    widths.map((w) => [...w]),
  );
  return asTensor(value === 0 ? padded : padded.add(lift(value)));
}

/** Reversed along `axis`. */
export function flip(x: Operand, axis = 0): Tensor {
  return asTensor(np.flip(lift(x), normalizeAxis("flip", axis, shapeOf(x))));
}

/** Running sums along `axis`; a masked product of size n x n, so meant for axes up to a few hundred. */
export function cumsum(x: Operand, axis = -1): Tensor {
  return asTensor(np.cumsum(lift(x), normalizeAxis("cumsum", axis, shapeOf(x))));
}

/** Sorted in ascending order along `axis`. */
export function sort(x: Operand, axis = -1): Tensor {
  return asTensor(np.sort(lift(x), normalizeAxis("sort", axis, shapeOf(x))));
}

/** Indices (int32) that sort along `axis`; equals keep their order. */
export function argsort(x: Operand, axis = -1): Tensor {
  return asTensor(np.argsort(lift(x), normalizeAxis("argsort", axis, shapeOf(x))));
}

/** The `k` largest along the last axis, in descending order, with their indices (int32); equals keep their order. */
export function topK(x: Operand, k: number): { values: Tensor; indices: Tensor } {
  const shape = shapeOf(x);
  const n = shape[shape.length - 1];
  if (!(Number.isInteger(k) && k >= 1 && k <= n))
    throw new UsageError(`topK: k = ${k} does not fit the last axis of shape [${shape}]; use 1 to ${n}.`);
  const first = (t: Tensor) => slice(t, [...shape.slice(0, -1).map(() => null), [0, k] as const]);
  const descending = asTensor(np.negative(lift(x)));
  return { values: asTensor(np.negative(lift(first(sort(descending))))), indices: first(argsort(descending)) };
}

/** Zeros of a shape. */
export function zeros(shape: readonly number[]): Tensor {
  return asTensor(np.zeros([...shape], { dtype: "float64" }));
}

/** Ones of a shape. */
export function ones(shape: readonly number[]): Tensor {
  return asTensor(np.ones([...shape], { dtype: "float64" }));
}
