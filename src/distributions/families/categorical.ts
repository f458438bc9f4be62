/**
 * Categorical: S sites with K classes each; parameter the logits [N, S, K], p = softmax.
 * Data are one-hot (or probabilities), [N, S * K], site after site; `oneHot` makes them from class numbers.
 *
 *   log p(x) = sum x log p;  KL from terms of q / p;  ds^2 = sum_k p_k (dl_k - sum_j p_j dl_j)^2,
 * embedded by f = 2 sqrt p: each site is a part of the sphere of radius 2, distances 2 arccos sum sqrt(p q).
 */
import {
  exp,
  logSoftmax,
  max,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  rsqrt,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.js";
import { expectThat, UsageError } from "../../errors.js";
import {
  at,
  type CheckOptions,
  checkGroups,
  countsPerGroup,
  type Family,
  flatGroups,
  flatRows,
  grouped,
  groupsFirst,
  outputShape,
  sumRows,
  sumSlabs,
} from "./family.js";
import { divergenceTerm } from "./stable.js";

/** How far from 1 the sum of a site's probabilities may be. */
export const SUM_TOLERANCE = 1e-3;

/**
 * The categorical family with `classes` classes a site. Parameter `logits` [N, S, K]. Most uncertain: equal logits.
 * @throws UsageError for fewer than 2 classes.
 */
export function categorical(options: { readonly classes: number }): Family {
  const K = options.classes;
  expectThat(
    Number.isInteger(K) && K >= 2,
    `categorical: classes ${K} is not a whole number from 2 on; give the number of classes of a site.`,
  );
  return {
    name: "categorical",
    ...countsPerGroup("categorical", K, K),
    checkData(data, options) {
      checkProbabilities(
        "categorical",
        data,
        options,
        K,
        0,
        `${K} probabilities a site (one-hot or not) that sum to 1; divide by their sum`,
      );
    },
    fromNetwork(outputs) {
      outputShape(outputs);
      return { logits: grouped(outputs, K) };
    },
    logDensity: ({ logits }, x) => sumRows(mul(grouped(x, K), logSoftmax(logits))),
    mean: ({ logits }) => flatRows(exp(logSoftmax(logits))),
    entropy({ logits }) {
      const logP = logSoftmax(logits);
      return mul(-1, sumRows(mul(exp(logP), logP)));
    },
    klDivergence: (p, q) => divergenceOfLogits(p.logits, q.logits),
    fisherRoot({ logits }) {
      const root = rootProbabilities(groupsFirst(logits)); // [K, N, S]
      const p = square(root);
      return (tangent) => {
        const change = groupsFirst(tangent.logits);
        return flatGroups(mul(root, sub(change, sumSlabs(mul(p, change)))));
      };
    },
    embedding: ({ logits }) => flatGroups(mul(2, rootProbabilities(groupsFirst(logits)))),
    uncertain: ({ logits }) => ({ logits: mul(logits, 0) }),
    sample({ logits }, random) {
      const data = new Float64Array(logits.data.length);
      for (let start = 0; start < data.length; start += K) data[start + drawClass(logits.data, start, K, random)] = 1;
      return ndarray(data, [logits.shape[0], logits.shape[1] * K]);
    },
  };
}

/** sqrt p from logits, over the first axis. */
function rootProbabilities(logits: Tensor): Tensor {
  const largest = stopGradient(max(logits, 0, { keepDimensions: true }));
  const roots = exp(mul(0.5, sub(logits, largest))); // one of them is 1
  return mul(roots, rsqrt(sumSlabs(square(roots))));
}

/** KL between laws given by logits on the last axis (of any rank), [N, ..., K] -> [N]. Traceable. */
export function divergenceOfLogits(p: Operand, q: Operand): Tensor {
  const [logP, logQ] = [logSoftmax(groupsFirst(p), 0), logSoftmax(groupsFirst(q), 0)];
  const terms = divergenceTerm(exp(logP), exp(logQ), sub(logQ, logP)); // [K, N, ...]
  return sumRows(sum(terms, 0));
}

/** A class, drawn by the logits `start`, ..., `start + K - 1`. Host. */
export function drawClass(
  logits: ArrayLike<number>,
  start: number,
  K: number,
  random: { categorical(weights: ArrayLike<number>): number },
): number {
  let largest = -Infinity;
  for (let k = 0; k < K; k++) largest = Math.max(largest, logits[start + k]);
  return random.categorical(Float64Array.from({ length: K }, (_, k) => Math.exp(logits[start + k] - largest)));
}

/** Groups of K numbers that are >= 0 (or > `least`) and sum to 1. */
export function checkProbabilities(
  family: string,
  data: NdArray,
  options: CheckOptions | undefined,
  K: number,
  least: number,
  wanted: string,
): void {
  checkGroups(family, data, options, K, wanted, (group) => {
    let total = 0;
    for (let k = 0; k < K; k++) {
      if (!(group[k] >= least && group[k] < Infinity)) return `hold ${group[k]}`;
      total += group[k];
    }
    return Math.abs(total - 1) > SUM_TOLERANCE ? `sum to ${Number(total.toPrecision(6))}` : undefined;
  });
}

/**
 * One-hot rows from class numbers. [N, S] -> [N, S * K], float32. Host.
 * @throws UsageError for a number that is no class, with row and column.
 */
export function oneHot(classes: NdArray, K: number, options: CheckOptions = {}): NdArray {
  if (classes.shape.length !== 2)
    throw new UsageError(`${options.name ?? "data"}: shape [${classes.shape}] is no table of classes; give [N, S].`);
  const [rows, sites] = classes.shape;
  const data = new Float32Array(rows * sites * K);
  for (let i = 0; i < rows * sites; i++) {
    const k = classes.data[i];
    if (!(Number.isInteger(k) && k >= 0 && k < K))
      throw new UsageError(
        `${at(options, Math.floor(i / sites), i % sites)} is ${k}; the categorical likelihood needs a class number from 0 to ${K - 1}.`,
      );
    data[i * K + k] = 1;
  }
  return ndarray(data, [rows, sites * K]);
}
