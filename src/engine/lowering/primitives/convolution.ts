/**
 * Convolution over any number of axes, and windows. jax-js's convolution is a correlation with strides, padding
 * (negative: cut), dilation of the input (zeros between elements) and of the kernel, and leading batch axes of both.
 *
 * Leading axes: along which only the input varies, they join its batch axis; along which only the kernel varies, its
 * output channels; along which both vary, they become groups. A dilated input without strides is a transposed
 * convolution with the reversed kernel; with strides, the zeros are made.
 */
import { sizeOf } from "../../arrays.js";
import { lowerDot } from "../contractions.js";
import type { Builder, Value } from "../graph.js";
import {
  gatherWindows,
  insertZeros,
  type Pair,
  padOrCrop,
  reverseLast,
  sharedIndex,
  windowPositions,
} from "../spatial.js";
import type { Lowering } from "./registry.js";

interface ConvolutionParameters {
  readonly vmapDims: number;
  readonly strides: readonly number[];
  readonly padding: readonly Pair[];
  readonly lhsDilation: readonly number[];
  readonly rhsDilation: readonly number[];
}

export const convolution: Record<string, Lowering> = {
  conv: ([input, filter], params: ConvolutionParameters, [out], build) => {
    if (out.dtype !== "float64") throw new Error(`conv: no lowering for values of type ${out.dtype}.`);
    if ([input, filter, out].some((v) => sizeOf(v.shape) === 0)) return [build.expand(build.scalar(0), out.shape)];
    const v = params.vmapDims;
    const spatial = input.shape.length - v - 2;
    const transposed = params.lhsDilation.some((d) => d !== 1) && params.strides.every((s) => s === 1);
    const [x, kernel] = [input, transposed ? reverseLast(filter, spatial, build) : filter];
    const lead = Array.from({ length: v }, (_, i) => i);
    const batch = lead.filter((i) => out.shape[i] === 1 || isRepeated(kernel, i));
    const filters = lead.filter((i) => !batch.includes(i) && isRepeated(x, i));
    const groups = lead.filter((i) => !batch.includes(i) && !filters.includes(i));
    const space = Array.from({ length: spatial }, (_, i) => v + 2 + i);
    const extent = (axes: readonly number[]) => axes.reduce((n, i) => n * out.shape[i], 1);
    const [N, C, O, G] = [input.shape[v], input.shape[v + 1], filter.shape[v], extent(groups)];
    const left = build.reshape(
      build.transpose(once(x, filters, build), [...batch, v, ...groups, ...filters, v + 1, ...space]),
      [extent(batch) * N, G * C, ...x.shape.slice(v + 2)],
    );
    const right = build.reshape(
      build.transpose(once(kernel, batch, build), [...groups, ...filters, v, ...batch, v + 1, ...space]),
      [G * extent(filters) * O, C, ...kernel.shape.slice(v + 2)],
    );
    const made = convolve(left, right, G, transposed, params, out.shape.slice(v + 2), build);
    const order = [...batch, v, ...groups, ...filters, v + 1, ...space];
    const separate = build.reshape(
      made,
      order.map((i) => out.shape[i]),
    );
    return [
      build.transpose(
        separate,
        out.shape.map((_, i) => order.indexOf(i)),
      ),
    ];
  },

  // All windows of the last axes: [..., windows, elements of a window].
  pool: ([x], { window, strides }, [out], build) => {
    const lead = x.shape.length - window.length;
    const rank = x.shape.length;
    const count = out.shape.slice(lead, rank);
    const windows = { input: x.shape.slice(lead), count, size: window, strides, dilations: strides.map(() => 1) };
    const all = gatherWindows(x, windows, build); // [..., elements, windows]
    const swapped = build.transpose(all, [...x.shape.slice(0, lead).map((_, i) => i), lead + 1, lead]);
    return [build.reshape(swapped, out.shape)];
  },

  // Its transpose: each input position sums the window elements that were read from it.
  pool_transpose: ([x], { inShape, window, strides }, [out], build) => {
    const lead = inShape.length - window.length;
    const input = inShape.slice(lead);
    const count = x.shape.slice(lead, inShape.length);
    const windows = { input, count, size: window, strides, dilations: strides.map(() => 1) };
    const readers: number[][] = Array.from({ length: sizeOf(input) }, () => []);
    const [elements, places] = [sizeOf(window), sizeOf(count)];
    windowPositions(windows).forEach((position, i) => {
      readers[position].push((i % places) * elements + Math.floor(i / places));
    });
    const most = Math.max(...readers.map((list) => list.length));
    const nobody = elements * places; // the position of an added zero
    const index = sharedIndex(build, `readers${JSON.stringify(windows)}`, [readers.length, most], () =>
      Int32Array.from(readers.flatMap((list) => [...list, ...Array(most - list.length).fill(nobody)])),
    );
    const front = inShape.slice(0, lead);
    const padded = padOrCrop(build.reshape(x, [...front, nobody]), [[0, 1]], build);
    const read = build.make("Gather", [padded, index], { axis: lead }, [...front, ...index.shape], x.dtype);
    const summed = build.make("ReduceSum", [read], { axes: [lead + 1] }, [...front, readers.length]);
    return [build.reshape(summed, out.shape)];
  },
};

/** Whether `x` is the same along axis `i` by construction. */
function isRepeated(x: Value, i: number): boolean {
  if (x.shape[i] === 1) return true;
  if (x.node?.op !== "Expand") return false;
  const source = x.node.inputs[0].shape;
  return (source[i - x.shape.length + source.length] ?? 1) === 1;
}

/** `x` with the axes `axes`, along which it is repeated, of size 1. */
function once(x: Value, axes: readonly number[], build: Builder): Value {
  const ends = x.shape.map((n, i) => (axes.includes(i) ? 1 : n));
  return build.make("Slice", [x], { starts: ends.map(() => 0), ends }, ends);
}

/** `x [N, G C, ...]` with `kernel [G O, C, ...]` (reversed already if `transposed`). */
function convolve(
  x: Value,
  kernel: Value,
  groups: number,
  transposed: boolean,
  { strides, padding, lhsDilation, rhsDilation }: ConvolutionParameters,
  outSpace: readonly number[],
  build: Builder,
): Value {
  const [N, all] = x.shape;
  const [filters, C, ...window] = kernel.shape;
  const shape = [N, filters, ...outSpace];
  if (window.length === 0) {
    const left = build.reshape(x, [N, groups, 1, C]);
    const right = build.reshape(kernel, [1, groups, filters / groups, C]);
    return build.reshape(lowerDot(left, right, build), shape);
  }
  if (!transposed) {
    const spread = lhsDilation.some((d) => d !== 1) ? insertZeros(x, lhsDilation, build) : x;
    // Conv pads by itself, but cannot cut.
    const cut = padOrCrop(
      spread,
      padding.map(([before, after]) => [Math.min(0, before), Math.min(0, after)]),
      build,
    );
    const pads = [...padding.map((p) => Math.max(0, p[0])), ...padding.map((p) => Math.max(0, p[1]))];
    return build.make("Conv", [cut, kernel], { strides, dilations: rhsDilation, pads, group: groups }, shape);
  }
  // The full transposed convolution reaches (k - 1) r beyond the dilated input on both sides: cut or pad to fit.
  const excess = padding.map(([before, after], i): Pair => {
    const reach = (window[i] - 1) * rhsDilation[i];
    return [reach - before, reach - after];
  });
  const cuts = [...excess.map((e) => Math.max(0, e[0])), ...excess.map((e) => Math.max(0, e[1]))];
  const lacking = excess.map(([before, after]): Pair => [Math.max(0, -before), Math.max(0, -after)]);
  const inner = outSpace.map((n, i) => n - lacking[i][0] - lacking[i][1]);
  // ONNX wants the kernel as [G C, O, ...].
  const swapped = build.transpose(build.reshape(kernel, [groups, filters / groups, C, ...window]), [
    0,
    2,
    1,
    ...window.map((_, i) => 3 + i),
  ]);
  const weights = build.reshape(swapped, [all, filters / groups, ...window]);
  const attributes = { strides: lhsDilation, dilations: rhsDilation, pads: cuts, group: groups };
  const made = build.make("ConvTranspose", [x, weights], attributes, [N, filters, ...inner]);
  return padOrCrop(made, lacking, build);
}
