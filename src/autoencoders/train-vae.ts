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
import {
  adam,
  type EpochRecord,
  holdsCheckpoint,
  newRun,
  type RunState,
  scheduled,
  trainingLoop,
  warmUpWeight,
} from "../training/index.js";
import { gatherStandardized, standardizationOf, toDataUnits } from "./standardization.js";
import { elboEvaluator, elboNoise, encode, type Vae } from "./vae.js";
import { describeData, loadRun, saveEnded, saveRunning, type VaeConfig } from "./vae-checkpoint.js";
import { type ElboTerms, hasFamily, initializeVae, type VaeShape } from "./vae-model.js";
import { checkRows, resolveVaeOptions, scheduleOf, type VaeOptions, type VaeSettings } from "./vae-settings.js";
import { type VaeTrainingState, vaeTrainingStep } from "./vae-step.js";

/** What is told while training; ELBO terms in nats a row, in the data's own units. */
export interface VaeProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  readonly elbo: number;
  readonly reconstruction: number;
  readonly kl: number;
  /** Of the last finished epoch, where there is held-out data. */
  readonly heldOutElbo?: number;
  readonly secondsLeft: number;
  /** True on the last call of an epoch. */
  readonly epochEnded: boolean;
}

export interface VaeRunOptions {
  /** Held-out data: its ELBO is measured after each epoch; early stopping (`patience`) needs it. */
  readonly test?: Dataset;
  /** Stops after the current step; the run can be resumed from there. */
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly onProgress?: (progress: VaeProgress) => void;
}

export interface TrainVaeOptions extends VaeOptions, VaeRunOptions {
  /** The checkpoint's folder; without one, nothing is written. */
  readonly out?: string;
  /** Replace a checkpoint that is there; default false. */
  readonly overwrite?: boolean;
}

export interface TrainVaeResult {
  readonly model: Vae;
  /** "finished", "early" (no better held-out ELBO for `patience` epochs: the best model) or "stopped" (by the signal). */
  readonly reason: "finished" | "early" | "stopped";
  readonly history: readonly EpochRecord[];
  /** Of the model returned, in nats a row; `train` is over at most 10,000 rows. */
  readonly elbo: { readonly train: number; readonly test?: number };
  /** Means of the encoded training data. [N, d] */
  readonly latents: NdArray;
  /** Time spent on epochs, over all sessions. */
  readonly seconds: number;
}

/** Rows over which the ELBO of the training data is measured at the end. */
const MEASURED_ROWS = 10_000;

/**
 * Trains a VAE from scratch. The same data, options and seed give the same model on the same machine.
 * @throws UsageError for data or options that cannot be, or a folder in use; RunError where training diverges (what
 *   was saved after earlier epochs is kept).
 */
export async function trainVae(train: Dataset, options: TrainVaeOptions = {}): Promise<TrainVaeResult> {
  const { test, signal, threads, onProgress, out, overwrite = false, ...rest } = options;
  const { shape, settings } = resolveVaeOptions(train, rest);
  if (out !== undefined && !overwrite && holdsCheckpoint(out))
    throw new UsageError(`${out} holds a run already; resume it, choose another folder, or ask to overwrite it.`);
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
  const { shape, training, data } = config;
  const found = describeData(train);
  if (found.fingerprint !== data.fingerprint)
    throw new UsageError(
      `${folder} was trained on ${data.n} rows of ${data.dimension} (${data.name}), and these ${found.n} rows of ${found.dimension} (${found.name}) are not the same; give the data it began with.`,
    );
  if (epochs !== undefined && !(Number.isInteger(epochs) && epochs >= run.position.epoch && epochs >= 1))
    throw new UsageError(
      `epochs: ${epochs} is not a whole number from ${Math.max(1, run.position.epoch)} on, the epochs done so far.`,
    );
  const settings = { ...training, ...(epochs !== undefined && { epochs }) } as VaeSettings;
  return runTraining(train, shape as VaeShape, settings, run, folder, rest);
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
  if (settings.patience !== undefined && !test)
    throw new UsageError("patience: early stopping needs held-out data; give test data, or leave patience out.");

  const standardization = standardizationOf(train.rows, D, shape.likelihood);
  // log p(x) = log p((x - shift) / scale) - D log scale
  const unitsTerm = D * Math.log(standardization.scale);
  const optimizer = optimizerOf(settings);
  const step = compile(vaeTrainingStep(shape, optimizer, { clipNorm: settings.clipNorm }), { threads, donate: [0] });
  const evaluator = elboEvaluator(shape, { threads });
  const modelOf = (state: VaeTrainingState): Vae => ({
    shape,
    parameters: hasFamily(shape) ? state.parameters : toDataUnits(state.parameters, standardization),
  });
  const elboOf = async (model: Vae, rows: Float32Array, n: number): Promise<number> => {
    const x: NdArray = { data: rows.subarray(0, n * D), shape: [n, D], dtype: "float32" };
    const terms = await evaluator.run(model.parameters, x, elboNoise(n, d, settings.seed));
    return terms.reconstruction - terms.divergence;
  };
  const learningRate = (done: number, steps: number) =>
    settings.learningRate * scheduled(scheduleOf(settings), done, steps, settings.warmUp);

  const x: NdArray = {
    data: new Float32Array(settings.batchSize * D),
    shape: [settings.batchSize, D],
    dtype: "float32",
  };
  const noise: NdArray = {
    data: new Float32Array(settings.batchSize * d),
    shape: [settings.batchSize, d],
    dtype: "float32",
  };
  const weights = meanOne(train);
  const data = describeData(train);
  const configOf = (run: RunState<VaeTrainingState>, state: VaeConfig["progress"]["state"]): VaeConfig => ({
    model: "vae",
    shape: { ...shape, encoderHidden: [...shape.encoderHidden], decoderHidden: [...shape.decoderHidden] },
    training: settings,
    data,
    progress: { epochs: run.position.epoch, state, seconds: secondsOf(run) },
  });

  const run = () =>
    trainingLoop<VaeTrainingState>({
      rows: train.n,
      batchSize: settings.batchSize,
      epochs: settings.epochs,
      key: split(randomKey(settings.seed), "training"),
      start,
      termNames: ["reconstruction", "KL divergence"],
      learningRate,
      patience: settings.patience,
      signal,
      step: async (state, indices, { step: done, steps, key }) => {
        gatherStandardized(train.rows, D, indices, standardization, x.data as Float32Array);
        fillNormal(stream(key), noise.data as Float32Array);
        const scalars = {
          optimizer: optimizer.scalars(done + 1, learningRate(done, steps)),
          klWeight: warmUpWeight(done, steps, settings.klWarmUp),
        };
        const [next, terms]: [VaeTrainingState, ElboTerms<NdArray>] = await step(
          state,
          x,
          noise,
          scalars,
          ...(weights
            ? [
                ndarray(
                  Float32Array.from(indices, (i) => weights[i]),
                  [indices.length],
                ),
              ]
            : []),
        );
        return [next, [terms.reconstruction.data[0] - unitsTerm, terms.divergence.data[0]]];
      },
      ...(test && { evaluate: (state) => elboOf(modelOf(state), test.rows, test.n) }),
      onProgress: (progress) => {
        const { terms, score, finished, ...place } = progress;
        const [reconstruction, kl] = terms;
        onProgress?.({
          ...place,
          reconstruction,
          kl,
          elbo: reconstruction - kl,
          ...(score !== undefined && { heldOutElbo: score }),
          epochEnded: finished !== undefined,
        });
      },
      ...(out !== undefined && {
        save: (run) => saveRunning(out, modelOf((run.best ?? run).state), configOf(run, "running"), run),
      }),
    });

  let result: Awaited<ReturnType<typeof run>>;
  let model: Vae;
  let elbo: TrainVaeResult["elbo"];
  try {
    result = await run();
    model = modelOf((result.best ?? result).state);
    elbo = {
      train: await elboOf(model, train.rows, Math.min(train.n, MEASURED_ROWS)),
      ...(test && { test: await elboOf(model, test.rows, test.n) }),
    };
  } finally {
    await Promise.all([step.dispose(), evaluator.dispose()]);
  }
  const { mean: latents } = await encode(model, train.rows, { threads });
  if (out !== undefined)
    await saveEnded(out, model, { ...configOf(result, result.reason), elbo }, result, latents, train.labels);
  return { model, reason: result.reason, history: result.history, elbo, latents, seconds: secondsOf(result) };
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

function optimizerOf(settings: VaeSettings) {
  return adam({ weightDecay: settings.weightDecay });
}

function secondsOf(run: RunState<unknown>): number {
  return run.history.reduce((total, { seconds }) => total + seconds, run.position.seconds);
}
