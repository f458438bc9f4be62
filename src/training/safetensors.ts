/**
 * The safetensors format: eight bytes of header length (little-endian), a JSON header that names each array with its
 * type, shape and place, then the raw elements. (huggingface/safetensors, README, "Format".)
 *
 * Read and written: F32, F64, I32, and BOOL, row-major.
 */
import { allocate, type DType, type NdArray, sizeOf } from "../engine/index.js";
import { UsageError } from "../errors.js";

const codes = { float32: "F32", float64: "F64", int32: "I32", bool: "BOOL" } as const;
const types: Readonly<Record<string, { dtype: DType; bytes: number }>> = {
  F32: { dtype: "float32", bytes: 4 },
  F64: { dtype: "float64", bytes: 8 },
  I32: { dtype: "int32", bytes: 4 },
  BOOL: { dtype: "bool", bytes: 1 },
};

/** Headers beyond this are refused, as by the reference implementation. */
const LONGEST_HEADER = 100_000_000;

/** The bytes of a file that holds these arrays, in this order. */
export function encodeSafetensors(
  arrays: Readonly<Record<string, NdArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let end = 0;
  for (const [name, { data, shape, dtype }] of Object.entries(arrays)) {
    if (sizeOf(shape) !== data.length)
      throw new UsageError(
        `safetensors: "${name}" has ${data.length} elements, its shape [${shape}] holds another number.`,
      );
    header[name] = { dtype: codes[dtype], shape: [...shape], data_offsets: [end, (end += data.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((8 + text.length) / 8) * 8; // elements aligned to eight bytes, the header padded with spaces
  const bytes = new Uint8Array(start + end).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let at = start;
  for (const { data } of Object.values(arrays)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * The arrays in the bytes of a safetensors file, copied; `name` is what error sentences call it.
 * @throws UsageError if the bytes are truncated or damaged, or hold another element type.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  name = "the safetensors data",
): { arrays: Record<string, NdArray>; metadata: Record<string, string> } {
  const damaged = (what: string) => new UsageError(`${name} is damaged (${what}); restore it or train again.`);
  if (bytes.length < 8) throw damaged(`${bytes.length} bytes are no safetensors file`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true));
  if (length > LONGEST_HEADER || 8 + length > bytes.length)
    throw damaged(`its header should end at byte ${8 + length}, it has ${bytes.length}`);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    throw damaged("its header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw damaged("its header is no object");
  const arrays: Record<string, NdArray> = {};
  let metadata: Record<string, string> = {};
  let filled = 0;
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") {
      metadata = value as Record<string, string>;
      continue;
    }
    const { dtype: code, shape, data_offsets: offsets } = value as any;
    const type = types[code];
    if (type === undefined) throw damaged(`"${key}" is of type ${code}; known are ${Object.keys(types).join(", ")}`);
    const whole = (list: unknown): list is number[] =>
      Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole(shape) || !whole(offsets) || offsets.length !== 2) throw damaged(`"${key}" has no valid shape or place`);
    const [from, to] = offsets;
    const size = sizeOf(shape);
    if (to - from !== size * type.bytes)
      throw damaged(`"${key}" has ${to - from} bytes for shape [${shape}] of ${code}`);
    if (8 + length + to > bytes.length)
      throw damaged(`truncated: "${key}" should end at byte ${8 + length + to}, the file has ${bytes.length}`);
    const data = allocate(type.dtype, size);
    new Uint8Array(data.buffer).set(bytes.subarray(8 + length + from, 8 + length + to));
    arrays[key] = { data, shape, dtype: type.dtype };
    filled = Math.max(filled, to);
  }
  if (8 + length + filled !== bytes.length)
    throw damaged(`it has ${bytes.length - 8 - length - filled} bytes more than its arrays`);
  return { arrays, metadata };
}
