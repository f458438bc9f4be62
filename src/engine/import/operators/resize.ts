/**
 * Resize and Upsample: nearest neighbour by repeating or picking elements, linear by one small matrix for each axis
 * (every element of the result is a fixed combination of elements of the image). Coordinates as in ONNX, "Resize".
 */
import { ndarray } from "../../arrays.js";
import * as ops from "../../ops/index.js";
import { shapeOf, type Tensor } from "../../tensor.js";
import { first, type NodeContext, type Operator } from "../node.js";
import { integers, taken, type Value } from "../values.js";

interface Axis {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

const resize: Operator = (node) => {
  const mode = node.string("mode", "nearest");
  if (mode !== "nearest" && mode !== "linear") node.fail(`mode "${mode}" is not supported; nearest and linear are`);
  const changed = axesOf(node).filter(({ from, to, scale }) => from !== to || scale !== 1);
  if (node.number("antialias", 0) === 1 && changed.some(({ scale }) => scale < 1))
    node.fail("shrinking with antialiasing is not supported");
  return changed.reduce<Value>(
    (x, a) => (mode === "nearest" ? nearest(node, x, a) : linear(node, x, a)),
    node.input(0),
  );
};

const upsample: Operator = (node) =>
  resize({
    ...node,
    string: (name, other) =>
      name === "coordinate_transformation_mode"
        ? "asymmetric"
        : name === "nearest_mode"
          ? "floor"
          : node.string(name, other),
  });

/** The axes with their sizes. The batch axis stays as it is. */
function axesOf(node: NodeContext): Axis[] {
  const { shape } = first(node);
  const old = node.opset < 11; // then the scales were the second input, before that an attribute
  const scales = node.list(old ? 1 : 2, "the scales") ?? node.numbers("scales") ?? [];
  const sizes = (old ? undefined : node.list(3, "the sizes")) ?? [];
  const axes = node.numbers("axes")?.map((axis) => node.axis(axis, shape.length)) ?? shape.map((_, i) => i);
  const policy = node.string("keep_aspect_ratio_policy", "stretch");
  if (policy !== "stretch") node.fail(`keep_aspect_ratio_policy "${policy}" is not supported`);
  if (scales.length === 0 && sizes.length === 0) node.fail("it has neither scales nor sizes");
  return axes.flatMap((axis, i): Axis[] => {
    const from = shape[axis];
    if (sizes.length === 0) return [{ axis, from, to: Math.floor(from * scales[i]), scale: scales[i] }];
    const batch = axis === 0 && sizes[i] === node.batch.fixed;
    return batch ? [] : [{ axis, from, to: sizes[i], scale: sizes[i] / from }];
  });
}

/** Where element `i` of the result lies in the image. */
function coordinate(node: NodeContext, { from, to, scale }: Axis, i: number): number {
  const kind = node.string("coordinate_transformation_mode", node.opset < 11 ? "asymmetric" : "half_pixel");
  switch (kind) {
    case "half_pixel":
      return (i + 0.5) / scale - 0.5;
    case "half_pixel_symmetric": {
      const adjustment = to / (scale * from);
      return (from / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    case "pytorch_half_pixel":
      return to > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return to > 1 ? (i * (from - 1)) / (to - 1) : 0;
    case "asymmetric":
      return i / scale;
    case "tf_half_pixel_for_nn":
      return (i + 0.5) / scale;
    default:
      return node.fail(`coordinate_transformation_mode "${kind}" is not supported`);
  }
}

function nearest(node: NodeContext, x: Value, a: Axis): Value {
  const rounding = node.string("nearest_mode", node.opset < 11 ? "floor" : "round_prefer_floor");
  const round = (v: number): number => {
    if (rounding === "floor") return Math.floor(v);
    if (rounding === "ceil") return Math.ceil(v);
    return rounding === "round_prefer_ceil" ? Math.floor(v + 0.5) : Math.ceil(v - 0.5);
  };
  const indices = Array.from({ length: a.to }, (_, i) =>
    Math.max(0, Math.min(a.from - 1, round(coordinate(node, a, i)))),
  );
  const times = a.to / a.from;
  if (Number.isInteger(times) && indices.every((index, i) => index === Math.floor(i / times)))
    return repeated(x, a.axis, times);
  return taken(x, integers(indices), a.axis);
}

/** Every element along `axis` so many times. Its gradient is a sum, where that of picking is a scatter. */
function repeated(x: Value, axis: number, times: number): Tensor {
  const shape = shapeOf(x);
  const [before, after] = [shape.slice(0, axis + 1), shape.slice(axis + 1)];
  const wide = ops.broadcastTo(ops.reshape(x, [...before, 1, ...after]), [...before, times, ...after]);
  return ops.reshape(wide, [...shape.slice(0, axis), shape[axis] * times, ...after]);
}

function linear(node: NodeContext, x: Value, a: Axis): Tensor {
  const weights = new Float64Array(a.from * a.to); // [from, to]
  for (let i = 0; i < a.to; i++) {
    const place = Math.max(0, Math.min(a.from - 1, coordinate(node, a, i)));
    const low = Math.min(Math.floor(place), a.from - 1);
    const high = Math.min(low + 1, a.from - 1);
    weights[low * a.to + i] += 1 - (place - low);
    weights[high * a.to + i] += place - low;
  }
  const rank = shapeOf(x).length;
  const order = Array.from({ length: rank }, (_, i) => i);
  [order[a.axis], order[rank - 1]] = [rank - 1, a.axis]; // exchanged, so its own inverse
  return ops.transpose(ops.matmul(ops.transpose(x, order), ndarray(weights, [a.from, a.to])), order);
}

export const resizing: Readonly<Record<string, Operator>> = { Resize: resize, Upsample: upsample };
