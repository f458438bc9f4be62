/**
 * What flows along the edges of an imported graph: tensors that depend on the input, and host arrays that do not
 * (weights, shapes and what is computed from them). Moving elements and simple arithmetic of host arrays is done here
 * and now, so that the shapes a graph computes are known while it is traced.
 */
import { allocate, type DType, isNdArray, type NdArray, ndarray, sizeOf } from "../arrays.js";
import { broadcastShapes } from "../ops/common.js";
import { broadcastTo, concat, reshape, take, transpose } from "../ops/shape.js";
import type { Tensor } from "../tensor.js";

export type Value = NdArray | Tensor;

export const isHost = (value: Value | undefined): value is NdArray => isNdArray(value);
export const areHost = (values: readonly (Value | undefined)[]): values is NdArray[] => values.every(isHost);

export function integers(values: readonly number[]): NdArray {
  return { data: Int32Array.from(values), shape: [values.length], dtype: "int32" };
}

/** The number that all elements of a host array equal, if there is one. */
export function uniformValue(value: Value | undefined): number | undefined {
  if (!isHost(value) || value.data.length === 0) return undefined;
  const [first] = value.data;
  return value.data.every((v) => v === first) ? first : undefined;
}

export function reshaped(x: Value, shape: readonly number[]): Value {
  if (!isHost(x)) return reshape(x, shape);
  const unknown = shape.indexOf(-1);
  const known = shape.reduce((product, n, i) => (i === unknown ? product : product * n), 1);
  return ndarray(
    x.data,
    shape.map((n, i) => (i === unknown ? x.data.length / known : n)),
  );
}

// Transposed weights, so that one array stays one constant of the program however often the graph is traced.
const transposes = new WeakMap<NdArray, Map<string, NdArray>>();

export function transposed(x: Value, permutation: readonly number[]): Value {
  if (!isHost(x)) return transpose(x, permutation);
  let known = transposes.get(x);
  if (known === undefined) transposes.set(x, (known = new Map()));
  const key = `${permutation}`;
  let result = known.get(key);
  if (result === undefined) {
    const strides = stridesOf(x.shape);
    const shape = permutation.map((axis) => x.shape[axis]);
    result = viewCopy(
      x,
      shape,
      permutation.map((axis) => strides[axis]),
    );
    known.set(key, result);
  }
  return result;
}

/** `x[..., indices, ...]` along `axis`; indices from 0 on. */
export function taken(x: Value, indices: NdArray, axis: number): Value {
  if (!isHost(x)) return take(x, indices, axis);
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const [from, to] = [x.shape[axis] * inner, indices.data.length * inner];
  const data = allocate(x.dtype, outer * to);
  for (let o = 0; o < outer; o++)
    indices.data.forEach((index, i) => {
      const start = o * from + index * inner;
      data.set(x.data.subarray(start, start + inner), o * to + i * inner);
    });
  return ndarray(data, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
}

export function joined(parts: readonly Value[], axis: number): Value {
  if (!areHost(parts)) return concat(parts, axis);
  const outer = sizeOf(parts[0].shape.slice(0, axis));
  const widths = parts.map((part) => sizeOf(part.shape.slice(axis)));
  const width = widths.reduce((sum, n) => sum + n, 0);
  const data = allocate(parts[0].dtype, outer * width);
  let offset = 0;
  parts.forEach((part, p) => {
    for (let o = 0; o < outer; o++)
      data.set(part.data.subarray(o * widths[p], (o + 1) * widths[p]), o * width + offset);
    offset += widths[p];
  });
  const total = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  return ndarray(
    data,
    parts[0].shape.map((n, i) => (i === axis ? total : n)),
  );
}

export function expanded(x: Value, shape: readonly number[]): Value {
  if (!isHost(x)) return broadcastTo(x, shape);
  const lead = shape.length - x.shape.length;
  const strides = stridesOf(x.shape);
  return viewCopy(
    x,
    shape,
    shape.map((_, i) => (i < lead || x.shape[i - lead] === 1 ? 0 : strides[i - lead])),
  );
}

/** `f` of host arrays, element by element, with broadcasting. */
export function elementwise(f: (...numbers: number[]) => number, inputs: readonly NdArray[], dtype: DType): NdArray {
  const shape = inputs.reduce<readonly number[]>((s, x) => broadcastShapes("constant", s, x.shape), []);
  const full = inputs.map((x) => (expanded(x, shape) as NdArray).data);
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = f(...full.map((d) => d[i]));
  return ndarray(data, shape);
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, i) => sizeOf(shape.slice(i + 1)));
}

function viewCopy(x: NdArray, shape: readonly number[], strides: readonly number[]): NdArray {
  const data = allocate(x.dtype, sizeOf(shape));
  let position = 0;
  const fill = (axis: number, offset: number): void => {
    if (axis === shape.length) data[position++] = x.data[offset];
    else for (let i = 0; i < shape[axis]; i++) fill(axis + 1, offset + i * strides[axis]);
  };
  fill(0, 0);
  return ndarray(data, shape);
}
