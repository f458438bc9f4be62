/**
 * The short-chain procedure of the official code of "A geometric perspective on variational autoencoders", as it is,
 * since the published scores come from it: chains start at random training means, take 100 transitions of 10 leapfrog
 * steps of 0.01, and their ends are the samples. It does not leave the uniform Riemannian law invariant, for three
 * reasons:
 *   1. Momenta have standard deviation 0.5, but the kinetic energy is |p|^2 / 2: on its own this samples pi^4.
 *   2. The gradient that drives the leapfrog lacks the factor 1/2 of log sqrt(det G) and adds lambda once for each
 *      centroid: it is twice the gradient of the metric with n lambda in place of lambda.
 *   3. The density that decides has det G clamped at 1e10, so that it is flat where the determinant is larger.
 * Free drift moves a coordinate by about 0.5 over a whole chain, so samples stay near training means. The quotient
 * exp(-H) / exp(-H_0) of the code, which overflows, is computed from the difference; its rule for rho leaves out the
 * last centroid's neighbour, which only matters if that is the largest: here rho is the metric's.
 */
import { astype, minimum, mul, type NdArray, ndarray } from "../engine/index.js";
import { expectThat } from "../errors.js";
import { type PosteriorMetric, posteriorMetric } from "../metrics/index.js";
import { randomKey, split, stream } from "../numerics/random.js";
import { judge } from "./chains.js";
import { hamiltonian, type TargetDensity } from "./hamiltonian.js";
import { precisionFor } from "./riemannian-law.js";
import { checkCount, type Sampler } from "./sampler.js";

export interface PublishedOptions {
  /** Transitions of a chain; default 100. */
  readonly transitions?: number;
  /** Default 10. */
  readonly leapfrogSteps?: number;
  /** Default 0.01. */
  readonly stepSize?: number;
  /** Threads inside one operation; default 1. */
  readonly threads?: number;
}

/** Chains whose whole path is kept for the diagnostics. */
const WATCHED = 256;

/**
 * The sampler. @param codes posterior means of the training data, where chains start. [N, d]
 * @throws UsageError for codes of another dimension, or none
 */
export function publishedSampler(metric: PosteriorMetric, codes: NdArray, options: PublishedOptions = {}): Sampler {
  const { transitions = 100, leapfrogSteps = 10, stepSize = 0.01, threads = 1 } = options;
  const d = metric.dimension;
  for (const [name, value] of Object.entries({ transitions, leapfrogSteps }))
    expectThat(
      Number.isInteger(value) && value >= 1,
      () => `published: ${name} is ${value}; give a whole number from 1.`,
    );
  expectThat(
    codes.shape.length === 2 && codes.shape[1] === d && codes.shape[0] > 0,
    () => `published: codes has shape [${codes.shape}]; give [N, ${d}], the posterior means of the training data.`,
  );
  const means = astype(codes, "float64").data;
  return {
    name: "published",
    description: "the official code's short chains from training means (does not sample the uniform law)",
    dimension: d,
    async draw(count, seed) {
      checkCount("published", count);
      const [forStart, forChains] = ["start", "chains"].map((name) => stream(split(randomKey(seed), name)));
      const start = new Float64Array(count * d);
      for (let i = 0; i < count; i++) {
        const row = forStart.integer(codes.shape[0]);
        start.set(means.subarray(row * d, (row + 1) * d), i * d);
      }
      const programs = hamiltonian(publishedTarget(metric), {
        leapfrogSteps,
        precision: precisionFor(metric),
        threads,
        momentumScale: 0.5,
        jitter: 0,
      });
      try {
        const chains = await programs.start(start, forChains);
        const watched = Math.min(WATCHED, count);
        const path = new Float64Array(transitions * watched * d);
        const densities = new Float64Array(transitions * watched);
        let acceptance = 0;
        for (let t = 0; t < transitions; t++) {
          acceptance += (await chains.transition(stepSize)) / transitions;
          path.set(chains.positions().subarray(0, watched * d), t * watched * d);
          densities.set(chains.logDensities().subarray(0, watched), t * watched);
        }
        const quality = transitions >= 4 ? judge(path, densities, watched, d) : undefined;
        return {
          latents: ndarray(chains.positions(), [count, d]),
          diagnostics: {
            acceptance,
            stepSize,
            leapfrogSteps,
            chains: count,
            drawsPerChain: 1,
            gradients: count * transitions * leapfrogSteps,
            // Of all states of the chains, from those watched.
            ...(quality && {
              splitRHat: quality.splitRHat,
              effectiveSampleSize: (quality.effectiveSampleSize * count) / watched,
              draws: transitions * count,
              returned: count,
            }),
            notes: [
              "the published procedure: short chains that start at training means and do not leave the uniform law invariant",
            ],
            warnings:
              quality && !(quality.splitRHat < 1.05)
                ? [
                    Number.isFinite(quality.splitRHat)
                      ? `split R-hat over the chains' paths is ${quality.splitRHat.toFixed(2)}: samples stay where they started`
                      : "the chains that were watched stood still: the samples are their starts",
                  ]
                : [],
          },
        };
      } finally {
        await programs.dispose();
      }
    },
  };
}

/** The density that decides and the gradient that drives, which do not belong together (see above). */
export function publishedTarget(metric: PosteriorMetric): TargetDensity {
  const { centroids, inverseVariances, inverseCovariances, description } = metric;
  const { rho, lambda, centroids: n } = description;
  const own = metric.withTau(0);
  const driving = posteriorMetric({ centroids, inverseVariances, inverseCovariances, rho, lambda: n * lambda, tau: 0 });
  return {
    dimension: metric.dimension,
    logDensityWithGradient: (z) => ({
      logDensity: minimum(own.logVolume(z), 0.5 * Math.log(1e10)),
      gradient: mul(driving.logVolumeWithGradient(z).gradient, 2),
    }),
  };
}
