/**
 * Training any model of the family: from a data set to a model, with a checkpoint after every epoch, and the
 * continuation of a run.
 *
 * @example
 *   const { model, latents } = await trainFamily("rae-gp", train, { latentDimension: 16, network: "convolutional",
 *     modelOptions: { decoderWeight: 1e-6 }, epochs: 10, out: "runs/rae-gp" });
 */
import type { Dataset } from "../../data/types.js";
import { compile, type NdArray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { fillNormal, permutation, type RandomKey, randomKey, split, stream } from "../../numerics/random.js";
import {
  adam,
  type EpochRecord,
  holdsCheckpoint,
  newRun,
  type RunState,
  scheduled,
  trainingLoop,
} from "../../training/index.js";
import { gatherStandardized, type Standardization, standardizationOf } from "../standardization.js";
import { describeData } from "../vae-checkpoint.js";
import {
  type FamilyConfig,
  familyCheckpointKind,
  loadFamilyRun,
  saveFamilyEnded,
  saveFamilyRunning,
} from "./checkpoint.js";
import type { AutoencoderModel, FamilyShape, InitialRows } from "./model.js";
import { familyModel } from "./registry.js";
import { checkFamilyRows, type FamilyOptions, type FamilySettings, resolveFamilyOptions } from "./settings.js";
import { type FamilyState, familyScore, familyStep, initialState } from "./step.js";
import { encodeFamily, standardizedShape, type TrainedAutoencoder, unitsOf } from "./trained.js";

export interface FamilyProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  /** Means of the model's terms over this epoch so far, by name. */
  readonly terms: Readonly<Record<string, number>>;
  /** Of the last finished epoch, where there is held-out data: minus the model's objective, a row. */
  readonly score?: number;
  readonly secondsLeft: number;
  readonly epochEnded: boolean;
}

export interface FamilyRunOptions {
  /** Held-out data: scored after each epoch; early stopping (`patience`) needs it. */
  readonly test?: Dataset;
  /** Stops after the current step; the run can be resumed from there. */
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly onProgress?: (progress: FamilyProgress) => void;
}

export interface TrainFamilyOptions extends FamilyOptions, FamilyRunOptions {
  /** The checkpoint's folder; without one, nothing is written. */
  readonly out?: string;
  /** Replace a checkpoint that is there; default false. */
  readonly overwrite?: boolean;
}

export interface TrainFamilyResult {
  readonly model: TrainedAutoencoder;
  /** "finished", "early" (the best model by held-out score) or "stopped" (by the signal). */
  readonly reason: "finished" | "early" | "stopped";
  readonly history: readonly EpochRecord[];
  /** Minus the model's objective, a row; `train` is over at most 10,000 rows. */
  readonly score: { readonly train: number; readonly test?: number };
  /** Codes of the training data: means, [N, d]. */
  readonly latents: NdArray;
  /** Their log variances, where the encoder gives a law. [N, d] */
  readonly logVariances?: NdArray;
  readonly seconds: number;
}

const MEASURED_ROWS = 10_000;

/** Rows that `initialize` and `finish` may look at, where they do not need more. */
const INITIAL_ROWS = 2000;

/**
 * Trains a model of the family (`familyNames`) from scratch. The same data, options and seed give the same model on the
 * same machine.
 * @throws UsageError for names, data or options that cannot be, or a folder in use; RunError where training diverges.
 */
export async function trainFamily(
  name: string,
  train: Dataset,
  options: TrainFamilyOptions = {},
): Promise<TrainFamilyResult> {
  const { test, signal, threads, onProgress, out, overwrite = false, ...rest } = options;
  const model = familyModel(name);
  const { shape, settings } = resolveFamilyOptions(model, train, rest);
  if (out !== undefined && !overwrite && holdsCheckpoint(out))
    throw new UsageError(`${out} holds a run already; resume it, choose another folder, or ask to overwrite it.`);
  const units = unitsFor(train, shape);
  const key = split(randomKey(settings.seed), "weights");
  const start = model.initialize(
    key,
    standardizedShape(shape, units.scale),
    initialRows(train, shape, units, settings.seed),
  );
  const run = newRun(initialState(model, start, optimizerOf(settings)));
  return runFamily(model, train, shape, settings, run, out, { test, signal, threads, onProgress });
}

/**
 * Continues the run in `folder` to its last epoch, or to `epochs`; with the same data on the same machine the result is
 * that of a run that was never interrupted.
 * @throws UsageError if the checkpoint is damaged or `train` is not the data that the run began with.
 */
export async function resumeFamily(
  folder: string,
  train: Dataset,
  options: FamilyRunOptions & { readonly epochs?: number } = {},
): Promise<TrainFamilyResult> {
  const { epochs, ...rest } = options;
  const { config, run } = loadFamilyRun(folder);
  const { data, training, shape } = config;
  const found = describeData(train);
  if (found.fingerprint !== data.fingerprint)
    throw new UsageError(
      `${folder} was trained on ${data.n} rows of ${data.dimension} (${data.name}), and these ${found.n} rows of ${found.dimension} (${found.name}) are not the same; give the data it began with.`,
    );
  if (epochs !== undefined && !(Number.isInteger(epochs) && epochs >= Math.max(1, run.position.epoch)))
    throw new UsageError(
      `epochs: ${epochs} is not a whole number from ${Math.max(1, run.position.epoch)} on, the epochs done so far.`,
    );
  const settings = { ...training, ...(epochs !== undefined && { epochs }) };
  return runFamily(familyModel(config.name), train, shape as FamilyShape, settings, run, folder, rest);
}

async function runFamily(
  model: AutoencoderModel,
  train: Dataset,
  shape: FamilyShape,
  settings: FamilySettings,
  start: RunState<FamilyState>,
  out: string | undefined,
  options: FamilyRunOptions,
): Promise<TrainFamilyResult> {
  const { test, signal, threads, onProgress } = options;
  const D = shape.dataDimension;
  checkFamilyRows("training data", train, shape);
  if (test) checkFamilyRows("held-out data", test, shape);
  if (settings.patience !== undefined && !test)
    throw new UsageError("patience: early stopping needs held-out data; give test data, or leave patience out.");

  const units = unitsFor(train, shape);
  const inside = standardizedShape(shape, units.scale);
  const optimizer = optimizerOf(settings);
  const step = compile(familyStep(model, inside, optimizer, { clipNorm: settings.clipNorm }), { threads, donate: [0] });
  const scorer = compile(familyScore(model, inside), { threads });
  // log p(x) = log p((x - shift) / scale) - D log scale
  const unitsTerm = model.hasLikelihood ? D * Math.log(units.scale) : 0;
  const trained = (state: Pick<FamilyState, "parameters" | "buffers">): TrainedAutoencoder => ({
    name: model.name,
    shape,
    parameters: state.parameters,
    buffers: state.buffers,
    units: unitsOf(units),
  });
  const scoreOf = async (state: Pick<FamilyState, "parameters" | "buffers">, data: Dataset, rows: number) => {
    let total = 0;
    const key = split(randomKey(settings.seed), "score");
    for (const [from, to] of equalParts(rows, settings.batchSize)) {
      const indices = Int32Array.from({ length: to - from }, (_, i) => from + i);
      const x = batchOf(data, indices, units);
      const { score } = await scorer(
        state.parameters,
        state.buffers,
        x,
        noiseFor(model, inside, to - from, split(key, `${from}`)),
      );
      total += (score.data[0] - unitsTerm) * (to - from);
    }
    return total / rows;
  };
  const learningRate = (done: number, steps: number) =>
    settings.learningRate *
    scheduled({ kind: settings.schedule, final: settings.finalRate }, done, steps, settings.warmUp);
  const data = describeData(train);
  const configOf = (run: RunState<FamilyState>, state: FamilyConfig["progress"]["state"]): FamilyConfig =>
    ({
      model: familyCheckpointKind,
      name: model.name,
      shape,
      training: settings,
      data,
      unitScale: units.scale,
      progress: { epochs: run.position.epoch, state, seconds: secondsOf(run) },
    }) as unknown as FamilyConfig;

  const run = () =>
    trainingLoop<FamilyState>({
      rows: train.n,
      batchSize: settings.batchSize,
      epochs: settings.epochs,
      key: split(randomKey(settings.seed), "training"),
      start,
      termNames: model.terms,
      remedy: model.remedy,
      learningRate,
      patience: settings.patience,
      signal,
      step: async (state, indices, { step: done, steps, key }) => {
        const x = batchOf(train, indices, units);
        const noise = noiseFor(model, inside, indices.length, key);
        const [next, terms] = await step(state, x, noise, learningRate(done, steps));
        const values = model.terms.map((term, i) => terms[term].data[0] + (i === 0 ? unitsTerm : 0));
        return [next, values];
      },
      ...(test && { evaluate: (state) => scoreOf(state, test, test.n) }),
      onProgress: ({ terms, finished, ...place }) =>
        onProgress?.({
          ...place,
          terms: Object.fromEntries(model.terms.map((term, i) => [term, terms[i]])),
          epochEnded: finished !== undefined,
        }),
      ...(out !== undefined && {
        save: (run) => saveFamilyRunning(out, trained((run.best ?? run).state), configOf(run, "running"), run),
      }),
    });

  let result: Awaited<ReturnType<typeof run>>;
  let finished: TrainedAutoencoder;
  let score: TrainFamilyResult["score"];
  try {
    result = await run();
    const { parameters, buffers } = (result.best ?? result).state;
    const rows = initialRows(train, shape, units, settings.seed);
    const last = model.finish ? await model.finish({ shape: inside, parameters, buffers, rows, threads }) : buffers;
    finished = trained({ parameters, buffers: last });
    score = {
      train: await scoreOf(finished, train, Math.min(train.n, MEASURED_ROWS)),
      ...(test && { test: await scoreOf(finished, test, test.n) }),
    };
  } finally {
    await Promise.all([step.dispose(), scorer.dispose()]);
  }
  const codes = await encodeFamily(finished, train.rows, { threads });
  if (out !== undefined)
    await saveFamilyEnded(out, finished, { ...configOf(result, result.reason), score }, result, codes, train.labels);
  return {
    model: finished,
    reason: result.reason,
    history: result.history,
    score,
    latents: codes.mean,
    ...(codes.logVariance && { logVariances: codes.logVariance }),
    seconds: secondsOf(result),
  };
}

/** Data from 0 to 1 for a bounded mean or a Bernoulli likelihood are taken as they are, others are standardised. */
function unitsFor(train: Dataset, shape: FamilyShape): Standardization {
  const asTheyAre = shape.likelihood === "bernoulli" || shape.bounded;
  return asTheyAre
    ? { shift: new Float64Array(shape.dataDimension), scale: 1 }
    : standardizationOf(train.rows, shape.dataDimension, "gaussian");
}

function initialRows(train: Dataset, { options }: FamilyShape, units: Standardization, seed: number): InitialRows {
  const n = Math.min(train.n, Math.max(INITIAL_ROWS, options.components ?? 0, options.centroids ?? 0));
  const order = permutation(split(randomKey(seed), "initial rows"), train.n).subarray(0, n);
  return { data: batchOf(train, order, units).data as Float32Array, n };
}

function batchOf(data: Dataset, indices: Int32Array, units: Standardization): NdArray {
  const D = data.dimension;
  const rows = new Float32Array(indices.length * D);
  gatherStandardized(data.rows, D, indices, units, rows);
  return { data: rows, shape: [indices.length, D], dtype: "float32" };
}

function noiseFor(model: AutoencoderModel, shape: FamilyShape, rows: number, key: RandomKey): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(model.noise(shape, rows)).map(([name, size]) => {
      const count = size.reduce((product, n) => product * n, 1);
      const data = fillNormal(stream(split(key, name)), new Float32Array(count));
      return [name, { data, shape: [...size], dtype: "float32" }];
    }),
  );
}

/** 0..n in parts of about `size` that differ by at most one, so that no part is left over that is too small. */
function equalParts(n: number, size: number): [number, number][] {
  const parts = Math.max(1, Math.round(n / size));
  const edge = (i: number) => Math.floor((i * n) / parts);
  return Array.from({ length: parts }, (_, i) => [edge(i), edge(i + 1)]);
}

function optimizerOf(settings: FamilySettings) {
  return adam({ weightDecay: settings.weightDecay });
}

function secondsOf(run: RunState<unknown>): number {
  return run.history.reduce((total, { seconds }) => total + seconds, run.position.seconds);
}
