/**
 * Training a Poincare VAE: from a data set to a model, with a checkpoint after every epoch, and the continuation of a
 * run. Data are taken as they are: a Gaussian likelihood has unit variance, so standardise first where columns differ.
 *
 * @example
 *   const { model } = await trainPvae(train, { test, curvature: 0.7, likelihood: "bernoulli", out: "runs/pvae" });
 */
import type { Dataset } from "../../data/types.js";
import { compile, type NdArray } from "../../engine/index.js";
import { randomKey, split } from "../../numerics/random.js";
import { newRun, type RunState, warmUpWeight } from "../../training/index.js";
import { type TrainVaeResult, tellElbo, type VaeProgress } from "../train-vae.js";
import {
  type NewRunOptions,
  optimizerOf,
  type RunFacts,
  type RunOptions,
  requireFreeFolder,
  requireHeldOut,
  resumedSettings,
  trainRun,
} from "../training-run.js";
import type { ElboTerms } from "../vae-model.js";
import { checkRows } from "../vae-settings.js";
import { loadPvaeRun, type PvaeConfig, savePvaeEnded, savePvaeRunning } from "./checkpoint.js";
import { allocatePvaeNoise, fillPvaeNoise, initializePvae, type PvaeShape } from "./model.js";
import { encodeToBall, type Pvae, pvaeEvaluator } from "./pvae.js";
import { type PvaeOptions, type PvaeSettings, resolvePvaeOptions } from "./settings.js";
import { type PvaeTrainingState, pvaeTrainingStep } from "./step.js";

/** `test`: its ELBO is measured after each epoch. Progress in nats a row; `kl` is the estimate by samples. */
export interface PvaeRunOptions extends RunOptions<VaeProgress> {}

export interface TrainPvaeOptions extends PvaeOptions, NewRunOptions<VaeProgress> {}

/** As `TrainVaeResult`; `latents` are points of the ball, [N, d]. */
export interface TrainPvaeResult extends Omit<TrainVaeResult, "model"> {
  readonly model: Pvae;
}

/**
 * Trains a Poincare VAE from scratch. The same data, options and seed give the same model on the same machine.
 * @throws UsageError for data or options that cannot be, or a folder in use; RunError where training diverges (what
 *   was saved after earlier epochs is kept).
 */
export async function trainPvae(train: Dataset, options: TrainPvaeOptions = {}): Promise<TrainPvaeResult> {
  const { test, signal, threads, onProgress, out, overwrite, ...rest } = options;
  const { shape, settings } = resolvePvaeOptions(train, rest);
  requireFreeFolder(out, overwrite);
  const parameters = initializePvae(split(randomKey(settings.seed), "weights"), shape, {
    outputBias: outputBiasOf(train, shape),
  });
  const start = newRun<PvaeTrainingState>({ parameters, optimizer: optimizerOf(settings).initialize(parameters) });
  return runTraining(train, shape, settings, start, out, { test, signal, threads, onProgress });
}

/**
 * Continues the run in `folder` to its last epoch, or to `epochs`. With the same data on the same machine the result
 * is that of a run that was never interrupted, bit for bit.
 * @throws UsageError if the checkpoint is damaged or `train` is not the data that the run began with.
 */
export async function resumePvae(
  folder: string,
  train: Dataset,
  options: PvaeRunOptions & { readonly epochs?: number } = {},
): Promise<TrainPvaeResult> {
  const { epochs, ...rest } = options;
  const { config, run } = loadPvaeRun(folder);
  const settings = resumedSettings(folder, config, run, train, epochs);
  return runTraining(train, config.shape, settings, run, folder, rest);
}

async function runTraining(
  train: Dataset,
  shape: PvaeShape,
  settings: PvaeSettings,
  start: RunState<PvaeTrainingState>,
  out: string | undefined,
  options: PvaeRunOptions,
): Promise<TrainPvaeResult> {
  const { test, signal, threads, onProgress } = options;
  const D = shape.dataDimension;
  checkRows("training data", train, shape);
  if (test) checkRows("held-out data", test, shape);
  requireHeldOut(settings, test);
  const { batchSize, seed } = settings;
  const x: NdArray = { data: new Float32Array(batchSize * D), shape: [batchSize, D], dtype: "float32" };
  const noise = allocatePvaeNoise(shape, settings.samples, batchSize);
  const optimizer = optimizerOf(settings);
  const step = compile(pvaeTrainingStep(shape, optimizer, { clipNorm: settings.clipNorm }), { threads, donate: [0] });
  const evaluator = pvaeEvaluator(shape, { threads });
  const { model, codes, scores, ...rest } = await trainRun<PvaeTrainingState, Pvae, NdArray, PvaeSettings>({
    train,
    test,
    settings,
    start,
    signal,
    termNames: ["reconstruction", "KL divergence"],
    step: async (state, indices, { step: done, steps, key, learningRate }) => {
      for (let i = 0; i < indices.length; i++)
        x.data.set(train.rows.subarray(indices[i] * D, (indices[i] + 1) * D), i * D);
      fillPvaeNoise(noise, key);
      const scalars = {
        optimizer: optimizer.scalars(done + 1, learningRate),
        klWeight: warmUpWeight(done, steps, settings.klWarmUp),
      };
      const [next, terms]: [PvaeTrainingState, ElboTerms<NdArray>] = await step(state, x, noise, scalars);
      return [next, [terms.reconstruction.data[0], terms.divergence.data[0]]];
    },
    modelOf: ({ parameters }) => ({ shape, parameters }),
    score: async ({ parameters }, { rows }, n) =>
      (await evaluator.elbo(parameters, rows.subarray(0, n * D), { seed })).elbo,
    programs: [step, evaluator],
    encode: async (model) => (await encodeToBall(model, train.rows, { threads })).mean,
    onProgress: tellElbo(onProgress),
    ...(out !== undefined && {
      save: {
        running: (model, facts, run) => savePvaeRunning(out, model, configOf(shape, facts), run),
        ended: (model, facts, run, elbo, latents) =>
          savePvaeEnded(out, model, { ...configOf(shape, facts), elbo }, run, latents, train.labels),
      },
    }),
  });
  return { model, elbo: scores, latents: codes, ...rest };
}

function configOf(shape: PvaeShape, facts: RunFacts<PvaeSettings>): PvaeConfig {
  const plain = { ...shape, encoderHidden: [...shape.encoderHidden], decoderHidden: [...shape.decoderHidden] };
  return { model: "pvae", shape: plain, ...facts };
}

/** The log-odds of each column's mean, where the decoder's last bias starts (as in the authors' code); Bernoulli only. */
function outputBiasOf(train: Dataset, shape: PvaeShape): Float32Array | undefined {
  if (shape.likelihood !== "bernoulli") return undefined;
  const D = train.dimension;
  const means = new Float64Array(D);
  for (let i = 0; i < train.n * D; i++) means[i % D] += train.rows[i] / train.n;
  return Float32Array.from(means, (mean) => {
    const p = Math.min(Math.max(mean, 1e-3), 1 - 1e-3);
    return Math.log(p / (1 - p));
  });
}
