/**
 * log p(x) by annealed importance sampling (Neal, 2001; for decoders: Wu et al., 2017). Chains start at draws of a law
 * q_0 (the prior, or the model's posterior) and pass through q_b ~ q_0^{1-b} p(x, z)^b, b from 0 to 1, by one
 * Hamiltonian step each; the weight
 *
 *   log w = sum_t (b_{t+1} - b_t) (log p(x, z_t) - log q_0(z_t))
 *
 * is unbiased for p(x) whatever the steps are, as long as each leaves its law unchanged: the accept-reject test sees to
 * that. Step sizes that follow the chain's own past would break it, so a pilot run with other draws sets them, for each
 * row and temperature, and the run that counts takes them as they are.
 */
import type { LatentVariableModel } from "../autoencoders/family/index.js";
import {
  add,
  broadcastTo,
  compile,
  exp,
  expandDims,
  greater,
  log,
  mul,
  type NdArray,
  ndarray,
  neg,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
  toFloat,
  valueAndGrad,
  where,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { fillNormal, foldIn, type RandomKey, randomKey, split, stream } from "../numerics/random.js";
import {
  accumulate,
  checkCount,
  checkData,
  type LikelihoodEstimate,
  type LikelihoodOptions,
  summary,
} from "./importance-sampling.js";

export interface AnnealingOptions extends Omit<LikelihoodOptions, "samples"> {
  /** Chains a row; default 16. */
  readonly chains?: number;
  /** Temperatures, of which the first is b = 0; default 500. */
  readonly temperatures?: number;
  /** Leapfrog steps at each; default 10. */
  readonly leapfrogSteps?: number;
  /** Default "prior". */
  readonly start?: "prior" | "posterior";
}

export interface AnnealedEstimate extends LikelihoodEstimate {
  /** Mean acceptance over chains and temperatures; 0.65 is aimed at. */
  readonly acceptance: number;
}

/** Aimed at by the step size (Beskos et al., 2013). */
const ACCEPTANCE = 0.65;

/** Where step sizes start, and how fast their logarithms follow acceptance. */
const FIRST_STEP = 0.3;
const GAIN = 0.3;

/** log p(x) of rows [N, D]. "prior" needs a standard normal one. */
export async function annealedLogLikelihood(
  model: LatentVariableModel,
  rows: NdArray,
  options: AnnealingOptions = {},
): Promise<AnnealedEstimate> {
  const { chains = 16, temperatures = 500, leapfrogSteps = 10, start = "prior", seed = 0, chunk = 20_000 } = options;
  const n = checkData("annealedLogLikelihood", model, rows);
  checkCount("chains", chains);
  checkCount("temperatures", temperatures - 1);
  checkCount("leapfrogSteps", leapfrogSteps);
  if (start !== "prior" && start !== "posterior")
    throw new UsageError(`start: "${start}" is not known; use "prior" or "posterior".`);
  const { dimension: d, dataDimension: D } = model;
  const programs = compiledPrograms(model, chains, leapfrogSteps, options);
  const perCall = Math.max(1, Math.floor(chunk / chains));
  const levels = schedule(temperatures);
  const [most, first, second] = [0, 0, 0].map(() => new Float64Array(n));
  most.fill(-Infinity);
  const key = split(randomKey(seed), "annealed importance sampling");
  let accepted = 0;
  for (let from = 0; from < n; from += perCall) {
    const to = Math.min(n, from + perCall);
    const count = (to - from) * chains;
    const x = ndarray(Float64Array.from(rows.data.subarray(from * D, to * D)), [to - from, D]);
    const own = foldIn(key, from);
    const law =
      start === "posterior"
        ? await programs.posterior(x)
        : {
            mean: ndarray(new Float64Array((to - from) * d), [to - from, d]),
            logVariance: ndarray(new Float64Array((to - from) * d), [to - from, d]),
          };
    const run = async (
      runKey: RandomKey,
      stepsAt: (t: number, i: number) => number,
      told: (t: number, i: number, accepted: boolean) => void,
    ) => {
      const weights = new Float64Array(count);
      let z = await programs.begin(law, normal(foldIn(runKey, 0), count, d));
      for (let t = 1; t < levels.length; t++) {
        const noise = normal(foldIn(runKey, 2 * t), count, d);
        const uniform = stream(foldIn(runKey, 2 * t + 1));
        const chances = ndarray(
          Float64Array.from({ length: count }, () => uniform.uniform()),
          [count],
        );
        const steps = ndarray(
          Float64Array.from({ length: count }, (_, i) => stepsAt(t, i)),
          [count],
        );
        const result = await programs.move(x, law, z, noise, chances, steps, levels[t]);
        for (let i = 0; i < count; i++) {
          weights[i] += (levels[t] - levels[t - 1]) * result.difference.data[i];
          told(t, i, result.accepted.data[i] > 0.5);
        }
        z = result.z;
      }
      return weights;
    };
    // the pilot: log step sizes of each row follow the share of its chains that were accepted
    const rowsHere = to - from;
    const logSteps = new Float64Array((levels.length + 1) * rowsHere).fill(Math.log(FIRST_STEP), rowsHere);
    await run(
      split(own, "pilot"),
      (t, i) => Math.exp(logSteps[t * rowsHere + Math.floor(i / chains)]),
      (t, i, wasAccepted) => {
        const row = Math.floor(i / chains);
        const next = (t + 1) * rowsHere + row;
        if (i % chains === 0) logSteps[next] = logSteps[t * rowsHere + row];
        logSteps[next] += (GAIN / chains) * ((wasAccepted ? 1 : 0) - ACCEPTANCE);
      },
    );
    const weights = await run(
      split(own, "run"),
      (t, i) => Math.exp(logSteps[t * rowsHere + Math.floor(i / chains)]),
      (_, __, wasAccepted) => {
        if (wasAccepted) accepted += 1 / (n * chains * (levels.length - 1));
      },
    );
    weights.forEach((weight, i) => accumulate(most, first, second, from + Math.floor(i / chains), weight));
  }
  await programs.dispose();
  return {
    ...summary("log-likelihood (annealed importance sampling)", chains, seed, most, first, second),
    acceptance: accepted,
  };
}

/** Temperatures from 0 to 1, densest at the ends: a sigmoid over [-4, 4], stretched to reach them (Wu et al., 2017). */
export function schedule(count: number): Float64Array {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const [low, high] = [sigmoid(-4), sigmoid(4)];
  return Float64Array.from({ length: count }, (_, t) => (sigmoid(-4 + (8 * t) / (count - 1)) - low) / (high - low));
}

type Law = { readonly mean: Tensor; readonly logVariance: Tensor };

function compiledPrograms(
  model: LatentVariableModel,
  chains: number,
  leapfrogSteps: number,
  { precision, threads }: Pick<LikelihoodOptions, "precision" | "threads">,
) {
  const { dimension: d, dataDimension: D } = model;
  const repeated = (a: Tensor, width: number) =>
    reshape(broadcastTo(expandDims(a, 1), [a.shape[0], chains, width]), [a.shape[0] * chains, width]);
  const posterior = compile((x: Tensor) => ({ ...model.posterior(x) }), { precision, threads });
  const begin = compile(
    (law: Law, noise: Tensor) => add(repeated(law.mean, d), mul(exp(mul(0.5, repeated(law.logVariance, d))), noise)),
    { precision, threads },
  );
  const move = compile(
    (x: Tensor, one: Law, z: Tensor, noise: Tensor, chances: Tensor, stepSizes: Tensor, level: Tensor) => {
      const data = repeated(x, D);
      const law = { mean: repeated(one.mean, d), logVariance: repeated(one.logVariance, d) };
      const logStart = (at: Tensor) => {
        const scaled = mul(square(sub(at, law.mean)), exp(neg(law.logVariance)));
        return mul(-0.5, sum(add(add(scaled, law.logVariance), Math.log(2 * Math.PI)), -1));
      };
      const difference = (at: Tensor) => sub(add(model.logLikelihood(data, at), model.logPrior(at)), logStart(at));
      const logTarget = (at: Tensor) => add(logStart(at), mul(level, difference(at)));
      const slope = (at: Tensor): Tensor => valueAndGrad((place: Tensor) => sum(logTarget(place)))(at)[1];
      const size = expandDims(stepSizes, 1);
      let place = z;
      let momentum = add(noise, mul(mul(0.5, size), slope(z)));
      for (let i = 0; i < leapfrogSteps; i++) {
        place = add(place, mul(size, momentum));
        const force = mul(size, slope(place));
        momentum = add(momentum, i === leapfrogSteps - 1 ? mul(0.5, force) : force);
      }
      const kinetic = (p: Tensor) => mul(0.5, sum(square(p), -1));
      const change = sub(sub(logTarget(place), kinetic(momentum)), sub(logTarget(z), kinetic(noise)));
      // a step that overflowed compares false, and is rejected
      const accepted = greater(change, log(chances));
      return {
        difference: difference(z),
        z: where(expandDims(accepted, 1), place, z),
        accepted: toFloat(accepted),
      };
    },
    { precision, threads },
  );
  return {
    posterior,
    begin,
    move,
    dispose: async () => {
      await Promise.all([posterior.dispose(), begin.dispose(), move.dispose()]);
    },
  };
}

function normal(key: RandomKey, rows: number, d: number): NdArray {
  return ndarray(fillNormal(stream(key), new Float32Array(rows * d)), [rows, d]);
}
