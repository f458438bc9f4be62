/** Convolutions, pooling and padding. Images of one axis [N, C, L] are worked on as pictures of one row. */
import { allocate, type NdArray, ndarray, sizeOf } from "../../arrays.js";
import * as ops from "../../ops/index.js";
import { constant, type Operand, shapeOf, type Tensor } from "../../tensor.js";
import { first, type NodeContext, type Operator } from "../node.js";
import { integers, reshaped, taken, type Value } from "../values.js";

type Pair = [number, number];

interface Window {
  /** [N, C, H, W] */
  readonly x: Value;
  readonly size: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** [[top, bottom], [left, right]] */
  readonly padding: [Pair, Pair];
  /** The result with the axes of the node's input. */
  restore(y: Tensor): Tensor;
}

/** `[rows, columns]` from a list for one or two axes. */
const pair = (list: readonly number[] | undefined, otherwise: number): Pair =>
  list === undefined ? [otherwise, otherwise] : list.length === 1 ? [otherwise, list[0]] : [list[0], list[1]];

function windowOf(node: NodeContext, kernel: readonly number[]): Window {
  const { x, shape } = first(node);
  const axes = shape.length - 2;
  if (axes !== 1 && axes !== 2)
    node.fail(`images of shape [${shape}] are not supported; only [N, C, H, W] and [N, C, L] are`);
  if (kernel.length !== axes) node.fail(`a window of [${kernel}] does not fit images of shape [${shape}]`);
  const images = axes === 2 ? x : reshaped(x, [shape[0], shape[1], 1, shape[2]]);
  const size = pair(kernel, 1);
  const stride = pair(node.numbers("strides"), 1);
  const dilation = pair(node.numbers("dilations"), 1);
  const restore = (y: Tensor): Tensor => (axes === 2 ? y : ops.reshape(y, [y.shape[0], y.shape[1], y.shape[3]]));
  return {
    x: images,
    size,
    stride,
    dilation,
    padding: paddingOf(node, shapeOf(images), size, stride, dilation),
    restore,
  };
}

function paddingOf(
  node: NodeContext,
  shape: readonly number[],
  size: Pair,
  stride: Pair,
  dilation: Pair,
): [Pair, Pair] {
  const automatic = node.string("auto_pad", "NOTSET");
  const [pads, zero] = [
    node.numbers("pads"),
    [
      [0, 0],
      [0, 0],
    ] as [Pair, Pair],
  ];
  if (automatic === "VALID") return zero;
  if (automatic === "NOTSET") {
    if (pads === undefined) return zero;
    return pads.length === 2
      ? [
          [0, 0],
          [pads[0], pads[1]],
        ]
      : [
          [pads[0], pads[2]],
          [pads[1], pads[3]],
        ];
  }
  return [0, 1].map((i): Pair => {
    const n = shape[2 + i];
    const reach = (size[i] - 1) * dilation[i] + 1;
    return halves(node, Math.max(0, (Math.ceil(n / stride[i]) - 1) * stride[i] + reach - n));
  }) as [Pair, Pair];
}

/** A total split in two; the odd one is last for SAME_UPPER, first otherwise. */
function halves(node: NodeContext, total: number): Pair {
  const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return node.string("auto_pad", "NOTSET") === "SAME_UPPER" ? [less, more] : [more, less];
}

const kernelOf = (node: NodeContext): { kernel: Value; sizes: readonly number[] } => {
  const kernel = node.input(1);
  const shape = shapeOf(kernel);
  const sizes = shape.slice(2);
  return { kernel: sizes.length === 1 ? reshaped(kernel, [shape[0], shape[1], 1, shape[2]]) : kernel, sizes };
};

function withBias(node: NodeContext, y: Tensor): Tensor {
  const bias = node.inputs[2];
  return bias === undefined ? y : ops.add(y, reshaped(bias, [-1, 1, 1]));
}

const convolution: Operator = (node) => {
  const { kernel, sizes } = kernelOf(node);
  const { x, stride, dilation, padding, restore } = windowOf(node, sizes);
  const groups = node.number("group", 1);
  return restore(withBias(node, ops.conv2d(x, kernel, { stride, dilation, padding, groups })));
};

const transposedConvolution: Operator = (node) => {
  const { kernel, sizes } = kernelOf(node);
  const { x, size, stride, dilation, padding, restore } = windowOf(node, sizes);
  const extra = pair(node.numbers("output_padding"), 0);
  const wanted = node.numbers("output_shape");
  const same = node.string("auto_pad", "NOTSET").startsWith("SAME");
  const cut = [0, 1].map((i): Pair => {
    if (wanted === undefined && !same) return padding[i];
    const n = shapeOf(x)[2 + i];
    const full = (n - 1) * stride[i] + (size[i] - 1) * dilation[i] + 1 + extra[i];
    return halves(node, full - (wanted === undefined ? n * stride[i] : pair(wanted, 1)[i]));
  }) as [Pair, Pair];
  const groups = node.number("group", 1);
  const y = ops.convTranspose2d(x, kernel, { stride, dilation, padding: cut, outputPadding: extra, groups });
  return restore(withBias(node, y));
};

/** `x` with `value` around. */
function surrounded(x: Operand, widths: readonly Pair[], value: number): Tensor {
  const padded = ops.pad(x, widths);
  if (value === 0) return padded;
  // A mask, not an addition: the value may be infinite.
  const inside = padded.shape.map((n, i) => (widths[i][0] + widths[i][1] > 0 ? n : 1));
  const mask = allocate("bool", sizeOf(inside));
  for (let k = 0; k < mask.length; k++) {
    let rest = k;
    let within = true;
    for (let i = inside.length - 1; i >= 0; i--) {
      const at = rest % inside[i];
      rest = Math.floor(rest / inside[i]);
      if (inside[i] > 1 && (at < widths[i][0] || at >= inside[i] - widths[i][1])) within = false;
    }
    mask[k] = within ? 1 : 0;
  }
  return ops.where(constant(ndarray(mask, inside)), padded, value);
}

/** Pooling windows may reach beyond the end by less than a step where the file says so ("ceil mode"). */
function pooled(node: NodeContext, shape: readonly number[], w: Window): { full: [Pair, Pair] } {
  if (w.dilation.some((d) => d !== 1)) node.fail("pooling with dilation is not supported");
  const beyond = node.number("ceil_mode", 0) === 1;
  const full = w.padding.map((p, i): Pair => {
    const room = shape[2 + i] + p[0] + p[1] - w.size[i];
    let count = beyond ? Math.ceil(room / w.stride[i]) : Math.floor(room / w.stride[i]);
    if (beyond && count * w.stride[i] >= shape[2 + i] + p[0]) count--; // a window must begin in the image
    return [p[0], p[1] + Math.max(0, count * w.stride[i] - room)];
  }) as [Pair, Pair];
  return { full };
}

const maxPool: Operator = (node) => {
  const w = windowOf(node, node.numbers("kernel_shape") ?? []);
  const { full } = pooled(node, shapeOf(w.x), w);
  const padded = surrounded(w.x, [[0, 0], [0, 0], ...full], full.flat().some((n) => n > 0) ? -Infinity : 0);
  return w.restore(ops.maxPool2d(padded, { window: w.size, stride: w.stride }));
};

const averagePool: Operator = (node) => {
  const w = windowOf(node, node.numbers("kernel_shape") ?? []);
  const shape = shapeOf(w.x);
  const { full } = pooled(node, shape, w);
  const mean = ops.averagePool2d(ops.pad(w.x, [[0, 0], [0, 0], ...full]), { window: w.size, stride: w.stride });
  const counted =
    node.number("count_include_pad", 0) === 1
      ? w.padding
      : ([
          [0, 0],
          [0, 0],
        ] as [Pair, Pair]);
  return w.restore(ops.mul(mean, areaOverCount(w, shape, full, counted, mean.shape)));
};

/** Elements in a window over those that count, for each window. [H', W'] */
function areaOverCount(
  w: Window,
  shape: readonly number[],
  full: readonly Pair[],
  counted: readonly Pair[],
  out: readonly number[],
) {
  const counts = [0, 1].map((i) =>
    Array.from({ length: out[2 + i] }, (_, k) => {
      const start = k * w.stride[i] - full[i][0];
      const [low, high] = [-counted[i][0], shape[2 + i] + counted[i][1]];
      return Math.min(high, start + w.size[i]) - Math.max(low, start);
    }),
  );
  const area = w.size[0] * w.size[1];
  return ndarray(Float64Array.from(counts[0].flatMap((a) => counts[1].map((b) => area / (a * b)))), [out[2], out[3]]);
}

const overImage =
  (f: (x: Operand, axes: number[], options: { keepDimensions: boolean }) => Tensor): Operator =>
  (node) => {
    const { x, shape } = first(node);
    return f(
      x,
      shape.slice(2).map((_, i) => 2 + i),
      { keepDimensions: true },
    );
  };

const padNode: Operator = (node) => {
  const { x, shape } = first(node);
  const given = node.list(1, "the widths") ?? node.numbers("pads") ?? node.fail("it has no widths");
  const axes = (node.list(3, "the axes") ?? shape.map((_, i) => i)).map((axis) => node.axis(axis, shape.length));
  const value = node.list(2, "the value")?.[0] ?? node.number("value", 0);
  const widths = shape.map((): Pair => [0, 0]);
  axes.forEach((axis, i) => {
    widths[axis] = [given[i], given[i + axes.length]];
  });
  const mode = node.string("mode", "constant");
  // Negative widths cut off.
  const kept = widths.reduce<Value>((part, [before, after], axis) => {
    const count = shape[axis] + Math.min(0, before) + Math.min(0, after);
    return count === shape[axis]
      ? part
      : taken(
          part,
          positions(count, (i) => i - Math.min(0, before)),
          axis,
        );
  }, x);
  const grown = widths.map(([before, after]): Pair => [Math.max(0, before), Math.max(0, after)]);
  if (mode === "constant") return surrounded(kept, grown, value);
  return grown.reduce<Value>((part, [before, after], axis) => {
    if (before + after === 0) return part;
    const n = shapeOf(part)[axis];
    return taken(
      part,
      positions(n + before + after, (i) => outside(node, mode, i - before, n)),
      axis,
    );
  }, kept);
};

const positions = (count: number, f: (i: number) => number): NdArray =>
  integers(Array.from({ length: count }, (_, i) => f(i)));

/** Which element of 0 ... n - 1 stands at position `i` beyond the ends. */
function outside(node: NodeContext, mode: string, i: number, n: number): number {
  if (mode === "edge") return Math.max(0, Math.min(n - 1, i));
  if (mode === "wrap") return ((i % n) + n) % n;
  if (mode !== "reflect") return node.fail(`mode "${mode}" is not known; constant, reflect, edge and wrap are`);
  const period = Math.max(1, 2 * (n - 1));
  const place = ((i % period) + period) % period;
  return place < n ? place : period - place;
}

export const windows: Readonly<Record<string, Operator>> = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: overImage(ops.mean),
  GlobalMaxPool: overImage(ops.max),
  Pad: padNode,
};
