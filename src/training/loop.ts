/**
 * The training loop: epochs of seeded batches, progress, held-out scores, early stopping, a clean stop on request, and
 * a stop with advice where the loss is no longer finite. It knows no model: `step` does one compiled step.
 *
 * All randomness comes from keys that are folded with the numbers of epoch and batch, so a run that continues from a
 * saved position takes the same steps as one that was never interrupted.
 */
import { flattenTree, mapTree, type NdArray } from "../engine/index.js";
import { RunError, UsageError } from "../errors.js";
import { foldIn, permutation, type RandomKey, split } from "../numerics/random.js";

/** Where a run stands: `batch` batches of epoch `epoch` (from 0) are done. Plain JSON. */
export interface Position {
  readonly epoch: number;
  readonly batch: number;
  /** Sums of the terms over the batches done in this epoch. */
  readonly sums: readonly number[];
  /** Seconds spent on this epoch so far. */
  readonly seconds: number;
}

/** What is recorded of an epoch. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Means of the terms over the epoch's batches, in the order of `termNames`. */
  readonly terms: readonly number[];
  /** The held-out score, where there is one; larger is better. */
  readonly score?: number;
  readonly learningRate: number;
  readonly seconds: number;
}

/** The best state by held-out score. */
export interface Best<S> {
  readonly state: S;
  readonly score: number;
  readonly epoch: number;
}

/** Everything that continues a run. */
export interface RunState<S> {
  readonly state: S;
  readonly position: Position;
  readonly history: readonly EpochRecord[];
  /** Only with early stopping. */
  readonly best?: Best<S>;
}

export interface Progress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches done of this epoch. */
  readonly batch: number;
  readonly batches: number;
  /** Means of the terms over this epoch so far. */
  readonly terms: readonly number[];
  /** The last held-out score. */
  readonly score?: number;
  readonly secondsLeft: number;
  /** Set on the call that closes an epoch. */
  readonly finished?: EpochRecord;
}

export interface StepContext {
  /** Steps done before this one, over all epochs. */
  readonly step: number;
  readonly steps: number;
  /** The key of this step's own randomness. */
  readonly key: RandomKey;
}

export interface LoopOptions<S> {
  /** Rows of the training data; each epoch takes them in a new order, in whole batches (a remainder waits). */
  readonly rows: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly key: RandomKey;
  readonly start: RunState<S>;
  readonly termNames: readonly string[];
  /** What else than the training may be to blame for a divergence, as in "a smaller stepSize (--option stepSize)". */
  readonly remedy?: string;
  /** One step on the rows `indices`: the new state and the terms of the loss. */
  step(state: S, indices: Int32Array, context: StepContext): Promise<readonly [S, readonly number[]]>;
  learningRate(step: number, steps: number): number;
  /** The held-out score of a state. */
  evaluate?(state: S): Promise<number>;
  /** Stop after so many epochs without a better held-out score, and return the best state. */
  readonly patience?: number;
  readonly signal?: AbortSignal;
  onProgress?(progress: Progress): void;
  /** Called with everything that continues the run, after each epoch and when it is stopped. */
  save?(run: RunState<S>): Promise<void> | void;
}

export interface LoopResult<S> extends RunState<S> {
  /** "finished": all epochs; "early": no better score for `patience` epochs; "stopped": by the signal. */
  readonly reason: "finished" | "early" | "stopped";
}

/** How often, in milliseconds, timers and signals (Ctrl-C among them) get a turn: a step blocks the thread. */
const BREATH = 50;

/**
 * Runs the loop. States are trees of `NdArray`s that `step` may overwrite later; what is handed to `save` and returned
 * is copied.
 * @throws RunError where a term, a held-out score or a parameter is not finite; what was saved last stays as it is, and the
 * message says whether something was.
 */
export async function trainingLoop<S>(options: LoopOptions<S>): Promise<LoopResult<S>> {
  const { rows, batchSize, epochs, key, start, signal } = options;
  const batches = Math.floor(rows / batchSize);
  if (!(batches >= 1))
    throw new UsageError(`batchSize: ${batchSize} is more than the ${rows} rows; give at most ${rows}.`);
  const steps = batches * epochs;
  const [orderKey, stepKey] = [split(key, "order"), split(key, "steps")];
  const history = [...start.history];
  let state = copyTree(start.state);
  let best = start.best;
  let position = start.position;
  const clock = createClock(position.epoch * batches + position.batch, steps);
  const result = (reason: LoopResult<S>["reason"]): LoopResult<S> => ({
    state: copyTree(state),
    position,
    history: [...history],
    ...(best && { best }),
    reason,
  });
  const kept = () => {
    if (options.save === undefined) return "no checkpoint was asked for";
    return history.length > 0 || start.position.batch > 0
      ? "what was saved before is kept"
      : "this run had saved nothing";
  };
  const divergence = (what: string, batch: number) => divergedRun(what, position.epoch, batch, kept(), options.remedy);
  const stop = async () => {
    const stopped = result("stopped");
    await options.save?.(stopped);
    return stopped;
  };

  if (stopsEarly(best, position.epoch, options.patience)) return result("early");
  while (position.epoch < epochs) {
    const { epoch } = position;
    const order = permutation(foldIn(orderKey, epoch), rows);
    const sums = options.termNames.map((_, i) => position.sums[i] ?? 0);
    const secondsBefore = position.seconds;
    const begun = performance.now();
    const seconds = () => secondsBefore + (performance.now() - begun) / 1000;
    for (let batch = position.batch; batch < batches; batch++) {
      if (await clock.breathe(signal)) {
        position = { epoch, batch, sums: [...sums], seconds: seconds() };
        return stop();
      }
      const step = epoch * batches + batch;
      const indices = order.subarray(batch * batchSize, (batch + 1) * batchSize);
      const [next, terms] = await options.step(state, indices, {
        step,
        steps,
        key: foldIn(foldIn(stepKey, epoch), batch),
      });
      state = next;
      terms.forEach((term, i) => {
        if (!Number.isFinite(term)) throw divergence(`its ${options.termNames[i]} became ${term}`, batch);
        sums[i] += term;
      });
      clock.count();
      if (batch + 1 < batches && clock.due())
        options.onProgress?.({
          epoch: epoch + 1,
          epochs,
          batch: batch + 1,
          batches,
          terms: sums.map((sum) => sum / (batch + 1)),
          score: history.at(-1)?.score,
          secondsLeft: clock.secondsLeft(),
        });
    }
    const bad = notFinite(state);
    if (bad !== undefined) throw divergence(bad, batches);
    const score = await options.evaluate?.(state);
    if (score !== undefined && !Number.isFinite(score)) throw divergence(`its held-out score became ${score}`, batches);
    const record: EpochRecord = {
      epoch: epoch + 1,
      terms: sums.map((sum) => sum / batches),
      ...(score !== undefined && { score }),
      learningRate: options.learningRate(epoch * batches + batches - 1, steps),
      seconds: seconds(),
    };
    history.push(record);
    position = { epoch: epoch + 1, batch: 0, sums: [], seconds: 0 };
    if (options.patience !== undefined && score !== undefined && (best === undefined || score > best.score))
      best = { state: copyTree(state), score, epoch: epoch + 1 };
    await options.save?.(result("finished"));
    options.onProgress?.({
      epoch: epoch + 1,
      epochs,
      batch: batches,
      batches,
      terms: record.terms,
      score,
      secondsLeft: clock.secondsLeft(),
      finished: record,
    });
    if (stopsEarly(best, position.epoch, options.patience)) return result("early");
  }
  return result("finished");
}

/** The start of a new run. */
export function newRun<S>(state: S): RunState<S> {
  return { state, position: { epoch: 0, batch: 0, sums: [], seconds: 0 }, history: [] };
}

/** A copy of a tree of arrays that shares no memory with it. */
export function copyTree<S>(tree: S): S {
  return mapTree(tree, (a: NdArray) => ({ ...a, data: a.data.slice() }));
}

function stopsEarly(best: Best<unknown> | undefined, epoch: number, patience: number | undefined): boolean {
  return best !== undefined && patience !== undefined && epoch - best.epoch >= patience;
}

/** The first number that is not finite, in words. */
function notFinite(state: unknown): string | undefined {
  const { leaves, paths } = flattenTree(state);
  for (let i = 0; i < leaves.length; i++)
    for (const value of (leaves[i] as NdArray).data) if (!Number.isFinite(value)) return `${paths[i]} holds ${value}`;
  return undefined;
}

function divergedRun(what: string, epoch: number, batch: number, kept: string, remedy: string | undefined): RunError {
  return new RunError(
    `training diverged in epoch ${epoch + 1} after ${batch} batches: ${what}; ${kept}: ` +
      `train again with ${remedy === undefined ? "" : `${remedy}, `}a smaller learning rate (a third of it, say), ` +
      "gradients clipped at norm 1, or data of a smaller scale.",
  );
}

function createClock(stepsBefore: number, steps: number) {
  const begun = performance.now();
  let done = 0;
  let breathed = begun;
  let told = begun;
  return {
    count: () => void done++,
    /** Lets timers and signals have their turn now and then; tells whether a stop was asked for. */
    breathe: async (signal: AbortSignal | undefined): Promise<boolean> => {
      if (performance.now() - breathed > BREATH) {
        await new Promise<void>((resolve) =>
          typeof setImmediate === "function" ? setImmediate(resolve) : setTimeout(resolve, 0),
        );
        breathed = performance.now();
      }
      return signal?.aborted === true;
    },
    /** Whether it is time to tell the progress again: ten times a second. */
    due: (): boolean => {
      if (performance.now() - told < 100) return false;
      told = performance.now();
      return true;
    },
    secondsLeft: (): number => {
      const left = steps - stepsBefore - done;
      return done === 0 ? Number.NaN : ((performance.now() - begun) / 1000 / done) * left;
    },
  };
}
