/** Every model of the family trains, saves, loads, resumes and exports, on tiny data. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OnnxTensor } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import {
  decodeFamily,
  encodeFamily,
  familyModel,
  familyNames,
  latentVariableModelOf,
  loadFamily,
  resumeFamily,
  trainFamily,
} from "../../../src/autoencoders/family/index.js";
import { loadDataset } from "../../../src/data/index.js";
import { circle } from "../data.js";

const folder = mkdtempSync(join(tmpdir(), "atlas-family-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = circle(96);
const small = {
  latentDimension: 2,
  encoderHidden: [16],
  decoderHidden: [16],
  batchSize: 32,
  epochs: 4,
  learningRate: 5e-3,
  threads: 1,
};
const modelOptions: Record<string, Record<string, number>> = {
  vamp: { components: 5 },
  rhvae: { metricUnits: 8, centroids: 7 },
  iwae: { samples: 4 },
  aae: { discriminatorUnits: 16 },
};

describe.each(familyNames)("%s", (name) => {
  it("trains, saves, loads, resumes to the same numbers, and exports", async () => {
    const out = join(folder, name);
    const options = { ...small, test: circle(40, 7), modelOptions: modelOptions[name] };
    const whole = await trainFamily(name, data, { ...options, schedule: "constant", out });
    expect(whole.history).toHaveLength(4);
    expect(whole.latents.shape).toEqual([96, 2]);
    expect(whole.score.test).toBeTypeOf("number");

    const saved = loadFamily(out);
    expect(saved.config.name).toBe(name);
    expect(saved.latents!.data).toEqual(whole.latents.data);
    const again = await encodeFamily(saved.model, data.rows, { threads: 1 });
    expect(Array.from(again.mean.data)).toEqual(Array.from(whole.latents.data));
    expect(again.logVariance !== undefined).toBe(familyModel(name).stochastic);

    if (familyModel(name).hasLikelihood) expect(latentVariableModelOf(saved.model).dataDimension).toBe(5);
    else expect(() => latentVariableModelOf(saved.model)).toThrow(/no marginal likelihood/);

    // two epochs, then two more: the same as four
    const part = join(folder, `${name}-part`);
    await trainFamily(name, data, { ...options, schedule: "constant", epochs: 2, out: part });
    const resumed = await resumeFamily(part, data, { epochs: 4, threads: 1 });
    expect(resumed.latents.data).toEqual(whole.latents.data);

    // the files that others read
    const decoded = await decodeFamily(saved.model, whole.latents, { threads: 1 });
    const session = await InferenceSession.create(readFileSync(join(out, "decoder.onnx")));
    const { mean } = await session.run({
      z: new OnnxTensor("float32", Float32Array.from(whole.latents.data), [96, 2]),
    });
    const worst = Math.max(...Array.from(mean.data as Float32Array, (v, i) => Math.abs(v - decoded.data[i])));
    expect(worst).toBeLessThan(1e-5);
    const encoder = await InferenceSession.create(readFileSync(join(out, "encoder.onnx")));
    const codes = await encoder.run({ x: new OnnxTensor("float32", data.rows, [96, 5]) });
    expect(
      Math.max(...Array.from(codes.mean.data as Float32Array, (v, i) => Math.abs(v - whole.latents.data[i]))),
    ).toBeLessThan(1e-4);
  });

  it("reconstructs better than the mean of the data", async () => {
    const { model, latents } = await trainFamily(name, data, {
      ...small,
      epochs: 60,
      learningRate: 1e-2,
      likelihood: "gaussian",
      variance: 0.005,
      modelOptions: { ...modelOptions[name], ...(name === "beta-vae" && { beta: 1 }) },
    });
    const decoded = await decodeFamily(model, latents, { threads: 1 });
    let error = 0;
    for (let i = 0; i < data.rows.length; i++) error += (decoded.data[i] - data.rows[i]) ** 2;
    let variation = 0;
    for (let j = 0; j < 5; j++) {
      let mean = 0;
      for (let i = 0; i < 96; i++) mean += data.rows[i * 5 + j] / 96;
      for (let i = 0; i < 96; i++) variation += (data.rows[i * 5 + j] - mean) ** 2;
    }
    expect(error / variation).toBeLessThan(0.5);
  });
});

describe("rhvae", () => {
  it("trains on unbounded rows of 784 columns, where a metric without bounds overflows within ten steps", async () => {
    const strokes = await loadDataset("strokes", { count: 1000 });
    for (const seed of [0, 1]) {
      const { history } = await trainFamily("rhvae", strokes, {
        encoderHidden: [16],
        decoderHidden: [16],
        batchSize: 50,
        epochs: 2,
        seed,
        threads: 1,
      });
      expect(history[1].terms[0]).toBeLessThan(history[0].terms[0]);
    }
  });

  it("that diverges by its step says so, and that nothing was kept", async () => {
    const error = await trainFamily("rhvae", data, {
      ...small,
      modelOptions: { ...modelOptions.rhvae, stepSize: 1e9 },
    }).catch((e) => e);
    expect(error.message).toMatch(
      /^training diverged in epoch 1 after \d+ batches: .+; no checkpoint was asked for: train again with a smaller stepSize \(--option stepSize\), a smaller learning rate/,
    );
  });

  it("keeps as many centroids as are asked for, up to all rows", async () => {
    const { model } = await trainFamily("rhvae", circle(2100), {
      ...small,
      epochs: 1,
      batchSize: 2100,
      modelOptions: { metricUnits: 2, centroids: 2050, iterations: 1, steps: 1 },
    });
    expect(model.buffers.metric.centroids.shape).toEqual([2050, 2]);
  });
});

describe("bad input", () => {
  it.each([
    ["an unknown model", () => trainFamily("vaee", data), /model: "vaee" is not known; use one of ae, vae/],
    [
      "an unknown option",
      () => trainFamily("ae", data, { modelOptions: { beta: 2 } }),
      /"beta" is not known to ae; it has none/,
    ],
    [
      "a negative weight",
      () => trainFamily("beta-vae", data, { modelOptions: { beta: -1 } }),
      /beta: -1 is not a number from 0/,
    ],
    [
      "a share above 1",
      () => trainFamily("vaegan", data, { modelOptions: { balance: 3 } }),
      /balance: 3 is not a number from 0 to 1 \(s, share/,
    ],
    [
      "a temperature below that of the model",
      () => trainFamily("hvae", data, { modelOptions: { inverseTemperature: 3 } }),
      /inverseTemperature: 3 is not a number from 0.000001 to 1 \(beta_0/,
    ],
    [
      "more pseudo-inputs than rows",
      () => trainFamily("vamp", data, { modelOptions: { components: 97 } }),
      /components: 97 is not a number from 1 to 96, the rows of the training data \(K/,
    ],
    [
      "a fraction of a sample",
      () => trainFamily("iwae", data, { modelOptions: { samples: 2.5 } }),
      /2.5 is not a whole number/,
    ],
    ["images without sizes", () => trainFamily("ae", data, { network: "convolutional" }), /needs the image's sizes/],
    [
      "images of another size",
      () => trainFamily("ae", data, { network: "convolutional", image: [1, 2, 2] }),
      /hold 4 numbers, rows of the data 5/,
    ],
    [
      "images too small",
      () => trainFamily("ae", data, { network: "convolutional", image: [5, 1, 1] }),
      /cannot be halved/,
    ],
    [
      "data out of range",
      () => trainFamily("ae", { ...data, rows: data.rows.map((v) => 3 * v) }, { likelihood: "bernoulli" }),
      /needs data from 0 to 1/,
    ],
  ])("%s", async (_, attempt, sentence) => {
    await expect(attempt()).rejects.toThrow(sentence);
  });
});
