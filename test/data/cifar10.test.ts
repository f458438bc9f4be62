import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it, vi } from "vitest";
import { cifar10Folder, loadCifar10 } from "../../src/data/cifar10.js";
import { loadDataset, splitDataset } from "../../src/data/index.js";

const folder = mkdtempSync(join(tmpdir(), "cifar10-"));
afterAll(() => rmSync(folder, { recursive: true }));

function records(...labels: number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  labels.forEach((label, i) => {
    bytes[i * 3073] = label;
    bytes[i * 3073 + 1] = 255; // red, first pixel
    bytes[i * 3073 + 3072] = 51; // blue, last pixel
  });
  return bytes;
}

describe("CIFAR-10", () => {
  it("reads what is there, gzipped or not, channel first, values from 0 to 1", () => {
    writeFileSync(join(folder, "data_batch_1.bin.gz"), gzipSync(records(3, 9)));
    writeFileSync(join(folder, "data_batch_2.bin"), records(0));
    writeFileSync(join(folder, "test_batch_first1000.bin"), records(7));
    expect(cifar10Folder({ ATLAS_DATA: folder })).toBe(folder);
    const train = loadCifar10("train", folder);
    expect([train.n, train.dimension, ...train.labels!]).toEqual([3, 3072, 3, 9, 0]);
    expect(train.rows[3072]).toBe(1);
    expect(train.rows[3 * 3072 - 1]).toBeCloseTo(0.2, 6);
    expect(loadCifar10("test", folder).labels).toEqual(Int32Array.of(7));
  });

  it("refuses other files in a sentence, and says where it looks", () => {
    writeFileSync(join(folder, "data_batch_3.bin"), new Uint8Array(3000));
    expect(() => loadCifar10("train", folder)).toThrow(/data_batch_3\.bin has 3000 bytes/);
    writeFileSync(join(folder, "data_batch_3.bin"), records(200));
    expect(() => loadCifar10("train", folder)).toThrow(/label 200/);
    expect(cifar10Folder({})).toBeUndefined();
    vi.stubEnv("ATLAS_DATA", "");
    expect(() => loadCifar10("train", undefined)).toThrow(/ATLAS_DATA|lacks/);
    vi.unstubAllEnvs();
  });
});

it.skipIf(cifar10Folder() === undefined)("is a data set by name, with its own split and its shape", async () => {
  const data = await loadDataset("cifar10");
  const { train, test } = splitDataset(data);
  expect(data.colourShape).toEqual([3, 32, 32]);
  expect([train.n, test.n]).toEqual([loadCifar10("train").n, loadCifar10("test").n]);
  expect(test.labels![0]).toBe(loadCifar10("test").labels![0]);
  expect(Array.from(test.rows.subarray(0, 9))).toEqual(Array.from(loadCifar10("test").rows.subarray(0, 9)));
});
