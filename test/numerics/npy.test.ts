import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { writeAtomically } from "../../src/numerics/files.js";
import { decodeNpy, encodeNpy, type NpyArray, readNpy, writeNpy } from "../../src/numerics/npy.js";

const folder = mkdtempSync(join(tmpdir(), "npy-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file as NumPy writes it: header by hand, so that the reader is not only tested against our writer. */
function handmade(descr: string, fortran: boolean, shape: string, data: ArrayBufferView, version = 1): Uint8Array {
  const dictionary = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${shape}, }\n`;
  const head = Buffer.alloc(version === 1 ? 10 : 12);
  head.write("\x93NUMPY", 0, "latin1");
  head[6] = version;
  if (version === 1) head.writeUInt16LE(dictionary.length, 8);
  else head.writeUInt32LE(dictionary.length, 8);
  return Buffer.concat([head, Buffer.from(dictionary), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

describe(".npy", () => {
  it("writes the very bytes that numpy.save writes", () => {
    // numpy.save of numpy.array([[1, 2, 3]], dtype="<f4"), as a hexadecimal dump
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }";
    const expected = `934e554d505901007600${Buffer.from(header.padEnd(117)).toString("hex")}0a0000803f0000004000004040`;
    const bytes = encodeNpy({ data: Float32Array.of(1, 2, 3), shape: [1, 3], dtype: "float32" });
    expect(Buffer.from(bytes).toString("hex")).toBe(expected);
  });

  it("reads back what it wrote, for every type and shape", () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.constantFrom("float32", "float64", "int32", "bool"), fc.nat(), (shape, dtype, seed) => {
        const size = shape.reduce((p, n) => p * n, 1);
        const kinds = { float32: Float32Array, float64: Float64Array, int32: Int32Array, bool: Uint8Array };
        const data = new kinds[dtype](size).map((_: number, i: number) =>
          dtype === "bool" ? i % 2 : (seed % 9973) * i - 17.25,
        );
        const array = { data, shape, dtype } as NpyArray;
        expect(decodeNpy(encodeNpy(array))).toEqual(array);
      }),
    );
  });

  it("keeps NaN, infinities and negative zero", () => {
    const data = Float64Array.of(Number.NaN, Infinity, -Infinity, -0, 5e-324);
    expect(decodeNpy(encodeNpy({ data, shape: [5], dtype: "float64" })).data).toEqual(data);
  });

  it("reads versions 1 to 3, scalars, and Python 2's long integers in the shape", () => {
    for (const version of [1, 2, 3])
      expect(decodeNpy(handmade("<i4", false, "(2,)", Int32Array.of(7, -8), version)).data).toEqual(
        Int32Array.of(7, -8),
      );
    expect(decodeNpy(handmade("<f8", false, "()", Float64Array.of(3.5)))).toEqual({
      data: Float64Array.of(3.5),
      shape: [],
      dtype: "float64",
    });
    expect(decodeNpy(handmade("<f4", false, "(2L, 1L)", Float32Array.of(1, 2))).shape).toEqual([2, 1]);
  });

  it("turns Fortran order into C order", () => {
    // a[i, j, k] = 100 i + 10 j + k, first index fastest
    const fortran: number[] = [];
    const c: number[] = [];
    for (let k = 0; k < 4; k++)
      for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) fortran.push(100 * i + 10 * j + k);
    for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) for (let k = 0; k < 4; k++) c.push(100 * i + 10 * j + k);
    const read = decodeNpy(handmade("<f8", true, "(2, 3, 4)", Float64Array.from(fortran)));
    expect(read).toEqual({ data: Float64Array.from(c), shape: [2, 3, 4], dtype: "float64" });
  });

  it("converts int64, uint8 and bool as documented", () => {
    expect(decodeNpy(handmade("<i8", false, "(2,)", BigInt64Array.of(-5n, 2147483647n)))).toMatchObject({
      data: Int32Array.of(-5, 2147483647),
      dtype: "int32",
    });
    expect(decodeNpy(handmade("<i8", false, "(2,)", BigInt64Array.of(1n, 2147483648n)))).toMatchObject({
      data: Float64Array.of(1, 2147483648),
      dtype: "float64",
    });
    expect(() => decodeNpy(handmade("<i8", false, "(1,)", BigInt64Array.of(9007199254740993n)))).toThrow(
      /element 0 is 9007199254740993/,
    );
    expect(decodeNpy(handmade("|u1", false, "(2,)", Uint8Array.of(0, 255)))).toMatchObject({
      data: Float32Array.of(0, 255),
      dtype: "float32",
    });
    expect(decodeNpy(handmade("|b1", false, "(2,)", Uint8Array.of(0, 1))).dtype).toBe("bool");
  });

  it("refuses damage in one sentence", () => {
    const good = handmade("<f8", false, "(4,)", new Float64Array(4));
    // Every truncation is noticed, wherever it falls.
    for (let length = 0; length < good.length; length++)
      expect(() => decodeNpy(good.subarray(0, length))).toThrow(UsageError);
    expect(() => decodeNpy(good.subarray(0, good.length - 1), "a.npy")).toThrow(/a\.npy is truncated/);
    expect(() => decodeNpy(Buffer.concat([good, Buffer.of(1)]))).toThrow(/1 bytes after/);
    expect(() => decodeNpy(Buffer.from("x,y\n1,2\n"), "a.npy")).toThrow(/a\.npy is not a \.npy file/);
    expect(() => decodeNpy(new Uint8Array(0), "a.npy")).toThrow(/a\.npy is empty/);
    expect(() => decodeNpy(handmade(">f8", false, "(1,)", new Float64Array(1)))).toThrow(/element type '>f8'/);
    expect(() => decodeNpy(handmade("|O", false, "(1,)", new Float64Array(1)))).toThrow(/element type '\|O'/);
    expect(() => decodeNpy(handmade("<f8", false, "(-1,)", new Float64Array(1)))).toThrow(/damaged .npy header/);
    expect(() => readNpy(join(folder, "absent.npy"))).toThrow(/does not exist/);
    expect(() => readNpy(folder)).toThrow(/is a folder/);
    expect(() => encodeNpy({ data: new Float32Array(3), shape: [2], dtype: "float32" })).toThrow(/3 elements cannot/);
    expect(() => encodeNpy({ data: new Float32Array(3), shape: [3], dtype: "float64" })).toThrow(UsageError);
  });

  it("writes files atomically: whole, no temporary left, folders made", () => {
    const path = join(folder, "deep", "er", "a.npy");
    const array: NpyArray = { data: Float32Array.of(1, 2), shape: [2], dtype: "float32" };
    writeNpy(path, array);
    writeNpy(path, array);
    expect(readNpy(path)).toEqual(array);
    expect(readdirSync(join(folder, "deep", "er"))).toEqual(["a.npy"]);
    writeFileSync(join(folder, "file"), "");
    expect(() => writeAtomically(join(folder, "file", "a"), "x")).toThrow(UsageError);
  });
});
