import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray, sizeOf } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { decodeSafetensors, encodeSafetensors } from "../../src/training/index.js";

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
const anArray: fc.Arbitrary<NdArray> = fc
  .tuple(shapes, fc.constantFrom(Float32Array, Float64Array, Int32Array, Uint8Array))
  .map(([shape, Type]) => {
    const data = new Type(sizeOf(shape));
    for (let i = 0; i < data.length; i++) data[i] = (i * 7) % 2;
    return ndarray(data, shape);
  });

describe("safetensors", () => {
  it("is read by the specification: bytes written by hand", () => {
    const header = '{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}';
    const bytes = new Uint8Array(8 + header.length + 8);
    bytes[0] = header.length;
    bytes.set(new TextEncoder().encode(header), 8);
    bytes.set([0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1], 8 + header.length); // 1, -10
    const { arrays, metadata } = decodeSafetensors(bytes);
    expect(arrays).toEqual({ b: ndarray(Float32Array.of(1, -10)) });
    expect(metadata).toEqual({ k: "v" });
  });

  it("returns what was written", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z.0-9]{1,8}$/), anArray), (arrays) => {
        const bytes = encodeSafetensors(arrays, { note: "ä" });
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
        const read = decodeSafetensors(bytes);
        expect(read.arrays).toEqual({ ...arrays });
        expect(read.metadata).toEqual({ note: "ä" });
      }),
    );
  });

  it("refuses every truncation and every appendage", () => {
    const bytes = encodeSafetensors({ a: ndarray(Float32Array.of(1, 2, 3), [3]), b: ndarray(Int32Array.of(4)) });
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeSafetensors(bytes.subarray(0, length), "weights")).toThrow(/^weights is damaged \(.*\);/);
    expect(() => decodeSafetensors(Uint8Array.of(...bytes, 0))).toThrow(UsageError);
  });

  it("refuses headers that lie", () => {
    const withHeader = (header: object) => {
      const text = new TextEncoder().encode(JSON.stringify(header));
      const bytes = new Uint8Array(8 + text.length + 8);
      bytes[0] = text.length;
      bytes.set(text, 8);
      return bytes;
    };
    const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
    expect(() => decodeSafetensors(withHeader({ a: entry }))).not.toThrow();
    for (const wrong of [
      { dtype: "BF16" },
      { shape: [3] },
      { shape: [-1, -2] },
      { shape: [1.5] },
      { data_offsets: [0, 12] },
      { data_offsets: [-8, 0] },
    ])
      expect(() => decodeSafetensors(withHeader({ a: { ...entry, ...wrong } }))).toThrow(UsageError);
    expect(() => encodeSafetensors({ a: { ...ndarray(Float32Array.of(1)), shape: [2] } })).toThrow(UsageError);
  });
});
