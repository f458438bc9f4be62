/** Feature networks: our classifier of grey digits, and any ONNX file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { array, mean, mul, type NdArray, ndarray, reshape, type Tensor, toOnnx } from "../../src/engine/index.js";
import {
  digitFeatures,
  loadDigitFeatures,
  onnxFeatures,
  saveDigitFeatures,
  trainDigitFeatures,
} from "../../src/evaluation/index.js";
import { randomKey, uniformArray } from "../../src/numerics/random.js";

const folder = mkdtempSync(join(tmpdir(), "atlas-features-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Horizontal and vertical bars of 8 x 8, labelled 0 and 1. */
function bars(n: number, seed: number) {
  const u = uniformArray(randomKey(seed), n);
  const rows = new Float32Array(n * 64);
  const labels = Int32Array.from({ length: n }, (_, i) => i % 2);
  for (let i = 0; i < n; i++)
    for (let r = 0; r < 8; r++)
      for (let c = 0; c < 8; c++) rows[i * 64 + r * 8 + c] = Math.exp(-0.5 * ((labels[i] ? r : c) - 1 - 5 * u[i]) ** 2);
  return { name: "bars", rows, labels, n, dimension: 64, imageShape: [8, 8] as const };
}

describe("digit features", () => {
  it("learn to classify, are saved and loaded, and give 64 features a row", async () => {
    const trained = await trainDigitFeatures(bars(300, 1), bars(100, 2), { epochs: 15, channels: [4, 8], threads: 1 });
    expect(trained.accuracy).toBeGreaterThan(0.95);
    saveDigitFeatures(join(folder, "digits"), trained);
    const loaded = loadDigitFeatures(join(folder, "digits"));
    expect(loaded.accuracy).toBe(trained.accuracy);
    const images = ndarray(bars(7, 3).rows, [7, 64]);
    const [a, b] = [digitFeatures(trained, { threads: 1 }), digitFeatures(loaded, { threads: 1 })];
    const features = await a.features(images);
    expect(a.name).toBe("digit-feature");
    expect(features.shape).toEqual([7, 64]);
    expect((await b.features(images)).data).toEqual(features.data);
    await expect(a.features(ndarray(new Float32Array(20), [2, 10]))).rejects.toThrow(
      /take images of 64 numbers, these have 10/,
    );
  });

  it("refuses data without labels, and folders of something else", async () => {
    const { labels: _, ...plain } = bars(10, 1);
    await expect(trainDigitFeatures(plain, plain)).rejects.toThrow(/has no labels/);
    expect(() => loadDigitFeatures(join(folder, "nothing"))).toThrow(/does not exist/);
  });
});

describe("features of an ONNX file", () => {
  it("resizes images and repeats channels, and pools over positions", async () => {
    // features: 2 x the image itself, [N, 3, 6, 6], which is then averaged over positions
    const path = join(folder, "twice.onnx");
    const bytes = await toOnnx((x: Tensor) => ({ y: mul(2, x) }), [ndarray(new Float32Array(108), [1, 3, 6, 6])], {
      inputNames: ["x"],
      outputNames: ["y"],
      freeBatch: true,
    });
    writeFileSync(path, bytes);
    const network = await onnxFeatures(path, { image: [3, 3], scale: 2, shift: -1, threads: 1 });
    expect(network.name).toBe("twice-feature");
    const images: NdArray = array([
      [0, 0, 0, 0, 0, 0, 0, 0, 0],
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
    ]);
    // bilinear to twice the size keeps the mean of this linear image; 2 (2 m - 1), three times
    const { data, shape } = await network.features(images);
    expect(shape).toEqual([2, 3]);
    [-2, -2, -2, 18, 18, 18].forEach((v, i) => expect(data[i]).toBeCloseTo(v, 5));
    await expect(network.features(array([[1, 2]]))).rejects.toThrow(/takes images of 9 numbers/);
  });

  it("takes rows as they are, and says what is wrong with a file", async () => {
    const path = join(folder, "mean.onnx");
    const f = (x: Tensor) => ({ y: reshape(mean(x, -1), [x.shape[0], 1]) });
    writeFileSync(
      path,
      await toOnnx(f, [ndarray(new Float32Array(4), [1, 4])], { inputNames: ["x"], outputNames: ["y"] }),
    );
    const network = await onnxFeatures(path, { threads: 1 });
    const { data } = await network.features(
      array([
        [1, 2, 3, 6],
        [0, 0, 0, 4],
      ]),
    );
    expect([data[0], data[1]].map((v) => Math.round(1e5 * v) / 1e5)).toEqual([3, 1]);
    await expect(onnxFeatures(join(folder, "none.onnx"))).rejects.toThrow(/cannot be read \(ENOENT\)/);
    await expect(onnxFeatures(path, { output: "pool" })).rejects.toThrow(/no output "pool"/);
    const sized = await onnxFeatures(path, { image: [2, 2], threads: 1 }); // images of its own size, as they are
    expect((await sized.features(array([[1, 2, 3, 6]]))).data[0]).toBeCloseTo(3, 5);
    await expect(onnxFeatures(path, { image: [3, 3] })).rejects.toThrow(/no images/);
  });
});
