/**
 * log p(x) of a latent variable model by importance sampling with its own posterior (Rezende et al., 2014, appendix E;
 * Burda et al., 2016):
 *
 *   log p(x) ~ log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(.|x),
 *
 * a lower bound on average that tightens with K. K may be any number: draws come in chunks of bounded size, and only a
 * running log-sum-exp is kept.
 */
import type { LatentVariableModel } from "../autoencoders/family/index.js";
import {
  add,
  broadcastTo,
  type CompileOptions,
  compile,
  exp,
  expandDims,
  mul,
  type NdArray,
  ndarray,
  neg,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { fillNormal, foldIn, randomKey, split, stream } from "../numerics/random.js";
import { mean, standardDeviation } from "../numerics/statistics.js";
import { checkRows, type Score, score } from "./score.js";

export interface LikelihoodEstimate {
  /** Mean log p(x) over the rows, in nats; its standard error over rows. */
  readonly score: Score;
  /** log p(x) of each row. [N] */
  readonly values: Float64Array;
  /** Standard error of each value from the draws alone (by the delta method). [N] */
  readonly drawErrors: Float64Array;
  /** Effective number of draws, (sum w)^2 / sum w^2, of each row: few mean that the value is too low. [N] */
  readonly effectiveSamples: Float64Array;
}

export interface LikelihoodOptions extends Pick<CompileOptions, "precision" | "threads"> {
  /** K, draws a row; default 1000. */
  readonly samples?: number;
  readonly seed?: number;
  /** Most rows times draws in one call of the program; default 20,000. */
  readonly chunk?: number;
}

/**
 * log p(x) of rows [N, D].
 * @throws UsageError for rows of another width and impossible numbers of draws.
 */
export async function importanceLogLikelihood(
  model: LatentVariableModel,
  rows: NdArray,
  options: LikelihoodOptions = {},
): Promise<LikelihoodEstimate> {
  const { samples = 1000, seed = 0, chunk = 20_000, precision, threads } = options;
  const n = checkData("importanceLogLikelihood", model, rows);
  checkCount("samples", samples);
  const { dimension: d, dataDimension: D } = model;
  const perCall = Math.max(1, Math.min(samples, Math.floor(chunk / Math.min(n, 100))));
  const perRows = Math.max(1, Math.min(n, Math.floor(chunk / perCall)));
  const f = compile(
    (x: Tensor, noise: Tensor) => {
      const [N, K] = noise.shape;
      const q = model.posterior(x);
      const spread = exp(mul(0.5, q.logVariance));
      const z = reshape(add(expandDims(q.mean, 1), mul(expandDims(spread, 1), noise)), [N * K, d]);
      const repeated = reshape(broadcastTo(expandDims(x, 1), [N, K, D]), [N * K, D]);
      const joint = reshape(add(model.logLikelihood(repeated, z), model.logPrior(z)), [N, K]);
      // log q(z|x) from the noise
      const logQ = sub(
        mul(-0.5, sum(square(noise), -1)),
        expandDims(add(mul(0.5, sum(q.logVariance, -1)), 0.5 * d * Math.log(2 * Math.PI)), 1),
      );
      return add(joint, neg(logQ));
    },
    { precision, threads },
  );
  const most = new Float64Array(n).fill(-Infinity);
  const first = new Float64Array(n);
  const second = new Float64Array(n);
  const key = split(randomKey(seed), "importance sampling");
  for (let from = 0; from < n; from += perRows) {
    const to = Math.min(n, from + perRows);
    const x = ndarray(Float64Array.from(rows.data.subarray(from * D, to * D)), [to - from, D]);
    for (let done = 0, call = 0; done < samples; call++) {
      const K = Math.min(perCall, samples - done);
      const noise = new Float32Array((to - from) * K * d);
      fillNormal(stream(foldIn(foldIn(key, from), call)), noise);
      const { data } = await f(x, ndarray(noise, [to - from, K, d]));
      for (let i = 0; i < to - from; i++)
        for (let k = 0; k < K; k++) accumulate(most, first, second, from + i, data[i * K + k]);
      done += K;
    }
  }
  await f.dispose();
  return summary("log-likelihood (importance sampling)", samples, seed, most, first, second);
}

/** Adds a weight e^log to the running sums of w and w^2, both relative to the largest so far. */
export function accumulate(
  most: Float64Array,
  first: Float64Array,
  second: Float64Array,
  row: number,
  log: number,
): void {
  if (Number.isNaN(log)) {
    first[row] = Number.NaN;
    return;
  }
  if (log > most[row]) {
    const shrink = Math.exp(most[row] - log);
    first[row] = first[row] * shrink + 1;
    second[row] = second[row] * shrink * shrink + 1;
    most[row] = log;
  } else if (log > -Infinity) {
    const weight = Math.exp(log - most[row]);
    first[row] += weight;
    second[row] += weight * weight;
  }
}

/** Estimates from the running sums of `samples` weights a row. */
export function summary(
  name: string,
  samples: number,
  seed: number,
  most: Float64Array,
  first: Float64Array,
  second: Float64Array,
): LikelihoodEstimate {
  const values = most.map((top, i) => top + Math.log(first[i] / samples));
  const effectiveSamples = first.map((s, i) => (s * s) / second[i]);
  // var(mean w) / (mean w)^2 = (K sum w^2 / (sum w)^2 - 1) / K
  const drawErrors = effectiveSamples.map((e) => Math.sqrt(Math.max(0, 1 / e - 1 / samples)));
  const n = values.length;
  return {
    score: score({
      name,
      value: mean(values),
      standardError: n > 1 ? standardDeviation(values) / Math.sqrt(n) : drawErrors[0],
      uncertainty: n > 1 ? "over rows" : "over draws",
      images: n,
      seed,
    }),
    values,
    drawErrors,
    effectiveSamples,
  };
}

/** @throws UsageError for rows of another width than the model's. */
export function checkData(name: string, model: LatentVariableModel, rows: NdArray): number {
  const { n, width } = checkRows(name, rows, 1);
  if (width !== model.dataDimension)
    throw new UsageError(
      `${name}: rows of ${width} numbers, the model has ${model.dataDimension}; give rows of the model's data.`,
    );
  return n;
}

/** @throws UsageError unless `value` is a whole number from 1 on. */
export function checkCount(name: string, value: number): void {
  if (!(Number.isInteger(value) && value >= 1))
    throw new UsageError(`${name}: ${value} is not a whole number from 1 on; give one, such as 100.`);
}
