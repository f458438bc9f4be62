/**
 * Digits from two-dimensional codes: how many of each a small classifier gets right. One hidden layer of 100 ReLU units
 * and a softmax; on the ball the hidden layer is a gyroplane layer, which for c = 0 is a dense layer, so that both
 * classifiers see the space they are given. Trained on the means of the training images, judged on those of the others.
 */
import { compile, logSoftmax, mul, type NdArray, neg, relu, sum, type Tensor, vjp } from "../../engine/index.js";
import {
  type Dense,
  dense,
  type Gyroplane,
  gyroplane,
  initializeDense,
  initializeGyroplane,
} from "../../networks/index.js";
import { foldIn, permutation, randomKey, split } from "../../numerics/random.js";
import { adam } from "../../training/index.js";

const UNITS = 100;
const CLASSES = 10;
const BATCH = 500;

interface Weights {
  readonly hidden: Gyroplane<any>;
  readonly output: Dense<any>;
}

/** Codes and their digits. */
export interface LabelledCodes {
  /** Points of the ball, or of the plane for c = 0. [n, d] */
  readonly codes: NdArray;
  /** [n] */
  readonly labels: Int32Array;
}

export interface ClassifierOptions {
  readonly curvature: number;
  /** Passes over the training codes; default 20. */
  readonly epochs?: number;
  /** Classifiers trained, each with weights and order of its own; default 5, as published. */
  readonly trainings?: number;
  readonly seed?: number;
  readonly threads?: number;
}

/** Shares of the test codes of each digit that are classified rightly, averaged over the classifiers. [10] */
export async function digitAccuracies(
  train: LabelledCodes,
  test: LabelledCodes,
  options: ClassifierOptions,
): Promise<{ perDigit: number[]; overall: number }> {
  const { curvature, epochs = 20, trainings = 5, seed = 0, threads } = options;
  const d = train.codes.shape[1];
  const [n, batch] = [train.codes.shape[0], Math.min(BATCH, train.codes.shape[0])];
  const logProbabilities = (weights: Weights, z: Tensor) =>
    logSoftmax(dense(weights.output, relu(gyroplane(weights.hidden, z, curvature))), -1);
  const optimizer = adam();
  const step = compile(
    (state: { weights: Weights; moments: any }, z: Tensor, target: Tensor, scalars: any) => {
      const [loss, pullback] = vjp(
        (weights: Weights) => mul(-1 / batch, sum(mul(target, logProbabilities(weights, z)))),
        [state.weights],
      );
      const [gradients] = pullback(1);
      const [weights, moments] = optimizer.update(state.weights, gradients, state.moments, scalars);
      return [{ weights, moments }, loss];
    },
    { threads, donate: [0] },
  );
  const classify = compile((weights: Weights, z: Tensor) => ({ scores: neg(logProbabilities(weights, z)) }), {
    threads,
  });
  const right = new Float64Array(CLASSES);
  const count = new Float64Array(CLASSES);
  const z: NdArray = { data: new Float32Array(batch * d), shape: [batch, d], dtype: "float32" };
  const target: NdArray = { data: new Float32Array(batch * CLASSES), shape: [batch, CLASSES], dtype: "float32" };
  const steps = epochs * Math.floor(n / batch);
  for (let training = 0; training < trainings; training++) {
    const key = foldIn(split(randomKey(seed), "digit classifier"), training);
    const weights: Weights = {
      hidden: initializeGyroplane(split(key, "hidden"), d, UNITS, "paper", "he"),
      output: initializeDense(split(key, "output"), UNITS, CLASSES),
    };
    let state: any = { weights, moments: optimizer.initialize(weights) };
    let done = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = permutation(foldIn(split(key, "order"), epoch), n);
      for (let start = 0; start + batch <= n; start += batch) {
        target.data.fill(0);
        for (let i = 0; i < batch; i++) {
          const row = order[start + i];
          for (let k = 0; k < d; k++) z.data[i * d + k] = train.codes.data[row * d + k];
          target.data[i * CLASSES + train.labels[row]] = 1;
        }
        const rate = 5e-3 * (1 - done / steps); // falling to zero, so that the last steps settle
        [state] = await step(state, z, target, optimizer.scalars(++done, rate));
      }
    }
    const { scores } = await classify(state.weights, test.codes);
    for (let i = 0; i < test.labels.length; i++) {
      const row = scores.data.subarray(i * CLASSES, (i + 1) * CLASSES);
      let best = 0;
      for (let k = 1; k < CLASSES; k++) if (row[k] < row[best]) best = k;
      count[test.labels[i]]++;
      if (best === test.labels[i]) right[test.labels[i]]++;
    }
  }
  await Promise.all([step.dispose(), classify.dispose()]);
  const total = (values: Float64Array) => values.reduce((all, one) => all + one, 0);
  return {
    perDigit: Array.from(right, (value, digit) => value / Math.max(count[digit], 1)),
    overall: total(right) / total(count),
  };
}
