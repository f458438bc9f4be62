/**
 * Arrays on the host: a typed array and a shape. They go into compiled programs and come out of them; inside a
 * traced function there are only `Tensor`s (see `tensor.ts`).
 */
import { UsageError } from "../errors.js";

/** Element type of a host array. Booleans are stored as bytes, 0 or 1. */
export type DType = "float32" | "float64" | "int32" | "bool";

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A dense array in row-major order. `data.length` is the product of `shape`. */
export interface NdArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const constructors = { float32: Float32Array, float64: Float64Array, int32: Int32Array, bool: Uint8Array } as const;

/** The number of elements of an array of this shape; 1 for the shape `[]` of a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** An uninitialised-to-zero typed array of `length` elements of type `dtype`. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new constructors[dtype](length);
}

/**
 * Wraps a typed array (not copied) as an `NdArray`.
 * @param shape defaults to one axis. @throws UsageError if the length is not the product of the shape.
 */
export function ndarray(data: TypedArray, shape: readonly number[] = [data.length]): NdArray {
  const size = sizeOf(shape);
  if (size !== data.length)
    throw new UsageError(
      `ndarray: ${data.length} elements cannot have shape [${shape}], which holds ${size}; give a matching shape.`,
    );
  return { data, shape: [...shape], dtype: dtypeOf(data) };
}

/** Nested lists of numbers as an `NdArray`; all lists of one level must have one length. */
export type Nested = number | readonly Nested[];

/**
 * An `NdArray` from a number, nested lists of numbers, or an `NdArray` (converted if `dtype` differs).
 * @example array([[1, 2], [3, 4]]).shape // [2, 2]
 * @throws UsageError if the lists are ragged.
 */
export function array(value: Nested | NdArray | TypedArray, dtype?: DType): NdArray {
  if (ArrayBuffer.isView(value)) return astype(ndarray(value as TypedArray), dtype ?? dtypeOf(value as TypedArray));
  if (isNdArray(value)) return astype(value, dtype ?? value.dtype);
  const shape: number[] = [];
  for (let level: Nested = value as Nested; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const data = allocate(dtype ?? "float64", sizeOf(shape));
  let position = 0;
  const fill = (level: Nested, axis: number): void => {
    if (typeof level === "number") {
      if (axis !== shape.length) throw ragged(shape);
      data[position++] = level;
      return;
    }
    if (!Array.isArray(level) || level.length !== shape[axis]) throw ragged(shape);
    for (const item of level) fill(item, axis + 1);
  };
  fill(value as Nested, 0);
  return ndarray(data, shape);
}

function ragged(shape: readonly number[]): UsageError {
  return new UsageError(
    `array: the nested lists are ragged (expected shape [${shape}] throughout); make all rows equally long.`,
  );
}

/** An array of zeros. */
export function zerosArray(shape: readonly number[], dtype: DType = "float64"): NdArray {
  return { data: allocate(dtype, sizeOf(shape)), shape: [...shape], dtype };
}

/** The same numbers with element type `dtype`; the array itself if it already has it. */
export function astype(a: NdArray, dtype: DType): NdArray {
  if (a.dtype === dtype) return a;
  const data = allocate(dtype, a.data.length);
  if (dtype === "bool") for (let i = 0; i < data.length; i++) data[i] = a.data[i] ? 1 : 0;
  else data.set(a.data);
  return { data, shape: a.shape, dtype };
}

/** The same numbers with another shape of the same size; shares the data. */
export function reshapeArray(a: NdArray, shape: readonly number[]): NdArray {
  return ndarray(a.data, shape);
}

/** Rows `indices` of the first axis, copied. @throws UsageError if an index is out of range. */
export function takeRows(a: NdArray, indices: ArrayLike<number>): NdArray {
  const width = a.shape.slice(1).reduce((p, n) => p * n, 1);
  const data = allocate(a.dtype, indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i];
    if (!(Number.isInteger(row) && row >= 0 && row < a.shape[0]))
      throw new UsageError(`takeRows: index ${row} is not a row of an array with ${a.shape[0]} rows.`);
    data.set(a.data.subarray(row * width, (row + 1) * width), i * width);
  }
  return { data, shape: [indices.length, ...a.shape.slice(1)], dtype: a.dtype };
}

/** Nested lists of the numbers, for printing and JSON. A scalar array gives a number. */
export function toNested(a: NdArray): Nested {
  const build = (axis: number, offset: number, size: number): Nested => {
    if (axis === a.shape.length) return a.data[offset];
    const step = size / (a.shape[axis] || 1);
    return Array.from({ length: a.shape[axis] }, (_, i) => build(axis + 1, offset + i * step, step));
  };
  return build(0, 0, a.data.length);
}

export function isNdArray(x: unknown): x is NdArray {
  return typeof x === "object" && x !== null && "data" in x && "shape" in x && ArrayBuffer.isView((x as NdArray).data);
}

function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Uint8Array) return "bool";
  throw new UsageError(
    `ndarray: ${(data as object)?.constructor?.name} is not supported; use Float32Array, Float64Array, Int32Array or Uint8Array.`,
  );
}
