/** Convolutional encoders and decoders: sizes, batch normalisation, and every model on images. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OnnxTensor } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import {
  applyDecoder,
  applyEncoder,
  decodeFamily,
  familyNames,
  initializeDecoder,
  initializeEncoder,
  loadFamily,
  trainFamily,
} from "../../../src/autoencoders/family/index.js";
import { compile, type NdArray, ndarray, type Tensor } from "../../../src/engine/index.js";
import { normalArray, randomKey, uniformArray } from "../../../src/numerics/random.js";

const folder = mkdtempSync(join(tmpdir(), "atlas-convolutional-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Bars of 8 x 8: place and direction vary. */
function bars(n: number, seed: number) {
  const u = uniformArray(randomKey(seed), 2 * n);
  const rows = new Float32Array(n * 64);
  for (let i = 0; i < n; i++)
    for (let r = 0; r < 8; r++)
      for (let c = 0; c < 8; c++)
        rows[i * 64 + r * 8 + c] = Math.exp(-0.5 * ((u[2 * i] < 0.5 ? r : c) - 1 - 5 * u[2 * i + 1]) ** 2);
  return { name: "bars", rows, n, dimension: 64, imageShape: [8, 8] as const };
}

function normal(seed: number, ...shape: number[]): NdArray {
  return ndarray(
    normalArray(
      randomKey(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );
}

describe("shapes", () => {
  it.each([
    ["28 x 28 grey", [1, 28, 28]],
    ["32 x 32 colour", [3, 32, 32]],
    ["7 x 12", [2, 7, 12]],
  ])("%s go in and come out", async (_, image) => {
    const [C, H, W] = image;
    const D = C * H * W;
    const shape = {
      kind: "convolutional",
      image: [C, H, W],
      channels: [3, 4],
      activation: "relu",
      batchNormalization: true,
    } as const;
    const encoder = initializeEncoder(randomKey(1), shape, D, 5);
    const decoder = initializeDecoder(randomKey(2), shape, 2, D, { spectral: true });
    const f = compile(
      (e: any, d: any, x: Tensor, z: Tensor) => [
        applyEncoder(shape, e, x, true).output,
        applyDecoder(shape, d, z, true).output,
      ],
      { threads: 1 },
    );
    const [codes, images] = await f(encoder, decoder, normal(1, 6, D), normal(2, 6, 2));
    expect(codes.shape).toEqual([6, 5]);
    expect(images.shape).toEqual([6, D]);
    await f.dispose();
  });
});

describe("batch normalisation in the networks", () => {
  it("in training rows depend on the batch, afterwards they do not", async () => {
    const shape = {
      kind: "convolutional",
      image: [1, 8, 8],
      channels: [3, 4],
      activation: "relu",
      batchNormalization: true,
    } as const;
    const encoder = initializeEncoder(randomKey(1), shape, 64, 2);
    const of = (training: boolean) =>
      compile(
        (e: any, x: Tensor) => {
          const { output, buffers } = applyEncoder(shape, e, x, training);
          return { output, buffers };
        },
        { threads: 1 },
      );
    const x = normal(1, 6, 64);
    const other = ndarray(
      Float64Array.from(x.data, (v, i) => (i < 64 ? v : -2 * v)),
      [6, 64],
    );
    const [train, use] = [of(true), of(false)];
    const first = (a: { output: NdArray }) => Array.from(a.output.data.slice(0, 2));
    expect(first(await train(encoder, x))).not.toEqual(first(await train(encoder, other)));
    const [alone, among] = [first(await use(encoder, x)), first(await use(encoder, other))];
    alone.forEach((v, i) => expect(among[i]).toBeCloseTo(v, 5));
    const { buffers } = await train(encoder, x);
    expect(buffers.running[0].mean.data).not.toEqual(encoder.buffers.running[0].mean.data);
  });
});

describe.each(familyNames)("%s on images", (name) => {
  it("trains, is saved with its running statistics, and exports", async () => {
    const out = join(folder, name);
    const data = bars(60, 1);
    const { history, model } = await trainFamily(name, data, {
      network: "convolutional",
      channels: [4, 6],
      bounded: true,
      batchSize: 20,
      epochs: 3,
      learningRate: 5e-3,
      modelOptions: {
        vamp: { components: 5 },
        rhvae: { metricUnits: 8, centroids: 7, steps: 1, iterations: 1 },
        hvae: { steps: 1 },
        iwae: { samples: 3 },
        aae: { discriminatorUnits: 16 },
      }[name] as any,
      threads: 1,
      out,
    });
    expect(history).toHaveLength(3);
    const saved = loadFamily(out);
    expect(saved.model.buffers).toEqual(model.buffers);
    const codes = normal(3, 9, 2);
    const decoded = await decodeFamily(saved.model, codes, { threads: 1 });
    const session = await InferenceSession.create(readFileSync(join(out, "decoder.onnx")));
    const { mean } = await session.run({ z: new OnnxTensor("float32", Float32Array.from(codes.data), [9, 2]) });
    (mean.data as Float32Array).forEach((v, i) => {
      if (Math.abs(v - decoded.data[i]) > 1e-5) throw new Error(`element ${i}: ${v} and ${decoded.data[i]}`);
    });
  });
});
