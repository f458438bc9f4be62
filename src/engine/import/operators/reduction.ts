/** Reductions over axes, as attribute (older files) or as input. */
import { allocate, type NdArray, ndarray, sizeOf } from "../../arrays.js";
import * as ops from "../../ops/index.js";
import { type Operand, shapeOf, type Tensor } from "../../tensor.js";
import type { NodeContext, Operator } from "../node.js";
import { isHost, transposed } from "../values.js";

type Reduction = (x: Operand, axes: number[], options: { keepDimensions: boolean }) => Tensor;
type HostReduction = (numbers: readonly number[]) => number;

function reduction(f: Reduction, host?: HostReduction): Operator {
  return (node) => {
    const x = node.input(0);
    const shape = shapeOf(x);
    const axes = axesOf(node, shape.length);
    if (axes === undefined) return x;
    const keepDimensions = node.number("keepdims", 1) === 1;
    if (isHost(x) && host) return reduceHost(x, axes, keepDimensions, host);
    return f(x, axes, { keepDimensions });
  };
}

// Undefined: the reduction does nothing. No axes means all of them, unless the file says that it means none.
function axesOf(node: NodeContext, rank: number): number[] | undefined {
  const axes = node.list(1, "the axes") ?? node.numbers("axes") ?? [];
  if (axes.length > 0) return axes.map((axis) => node.axis(axis, rank));
  return node.number("noop_with_empty_axes", 0) === 1 ? undefined : Array.from({ length: rank }, (_, i) => i);
}

function reduceHost(x: NdArray, axes: readonly number[], keep: boolean, host: HostReduction): NdArray {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const { data } = transposed(x, [...kept, ...axes]) as NdArray;
  const count = sizeOf(axes.map((a) => x.shape[a]));
  const result = allocate(x.dtype, sizeOf(kept.map((a) => x.shape[a])));
  for (let i = 0; i < result.length; i++) result[i] = host(Array.from(data.subarray(i * count, (i + 1) * count)));
  return ndarray(
    result,
    x.shape.flatMap((n, i) => (kept.includes(i) ? [n] : keep ? [1] : [])),
  );
}

const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const logSumExp: Reduction = (x, axes, { keepDimensions }) => {
  const shift = ops.stopGradient(ops.max(x, axes, { keepDimensions: true }));
  const result = ops.add(ops.log(ops.sum(ops.exp(ops.sub(x, shift)), axes, { keepDimensions: true })), shift);
  return keepDimensions ? result : ops.sum(result, axes);
};

const product: Reduction = (x, axes, options) =>
  axes.reduceRight<Tensor>((t, axis) => ops.prod(t, axis, options), ops.add(x, 0));

export const reductions: Readonly<Record<string, Operator>> = {
  ReduceSum: reduction(ops.sum, total),
  ReduceMean: reduction(ops.mean, (numbers) => total(numbers) / numbers.length),
  ReduceMax: reduction(ops.max, (numbers) => Math.max(...numbers)),
  ReduceMin: reduction(ops.min, (numbers) => Math.min(...numbers)),
  ReduceProd: reduction(
    (x, axes, options) =>
      product(
        x,
        [...axes].sort((a, b) => a - b),
        options,
      ),
    (numbers) => numbers.reduce((a, b) => a * b, 1),
  ),
  ReduceSumSquare: reduction((x, axes, options) => ops.sum(ops.square(x), axes, options)),
  ReduceL1: reduction((x, axes, options) => ops.sum(ops.abs(x), axes, options)),
  ReduceL2: reduction((x, axes, options) => ops.sqrt(ops.sum(ops.square(x), axes, options))),
  ReduceLogSum: reduction((x, axes, options) => ops.log(ops.sum(x, axes, options))),
  ReduceLogSumExp: reduction(logSumExp),
};
