/** One trained model of the family, as the cells of these experiments need it: sampled, decoded, encoded. */
import {
  decodeFamily,
  encodeFamily,
  type TrainedAutoencoder,
  type TrainFamilyResult,
  trainFamily,
} from "../../autoencoders/family/index.js";
import type { Dataset } from "../../data/types.js";
import { astype, type NdArray, takeRows } from "../../engine/index.js";
import { type ChainOptions, familySamplers, type Sampler, type SamplerSource } from "../../samplers/index.js";
import type { ImageTask } from "./task.js";

export interface TrainedCell {
  readonly model: TrainedAutoencoder;
  /** What samplers need. */
  readonly source: SamplerSource;
  readonly epochs: number;
  readonly seconds: number;
  /** Mean over the reference images of the sum of squared errors of their reconstructions. */
  readonly reconstructionError: number;
  /** Of the reference images. [M, D] */
  readonly reconstructions: NdArray;
  /** The first reference images and their reconstructions. [SHOWN, D] each */
  readonly shown: { readonly images: NdArray; readonly reconstructions: NdArray };
  /** Latents [N, d] to images [N, D], in [0, 1]. */
  decode(latents: NdArray): Promise<NdArray>;
}

/** Images in a row of a sheet. */
export const SHOWN = 12;

/** Models whose loss is a likelihood; the others descend the plain sum of squared errors. */
const withLikelihood = ["vae", "vamp", "hvae", "rhvae", "iwae"];

/** A step of an RHVAE costs as much as ten of a VAE: it gets fewer passes over the data. */
const shareOfEpochs: Readonly<Record<string, number>> = { rhvae: 0.4 };

/**
 * After layers of norm one a bounded activation leaves outputs too small for black and white: with tanh an RAE-SN draws the
 * mean image only (on strokes, squared errors of 55 an image, where ReLU comes to 24).
 */
const activationOf = (model: string) => (model === "rae-sn" ? { activation: "relu" as const } : {});

/** How many passes over the data a model gets. */
export function epochsOf(model: string, epochs: number): number {
  return Math.max(1, Math.round(epochs * (shareOfEpochs[model] ?? 1)));
}

/**
 * Trains one model on the task's images, or on `train` for `epochs`.
 * @param seed of weights, order and noise
 */
export async function trainCell(
  name: string,
  task: ImageTask,
  seed: number,
  other: { readonly train?: Dataset; readonly epochs?: number } = {},
): Promise<TrainedCell> {
  const { threads } = task;
  const train = other.train ?? task.train;
  const epochs = other.epochs ?? epochsOf(name, task.epochs);
  const result = await trainFamily(name, train, {
    ...task.network,
    ...(task.network.network === "mlp" && activationOf(name)),
    latentDimension: task.latentDimension,
    bounded: true,
    ...(withLikelihood.includes(name) && { variance: task.variance }),
    learningRate: task.learningRate,
    batchSize: Math.min(100, train.n),
    epochs,
    seed,
    threads,
  });
  const { model } = result;
  const { mean } = await encodeFamily(model, task.reference, { threads });
  const back = await decodeFamily(model, mean, { threads });
  const D = train.dimension;
  let error = 0;
  back.data.forEach((value: number, i: number) => {
    error += (value - task.reference.data[i]) ** 2;
  });
  const some = Int32Array.from({ length: SHOWN }, (_, i) => i);
  return {
    model,
    source: await sourceOf(result, { threads }),
    epochs,
    seconds: result.seconds,
    reconstructionError: error / (back.data.length / D),
    reconstructions: back,
    shown: { images: takeRows(task.reference, some), reconstructions: takeRows(back, some) },
    decode: (latents) => decodeFamily(model, astype(latents, "float32"), { threads }),
  };
}

async function sourceOf(result: TrainFamilyResult, options: ChainOptions): Promise<SamplerSource> {
  const { model, latents, logVariances } = result;
  const own: Sampler[] = await familySamplers(model, options);
  return {
    dimension: model.shape.latentDimension,
    codes: astype(latents, "float64"),
    ...(logVariances && { logVariances: astype(logVariances, "float64") }),
    own,
  };
}
