/** Running a compiled function over many rows, in equal pieces, so that it is traced once. */
import { type Compiled, type NdArray, ndarray, sizeOf } from "../engine/index.js";
import { UsageError } from "../errors.js";

/** Rows as the functions of this room take them: an array [N, width], or its elements alone. */
export type Rows = NdArray | Float32Array | Float64Array;

/** Rows a piece: a program of this many rows runs near the machine's limit, and its intermediates fit the cache. */
const CHUNK = 500;

/** `rows` as a float array [N, width]. @throws UsageError if they do not have this width or are not finite. */
export function asRows(name: string, rows: Rows, width: number): NdArray {
  if (ArrayBuffer.isView(rows) && rows.length % width !== 0)
    throw new UsageError(
      `${name}: ${rows.length} numbers are no whole rows of ${width}; give rows of ${width} numbers.`,
    );
  const given = ArrayBuffer.isView(rows) ? ndarray(rows, [rows.length / width, width]) : rows;
  if (given.shape.length !== 2 || given.shape[1] !== width)
    throw new UsageError(`${name}: shape [${given.shape}] does not fit the model; give rows of ${width} numbers.`);
  for (let i = 0; i < given.data.length; i++)
    if (!Number.isFinite(given.data[i]))
      throw new UsageError(`${name}: row ${Math.floor(i / width)} holds ${given.data[i]}; give finite numbers.`);
  return given;
}

/**
 * Runs `f(fixed, ...pieces)` over the rows of the inputs and joins the results.
 * @param f takes a tree of fixed arguments and pieces `[chunk, ...]`; returns an object of arrays `[chunk, ...]`.
 * @param inputs arrays with the same number of rows N, cut into pieces; the last is filled up with zeros.
 * @returns an object of arrays `[N, ...]`.
 */
export async function mapRows<K extends string>(
  f: Compiled,
  fixed: unknown,
  inputs: readonly NdArray[],
  chunk = CHUNK,
): Promise<Record<K, NdArray>> {
  const count = inputs[0].shape[0];
  const size = Math.max(1, Math.min(chunk, count));
  const joined: Record<string, NdArray> = {};
  for (let start = 0; start < Math.max(count, 1); start += size) {
    const rows = Math.min(size, count - start);
    const results = await f(fixed, ...inputs.map((input) => piece(input, start, rows, size)));
    for (const [name, result] of Object.entries<NdArray>(results)) {
      const width = sizeOf(result.shape.slice(1));
      joined[name] ??= {
        data: new (result.data.constructor as Float32ArrayConstructor)(count * width),
        shape: [count, ...result.shape.slice(1)],
        dtype: result.dtype,
      };
      joined[name].data.set(result.data.subarray(0, rows * width), start * width);
    }
  }
  return joined as Record<K, NdArray>;
}

/** Rows `start` to `start + rows`, without a copy where they fill the piece. */
function piece(input: NdArray, start: number, rows: number, size: number): NdArray {
  const width = sizeOf(input.shape.slice(1));
  const view = input.data.subarray(start * width, (start + rows) * width);
  const shape = [size, ...input.shape.slice(1)];
  if (rows === size) return { data: view, shape, dtype: input.dtype };
  const data = new (input.data.constructor as Float32ArrayConstructor)(size * width);
  data.set(view);
  return { data, shape, dtype: input.dtype };
}
