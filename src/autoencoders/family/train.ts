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
import { fillNormal, permutation, type RandomKey, randomKey, split, stream } from "../../numerics/random.js";
import { type EpochRecord, newRun, type RunState } from "../../training/index.js";
import { gatherStandardized, type Standardization, standardizationOf } from "../standardization.js";
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
} from "../training-run.js";
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

export interface FamilyProgress extends RunPlace {
  /** Means of the model's terms over this epoch so far, by name. */
  readonly terms: Readonly<Record<string, number>>;
  /** Of the last finished epoch, where there is held-out data: minus the model's objective, a row. */
  readonly score?: number;
}

export interface FamilyRunOptions extends RunOptions<FamilyProgress> {}

export interface TrainFamilyOptions extends FamilyOptions, NewRunOptions<FamilyProgress> {}

export interface TrainFamilyResult {
  readonly model: TrainedAutoencoder;
  /** "finished", "early" (the best model by held-out score) or "stopped" (by the signal). */
  readonly reason: "finished" | "early" | "stopped";
  readonly history: readonly EpochRecord[];
  /** Minus the model's objective, a row; `train` is over at most 10,000 rows. */
  readonly score: Scores;
  /** Codes of the training data: means, [N, d]. */
  readonly latents: NdArray;
  /** Their log variances, where the encoder gives a law. [N, d] */
  readonly logVariances?: NdArray;
  readonly seconds: number;
}

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
  const { test, signal, threads, onProgress, out, overwrite, ...rest } = options;
  const model = familyModel(name);
  const { shape, settings } = resolveFamilyOptions(model, train, rest);
  requireFreeFolder(out, overwrite);
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
  const settings = resumedSettings(folder, config, run, train, epochs);
  return runFamily(familyModel(config.name), train, config.shape, settings, run, folder, rest);
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
  requireHeldOut(settings, test);

  const units = unitsFor(train, shape);
  const inside = standardizedShape(shape, units.scale);
  // log p(x) = log p((x - shift) / scale) - D log scale
  const unitsTerm = model.hasLikelihood ? D * Math.log(units.scale) : 0;
  const modelOf = ({ parameters, buffers }: Pick<FamilyState, "parameters" | "buffers">): TrainedAutoencoder => ({
    name: model.name,
    shape,
    parameters,
    buffers,
    units: unitsOf(units),
  });
  const configOf = ({ training, data, progress }: RunFacts<FamilySettings>): FamilyConfig =>
    ({
      model: familyCheckpointKind,
      name: model.name,
      shape,
      training,
      data,
      unitScale: units.scale,
      progress,
    }) as unknown as FamilyConfig;
  const optimizer = optimizerOf(settings);
  const step = compile(familyStep(model, inside, optimizer, { clipNorm: settings.clipNorm }), { threads, donate: [0] });
  const scorer = compile(familyScore(model, inside), { threads });
  const { codes, scores, ...rest } = await trainRun<FamilyState, TrainedAutoencoder, FamilyCodes, FamilySettings>({
    train,
    test,
    settings,
    start,
    signal,
    termNames: model.terms,
    remedy: model.remedy,
    step: async (state, indices, { key, learningRate }) => {
      const x = batchOf(train, indices, units);
      const [next, terms] = await step(state, x, noiseFor(model, inside, indices.length, key), learningRate);
      return [next, model.terms.map((term, i) => terms[term].data[0] + (i === 0 ? unitsTerm : 0))];
    },
    modelOf,
    finish: async ({ parameters, buffers }) => {
      if (!model.finish) return modelOf({ parameters, buffers });
      const rows = initialRows(train, shape, units, settings.seed);
      return modelOf({
        parameters,
        buffers: await model.finish({ shape: inside, parameters, buffers, rows, threads }),
      });
    },
    score: async ({ parameters, buffers }, data, rows) => {
      let total = 0;
      const key = split(randomKey(settings.seed), "score");
      for (const [from, to] of equalParts(rows, settings.batchSize)) {
        const x = batchOf(
          data,
          Int32Array.from({ length: to - from }, (_, i) => from + i),
          units,
        );
        const noise = noiseFor(model, inside, to - from, split(key, `${from}`));
        const { score } = await scorer(parameters, buffers, x, noise);
        total += (score.data[0] - unitsTerm) * (to - from);
      }
      return total / rows;
    },
    programs: [step, scorer],
    encode: (finished) => encodeFamily(finished, train.rows, { threads }),
    onProgress: (place, terms, score) =>
      onProgress?.({
        ...place,
        terms: Object.fromEntries(model.terms.map((term, i) => [term, terms[i]])),
        ...(score !== undefined && { score }),
      }),
    ...(out !== undefined && {
      save: {
        running: (current, facts, run) => saveFamilyRunning(out, current, configOf(facts), run),
        ended: (finished, facts, run, score, latents) =>
          saveFamilyEnded(out, finished, { ...configOf(facts), score }, run, latents, train.labels),
      },
    }),
  });
  const { mean: latents, logVariance } = codes;
  return { ...rest, score: scores, latents, ...(logVariance && { logVariances: logVariance }) };
}

type FamilyCodes = Awaited<ReturnType<typeof encodeFamily>>;

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
