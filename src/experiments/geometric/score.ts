/** Scores of what one sampler makes of one model, as plain JSON, with a strip of its images. */
import { type NdArray, takeRows } from "../../engine/index.js";
import { frechetScore, precisionRecallForDistributions, type Score } from "../../evaluation/index.js";
import type { Diagnostics, Sampler } from "../../samplers/index.js";
import { type Strip, stripOf } from "./strip.js";
import type { ImageTask } from "./task.js";
import { SHOWN, type TrainedCell } from "./train.js";

/** A number and its standard error. */
export interface Measured {
  readonly value: number;
  readonly error: number;
}

/** Of a set of images against the reference. */
export interface SetScores {
  /** Frechet distance on the features; its error is the bootstrap's. */
  readonly frechet: Measured;
  /** PRD: F_8, which stands for recall, and F_1/8, for precision; errors over clusterings. */
  readonly recall: Measured;
  readonly precision: Measured;
  readonly images: number;
}

export interface SamplerScores extends SetScores {
  readonly sampler: string;
  readonly seconds: number;
  /** Of Markov chains: acceptance, effective sample size, split R-hat. */
  readonly acceptance?: number;
  readonly effectiveSampleSize?: number;
  readonly splitRHat?: number;
  readonly notes: readonly string[];
  readonly strip: Strip;
}

/** Draws `task.samples` latents, decodes them and scores the images. */
export async function scoreSampler(
  sampler: Sampler,
  trained: Pick<TrainedCell, "decode">,
  task: ImageTask,
  seed: number,
): Promise<SamplerScores> {
  const start = performance.now();
  const { latents, diagnostics } = await sampler.draw(task.samples, seed);
  const seconds = (performance.now() - start) / 1000;
  const images = await trained.decode(latents);
  return {
    sampler: sampler.name,
    ...(await scoreImages(images, task, seed)),
    seconds: Math.round(100 * seconds) / 100,
    ...chainsOf(diagnostics),
    notes: [...diagnostics.notes, ...diagnostics.warnings],
    strip: stripOf(firstRows(images), task.image),
  };
}

/** Frechet distance and PRD of images against the task's reference. */
export async function scoreImages(images: NdArray, task: ImageTask, seed: number): Promise<SetScores> {
  const { network } = await task.features();
  const [real, made] = [await network.features(task.reference), await network.features(images)];
  const options = { features: network.name, seed };
  const frechet = frechetScore(real, made, { ...options, draws: task.fast ? 5 : 20 });
  const [recall, precision] = precisionRecallForDistributions(real, made, {
    ...options,
    runs: task.fast ? 2 : 10,
  }).scores;
  return {
    frechet: measured(frechet),
    recall: measured(recall),
    precision: measured(precision),
    images: images.shape[0],
  };
}

/** The first images of a set, for its strip. */
export function firstRows(images: NdArray): NdArray {
  return takeRows(
    images,
    Int32Array.from({ length: Math.min(SHOWN, images.shape[0]) }, (_, i) => i),
  );
}

/** An infinite split R-hat (no chain moved) is in the sampler's warning, and no number of a table. */
function chainsOf({ acceptance, effectiveSampleSize, splitRHat }: Diagnostics) {
  return {
    ...(acceptance !== undefined && { acceptance }),
    ...(effectiveSampleSize !== undefined && { effectiveSampleSize }),
    ...(splitRHat !== undefined && Number.isFinite(splitRHat) && { splitRHat }),
  };
}

function measured({ value, standardError }: Score): Measured {
  return { value, error: standardError };
}
