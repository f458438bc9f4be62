/**
 * Riemannian HMC against the FLOP limit, and effective samples a second against the published procedure.
 *
 * Work and limit are measured with the same number of threads, in turns. (With the limit on all cores and the chains on
 * one, the ratio said how busy the other cores were: 1.6 to 1.9 where they were, 4.4 on an idle machine of two.)
 */
import { availableParallelism } from "node:os";
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
import { limitGflops, median } from "./measure.js";

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

export interface ShareOfLimit {
  readonly threads: number;
  /** GFLOP/s of a 1024^3 product with these threads: median of those measured between the slices. */
  readonly limitGflops: number;
  /** Of 10,000 chains, 100 transitions of 10 leapfrog steps each: 100 times the median transition. */
  readonly seconds: number;
  readonly ratio: number;
  readonly acceptance: number;
}

export interface RiemannianHmcFigures {
  /** Products alone: 12 n d a gradient. */
  readonly flops: number;
  /** With one thread, and with all cores. */
  readonly shares: readonly ShareOfLimit[];
  /** 10,000 samples by each: seconds, effective samples by the same estimator, and effective samples a second. */
  readonly samplers: readonly {
    readonly name: string;
    readonly seconds: number;
    readonly effective: number;
    readonly rate: number;
    readonly splitRHat: number;
  }[];
}

const flops = samples * transitions * leapfrogSteps * 12 * centroids * d;

/** Transitions between two measurements of the limit. */
const SLICE = 10;

async function shareOfLimit(metric: PosteriorMetric, threads: number): Promise<ShareOfLimit> {
  const { target, metric: law } = riemannianLaw(metric);
  // A block is shared by the threads: it keeps to 512 chains for each, whose arrays then stay in their caches.
  const programs = hamiltonian(target, { leapfrogSteps, threads, block: 512 * threads });
  const mixture = posteriorMixture(law);
  const chains = await programs.start(mixture.draw(samples, stream(randomKey(3))), stream(randomKey(4)));
  const stepSize = 0.6 * mixture.leastScale;
  await chains.transition(stepSize); // compiles
  const limits = [await limitGflops(threads)];
  const times: number[] = [];
  const ratios: number[] = [];
  let acceptance = 0;
  for (let done = 0; done < transitions; done += SLICE) {
    const slice: number[] = [];
    for (let i = 0; i < SLICE; i++) {
      const start = performance.now();
      acceptance += (await chains.transition(stepSize)) / transitions;
      slice.push((performance.now() - start) / 1000);
    }
    limits.push(await limitGflops(threads, 0.4));
    const limit = 0.5 * (limits[limits.length - 1] + limits[limits.length - 2]) * 1e9;
    ratios.push(median(slice) / (flops / transitions / limit));
    times.push(...slice);
  }
  await programs.dispose();
  return {
    threads,
    limitGflops: median(limits),
    seconds: transitions * median(times),
    ratio: median(ratios),
    acceptance,
  };
}

export async function riemannianHmcFigures(): Promise<RiemannianHmcFigures> {
  const metric = metricOfBench();
  const shares: ShareOfLimit[] = [];
  for (const threads of [...new Set([1, availableParallelism()])]) shares.push(await shareOfLimit(metric, threads));
  const threads = 1;
  const codes = ndarray(
    normalArray(randomKey(5), 5000 * d).map((x) => 1.2 * x),
    [5000, d],
  );
  const samplers = [];
  for (const sampler of [riemannianSampler(metric, { threads }), publishedSampler(metric, codes, { threads })])
    samplers.push(await timed(sampler));
  return { flops, shares, samplers };
}

async function timed(sampler: Sampler) {
  const start = performance.now();
  const { diagnostics } = await sampler.draw(samples, 1);
  const seconds = (performance.now() - start) / 1000;
  const effective = diagnostics.effectiveSampleSize!;
  return { name: sampler.name, seconds, effective, rate: effective / seconds, splitRHat: diagnostics.splitRHat! };
}
