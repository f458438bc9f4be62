/** Operators that move elements, and those that compute with shapes. */
import { allocate, type NdArray, ndarray, sizeOf } from "../../arrays.js";
import * as ops from "../../ops/index.js";
import { shapeOf } from "../../tensor.js";
import { first, type NodeContext, type Operator } from "../node.js";
import { expanded, integers, isHost, joined, reshaped, taken, transposed, type Value } from "../values.js";

const range = (start: number, count: number, step = 1): NdArray =>
  integers(Array.from({ length: count }, (_, i) => start + i * step));

const reshapeNode: Operator = (node) => {
  const { x, shape } = first(node);
  const keepZeros = node.number("allowzero", 0) === 1;
  const wanted = node.list(1, "the shape") ?? [...(node.numbers("shape") ?? [])];
  const target = wanted.map((n, i) => (n === 0 && !keepZeros ? shape[i] : n));
  return reshaped(x, isHost(x) ? target : forBatch(node, shape, target));
};

/**
 * A target that was written down for the file's fixed number of rows, for the rows at hand: where the batch is part
 * of the leading axis, that axis is scaled. (Whether this meant the same is checked after the import, by numbers.)
 */
function forBatch(node: NodeContext, shape: readonly number[], target: readonly number[]): readonly number[] {
  const { fixed, actual } = node.batch;
  if (fixed === undefined || fixed === actual || target[0] === -1 || target.length === 0) return target;
  const fits = target.includes(-1)
    ? target[0] % fixed === 0 && target[0] !== shape[0]
    : sizeOf(target) * actual === sizeOf(shape) * fixed && target[0] % fixed === 0;
  return fits ? [(target[0] / fixed) * actual, ...target.slice(1)] : target;
}

/** The same for shapes to repeat to or to fill, whose first axis is the fixed number of rows. */
function leadingBatch(node: NodeContext, target: readonly number[], rank = target.length): readonly number[] {
  const { fixed, actual } = node.batch;
  if (fixed === undefined || fixed === 1 || target.length < 2 || target.length < rank || target[0] !== fixed)
    return target;
  return [actual, ...target.slice(1)];
}

const flatten: Operator = (node) => {
  const { x, shape } = first(node);
  const given = node.number("axis", 1);
  const axis = given < 0 ? given + shape.length : given;
  return reshaped(x, [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))]);
};

const transposeNode: Operator = (node) => {
  const { x, shape } = first(node);
  return transposed(x, node.numbers("perm") ?? shape.map((_, i) => shape.length - 1 - i));
};

const squeeze: Operator = (node) => {
  const { x, shape } = first(node);
  const given = node.list(1, "the axes") ?? node.numbers("axes");
  const axes = given?.map((axis) => node.axis(axis, shape.length)) ?? shape.flatMap((n, i) => (n === 1 ? [i] : []));
  const wide = axes.find((axis) => shape[axis] !== 1);
  if (wide !== undefined) node.fail(`axis ${wide} of shape [${shape}] has size ${shape[wide]}, not 1`);
  return reshaped(
    x,
    shape.filter((_, i) => !axes.includes(i)),
  );
};

const unsqueeze: Operator = (node) => {
  const { x, shape } = first(node);
  const given = node.list(1, "the axes") ?? node.numbers("axes") ?? [];
  const rank = shape.length + given.length;
  const axes = given.map((axis) => node.axis(axis, rank));
  let next = 0;
  return reshaped(
    x,
    Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : shape[next++])),
  );
};

const concatNode: Operator = (node) => {
  const parts = node.inputs.map((_, i) => node.input(i));
  return joined(parts, node.axis(node.number("axis", 1), shapeOf(parts[0]).length));
};

const slice: Operator = (node) => {
  const { x, shape } = first(node);
  const starts = node.list(1, "the starts") ?? node.numbers("starts") ?? [];
  const ends = node.list(2, "the ends") ?? node.numbers("ends") ?? [];
  const axes = node.list(3, "the axes") ?? node.numbers("axes") ?? starts.map((_, i) => i);
  const steps = node.list(4, "the steps") ?? starts.map(() => 1);
  return starts.reduce<Value>((part, start, i) => {
    const axis = node.axis(axes[i], shape.length);
    const { from, count } = sliceRange(start, ends[i], steps[i], shape[axis]);
    return cut(part, axis, from, count, steps[i]);
  }, x);
};

// As in NumPy: negative positions count from the end, positions beyond an end are cut to it.
function sliceRange(start: number, end: number, step: number, size: number): { from: number; count: number } {
  const place = (position: number, low: number, high: number): number =>
    Math.max(low, Math.min(high, position < 0 ? position + size : position));
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const from = place(start, low, high);
  const to = step < 0 && end < -size ? -1 : place(end, low, high);
  return { from, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** `count` elements along `axis`. */
function cut(x: Value, axis: number, from: number, count: number, step = 1): Value {
  const shape = shapeOf(x);
  if (from === 0 && step === 1 && count === shape[axis]) return x;
  if (isHost(x) || step !== 1) return taken(x, range(from, count, step), axis);
  return ops.slice(
    x,
    shape.map((_, i) => (i === axis ? ([from, from + count] as const) : null)),
  );
}

const split: Operator = (node) => {
  const { x, shape } = first(node);
  const axis = node.axis(node.number("axis", 0), shape.length);
  const given = node.list(1, "the sizes") ?? node.numbers("split");
  const parts = node.number("num_outputs", node.outputs);
  const each = Math.ceil(shape[axis] / parts);
  const sizes = given ?? Array.from({ length: parts }, (_, i) => Math.min(each, shape[axis] - i * each));
  let from = 0;
  return sizes.map((n) => cut(x, axis, (from += n) - n, n));
};

const gather: Operator = (node) => {
  const { x, shape } = first(node);
  const axis = node.axis(node.number("axis", 0), shape.length);
  const indices = node.constant(1, "the indices");
  const counted = Array.from(indices.data, (i) => (i < 0 ? i + shape[axis] : i));
  const outside = counted.find((i) => i < 0 || i >= shape[axis]);
  if (outside !== undefined) node.fail(`index ${outside} is outside axis ${axis} of shape [${shape}]`);
  if (indices.data.length === 1) {
    const part = cut(x, axis, counted[0], 1);
    return reshaped(part, [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)]);
  }
  return taken(x, { ...integers(counted), shape: indices.shape }, axis);
};

const expand: Operator = (node) => {
  const { x, shape } = first(node);
  const target = leadingBatch(node, node.list(1, "the shape") ?? [], shape.length);
  const rank = Math.max(target.length, shape.length);
  return expanded(
    x,
    Array.from({ length: rank }, (_, i) => {
      const [a, b] = [shape[i - rank + shape.length] ?? 1, target[i - rank + target.length] ?? 1];
      return a === 1 ? b : a;
    }),
  );
};

const tile: Operator = (node) => {
  const { x, shape } = first(node);
  const repeats = node.list(1, "the repeats") ?? [];
  return repeats.reduce<Value>(
    (part, times, axis) =>
      times === 1
        ? part
        : joined(
            Array.from({ length: times }, () => part),
            axis,
          ),
    reshaped(x, shape),
  );
};

const constantNode: Operator = (node) => {
  const scalar = (value: number, whole: boolean): NdArray => ({
    data: whole ? Int32Array.of(value) : Float64Array.of(value),
    shape: [],
    dtype: whole ? "int32" : "float64",
  });
  const value = node.array("value");
  if (value !== undefined) return value;
  const [float, whole] = [node.number("value_float", Number.NaN), node.number("value_int", Number.NaN)];
  if (!Number.isNaN(float)) return scalar(float, false);
  if (!Number.isNaN(whole)) return scalar(whole, true);
  const floats = node.numbers("value_floats");
  if (floats !== undefined) return ndarray(Float64Array.from(floats));
  return integers(node.numbers("value_ints") ?? node.fail("its value is neither a number nor an array of numbers"));
};

const constantOfShape: Operator = (node) => {
  const shape = leadingBatch(node, node.list(0, "the shape") ?? []);
  const value = node.array("value");
  const data = allocate(value?.dtype ?? "float32", sizeOf(shape));
  return ndarray(data.fill(value?.data[0] ?? 0), shape);
};

const rangeNode: Operator = (node) => {
  const [start, limit, step] = [0, 1, 2].map((i) => node.constant(i, "the limits").data[0]);
  const { dtype } = node.constant(0, "the limits");
  const data = allocate(dtype, Math.max(0, Math.ceil((limit - start) / step)));
  for (let i = 0; i < data.length; i++) data[i] = start + i * step;
  return ndarray(data);
};

const shapeNode: Operator = (node) => {
  const { shape } = first(node);
  const end = node.number("end", shape.length);
  return integers(shape.slice(node.number("start", 0), end));
};

/** Channels to blocks of pixels, as after a convolution that raises the resolution ("pixel shuffle"). */
const depthToSpace: Operator = (node) => {
  const { x, shape } = first(node);
  const b = node.number("blocksize", 1);
  const [N, C, H, W] = shape;
  const depth = C / (b * b);
  const rowsFirst = node.string("mode", "DCR") === "CRD";
  const cutUp = rowsFirst ? [N, depth, b, b, H, W] : [N, b, b, depth, H, W];
  const order = rowsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return reshaped(transposed(reshaped(x, cutUp), order), [N, depth, H * b, W * b]);
};

const spaceToDepth: Operator = (node) => {
  const { x, shape } = first(node);
  const b = node.number("blocksize", 1);
  const [N, C, H, W] = shape;
  return reshaped(transposed(reshaped(x, [N, C, H / b, b, W / b, b]), [0, 3, 5, 1, 2, 4]), [
    N,
    C * b * b,
    H / b,
    W / b,
  ]);
};

const dropout: Operator = (node) => {
  if (node.inputs[2] !== undefined && node.constant(2, "the training mode").data[0] === 1)
    node.fail("it drops values at random; export the decoder in evaluation mode (model.eval())");
  return node.input(0);
};

export const movement: Readonly<Record<string, Operator>> = {
  Reshape: reshapeNode,
  Flatten: flatten,
  Transpose: transposeNode,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concatNode,
  Slice: slice,
  Split: split,
  Gather: gather,
  Expand: expand,
  Tile: tile,
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Range: rangeNode,
  Shape: shapeNode,
  Size: (node) => ({ data: Int32Array.of(sizeOf(first(node).shape)), shape: [], dtype: "int32" }),
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Identity: (node) => node.input(0),
  Dropout: dropout,
};
