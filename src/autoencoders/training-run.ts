/**
 * What training is for every model of this room, around `trainingLoop`: learning rates by their schedule, held-out scores, a
 * checkpoint after every epoch, and at the end the best model, its scores, the codes of the training data and the
 * finished checkpoint. What differs, one step and one score, the models bring.
 */
import type { Dataset } from "../data/types.js";
import { UsageError } from "../errors.js";
import { randomKey, split } from "../numerics/random.js";
import {
  type Adam,
  adam,
  type EpochRecord,
  holdsCheckpoint,
  type LoopResult,
  type Progress,
  type RunState,
  type Schedule,
  type StepContext,
  scheduled,
  secondsOf,
  trainingLoop,
} from "../training/index.js";
import { type DataDescription, describeData } from "./run-checkpoint.js";

/** Rows over which the training data are scored at the end. */
const MEASURED_ROWS = 10_000;

/** Options of every training, new or resumed; P is what the model tells while training. */
export interface RunOptions<P> {
  /** Held-out data: scored after each epoch; early stopping (`patience`) needs it. */
  readonly test?: Dataset;
  /** Stops after the current step; the run can be resumed from there. */
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly onProgress?: (progress: P) => void;
}

/** Options of every new training. */
export interface NewRunOptions<P> extends RunOptions<P> {
  /** The checkpoint's folder; without one, nothing is written. */
  readonly out?: string;
  /** Replace a checkpoint that is there; default false. */
  readonly overwrite?: boolean;
}

/** Where training stands, whatever the model. */
export interface RunPlace {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly batch: number;
  readonly batches: number;
  readonly secondsLeft: number;
  /** True on the last call of an epoch. */
  readonly epochEnded: boolean;
}

/** Settings that every model has. */
export interface RunSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly schedule: Schedule["kind"];
  /** The rate at the end, as a part of the rate. */
  readonly finalRate: number;
  readonly warmUp: number;
  readonly patience?: number;
  readonly seed: number;
}

/** Fields that every trained model's `config.json` has. */
export interface RunFacts<T> {
  readonly training: T;
  readonly data: DataDescription;
  readonly progress: {
    readonly epochs: number;
    readonly state: "running" | LoopResult<unknown>["reason"];
    readonly seconds: number;
  };
}

/** Of the model returned, a row; larger is better. `train` is over at most 10,000 rows. */
export interface Scores {
  readonly train: number;
  readonly test?: number;
}

/** What a step is told: the loop's own context, and the learning rate by the settings' schedule. */
export interface RunStepContext extends StepContext {
  readonly learningRate: number;
}

/** A model's part of its training. S: what goes round; M: the model; C: codes; T: settings. */
export interface TrainingRun<S, M, C, T extends RunSettings> {
  readonly train: Dataset;
  readonly test?: Dataset;
  readonly settings: T;
  readonly start: RunState<S>;
  readonly termNames: readonly string[];
  /** What to try where training diverges, if the model has an option of its own for it. */
  readonly remedy?: string;
  /** One step on the rows `indices` of the training data: the new state and the terms. */
  step(state: S, indices: Int32Array, context: RunStepContext): Promise<readonly [S, readonly number[]]>;
  /** The model that a state stands for. */
  modelOf(state: S): M;
  /** The model that is returned at the end, where it takes more; default `modelOf`. */
  finish?(state: S): Promise<M>;
  /** The mean score of the first `rows` rows. */
  score(model: M, data: Dataset, rows: number): Promise<number>;
  /** Compiled programs, which are no longer needed when this ends, well or not. */
  readonly programs: readonly { dispose(): Promise<unknown> }[];
  /** Codes of the training data. */
  encode(model: M): Promise<C>;
  readonly signal?: AbortSignal;
  onProgress?(place: RunPlace, terms: readonly number[], score: number | undefined): void;
  /** How the checkpoint is written; absent where none is. */
  readonly save?: {
    running(model: M, facts: RunFacts<T>, run: RunState<S>): void;
    ended(model: M, facts: RunFacts<T>, run: RunState<S>, scores: Scores, codes: C): Promise<void>;
  };
}

export interface TrainedRun<M, C> {
  readonly model: M;
  readonly codes: C;
  readonly scores: Scores;
  readonly reason: LoopResult<unknown>["reason"];
  readonly history: readonly EpochRecord[];
  /** Time spent on epochs, over all sessions. */
  readonly seconds: number;
}

/** Trains from `start` to the end. @throws RunError where training diverges; what was saved last stays as it is. */
export async function trainRun<S, M, C, T extends RunSettings>(
  own: TrainingRun<S, M, C, T>,
): Promise<TrainedRun<M, C>> {
  const { train, test, settings, save } = own;
  const schedule = { kind: settings.schedule, final: settings.finalRate };
  const learningRate = (done: number, steps: number) =>
    settings.learningRate * scheduled(schedule, done, steps, settings.warmUp);
  const data = describeData(train);
  const factsOf = (run: RunState<S>, state: RunFacts<T>["progress"]["state"]): RunFacts<T> => ({
    training: settings,
    data,
    progress: { epochs: run.position.epoch, state, seconds: secondsOf(run) },
  });
  let result: LoopResult<S>;
  let model: M;
  let scores: Scores;
  try {
    result = await trainingLoop<S>({
      rows: train.n,
      batchSize: settings.batchSize,
      epochs: settings.epochs,
      key: split(randomKey(settings.seed), "training"),
      start: own.start,
      termNames: own.termNames,
      remedy: own.remedy,
      learningRate,
      patience: settings.patience,
      signal: own.signal,
      step: (state, indices, context) =>
        own.step(state, indices, { ...context, learningRate: learningRate(context.step, context.steps) }),
      ...(test && { evaluate: (state) => own.score(own.modelOf(state), test, test.n) }),
      onProgress: ({ terms, score, finished, ...place }: Progress) =>
        own.onProgress?.({ ...place, epochEnded: finished !== undefined }, terms, score),
      ...(save && { save: (run) => save.running(own.modelOf(bestOf(run)), factsOf(run, "running"), run) }),
    });
    model = own.finish ? await own.finish(bestOf(result)) : own.modelOf(bestOf(result));
    scores = {
      train: await own.score(model, train, Math.min(train.n, MEASURED_ROWS)),
      ...(test && { test: await own.score(model, test, test.n) }),
    };
  } finally {
    await Promise.all(own.programs.map((program) => program.dispose()));
  }
  const codes = await own.encode(model);
  await save?.ended(model, factsOf(result, result.reason), result, scores, codes);
  return { model, codes, scores, reason: result.reason, history: result.history, seconds: secondsOf(result) };
}

/** The optimiser of a run. */
export function optimizerOf({ weightDecay }: Pick<RunSettings, "weightDecay">): Adam {
  return adam({ weightDecay });
}

/** @throws UsageError where a new run would replace a checkpoint and was not asked to. */
export function requireFreeFolder(out: string | undefined, overwrite = false): void {
  if (out !== undefined && !overwrite && holdsCheckpoint(out))
    throw new UsageError(`${out} holds a run already; resume it, choose another folder, or ask to overwrite it.`);
}

/** @throws UsageError where training is to stop early by held-out data, and there are none. */
export function requireHeldOut({ patience }: Pick<RunSettings, "patience">, test: Dataset | undefined): void {
  if (patience !== undefined && !test)
    throw new UsageError("patience: early stopping needs held-out data; give test data, or leave patience out.");
}

/**
 * The settings with which the run of a checkpoint goes on: its own, or those with another number of epochs.
 * @throws UsageError where `train` is not the data that the run began with, or `epochs` is less than it has done.
 */
export function resumedSettings<T extends { readonly epochs: number }>(
  folder: string,
  { data, training }: { readonly data: DataDescription; readonly training: T },
  run: RunState<unknown>,
  train: Dataset,
  epochs: number | undefined,
): T {
  const found = describeData(train);
  if (found.fingerprint !== data.fingerprint)
    throw new UsageError(
      `${folder} was trained on ${data.n} rows of ${data.dimension} (${data.name}), and these ${found.n} rows of ${found.dimension} (${found.name}) are not the same; give the data it began with.`,
    );
  const least = Math.max(1, run.position.epoch);
  if (epochs !== undefined && !(Number.isInteger(epochs) && epochs >= least))
    throw new UsageError(`epochs: ${epochs} is not a whole number from ${least} on, the epochs done so far.`);
  return { ...training, ...(epochs !== undefined && { epochs }) };
}

/** The best state so far, where training stops early; else the last. */
function bestOf<S>(run: RunState<S>): S {
  return (run.best ?? run).state;
}
