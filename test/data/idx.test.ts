import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { cacheFolder } from "../../src/data/cache.js";
import { encodeIdx, parseIdx, readIdx, unpack } from "../../src/data/idx.js";
import { UsageError } from "../../src/errors.js";

const folder = mkdtempSync(join(tmpdir(), "idx-"));
afterAll(() => rmSync(folder, { recursive: true }));

// Two images of 2 x 3, by hand.
const bytes = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);

describe("idx", () => {
  it("reads and writes the format, plain and gzipped", () => {
    const array = { data: bytes.subarray(16), shape: [2, 2, 3] };
    expect(parseIdx(bytes, "x")).toEqual(array);
    expect(encodeIdx(array.data, array.shape)).toEqual(bytes);
    for (const [name, content] of [
      ["plain", bytes],
      ["zipped.gz", gzipSync(bytes)],
    ] as const) {
      const path = join(folder, name);
      writeFileSync(path, content);
      const read = readIdx(path, 3);
      expect([[...read.data], read.shape]).toEqual([[...array.data], [2, 2, 3]]);
      expect(() => readIdx(path, 1)).toThrow(/has shape \[2,2,3\]; expected 1 axis/);
    }
  });

  it("notices gzip cut off anywhere, and damaged gzip", () => {
    const zipped = gzipSync(bytes);
    for (let length = 1; length < zipped.length; length++)
      expect(() => parseIdx(unpack(zipped.subarray(0, length), "a.gz"), "a.gz")).toThrow(/a\.gz is truncated gzip/);
    const damaged = Buffer.from(zipped);
    damaged[14] ^= 0xff;
    expect(() => unpack(damaged, "a.gz")).toThrow(/a\.gz is (damaged|truncated) gzip/);
    expect(() => unpack(new Uint8Array(0), "a.gz")).toThrow(/a\.gz is empty/);
  });

  it("refuses wrong magic, wrong types and wrong sizes in one sentence", () => {
    for (let length = 0; length < bytes.length; length++)
      expect(() => parseIdx(bytes.subarray(0, length), "a")).toThrow(UsageError);
    expect(() => parseIdx(bytes.subarray(0, 20), "a")).toThrow(/a has 4 elements where its shape \[2,2,3\] has 12/);
    expect(() => parseIdx(Buffer.from("hello world"), "a")).toThrow(/starts with 68 65 6c 6c/);
    expect(() => parseIdx(Uint8Array.from([0, 0, 13, 1, 0, 0, 0, 0]), "a")).toThrow(/not an IDX file of bytes/);
    expect(() => parseIdx(Buffer.concat([bytes, Buffer.of(0)]), "a")).toThrow(/13 elements where/);
    expect(() => readIdx(join(folder, "absent"))).toThrow(/does not exist/);
  });
});

describe("cache folder", () => {
  it("is ATLAS_CACHE, else XDG_CACHE_HOME, else the platform's", () => {
    expect(cacheFolder({ ATLAS_CACHE: "/a", XDG_CACHE_HOME: "/x" }, "linux", "/home/u")).toBe("/a");
    expect(cacheFolder({ XDG_CACHE_HOME: "/x" }, "linux", "/home/u")).toBe("/x/latent-atlas");
    expect(cacheFolder({ XDG_CACHE_HOME: "relative" }, "linux", "/home/u")).toBe("/home/u/.cache/latent-atlas");
    expect(cacheFolder({}, "linux", "/home/u")).toBe("/home/u/.cache/latent-atlas");
    expect(cacheFolder({}, "darwin", "/Users/u")).toBe("/Users/u/Library/Caches/latent-atlas");
    expect(cacheFolder({ LOCALAPPDATA: "/L" }, "win32", "/u")).toBe("/L/latent-atlas");
  });
});
