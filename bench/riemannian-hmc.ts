/** Riemannian HMC against the FLOP limit, and effective samples a second against the published procedure. */
import { ndarray } from "../src/engine/index.js";
import { type PosteriorMetric, posteriorMetric } from "../src/metrics/index.js";
import { normalArray, randomKey, stream } from "../src/numerics/random.js";
import {
  hamiltonian,
  posteriorMixture,
  publishedSampler,
  riemannianLaw,
  riemannianSampler,
  type Sampler,
} from "../src/samplers/index.js";
import { limitGflops } from "./measure.js";

const [centroids, d, samples, transitions, leapfrogSteps] = [100, 16, 10_000, 100, 10];

/** Codes as a variational autoencoder has them: spread about 1.2, posteriors narrow and of unequal width. */
function metricOfBench(): PosteriorMetric {
  const c = normalArray(randomKey(1), centroids * d).map((x) => 1.2 * x);
  const m = normalArray(randomKey(2), centroids * d).map((x) => Math.exp(3 + 0.7 * x));
  return posteriorMetric({
    centroids: ndarray(c, [centroids, d]),
    inverseVariances: ndarray(m, [centroids, d]),
    lambda: 0.01,
  });
}

export interface RiemannianHmcFigures {
  /** GFLOP/s of a 1024^3 product, the mean of one measurement before and one after. */
  readonly limitGflops: number;
  /** Of 10,000 chains, 100 transitions of 10 leapfrog steps each. */
  readonly seconds: number;
  /** Products alone: 12 n d a gradient. */
  readonly flops: number;
  readonly ratio: number;
  readonly acceptance: number;
  /** 10,000 samples by each: seconds, effective samples by the same estimator, and effective samples a second. */
  readonly samplers: readonly {
    readonly name: string;
    readonly seconds: number;
    readonly effective: number;
    readonly rate: number;
    readonly splitRHat: number;
  }[];
}

export async function riemannianHmcFigures(threads = 1): Promise<RiemannianHmcFigures> {
  const metric = metricOfBench();
  const { target, metric: law } = riemannianLaw(metric);
  const before = await limitGflops();
  const programs = hamiltonian(target, { leapfrogSteps, threads });
  const mixture = posteriorMixture(law);
  const chains = await programs.start(mixture.draw(samples, stream(randomKey(3))), stream(randomKey(4)));
  const stepSize = 0.6 * mixture.leastScale;
  await chains.transition(stepSize); // compiles
  const start = performance.now();
  let acceptance = 0;
  for (let i = 0; i < transitions; i++) acceptance += (await chains.transition(stepSize)) / transitions;
  const seconds = (performance.now() - start) / 1000;
  await programs.dispose();
  const limit = 0.5 * (before + (await limitGflops()));
  const flops = samples * transitions * leapfrogSteps * 12 * centroids * d;
  const codes = ndarray(
    normalArray(randomKey(5), 5000 * d).map((x) => 1.2 * x),
    [5000, d],
  );
  const samplers = [];
  for (const sampler of [riemannianSampler(metric, { threads }), publishedSampler(metric, codes, { threads })])
    samplers.push(await timed(sampler));
  return { limitGflops: limit, seconds, flops, ratio: seconds / (flops / limit / 1e9), acceptance, samplers };
}

async function timed(sampler: Sampler) {
  const start = performance.now();
  const { diagnostics } = await sampler.draw(samples, 1);
  const seconds = (performance.now() - start) / 1000;
  const effective = diagnostics.effectiveSampleSize!;
  return { name: sampler.name, seconds, effective, rate: effective / seconds, splitRHat: diagnostics.splitRHat! };
}
