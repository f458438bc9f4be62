/**
 * The fixed networks that generated images are compared on: our digit features, from the experiment's own folder, the
 * data cache, or trained now and kept in the folder; and features of a small classifier of colour pictures, likewise.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applyEncoder, initializeEncoder, type NetworkShape } from "../../autoencoders/family/index.js";
import { mapRows } from "../../autoencoders/rows.js";
import { CIFAR10_IMAGE } from "../../data/cifar10.js";
import type { Dataset } from "../../data/types.js";
import {
  argmax,
  compile,
  flattenTree,
  logSumExp,
  mapTree,
  mean,
  mul,
  type NdArray,
  ndarray,
  relu,
  sub,
  sum,
  type Tensor,
  toFloat,
  unflattenTree,
  valueAndGrad,
} from "../../engine/index.js";
import {
  digitFeatures,
  digitFeaturesFolder,
  type FeatureNetwork,
  hasDigitFeatures,
  loadDigitFeatures,
  saveDigitFeatures,
  trainDigitFeatures,
} from "../../evaluation/index.js";
import { dense, initializeDense } from "../../networks/index.js";
import { permutation, randomKey, split } from "../../numerics/random.js";
import { adam, decodeSafetensors, encodeSafetensors } from "../../training/index.js";
import type { ExperimentOptions } from "../options.js";

export interface KnownFeatures {
  readonly network: FeatureNetwork;
  /** Share of held-out images that the network classifies right. */
  readonly accuracy: number;
}

/** The digit features of OUT/features, else (full version) of the data cache, else trained now (seed 0) and kept. */
export async function digitFeaturesFor(
  options: ExperimentOptions,
  train: Dataset,
  test: Dataset,
): Promise<KnownFeatures> {
  const { fast, out, threads } = options;
  const own = join(out, "features");
  const folder = hasDigitFeatures(own) || fast || !hasDigitFeatures() ? own : digitFeaturesFolder();
  if (!hasDigitFeatures(folder)) {
    options.report("training the digit features");
    saveDigitFeatures(folder, await trainDigitFeatures(train, test, { epochs: fast ? 1 : 3, seed: 0, threads }));
  }
  const classifier = loadDigitFeatures(folder);
  return { network: digitFeatures(classifier, { threads }), accuracy: classifier.accuracy };
}

/** Numbers that describe a colour picture. */
const FEATURES = 64;

const shape: NetworkShape = {
  kind: "convolutional",
  image: CIFAR10_IMAGE,
  channels: [32, 64, 128],
  activation: "relu",
  batchNormalization: true,
};

/** The same for colour pictures of 32 x 32 in ten classes, kept in OUT/colour-features.safetensors. */
export async function colourFeatures(
  options: ExperimentOptions,
  train: Dataset,
  test: Dataset,
): Promise<KnownFeatures> {
  const { fast, out, threads } = options;
  const path = join(out, "colour-features.safetensors");
  const like = initial(10);
  if (!existsSync(path)) {
    options.report("training the features of colour pictures");
    const trained = await trainClassifier(like, train, fast ? 1 : 8, threads);
    const { leaves, paths } = flattenTree(trained);
    writeFileSync(path, encodeSafetensors(Object.fromEntries(paths.map((name, i) => [name, leaves[i]]))));
  }
  const { arrays } = decodeSafetensors(readFileSync(path), path);
  const leaves: NdArray[] = [];
  mapTree(like, (_: NdArray, name) => leaves.push(arrays[name]));
  const parts = unflattenTree(like, leaves);
  const f = compile(
    (given: any, x: Tensor) => {
      const { features, logits } = classify(given, x, false);
      return { features, label: toFloat(argmax(logits, -1)) };
    },
    { threads },
  );
  const run = (x: NdArray) => mapRows<"features" | "label">(f, parts, [x]);
  const { label } = await run(ndarray(test.rows, [test.n, test.dimension]));
  let right = 0;
  for (let i = 0; i < test.n; i++) if (label.data[i] === test.labels![i]) right++;
  return {
    network: {
      name: "colour-feature",
      inputDimension: train.dimension,
      features: async (images) => (await run(images)).features,
    },
    accuracy: right / test.n,
  };
}

function initial(classes: number): any {
  const key = split(randomKey(0), "colour features");
  const encoder = initializeEncoder(split(key, "encoder"), shape, 3072, FEATURES);
  return {
    parameters: { encoder: encoder.parameters, head: initializeDense(split(key, "head"), FEATURES, classes) },
    buffers: encoder.buffers,
  };
}

function classify({ parameters, buffers }: any, x: Tensor, training: boolean) {
  const { output, buffers: after } = applyEncoder(shape, { parameters: parameters.encoder, buffers }, x, training);
  return { features: output, logits: dense(parameters.head, relu(output)), buffers: after };
}

async function trainClassifier(start: any, train: Dataset, epochs: number, threads?: number): Promise<any> {
  const optimizer = adam();
  const step = compile(
    (state: any, x: Tensor, targets: Tensor, scalars: any) => {
      const [, gradients] = valueAndGrad((parameters: any) => {
        const { logits } = classify({ ...state, parameters }, x, true);
        return mean(sub(logSumExp(logits, -1), sum(mul(targets, logits), -1)));
      })(state.parameters);
      const [parameters, moments] = optimizer.update(state.parameters, gradients, state.moments, scalars);
      return { parameters, moments, buffers: classify(state, x, true).buffers };
    },
    { threads },
  );
  let state = { ...start, moments: optimizer.initialize(start.parameters) };
  const [size, D] = [100, train.dimension];
  const steps = epochs * Math.floor(train.n / size);
  for (let done = 0, epoch = 0; epoch < epochs; epoch++) {
    const order = permutation(split(randomKey(epoch), "colour features"), train.n);
    for (let from = 0; from + size <= train.n; from += size, done++) {
      const x = new Float32Array(size * D);
      const targets = new Float32Array(size * 10);
      for (let i = 0; i < size; i++) {
        x.set(train.rows.subarray(order[from + i] * D, (order[from + i] + 1) * D), i * D);
        targets[i * 10 + train.labels![order[from + i]]] = 1;
      }
      const rate = 1e-3 * (1 + Math.cos((Math.PI * done) / steps));
      state = await step(state, ndarray(x, [size, D]), ndarray(targets, [size, 10]), optimizer.scalars(done + 1, rate));
    }
  }
  await step.dispose();
  return { parameters: state.parameters, buffers: state.buffers };
}
