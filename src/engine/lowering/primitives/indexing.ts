/**
 * Reading and writing at computed positions. Several index arrays (one for each indexed axis) are combined into one
 * index over the indexed axes taken together, so that one `Gather` or one `ScatterElements` does the work. (The
 * runtime's ScatterND adds in parallel without locks; ScatterElements goes through the updates in order.)
 */
import { sizeOf } from "../../arrays.js";
import { type Builder, broadcastShape, type Value } from "../graph.js";
import { sumAtPositions } from "../known-positions.js";
import { converted } from "./arithmetic.js";
import type { Lowering } from "./registry.js";

export const indexing: Record<string, Lowering> = {
  // x[:, ...indices, :], the index axes standing at `outDim` of the result.
  gather: ([x, ...indices], { axis, outDim }, [out], build) => {
    const axes = axis as readonly number[];
    const free = freeAxes(x.shape.length, axes);
    const indexShape = broadcastShape(indices.map((index) => index.shape));
    if (axes.length === 1 && outDim === axes[0])
      return [build.make("Gather", [x, whole(indices[0], build)], { axis: axes[0] }, out.shape, x.dtype)];
    const flat = flattened(x, axes, free, build);
    const shape = [...indexShape, ...free.map((a) => x.shape[a])];
    const taken = build.make("Gather", [flat, linearIndex(indices, x.shape, axes, build)], { axis: 0 }, shape, x.dtype);
    return [build.transpose(taken, indexAxesTo(outDim, indexShape.length, free.length))];
  },
  // The reverse: zeros with the updates added at the positions that `gather` would read.
  scatter: ([updates, ...indices], { op, shape, axis, outDim }, [out], build) => {
    if (op !== "add") throw new Error(`scatter: no lowering for the operation "${op}".`);
    if (out.dtype === "bool") throw new Error("scatter: no lowering for values of type bool.");
    const axes = axis as readonly number[];
    const free = freeAxes(shape.length, axes);
    const indexShape = broadcastShape(indices.map((index) => index.shape));
    const known = scatterAtKnown(updates, indices, shape, axes, free, outDim, build);
    if (known !== undefined) return [known];
    const order = inverse(indexAxesTo(outDim, indexShape.length, free.length));
    const width = free.reduce((n, a) => n * shape[a], 1);
    const count = sizeOf(indexShape);
    const rows = build.reshape(build.transpose(updates, order), [count, width]);
    const index = build.expand(build.reshape(linearIndex(indices, shape, axes, build), [count, 1]), [count, width]);
    const extents = axes.map((a) => shape[a]);
    const zeros = build.expand(build.scalar(0, out.dtype), [sizeOf(extents), width]);
    const written = build.make(
      "ScatterElements",
      [zeros, index, rows],
      { axis: 0, reduction: "add" },
      zeros.shape,
      out.dtype,
    );
    const separate = build.reshape(written, [...extents, ...free.map((a) => shape[a])]);
    return [build.transpose(separate, inverse([...axes, ...free]))];
  },
};

/** `scatter` along one axis at positions that are constants of the program, where that can be done by reading. */
function scatterAtKnown(
  updates: Value,
  indices: readonly Value[],
  shape: readonly number[],
  axes: readonly number[],
  free: readonly number[],
  outDim: number,
  build: Builder,
): Value | undefined {
  const positions = indices[0].array?.data;
  if (axes.length !== 1 || positions === undefined) return undefined;
  const sizes = free.map((a) => shape[a]);
  const [before, after] = [sizes.slice(0, outDim), sizes.slice(outDim)];
  const rows = build.reshape(updates, [sizeOf(before), positions.length, sizeOf(after)]);
  const sum = sumAtPositions(rows, positions, shape[axes[0]], build);
  if (sum === undefined) return undefined;
  const separate = build.reshape(sum, [...before, shape[axes[0]], ...after]);
  const order = [...free.slice(0, outDim), axes[0], ...free.slice(outDim)];
  return build.transpose(separate, inverse(order));
}

const freeAxes = (rank: number, axes: readonly number[]): number[] =>
  Array.from({ length: rank }, (_, a) => a).filter((a) => !axes.includes(a));

/** The permutation that takes axes [index..., free...] to free axes with the index axes at `outDim`. */
function indexAxesTo(outDim: number, indexRank: number, freeRank: number): number[] {
  const free = Array.from({ length: freeRank }, (_, i) => indexRank + i);
  const index = Array.from({ length: indexRank }, (_, i) => i);
  return [...free.slice(0, outDim), ...index, ...free.slice(outDim)];
}

function inverse(permutation: readonly number[]): number[] {
  return permutation.map((_, i) => permutation.indexOf(i));
}

/** The indexed axes of `x` in front and merged to one. */
function flattened(x: Value, axes: readonly number[], free: readonly number[], build: Builder): Value {
  const size = axes.reduce((n, a) => n * x.shape[a], 1);
  return build.reshape(build.transpose(x, [...axes, ...free]), [size, ...free.map((a) => x.shape[a])]);
}

/** Row-major position over the axes `axes` of `shape`, from one index for each; shape: the indices' broadcast. */
function linearIndex(
  indices: readonly Value[],
  shape: readonly number[],
  axes: readonly number[],
  build: Builder,
): Value {
  let position = whole(indices[0], build);
  for (let i = 1; i < axes.length; i++) {
    const scaled = build.elementwise("Mul", [position, build.scalar(shape[axes[i]], "int32")], "int32");
    position = build.elementwise("Add", [scaled, whole(indices[i], build)], "int32");
  }
  return position;
}

/** An index is a whole number, whatever type the trace gave it. */
const whole = (index: Value, build: Builder): Value => converted(index, "int32", build);
