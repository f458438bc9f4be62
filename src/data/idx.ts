/**
 * IDX files, the format of MNIST: two zero bytes, a type (08 = unsigned byte), the number of axes, the size of each
 * axis as a big-endian 32-bit integer, then the elements. Gzipped files are unpacked.
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
 */
import { gunzipSync } from "node:zlib";
import { UsageError } from "../errors.js";
import { readUserFile } from "../numerics/files.js";

/** An array of bytes. */
export interface IdxArray {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

/**
 * Reads an IDX file of bytes, gzipped or not.
 * @param axes the number of axes expected (3 for images, 1 for labels)
 * @throws UsageError if it is absent, truncated, no IDX file, or has other axes.
 */
export function readIdx(path: string, axes?: number): IdxArray {
  const array = parseIdx(unpack(readUserFile(path), path), path);
  if (axes !== undefined && array.shape.length !== axes)
    throw new UsageError(
      `${path} has shape [${array.shape}]; expected ${axes} ${axes === 1 ? "axis" : "axes"}, so it may be the wrong file of the set.`,
    );
  return array;
}

/** Unpacked bytes: gzip undone where there is gzip. @throws UsageError if it is truncated or damaged. */
export function unpack(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length === 0) throw new UsageError(`${name} is empty (0 bytes); copy or download it again.`);
  if (!(bytes[0] === 0x1f && (bytes[1] === 0x8b || bytes.length === 1))) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    const truncated = (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR";
    throw new UsageError(`${name} is ${truncated ? "truncated" : "damaged"} gzip; copy or download it again.`);
  }
}

/** The array in the bytes of an (unpacked) IDX file; `name` is what error sentences call it. */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  if (bytes.length < 4)
    throw new UsageError(`${name} is truncated (${bytes.length} bytes); copy or download it again.`);
  const [zero0, zero1, type, axes] = bytes;
  if (zero0 !== 0 || zero1 !== 0 || type !== 8 || axes < 1) {
    const magic = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new UsageError(
      `${name} is not an IDX file of bytes (it starts with ${magic}, not with 00 00 08 and the number of axes).`,
    );
  }
  const start = 4 + 4 * axes;
  if (bytes.length < start)
    throw new UsageError(`${name} is truncated (${bytes.length} bytes); copy or download it again.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, n) => product * n, 1);
  if (bytes.length !== start + size)
    throw new UsageError(
      `${name} has ${bytes.length - start} elements where its shape [${shape}] has ${size}; copy or download it again.`,
    );
  return { data: bytes.subarray(start), shape };
}

/** The bytes of an IDX file (not gzipped). */
export function encodeIdx(data: Uint8Array, shape: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => {
    view.setUint32(4 + 4 * axis, size);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}
