import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/engine/index.js";
import { RunError } from "../../src/errors.js";
import { randomKey, stream } from "../../src/numerics/random.js";
import { type LoopOptions, newRun, type Progress, type RunState, trainingLoop } from "../../src/training/index.js";

interface Counter {
  readonly value: NdArray;
}
const counter = (value: number): Counter => ({ value: ndarray(Float64Array.of(value)) });

/** A "model" that hashes everything a step sees, so that two runs agree only if they took the same steps. */
function options(changes: Partial<LoopOptions<Counter>> = {}): LoopOptions<Counter> {
  return {
    rows: 23,
    batchSize: 5,
    epochs: 3,
    key: randomKey(4),
    start: newRun(counter(0)),
    termNames: ["loss"],
    learningRate: (step, steps) => 1 - step / steps,
    step: async (state, indices, { key, step }) => {
      const noise = stream(key).uniform();
      const sum = indices.reduce((s, i, j) => s + i * (j + 1), 0);
      const old = state.value.data[0];
      state.value.data[0] = Number.NaN; // as if the memory were used again: nobody may look at it
      const value = (old * 1.3 + sum * noise + step) % 1000;
      return [counter(value), [value]];
    },
    ...changes,
  };
}

describe("trainingLoop", () => {
  it("takes every row at most once an epoch, in whole batches and a new order", async () => {
    const epochs: number[][] = [[], [], []];
    await trainingLoop(
      options({
        step: async (state, indices, { step }) => {
          expect(indices.length).toBe(5);
          epochs[Math.floor(step / 4)].push(...indices);
          return [state, [0]];
        },
      }),
    );
    for (const order of epochs) {
      expect(order.length).toBe(20);
      expect(new Set(order).size).toBe(20);
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it("continues from any position as if it had never stopped", async () => {
    const whole = await trainingLoop(options());
    for (const stopAt of [0, 1, 3, 4, 7, 11]) {
      const stop = new AbortController();
      let done = 0;
      let saved: RunState<Counter> | undefined;
      const plain = options();
      const part = await trainingLoop({
        ...plain,
        signal: stop.signal,
        step: async (...args) => {
          const result = await plain.step(...args);
          if (++done === stopAt) stop.abort();
          return result;
        },
        save: (run) => {
          saved = JSON.parse(JSON.stringify({ position: run.position, history: run.history }));
          saved = { ...saved!, state: run.state };
        },
        ...(stopAt === 0 && { signal: AbortSignal.abort() }),
      });
      expect(part.reason).toBe("stopped");
      expect(saved!.position).toEqual(part.position);
      expect(part.position).toMatchObject({ epoch: Math.floor(stopAt / 4), batch: stopAt % 4 });
      const rest = await trainingLoop(options({ start: saved! }));
      expect(rest.state.value.data[0]).toBe(whole.state.value.data[0]);
      const told = ({ history }: RunState<Counter>) => history.map(({ seconds: _, ...record }) => record);
      expect(told(rest)).toEqual(told(whole));
    }
  });

  it("lets timers have their turn, so that Ctrl-C works", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    const result = await trainingLoop(
      options({
        epochs: 1_000_000,
        signal: stop.signal,
        step: async (state) => {
          for (const end = performance.now() + 2; performance.now() < end; );
          return [state, [0]];
        },
      }),
    );
    expect(result.reason).toBe("stopped");
  });

  it("stops with advice where a number is not finite, after the last good epoch was saved", async () => {
    const saved: number[] = [];
    const failing = (at: number, what: "term" | "state" | "score") =>
      trainingLoop(
        options({
          epochs: 4,
          save: (run) => void saved.push(run.position.epoch),
          step: async (_, __, { step }) => [
            counter(what === "state" && step >= at ? Number.POSITIVE_INFINITY : 1),
            [what === "term" && step >= at ? Number.NaN : 1],
          ],
          ...(what === "score" && { evaluate: async () => Number.NaN }),
        }),
      );
    const error = await failing(9, "term").catch((e) => e);
    expect(error).toBeInstanceOf(RunError);
    expect(error.message).toMatch(
      /^training diverged in epoch 3 after 1 batches: its loss became NaN; what was saved before is kept: train again with a smaller learning rate/,
    );
    expect(saved).toEqual([1, 2]);
    await expect(failing(5, "state")).rejects.toThrow(
      "training diverged in epoch 2 after 4 batches: value holds Infinity;",
    );
    expect(saved).toEqual([1, 2, 1]);
    // nothing was saved in epoch 1, nor without `save`
    await expect(failing(0, "score")).rejects.toThrow(
      /epoch 1 .* its held-out score became NaN; this run had saved nothing: train again/,
    );
    const unsaved = { ...options(), step: async () => [counter(1), [Number.NaN]] as const };
    await expect(trainingLoop({ ...unsaved, remedy: "less of it" })).rejects.toThrow(
      "its loss became NaN; no checkpoint was asked for: train again with less of it, a smaller learning rate",
    );
    // a run that was stopped within its first epoch was saved there
    const start = { ...newRun(counter(0)), position: { epoch: 0, batch: 2, sums: [1], seconds: 1 } };
    await expect(trainingLoop({ ...unsaved, start, save: () => {} })).rejects.toThrow(
      "NaN; what was saved before is kept:",
    );
  });

  it("stops early and returns the best state, also when it continues a run", async () => {
    const scores = [1, 3, 2, 2.5, 2.9, 9, 9];
    const early = (start?: RunState<Counter>, epochs = 7) =>
      trainingLoop(
        options({
          epochs,
          patience: 3,
          ...(start && { start }),
          step: async (state) => [counter(state.value.data[0] + 1), [0]],
          evaluate: async (state) => scores[state.value.data[0] / 4 - 1],
        }),
      );
    const whole = await early();
    expect(whole.reason).toBe("early");
    expect(whole.history.map((r) => r.score)).toEqual([1, 3, 2, 2.5, 2.9]);
    expect(whole.best).toMatchObject({ score: 3, epoch: 2 });
    expect(whole.best!.state.value.data[0]).toBe(8);
    const half = await early(undefined, 3);
    expect(half.reason).toBe("finished");
    const rest = await early(half);
    expect(rest.best).toEqual(whole.best);
    expect(rest.reason).toBe("early");
    expect((await early(rest)).history.length).toBe(5); // nothing left to do
  });

  it("tells the progress, and the mean of each epoch", async () => {
    const told: Progress[] = [];
    let n = 0;
    const result = await trainingLoop(
      options({ step: async (state) => [state, [n++]], onProgress: (p) => told.push(p), evaluate: async () => 5 }),
    );
    expect(result.history.map((r) => r.terms[0])).toEqual([1.5, 5.5, 9.5]);
    expect(result.history.map((r) => r.learningRate)).toEqual([3, 7, 11].map((s) => 1 - s / 12));
    const ends = told.filter((p) => p.finished);
    expect(ends.map((p) => [p.epoch, p.epochs, p.batch, p.batches, p.score])).toEqual(
      [1, 2, 3].map((e) => [e, 3, 4, 4, 5]),
    );
    expect(ends.at(-1)!.secondsLeft).toBe(0);
  });
});
