/**
 * Draws from the uniform Riemannian law of a posterior metric (Chadebec and Allassonniere 2022, section 4) by
 * Hamiltonian Monte Carlo that leaves it invariant: exact gradient, momenta N(0, I), step size by dual averaging, and
 * independence moves from the mixture that the law nearly is (`chains.ts`).
 */
import type { PosteriorMetric } from "../metrics/index.js";
import { type ChainDraws, type ChainLaw, type ChainOptions, drawFromChains, runChains } from "./chains.js";
import { posteriorMixture } from "./posterior-mixture.js";
import { type Proper, precisionFor, riemannianLaw } from "./riemannian-law.js";
import { checkCount, type Sampler } from "./sampler.js";

export interface RiemannianOptions extends ChainOptions {
  /** How the law is made proper; default "decay" (see `riemannianLaw`). */
  readonly proper?: Proper;
}

/** The sampler. @throws UsageError for a ball that leaves a centroid out, or options out of range. */
export function riemannianSampler(metric: PosteriorMetric, options: RiemannianOptions = {}): Sampler {
  const law = chainLawOf(metric, options.proper);
  return {
    name: "riemannian",
    description: "uniform law of the posterior metric, by Hamiltonian Monte Carlo",
    dimension: metric.dimension,
    async draw(count, seed) {
      checkCount("riemannian", count);
      return drawFromChains(law, count, seed, options);
    },
  };
}

/**
 * T draws of each of C chains with their diagnostics.
 * @throws UsageError for options out of range; RunError if no step size gives any acceptance
 */
export async function runRiemannianChains(
  metric: PosteriorMetric,
  draws: number,
  seed: number,
  options: RiemannianOptions & { readonly chains: number },
): Promise<ChainDraws> {
  return runChains(chainLawOf(metric, options.proper), draws, seed, options);
}

function chainLawOf(given: PosteriorMetric, proper: Proper | undefined): ChainLaw {
  const { metric, target, notes, confine } = riemannianLaw(given, proper);
  return {
    name: "riemannian",
    target,
    mixture: posteriorMixture(metric),
    notes,
    precision: precisionFor(metric),
    confine,
  };
}
