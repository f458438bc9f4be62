/**
 * Training a VAE: from a data set to a model, with a checkpoint after every epoch, and the continuation of a run.
 *
 * @example
 *   const { train, test } = splitDataset(await loadDataset("strokes"));
 *   const { model, elbo } = await trainVae(train, { test, likelihood: "bernoulli", epochs: 10, out: "runs/strokes" });
 */
import type { Dataset } from "../data/types.js";
import { compile, type NdArray, ndarray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { fillNormal, randomKey, split, stream } from "../numerics/random.js";
import { type EpochRecord, newRun, type RunState, warmUpWeight } from "../training/index.js";
import { gatherStandardized, standardizationOf, toDataUnits } from "./standardization.js";
import {
  type NewRunOptions,
  optimizerOf,
  type RunFacts,
  type RunOptions,
  type RunPlace,
  requireFreeFolder,
  requireHeldOut,
  resumedSettings,
  type Scores,
  trainRun,
} from "./training-run.js";
import { elboEvaluator, elboNoise, encode, type Vae } from "./vae.js";
import { loadRun, saveEnded, saveRunning, type VaeConfig } from "./vae-checkpoint.js";
import { type ElboTerms, hasFamily, initializeVae, type VaeShape } from "./vae-model.js";
import { checkRows, resolveVaeOptions, type VaeOptions, type VaeSettings } from "./vae-settings.js";
import { type VaeTrainingState, vaeTrainingStep } from "./vae-step.js";

/** What is told while training; ELBO terms in nats a row, in the data's own units. */
export interface VaeProgress extends RunPlace {
  readonly elbo: number;
  readonly reconstruction: number;
  readonly kl: number;
  /** Of the last finished epoch, where there is held-out data. */
  readonly heldOutElbo?: number;
}

/** `test`: its ELBO is measured after each epoch. */
export interface VaeRunOptions extends RunOptions<VaeProgress> {}

export interface TrainVaeOptions extends VaeOptions, NewRunOptions<VaeProgress> {}

export interface TrainVaeResult {
  readonly model: Vae;
  /** "finished", "early" (no better held-out ELBO for `patience` epochs: the best model) or "stopped" (by the signal). */
  readonly reason: "finished" | "early" | "stopped";
  readonly history: readonly EpochRecord[];
  /** Of the model returned, in nats a row; `train` is over at most 10,000 rows. */
  readonly elbo: Scores;
  /** Means of the encoded training data. [N, d] */
  readonly latents: NdArray;
  /** Time spent on epochs, over all sessions. */
  readonly seconds: number;
}

/**
 * Trains a VAE from scratch. The same data, options and seed give the same model on the same machine.
 * @throws UsageError for data or options that cannot be, or a folder in use; RunError where training diverges (what
 *   was saved after earlier epochs is kept).
 */
export async function trainVae(train: Dataset, options: TrainVaeOptions = {}): Promise<TrainVaeResult> {
  const { test, signal, threads, onProgress, out, overwrite, ...rest } = options;
  const { shape, settings } = resolveVaeOptions(train, rest);
  requireFreeFolder(out, overwrite);
  const parameters = initializeVae(split(randomKey(settings.seed), "weights"), shape, { initialVariance: 1 });
  const start = newRun<VaeTrainingState>({ parameters, optimizer: optimizerOf(settings).initialize(parameters) });
  return runTraining(train, shape, settings, start, out, { test, signal, threads, onProgress });
}

/**
 * Continues the run in `folder` to its last epoch, or to `epochs`. With the same data on the same machine the result
 * is that of a run that was never interrupted, bit for bit (also with another number of epochs, where neither schedule
 * nor warm-up depends on it).
 * @throws UsageError if the checkpoint is damaged or `train` is not the data that the run began with.
 */
export async function resumeVae(
  folder: string,
  train: Dataset,
  options: VaeRunOptions & { readonly epochs?: number } = {},
): Promise<TrainVaeResult> {
  const { epochs, ...rest } = options;
  const { config, run } = loadRun(folder);
  const settings = resumedSettings(folder, config, run, train, epochs);
  return runTraining(train, config.shape, settings, run, folder, rest);
}

async function runTraining(
  train: Dataset,
  shape: VaeShape,
  settings: VaeSettings,
  start: RunState<VaeTrainingState>,
  out: string | undefined,
  options: VaeRunOptions,
): Promise<TrainVaeResult> {
  const { test, signal, threads, onProgress } = options;
  const { dataDimension: D, latentDimension: d } = shape;
  checkRows("training data", train, shape);
  if (test) checkRows("held-out data", test, shape);
  requireHeldOut(settings, test);

  const standardization = standardizationOf(train.rows, D, shape.likelihood);
  // log p(x) = log p((x - shift) / scale) - D log scale
  const unitsTerm = D * Math.log(standardization.scale);
  const { batchSize, seed } = settings;
  const weights = meanOne(train);
  const x: NdArray = { data: new Float32Array(batchSize * D), shape: [batchSize, D], dtype: "float32" };
  const noise: NdArray = { data: new Float32Array(batchSize * d), shape: [batchSize, d], dtype: "float32" };
  const optimizer = optimizerOf(settings);
  const step = compile(vaeTrainingStep(shape, optimizer, { clipNorm: settings.clipNorm }), { threads, donate: [0] });
  const evaluator = elboEvaluator(shape, { threads });
  const { model, codes, scores, ...rest } = await trainRun<VaeTrainingState, Vae, NdArray, VaeSettings>({
    train,
    test,
    settings,
    start,
    signal,
    termNames: ["reconstruction", "KL divergence"],
    step: async (state, indices, { step: done, steps, key, learningRate }) => {
      gatherStandardized(train.rows, D, indices, standardization, x.data as Float32Array);
      fillNormal(stream(key), noise.data as Float32Array);
      const scalars = {
        optimizer: optimizer.scalars(done + 1, learningRate),
        klWeight: warmUpWeight(done, steps, settings.klWarmUp),
      };
      const ofRows = weights && ndarray(Float32Array.from(indices, (i) => weights[i]));
      const [next, terms]: [VaeTrainingState, ElboTerms<NdArray>] = await step(
        state,
        x,
        noise,
        scalars,
        ...(ofRows ? [ofRows] : []),
      );
      return [next, [terms.reconstruction.data[0] - unitsTerm, terms.divergence.data[0]]];
    },
    modelOf: ({ parameters }) => ({
      shape,
      parameters: hasFamily(shape) ? parameters : toDataUnits(parameters, standardization),
    }),
    score: async (model, { rows }, n) => {
      const first: NdArray = { data: rows.subarray(0, n * D), shape: [n, D], dtype: "float32" };
      const terms = await evaluator.run(model.parameters, first, elboNoise(n, d, seed));
      return terms.reconstruction - terms.divergence;
    },
    programs: [step, evaluator],
    encode: async (model) => (await encode(model, train.rows, { threads })).mean,
    onProgress: tellElbo(onProgress),
    ...(out !== undefined && {
      save: {
        running: (model, facts, run) => saveRunning(out, model, configOf(shape, facts), run),
        ended: (model, facts, run, elbo, latents) =>
          saveEnded(out, model, { ...configOf(shape, facts), elbo }, run, latents, train.labels),
      },
    }),
  });
  return { model, elbo: scores, latents: codes, ...rest };
}

/** Tells progress whose terms are reconstruction and KL divergence, and whose score is an ELBO. */
export function tellElbo(onProgress: ((progress: VaeProgress) => void) | undefined) {
  return (place: RunPlace, [reconstruction, kl]: readonly number[], score: number | undefined): void =>
    onProgress?.({
      ...place,
      reconstruction,
      kl,
      elbo: reconstruction - kl,
      ...(score !== undefined && { heldOutElbo: score }),
    });
}

function configOf(shape: VaeShape, facts: RunFacts<VaeSettings>): VaeConfig {
  const plain = { ...shape, encoderHidden: [...shape.encoderHidden], decoderHidden: [...shape.decoderHidden] };
  return { model: "vae", shape: plain, ...facts };
}

/** The weights of the rows with mean 1. @throws UsageError for weights that are none. */
function meanOne({ name, n, weights }: Dataset): Float64Array | undefined {
  if (weights === undefined) return undefined;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const bad = weights.findIndex((weight) => !(weight >= 0 && weight < Infinity));
  if (weights.length !== n || bad >= 0 || !(total > 0))
    throw new UsageError(
      `${name}: its weights ${bad >= 0 ? `have ${weights[bad]} at row ${bad}` : `are ${weights.length} numbers of sum ${total} for ${n} rows`}; give ${n} finite numbers >= 0, not all 0.`,
    );
  return weights.map((weight) => (weight * n) / total);
}
