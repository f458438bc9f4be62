/** The cells: features, real images against real ones (the floor of every score), and each model with each seed. */
import { posteriorMetricOf } from "../../metrics/index.js";
import {
  chooseSampler,
  priorSampler,
  publishedSampler,
  riemannianSampler,
  type Sampler,
} from "../../samplers/index.js";
import type { Cell } from "../cells.js";
import { type SamplerScores, type SetScores, scoreImages, scoreSampler } from "../geometric/score.js";
import { type Strip, stripOf } from "../geometric/strip.js";
import { type ImageTask, imagesOf, rowsBetween } from "../geometric/task.js";
import { type TrainedCell, trainCell } from "../geometric/train.js";
import { modelsOf, rowsOf } from "./rows.js";

export interface FeatureCell {
  readonly accuracy: number;
  readonly train: number;
  readonly reference: number;
}

export interface ModelCell {
  readonly model: string;
  readonly seed: number;
  readonly epochs: number;
  /** Seconds of training. */
  readonly training: number;
  /** Sum of squared errors of a held-out image's reconstruction, averaged. */
  readonly reconstructionError: number;
  readonly reconstructions: SetScores;
  readonly accuracy: number;
  readonly samplers: readonly SamplerScores[];
  readonly images: Strip;
  readonly back: Strip;
}

export type AnyCell = { readonly features?: FeatureCell; readonly real?: SetScores; readonly model?: ModelCell };

/** The cells of one data set. */
export function cellsOf(
  data: "mnist" | "cifar10",
  load: () => Promise<ImageTask>,
  seeds: readonly number[],
): Cell<AnyCell>[] {
  const samplers = (model: string) =>
    rowsOf(data)
      .filter((row) => row.model === model)
      .map((row) => row.sampler);
  return [
    {
      name: `${data}-features`,
      compute: async () => {
        const task = await load();
        const { accuracy } = await task.features();
        return { features: { accuracy, train: task.train.n, reference: task.reference.shape[0] } };
      },
    },
    {
      name: `${data}-real`,
      compute: async () => {
        const task = await load();
        const count = Math.min(task.samples, task.train.n);
        return { real: await scoreImages(imagesOf(rowsBetween(task.train, 0, count)), task, 0) };
      },
    },
    ...modelsOf(data).flatMap((model) =>
      seeds.map((seed) => ({
        name: `${data}-${model}-seed${seed}`,
        compute: async () => ({ model: await modelCell(model, samplers(model), await load(), seed) }),
      })),
    ),
  ];
}

/** Trains a model and scores its samplers. */
export async function modelCell(
  model: string,
  samplers: readonly string[],
  task: ImageTask,
  seed: number,
): Promise<ModelCell> {
  const trained = await trainCell(model, task, seed);
  const scores: SamplerScores[] = [];
  const made = samplersOf(trained, task, seed);
  for (const name of samplers) scores.push(await scoreSampler(made(name), trained, task, seed));
  const { images, reconstructions } = trained.shown;
  return {
    model,
    seed,
    epochs: trained.epochs,
    training: trained.seconds,
    reconstructionError: trained.reconstructionError,
    reconstructions: await scoreImages(trained.reconstructions, task, seed),
    accuracy: (await task.features()).accuracy,
    samplers: scores,
    images: stripOf(images, task.image),
    back: stripOf(reconstructions, task.image),
  };
}

/** Samplers of a trained model by name; the two of the posterior metric share its centroids. */
export function samplersOf(
  trained: TrainedCell,
  { lambda, threads }: ImageTask,
  seed: number,
): (name: string) => Sampler {
  const { source } = trained;
  let metric: ReturnType<typeof posteriorMetricOf> | undefined;
  const shared = () => {
    metric ??= posteriorMetricOf(source.codes!, source.logVariances!, { lambda, seed });
    return metric;
  };
  return (name) => {
    if (name === "prior") return priorSampler(source.dimension); // also for models that were not trained towards it
    if (name === "riemannian") return riemannianSampler(shared(), { threads });
    if (name === "published") return publishedSampler(shared(), source.codes!, { threads });
    return chooseSampler(name, source, { mixture: { seed } });
  };
}
