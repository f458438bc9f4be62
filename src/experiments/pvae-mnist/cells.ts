/**
 * The two cells of a setting and a seed: training with what needs the codes (the run is kept as a checkpoint after every
 * epoch, so an interrupted cell goes on), and the importance-weighted bound of the test set.
 */
import { join } from "node:path";
import {
  drawsAtEdge,
  encodeToBall,
  loadPvae,
  type Pvae,
  resumePvae,
  trainPvae,
} from "../../autoencoders/pvae/index.js";
import { loadDataset, splitDataset } from "../../data/index.js";
import type { Dataset } from "../../data/types.js";
import { RunError, UsageError } from "../../errors.js";
import { permutation, randomKey, split } from "../../numerics/random.js";
import { holdsCheckpoint } from "../../training/index.js";
import type { Cell } from "../cells.js";
import type { ExperimentOptions } from "../options.js";
import { type TwoStageBound, twoStageBound } from "./bound.js";
import { digitAccuracies } from "./classifier.js";
import { modelOptions, nameOf, type Setting } from "./settings.js";

/** What is run: everything that the numbers depend on besides setting and seed. */
export interface Budget {
  readonly epochs: number;
  /** K of the bound. */
  readonly samples: number;
  /** Test images with all K samples (see `bound.ts`). */
  readonly fineImages: number;
  /** Training and test images used, from the first; all where undefined. */
  readonly trainImages?: number;
  readonly testImages?: number;
}

/** Result of a training cell. */
export interface TrainedCell {
  readonly kind: "train";
  readonly setting: Setting;
  readonly seed: number;
  readonly elbo: { readonly train: number; readonly test: number };
  readonly epochs: number;
  readonly trainingSeconds: number;
  /** Digits classified rightly, by digit; two-dimensional codes only. */
  readonly digits?: { readonly perDigit: readonly number[]; readonly overall: number };
  /** Codes of some test images for the picture, [n * 2], and their digits; two-dimensional codes only. */
  readonly picture?: { readonly codes: readonly number[]; readonly labels: readonly number[] };
}

/** Result of a bound cell. */
export interface BoundCell extends TwoStageBound {
  readonly kind: "bound";
  /** Share of posterior draws beyond what float32 coordinates hold (see `drawsAtEdge`). */
  readonly atEdge?: number;
  readonly setting: Setting;
  readonly seed: number;
}

export type MnistCell = TrainedCell | BoundCell;

const PICTURED = 2000;

/** The cells of a setting and a seed, the training first. */
export function cellsOf(
  setting: Setting,
  seed: number,
  budget: Budget,
  options: Pick<ExperimentOptions, "out" | "threads" | "signal" | "report">,
): Cell<MnistCell>[] {
  const name = `${nameOf(setting)}-s${seed}`;
  const folder = join(options.out, "models", name);
  return [
    { name: `${name}-train`, compute: () => train(setting, seed, budget, folder, options) },
    { name: `${name}-bound`, compute: () => bound(setting, seed, budget, folder, options.threads) },
  ];
}

async function train(
  setting: Setting,
  seed: number,
  budget: Budget,
  folder: string,
  { threads, signal, report }: Pick<ExperimentOptions, "threads" | "signal" | "report">,
): Promise<TrainedCell> {
  const data = await digits(budget);
  const { epochs } = budget;
  const run = {
    threads,
    signal,
    onProgress: (progress: any) => {
      if (progress.epochEnded && progress.epoch % 10 === 0)
        report(`  epoch ${progress.epoch} of ${epochs}, ELBO ${progress.elbo.toFixed(2)}`);
    },
  };
  const result = goesOn(folder, data.train, setting, epochs)
    ? await resumePvae(folder, data.train, { ...run, epochs })
    : await trainPvae(data.train, {
        ...modelOptions(setting),
        ...run,
        epochs,
        batchSize: Math.min(128, data.train.n),
        seed,
        out: folder,
        overwrite: true,
      });
  if (result.reason === "stopped") throw new RunError(`stopped in the training of ${folder}; run it again to go on.`);
  const { model } = result;
  const testElbo = await elboOf(model, data.test, seed, threads);
  const value: TrainedCell = {
    kind: "train",
    setting,
    seed,
    elbo: { train: result.elbo.train, test: testElbo },
    epochs,
    trainingSeconds: Math.round(result.seconds * 10) / 10,
  };
  if (setting.dimension !== 2) return value;
  const testCodes = (await encodeToBall(model, data.test.rows, { threads })).mean;
  const chosen = permutation(split(randomKey(0), "pictured codes"), data.test.n).slice(0, PICTURED);
  return {
    ...value,
    digits: await digitAccuracies(
      { codes: result.latents, labels: data.train.labels! },
      { codes: testCodes, labels: data.test.labels! },
      { curvature: setting.curvature, seed, threads },
    ),
    picture: {
      codes: Array.from(chosen).flatMap((i) => [
        Math.round(1e5 * testCodes.data[2 * i]) / 1e5,
        Math.round(1e5 * testCodes.data[2 * i + 1]) / 1e5,
      ]),
      labels: Array.from(chosen, (i) => data.test.labels![i]),
    },
  };
}

async function bound(
  setting: Setting,
  seed: number,
  budget: Budget,
  folder: string,
  threads: number | undefined,
): Promise<BoundCell> {
  if (!holdsCheckpoint(folder))
    throw new UsageError(
      `${folder}: the model of this bound is not there; delete the -train file of the same name under cells/ and run again, or bring the folder.`,
    );
  const { model } = loadPvae(folder);
  const { test } = await digits(budget);
  const { samples, fineImages } = budget;
  const bound = await twoStageBound(model, test, { samples, fineImages, seed, threads });
  const first = Math.min(1000, test.n) * test.dimension;
  const atEdge = await drawsAtEdge(model, test.rows.subarray(0, first), { seed, threads });
  return { kind: "bound", setting, seed, ...bound, atEdge };
}

async function elboOf(model: Pvae, test: Dataset, seed: number, threads?: number): Promise<number> {
  const { pvaeElbo } = await import("../../autoencoders/pvae/index.js");
  return (await pvaeElbo(model, test.rows, { seed, threads })).elbo;
}

/** Whether the folder holds this very run, finished or not. */
function goesOn(folder: string, train: Dataset, setting: Setting, epochs: number): boolean {
  if (!holdsCheckpoint(folder)) return false;
  const { config } = loadPvae(folder);
  const { curvature, posterior, latentDimension } = config.shape;
  return (
    config.data.n === train.n &&
    config.training.epochs === epochs &&
    curvature === setting.curvature &&
    latentDimension === setting.dimension &&
    posterior === modelOptions(setting).posterior
  );
}

let loaded: Promise<Dataset> | undefined;

async function digits({ trainImages, testImages }: Budget): Promise<{ train: Dataset; test: Dataset }> {
  loaded ??= loadDataset("mnist");
  const { train, test } = splitDataset(await loaded);
  return { train: first(train, trainImages), test: first(test, testImages) };
}

function first(data: Dataset, count = data.n): Dataset {
  const n = Math.min(count, data.n);
  return { ...data, n, rows: data.rows.subarray(0, n * data.dimension), labels: data.labels?.subarray(0, n) };
}
