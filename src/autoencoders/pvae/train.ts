/**
 * Training a Poincare VAE: from a data set to a model, with a checkpoint after every epoch, and the continuation of a
 * run. Data are taken as they are: a Gaussian likelihood has unit variance, so standardise first where columns differ.
 *
 * @example
 *   const { model } = await trainPvae(train, { test, curvature: 0.7, likelihood: "bernoulli", out: "runs/pvae" });
 */
import type { Dataset } from "../../data/types.js";
import { compile, type NdArray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { randomKey, split } from "../../numerics/random.js";
import {
  adam,
  holdsCheckpoint,
  newRun,
  type RunState,
  scheduled,
  trainingLoop,
  warmUpWeight,
} from "../../training/index.js";
import type { TrainVaeResult, VaeProgress } from "../train-vae.js";
import { describeData } from "../vae-checkpoint.js";
import type { ElboTerms } from "../vae-model.js";
import { checkRows } from "../vae-settings.js";
import { loadPvaeRun, type PvaeConfig, savePvaeEnded, savePvaeRunning } from "./checkpoint.js";
import { allocatePvaeNoise, fillPvaeNoise, initializePvae, type PvaeShape } from "./model.js";
import { encodeToBall, type Pvae, pvaeEvaluator } from "./pvae.js";
import { type PvaeOptions, type PvaeSettings, resolvePvaeOptions } from "./settings.js";
import { type PvaeTrainingState, pvaeTrainingStep } from "./step.js";

export interface PvaeRunOptions {
  /** Held-out data: its ELBO is measured after each epoch; early stopping (`patience`) needs it. */
  readonly test?: Dataset;
  /** Stops after the current step; the run can be resumed from there. */
  readonly signal?: AbortSignal;
  readonly threads?: number;
  /** ELBO terms in nats a row; `kl` is the estimate by samples. */
  readonly onProgress?: (progress: VaeProgress) => void;
}

export interface TrainPvaeOptions extends PvaeOptions, PvaeRunOptions {
  /** The checkpoint's folder; without one, nothing is written. */
  readonly out?: string;
  /** Replace a checkpoint that is there; default false. */
  readonly overwrite?: boolean;
}

/** As `TrainVaeResult`; `latents` are points of the ball, [N, d]. */
export interface TrainPvaeResult extends Omit<TrainVaeResult, "model"> {
  readonly model: Pvae;
}

/** Rows over which the ELBO of the training data is measured at the end. */
const MEASURED_ROWS = 10_000;

/**
 * Trains a Poincare VAE from scratch. The same data, options and seed give the same model on the same machine.
 * @throws UsageError for data or options that cannot be, or a folder in use; RunError where training diverges (what
 *   was saved after earlier epochs is kept).
 */
export async function trainPvae(train: Dataset, options: TrainPvaeOptions = {}): Promise<TrainPvaeResult> {
  const { test, signal, threads, onProgress, out, overwrite = false, ...rest } = options;
  const { shape, settings } = resolvePvaeOptions(train, rest);
  if (out !== undefined && !overwrite && holdsCheckpoint(out))
    throw new UsageError(`${out} holds a run already; resume it, choose another folder, or ask to overwrite it.`);
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
  const found = describeData(train);
  if (found.fingerprint !== config.data.fingerprint)
    throw new UsageError(
      `${folder} was trained on ${config.data.n} rows of ${config.data.dimension} (${config.data.name}), and these ${found.n} rows of ${found.dimension} (${found.name}) are not the same; give the data it began with.`,
    );
  if (epochs !== undefined && !(Number.isInteger(epochs) && epochs >= run.position.epoch && epochs >= 1))
    throw new UsageError(
      `epochs: ${epochs} is not a whole number from ${Math.max(1, run.position.epoch)} on, the epochs done so far.`,
    );
  const settings: PvaeSettings = { ...config.training, ...(epochs !== undefined && { epochs }) };
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
  if (settings.patience !== undefined && !test)
    throw new UsageError("patience: early stopping needs held-out data; give test data, or leave patience out.");
  const { batchSize, seed } = settings;
  const optimizer = optimizerOf(settings);
  const step = compile(pvaeTrainingStep(shape, optimizer, { clipNorm: settings.clipNorm }), { threads, donate: [0] });
  const evaluator = pvaeEvaluator(shape, { threads });
  const elboOf = async (parameters: PvaeTrainingState["parameters"], data: Dataset, most = data.n) =>
    (await evaluator.elbo(parameters, data.rows.subarray(0, Math.min(data.n, most) * D), { seed })).elbo;
  const schedule = { kind: settings.schedule, final: settings.finalRate };
  const learningRate = (done: number, steps: number) =>
    settings.learningRate * scheduled(schedule, done, steps, settings.warmUp);
  const x: NdArray = { data: new Float32Array(batchSize * D), shape: [batchSize, D], dtype: "float32" };
  const noise = allocatePvaeNoise(shape, settings.samples, batchSize);
  const data = describeData(train);
  const configOf = (run: RunState<PvaeTrainingState>, state: PvaeConfig["progress"]["state"]): PvaeConfig => ({
    model: "pvae",
    shape: { ...shape, encoderHidden: [...shape.encoderHidden], decoderHidden: [...shape.decoderHidden] },
    training: settings,
    data,
    progress: { epochs: run.position.epoch, state, seconds: secondsOf(run) },
  });
  const modelOf = (run: RunState<PvaeTrainingState>): Pvae => ({
    shape,
    parameters: (run.best ?? run).state.parameters,
  });

  const run = () =>
    trainingLoop<PvaeTrainingState>({
      rows: train.n,
      batchSize,
      epochs: settings.epochs,
      key: split(randomKey(seed), "training"),
      start,
      termNames: ["reconstruction", "KL divergence"],
      learningRate,
      patience: settings.patience,
      signal,
      step: async (state, indices, { step: done, steps, key }) => {
        for (let i = 0; i < indices.length; i++)
          x.data.set(train.rows.subarray(indices[i] * D, (indices[i] + 1) * D), i * D);
        fillPvaeNoise(noise, key);
        const scalars = {
          optimizer: optimizer.scalars(done + 1, learningRate(done, steps)),
          klWeight: warmUpWeight(done, steps, settings.klWarmUp),
        };
        const [next, terms]: [PvaeTrainingState, ElboTerms<NdArray>] = await step(state, x, noise, scalars);
        return [next, [terms.reconstruction.data[0], terms.divergence.data[0]]];
      },
      ...(test && { evaluate: (state) => elboOf(state.parameters, test) }),
      onProgress: ({ terms: [reconstruction, kl], score, finished, ...place }) =>
        onProgress?.({
          ...place,
          reconstruction,
          kl,
          elbo: reconstruction - kl,
          ...(score !== undefined && { heldOutElbo: score }),
          epochEnded: finished !== undefined,
        }),
      ...(out !== undefined && { save: (run) => savePvaeRunning(out, modelOf(run), configOf(run, "running"), run) }),
    });

  let result: Awaited<ReturnType<typeof run>>;
  let elbo: TrainPvaeResult["elbo"];
  try {
    result = await run();
    const { parameters } = modelOf(result);
    elbo = {
      train: await elboOf(parameters, train, MEASURED_ROWS),
      ...(test && { test: await elboOf(parameters, test) }),
    };
  } finally {
    await Promise.all([step.dispose(), evaluator.dispose()]);
  }
  const model = modelOf(result);
  const { mean: latents } = await encodeToBall(model, train.rows, { threads });
  if (out !== undefined)
    await savePvaeEnded(out, model, { ...configOf(result, result.reason), elbo }, result, latents, train.labels);
  return { model, reason: result.reason, history: result.history, elbo, latents, seconds: secondsOf(result) };
}

function optimizerOf(settings: PvaeSettings) {
  return adam({ weightDecay: settings.weightDecay });
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

function secondsOf(run: RunState<unknown>): number {
  return run.history.reduce((total, { seconds }) => total + seconds, run.position.seconds);
}
