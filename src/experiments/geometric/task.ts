/**
 * What the experiments of "A geometric perspective on variational autoencoders" (Chadebec and Allassonniere, 2022) share:
 * data, networks, likelihood, budgets.
 *
 * Official settings: latent 16 (MNIST) and 32 (CIFAR-10); loss SSE + beta KL, beta 0.01 and 0.001, which is a Gaussian
 * likelihood of variance beta / 2; Adam 1e-3 and 5e-4, batches of 100, 100 and 200 epochs, the rate halved on plateaus;
 * convolutions of 128-256-512-1024 channels on 32 x 32. On one processor such an epoch takes about an hour. Here MNIST
 * has perceptrons 784-512-256 (tanh), CIFAR-10 convolutions of 32-64-128, epochs are fewer and the rate falls along a cosine.
 */
import { CIFAR10_IMAGE, loadCifar10 } from "../../data/cifar10.js";
import { type Dataset, loadDataset, takeDataset } from "../../data/dataset.js";
import { type NdArray, ndarray } from "../../engine/index.js";
import type { FeatureNetwork } from "../../evaluation/index.js";
import type { ExperimentOptions } from "../options.js";
import { colourFeatures, digitFeaturesFor } from "./features.js";

/** A data set with everything that a cell needs. */
export interface ImageTask {
  readonly name: "mnist" | "cifar10";
  /** Channels, rows, columns. */
  readonly image: readonly [number, number, number];
  readonly train: Dataset;
  /** Held-out images that generated ones are compared with. [M, D] */
  readonly reference: NdArray;
  readonly latentDimension: number;
  /** Of the Gaussian likelihood: half the official weight of the KL term. */
  readonly variance: number;
  /** Floor of the posterior metric. */
  readonly lambda: number;
  readonly learningRate: number;
  /** Passes over the data, unless the model has its own number. */
  readonly epochs: number;
  /** Images that each sampler makes. */
  readonly samples: number;
  readonly network: Record<string, unknown>;
  readonly threads?: number;
  readonly fast: boolean;
  /** The fixed network that sets are compared on, with its accuracy, to tell scores of different weights apart. */
  features(): Promise<{ readonly network: FeatureNetwork; readonly accuracy: number }>;
}

/** Images of CIFAR-10's training part that are held out, since the subset has few test images. */
const HELD_OUT = 2000;

/** MNIST: all 60,000 training images, compared with the 10,000 test images. @throws UsageError where it is not there. */
export async function mnistTask(options: ExperimentOptions): Promise<ImageTask> {
  const { fast, threads } = options;
  const train = await loadDataset("mnist", { part: "train" });
  const test = await loadDataset("mnist", { part: "test" });
  const used = fast ? 1000 : undefined;
  return {
    name: "mnist",
    ...budgetOf("mnist", options),
    image: [1, 28, 28],
    train: first(train, used),
    reference: imagesOf(first(test, used)),
    latentDimension: 16,
    variance: 0.005,
    lambda: 0.01,
    learningRate: 1e-3,
    network: fast
      ? { network: "mlp", encoderHidden: [64], decoderHidden: [64] }
      : { network: "mlp", encoderHidden: [512, 256], decoderHidden: [256, 512] },
    threads,
    fast,
    features: once(() => digitFeaturesFor(options, first(train, used), first(test, used))),
  };
}

/** CIFAR-10, as much as is there: all but 2,000 of the training images; those and the test images to compare with. */
export async function cifarTask(options: ExperimentOptions): Promise<ImageTask> {
  const { fast, threads } = options;
  const [all, test] = [loadCifar10("train"), loadCifar10("test")];
  const kept = fast ? 300 : all.n - HELD_OUT;
  const held = rowsBetween(all, all.n - (fast ? 300 : HELD_OUT), all.n);
  const reference = new Float32Array(held.rows.length + (fast ? 0 : test.rows.length));
  reference.set(held.rows);
  if (!fast) reference.set(test.rows, held.rows.length);
  const train = rowsBetween(all, 0, kept);
  return {
    name: "cifar10",
    ...budgetOf("cifar10", options),
    image: CIFAR10_IMAGE,
    train,
    reference: ndarray(reference, [reference.length / all.dimension, all.dimension]),
    latentDimension: 32,
    variance: 0.0005,
    lambda: 0.1,
    learningRate: 5e-4,
    network: { network: "convolutional", image: CIFAR10_IMAGE, channels: fast ? [4, 8] : [32, 64, 128] },
    threads,
    fast,
    features: once(() => colourFeatures(options, train, held)),
  };
}

/** The images of a data set. [n, D] */
export function imagesOf(data: Dataset): NdArray {
  return ndarray(data.rows, [data.n, data.dimension]);
}

function first(data: Dataset, count: number | undefined): Dataset {
  return count === undefined || count >= data.n ? data : rowsBetween(data, 0, count);
}

/** Rows from `start` to, not including, `end`. */
export function rowsBetween(data: Dataset, start: number, end: number): Dataset {
  return takeDataset(
    data,
    Int32Array.from({ length: end - start }, (_, i) => start + i),
  );
}

/** Epochs and generated images, as asked for or by default. */
export function budgetOf(name: ImageTask["name"], options: ExperimentOptions): Pick<ImageTask, "epochs" | "samples"> {
  const { fast, epochs, samples } = options;
  const usual = fast
    ? { epochs: 60, samples: 200 }
    : { mnist: { epochs: 10, samples: 10_000 }, cifar10: { epochs: 20, samples: 3000 } }[name];
  return { epochs: epochs ?? usual.epochs, samples: samples ?? usual.samples };
}

/** A function whose result is computed on the first call and kept. */
export function once<T>(compute: () => T): () => T {
  let kept: { readonly value: T } | undefined;
  return () => {
    kept ??= { value: compute() };
    return kept.value;
  };
}
