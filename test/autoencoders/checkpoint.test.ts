import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  decode,
  encode,
  fitUncertainty,
  loadVae,
  resumeVae,
  saveUncertainty,
  type TrainVaeOptions,
  trainVae,
} from "../../src/autoencoders/index.js";
import { UsageError } from "../../src/errors.js";
import { decodeSafetensors, encodeSafetensors, readCheckpoint, writeCheckpoint } from "../../src/training/index.js";
import { bundled } from "../training/child.js";
import { circle } from "./data.js";

const base = mkdtempSync(join(tmpdir(), "vae-"));
const at = (name: string) => join(base, name);
afterAll(() => rmSync(base, { recursive: true }));

const data = circle(300);
const test = circle(80, 9);
const options: TrainVaeOptions = {
  likelihood: "gaussian",
  encoderHidden: [16],
  decoderHidden: [16],
  epochs: 4,
  batchSize: 32,
  learningRate: 0.01,
  test,
};
/** The bytes of the weights. */
const weights = (folder: string) => readFileSync(join(folder, "model.safetensors"));

beforeAll(async () => {
  await trainVae(data, { ...options, out: at("whole") });
});

describe("the checkpoint of a VAE", () => {
  it("is a folder that other tools can read", () => {
    expect(readdirSync(at("whole")).sort()).toEqual([
      "README.md",
      "config.json",
      "decoder.onnx",
      "encoder.onnx",
      "labels.npy",
      "latents.npy",
      "model.safetensors",
      "training-state.safetensors",
      "training.csv",
    ]);
    const lines = readFileSync(join(at("whole"), "training.csv"), "utf8")
      .trim()
      .split("\n");
    expect(lines[0]).toBe("epoch,reconstruction,kl,elbo,held_out_elbo,learning_rate,seconds");
    expect(lines.length).toBe(5);
    expect(readFileSync(join(at("whole"), "README.md"), "utf8")).toContain("4 of 4 epochs (finished)");
  });

  it("gives back the model, bit for bit", async () => {
    const trained = await trainVae(data, options);
    const { model, config, latents, labels } = loadVae(at("whole"));
    expect(model).toEqual(trained.model);
    expect(latents).toEqual(trained.latents);
    expect(labels).toEqual(data.labels);
    expect(config.progress).toMatchObject({ epochs: 4, state: "finished" });
    expect(config.elbo).toEqual(trained.elbo);
  });

  it("holds ONNX files that a bare runtime runs", async () => {
    const { model } = loadVae(at("whole"));
    const row = data.rows.slice(0, 5);
    const encoder = await ort.InferenceSession.create(join(at("whole"), "encoder.onnx"));
    const found = await encoder.run({ x: new ort.Tensor("float32", row, [1, 5]) });
    const expected = await encode(model, row);
    for (const name of ["mean", "logVariance"] as const)
      expected[name].data.forEach((v: number, i: number) => expect(found[name].data[i]).toBeCloseTo(v, 5));
    const decoder = await ort.InferenceSession.create(join(at("whole"), "decoder.onnx"));
    const back = await decoder.run({ z: new ort.Tensor("float32", Float32Array.of(0.3, -1), [1, 2]) });
    (await decode(model, Float32Array.of(0.3, -1))).data.forEach((v: number, i: number) =>
      expect(back.mean.data[i]).toBeCloseTo(v, 5),
    );
  });

  it("is not overwritten unasked", async () => {
    await expect(trainVae(data, { ...options, out: at("whole") })).rejects.toThrow(/holds a run already; resume it/);
  });
});

describe("a continued run", () => {
  it.each([
    { patience: undefined, likelihood: "gaussian" as const },
    { patience: 3, likelihood: "bernoulli" as const },
  ])("equals an uninterrupted one, bit for bit: $likelihood, patience $patience", async (changes) => {
    const [whole, part] = [at(`whole-${changes.likelihood}`), at(`part-${changes.likelihood}`)];
    const all = { ...options, ...changes };
    const expected = await trainVae(data, { ...all, out: whole });
    // stopped after 3 batches of the second epoch, and again after the third epoch
    let stop = new AbortController();
    let steps = 0;
    const signal = () => {
      steps = 0;
      stop = new AbortController();
      return stop.signal;
    };
    const later = (limit: number) => ({
      // the signal is looked at before each step: count the looks
      get aborted() {
        return steps++ >= limit;
      },
    });
    signal();
    const first = await trainVae(data, { ...all, out: part, signal: later(12) as AbortSignal });
    expect(first.reason).toBe("stopped");
    expect(loadVae(part).config.progress).toMatchObject({ epochs: 1, state: "stopped" });
    steps = 0;
    expect((await resumeVae(part, data, { test, signal: later(15) as AbortSignal })).reason).toBe("stopped");
    const last = await resumeVae(part, data, { test });
    expect(last.reason).toBe("finished");
    expect(weights(part).equals(weights(whole))).toBe(true);
    expect(last.elbo).toEqual(expected.elbo);
    const told = (r: typeof last) => r.history.map(({ seconds: _, ...record }) => record);
    expect(told(last)).toEqual(told(expected));
    const state = (folder: string) =>
      decodeSafetensors(readFileSync(join(folder, "training-state.safetensors"))).arrays;
    expect(state(part)).toEqual(state(whole));
  });

  it("of 2 epochs and 2 more equals one of 4, where no schedule depends on the end", async () => {
    const plain = { ...options, schedule: "constant" as const, klWarmUp: 0 };
    await trainVae(data, { ...plain, out: at("four") });
    await trainVae(data, { ...plain, epochs: 2, out: at("two") });
    expect(weights(at("two")).equals(weights(at("four")))).toBe(false);
    await resumeVae(at("two"), data, { test, epochs: 4 });
    expect(weights(at("two")).equals(weights(at("four")))).toBe(true);
  });

  it("after kill -9 in mid-training equals an uninterrupted one, bit for bit", async () => {
    const script = await bundled(
      `import { trainVae } from "../../src/autoencoders/index.js";
       import { circle } from "../autoencoders/data.js";
       const options = JSON.parse(process.argv[3]);
       await trainVae(circle(300), { ...options, test: circle(80, 9), out: process.argv[2],
         onProgress: (p) => p.epochEnded && process.stdout.write("e") });`,
      "trainer",
    );
    const { test: _, ...plain } = { ...options, epochs: 60 };
    const folder = at("killed");
    const child = spawn(process.execPath, [script, folder, JSON.stringify(plain)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let epochs = 0;
    await new Promise<void>((resolve) =>
      child.stdout.on("data", (text) => {
        epochs += text.length;
        if (epochs >= 5) resolve();
      }),
    );
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    const { config, model } = loadVae(folder); // loads as it is
    expect(model.parameters.encoder.length).toBe(2);
    expect(config.progress.state).toBe("running");
    expect(config.progress.epochs).toBeGreaterThanOrEqual(5);
    expect(config.progress.epochs).toBeLessThan(60);
    await resumeVae(folder, data, { test });
    await trainVae(data, { ...options, epochs: 60, out: at("unkilled") });
    expect(weights(folder).equals(weights(at("unkilled")))).toBe(true);
    expect(existsSync(join(folder, "decoder.onnx"))).toBe(true);
  });

  it("is refused on other data, or to an earlier end", async () => {
    await expect(resumeVae(at("whole"), circle(300, 3))).rejects.toThrow(
      /are not the same; give the data it began with/,
    );
    await expect(resumeVae(at("whole"), data, { epochs: 2 })).rejects.toThrow(
      /epochs: 2 is not a whole number from 4 on/,
    );
    await expect(resumeVae(at("nowhere"), data)).rejects.toThrow(/does not exist, so it is no checkpoint/);
  });

  it("keeps the last good checkpoint when training diverges", async () => {
    const folder = at("diverging");
    await trainVae(data, { ...options, schedule: "constant", klWarmUp: 0, epochs: 2, out: folder });
    const before = weights(folder);
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    config.training.learningRate = 1e30; // as if the user had asked for it
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    await expect(resumeVae(folder, data, { test, epochs: 9 })).rejects.toThrow(/training diverged in epoch 3/);
    expect(weights(folder).equals(before)).toBe(true);
    expect(loadVae(folder).config.progress.epochs).toBe(2);
  });
});

describe("a damaged checkpoint", () => {
  const damaged = (name: string, change: (path: string, folder: string) => void) => {
    const folder = mkdtempSync(join(base, "damaged-"));
    cpSync(at("whole"), folder, { recursive: true });
    change(join(folder, name), folder);
    let sentence = "";
    try {
      loadVae(folder);
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      sentence = (error as Error).message.replaceAll(folder, "RUN");
    }
    return sentence;
  };
  /** Writes a file with a config that fits its new bytes, as a faulty program might. */
  const replaced = (name: string, bytes: Uint8Array, folder: string) => {
    const { config } = readCheckpoint(folder);
    const { files, format: _, version: __, ...fields } = config;
    writeCheckpoint(folder, fields as any, { [name]: bytes }, { keep: Object.keys(files) });
  };

  it("is refused with a sentence that says which file", () => {
    expect(damaged("model.safetensors", (p) => writeFileSync(p, readFileSync(p).subarray(0, 500)))).toMatch(
      /^RUN\/model.safetensors is damaged \(500 bytes instead of \d+\); restore it or train again.$/,
    );
    expect(damaged("model.safetensors", (p) => rmSync(p))).toBe(
      "RUN/model.safetensors is missing, but config.json lists it; restore it or train again.",
    );
    expect(damaged("latents.npy", (p) => writeFileSync(p, readFileSync(p).fill(0, 200, 210)))).toBe(
      "RUN/latents.npy is damaged (its contents are not those that were written); restore it or train again.",
    );
    expect(damaged("config.json", (p) => writeFileSync(p, readFileSync(p).subarray(0, 100)))).toBe(
      "RUN/config.json is damaged (it is not JSON); restore it or train again.",
    );
    const edited = (change: (config: any) => void) =>
      damaged("config.json", (p) => {
        const config = JSON.parse(readFileSync(p, "utf8"));
        change(config);
        writeFileSync(p, JSON.stringify(config));
      });
    expect(edited((c) => delete c.shape.activation)).toMatch(
      /^RUN\/config.json is not the config of a VAE \(shape.activation: /,
    );
    expect(edited((c) => (c.model = "flow"))).toMatch(/^RUN\/config.json is not the config of a VAE \(model: /);
    expect(edited((c) => (c.shape.latentDimension = 3))).toBe(
      'RUN/model.safetensors does not fit config.json ("encoder.1.weight" has shape [16,4], not [16,6]); restore it or train again.',
    );
    expect(edited((c) => c.shape.decoderHidden.push(7))).toMatch(/^RUN\/model.safetensors .*decoder/);
    expect(edited((c) => (c.data.n = 299))).toBe(
      "RUN/latents.npy does not fit config.json (it has shape [300,2], not [299,2]); restore it or train again.",
    );
  });

  it("is refused where contents do not fit, although sizes and hashes do", () => {
    const model = (folder: string) => decodeSafetensors(weights(folder)).arrays;
    expect(
      damaged("", (_, folder) => {
        const arrays = model(folder);
        delete arrays["decoder.0.bias"];
        replaced("model.safetensors", encodeSafetensors(arrays), folder);
      }),
    ).toBe('RUN/model.safetensors lacks "decoder.0.bias", which config.json asks for; train again.');
    expect(
      damaged("", (_, folder) => {
        const arrays = model(folder);
        arrays["decoder.0.bias"].data[3] = Number.NaN;
        replaced("model.safetensors", encodeSafetensors(arrays), folder);
      }),
    ).toBe('RUN/model.safetensors holds NaN in "decoder.0.bias"; train again.');
  });
});

describe("a fitted uncertainty", () => {
  it("is stored with its centres and seed, beside the model", async () => {
    const folder = at("with-uncertainty");
    cpSync(at("whole"), folder, { recursive: true });
    const { model } = loadVae(folder);
    const fitted = await fitUncertainty(model, data.rows, { clusters: 12, seed: 5 });
    saveUncertainty(folder, fitted);
    const loaded = loadVae(folder);
    expect(loaded.model).toEqual(fitted);
    expect(loaded.latents).toEqual(loadVae(at("whole")).latents);
    expect(loaded.config.uncertainty).toMatchObject({ seed: 5, clusters: 12 });
    expect(() => saveUncertainty(folder, model)).toThrow(/has no uncertainty yet/);
    const path = join(folder, "uncertainty.safetensors");
    rmSync(path);
    expect(() => loadVae(folder)).toThrow(`${path} is missing`);
  });
});
