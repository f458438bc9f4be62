/**
 * NumPy's `.npy` files: magic, version, a Python dictionary as header, then the raw elements.
 * Source: numpy/lib/format.py, "NPY format", versions 1.0, 2.0 and 3.0.
 *
 * Read: little-endian float32, float64, int32, int64, and uint8, bool. What becomes of them:
 * float32, float64, int32, bool stay; int64 becomes int32 where all values fit, else float64 (values beyond 2^53 are
 * refused, since float64 would round them); uint8 (images) becomes float32, the values unchanged (0 to 255).
 * Fortran order is turned into C order. Written: version 1.0, C order, the four element types below.
 */
import { UsageError } from "../errors.js";
import { readUserFile, writeAtomically } from "./files.js";

/** A dense array in row-major order; booleans are bytes, 0 or 1. The same shape of object as the engine's `NdArray`. */
export interface NpyArray {
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "float64" | "int32" | "bool";
}

const MAGIC = "\x93NUMPY";
const written = { float32: "<f4", float64: "<f8", int32: "<i4", bool: "|b1" } as const;
const bytesPerElement: Record<string, number> = { "<f4": 4, "<f8": 8, "<i4": 4, "<i8": 8, "|u1": 1, "|b1": 1 };

/**
 * The array in a `.npy` file. @throws UsageError if the file is absent, is no `.npy`, is truncated, or has another
 * element type.
 */
export function readNpy(path: string): NpyArray {
  return decodeNpy(readUserFile(path), path);
}

/** Writes `array` as a `.npy` file, atomically. @throws UsageError if shape and data disagree or the place is not writable. */
export function writeNpy(path: string, array: NpyArray): void {
  writeAtomically(path, encodeNpy(array));
}

/** The array in the bytes of a `.npy` file; `name` is what error sentences call it. */
export function decodeNpy(bytes: Uint8Array, name = "the .npy data"): NpyArray {
  if (bytes.length === 0) throw new UsageError(`${name} is empty (0 bytes); expected a .npy file.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  if (text(0, 6) !== MAGIC)
    throw new UsageError(
      `${name} is not a .npy file (it does not start with the bytes 93 NUMPY); write it with numpy.save.`,
    );
  const version = bytes[6];
  if (!(version >= 1 && version <= 3))
    throw new UsageError(
      `${name} has .npy version ${version}; versions 1 to 3 are known, write it again with numpy.save.`,
    );
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw truncated(name, start, bytes.length);
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bytes.length < end) throw truncated(name, end, bytes.length);

  const { descr, fortranOrder, shape } = parseHeader(text(start, end), name);
  const width = bytesPerElement[descr];
  if (!width)
    throw new UsageError(
      `${name} has element type '${descr}'; known are little-endian float32, float64, int32, int64, and uint8, bool: convert with .astype("float32").`,
    );
  const size = shape.reduce((product, n) => product * n, 1);
  if (bytes.length < end + size * width) throw truncated(name, end + size * width, bytes.length);
  if (bytes.length > end + size * width)
    throw new UsageError(
      `${name} has ${bytes.length - end - size * width} bytes after its shape [${shape}] is filled; it is damaged, write it again.`,
    );

  // A copy, since typed arrays need aligned memory and the file's bytes may be shared. (All platforms that the
  // runtime exists for are little-endian.)
  const raw = new Uint8Array(bytes.subarray(end)).buffer;
  const { data, dtype } = convert(raw, descr, name);
  return { data: fortranOrder ? toRowMajor(data, shape) : data, shape, dtype };
}

/** The bytes of a `.npy` file (version 1.0) that holds `array`. @throws UsageError if shape and data disagree. */
export function encodeNpy(array: NpyArray): Uint8Array {
  const { data, shape, dtype } = array;
  const size = shape.reduce((product, n) => product * n, 1);
  const descr = written[dtype];
  if (!descr || data.BYTES_PER_ELEMENT !== bytesPerElement[descr])
    throw new UsageError(`npy: a ${data.constructor.name} cannot be written as '${dtype}'; give data of that type.`);
  if (size !== data.length)
    throw new UsageError(
      `npy: ${data.length} elements cannot have shape [${shape}], which holds ${size}; give a matching shape.`,
    );
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = Math.ceil((10 + dictionary.length + 1) / 64) * 64; // the data is aligned to 64 bytes
  const bytes = Buffer.alloc(start + data.byteLength, " ");
  bytes.write(MAGIC, 0, "latin1");
  bytes[6] = 1;
  bytes[7] = 0;
  bytes.writeUInt16LE(start - 10, 8);
  bytes.write(dictionary, 10, "latin1");
  bytes[start - 1] = 0x0a;
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

function parseHeader(header: string, name: string): { descr: string; fortranOrder: boolean; shape: number[] } {
  const structured = /'descr'\s*:\s*\[/.test(header);
  if (structured) throw new UsageError(`${name} holds records (a structured element type); save one plain array.`);
  const descr = /["']descr["']\s*:\s*["']([^"']*)["']/.exec(header)?.[1];
  const order = /["']fortran_order["']\s*:\s*(True|False)/.exec(header)?.[1];
  const shape = /["']shape["']\s*:\s*\(([\d\s,L]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || shape === undefined)
    throw new UsageError(`${name} has a damaged .npy header; write it again with numpy.save.`);
  const sizes = shape.split(",").map((word) => word.trim().replace(/L$/, ""));
  return { descr, fortranOrder: order === "True", shape: sizes.filter((word) => word !== "").map(Number) };
}

function convert(raw: ArrayBuffer, descr: string, name: string): Pick<NpyArray, "data" | "dtype"> {
  switch (descr) {
    case "<f4":
      return { data: new Float32Array(raw), dtype: "float32" };
    case "<f8":
      return { data: new Float64Array(raw), dtype: "float64" };
    case "<i4":
      return { data: new Int32Array(raw), dtype: "int32" };
    case "|u1":
      return { data: Float32Array.from(new Uint8Array(raw)), dtype: "float32" };
    case "|b1":
      return { data: new Uint8Array(raw).map((byte) => (byte ? 1 : 0)), dtype: "bool" };
    default: {
      const wide = new BigInt64Array(raw);
      const data = new Float64Array(wide.length);
      let fits = true;
      for (let i = 0; i < wide.length; i++) {
        data[i] = Number(wide[i]);
        if (!Number.isSafeInteger(data[i]))
          throw new UsageError(
            `${name}: element ${i} is ${wide[i]}, which float64 cannot hold exactly; save smaller integers.`,
          );
        fits &&= data[i] === (data[i] | 0);
      }
      return fits ? { data: Int32Array.from(data), dtype: "int32" } : { data, dtype: "float64" };
    }
  }
}

/** Column-major elements (first index fastest) in row-major order. */
function toRowMajor<T extends NpyArray["data"]>(data: T, shape: readonly number[]): T {
  const out = data.slice() as T;
  const index = new Array(shape.length).fill(0);
  const strides: number[] = [];
  for (let axis = 0, stride = 1; axis < shape.length; stride *= shape[axis++]) strides.push(stride);
  for (let i = 0, from = 0; i < data.length; i++) {
    out[i] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return out;
}

function truncated(name: string, expected: number, found: number): UsageError {
  return new UsageError(`${name} is truncated (${found} bytes of ${expected}); copy or write it again.`);
}
