export { ballMixtureSampler, pvaePriorSampler } from "./ball.js";
export { effectiveSampleSize, type ScalarDraws, splitRHat } from "./chain-diagnostics.js";
export {
  type ChainDraws,
  type ChainLaw,
  type ChainOptions,
  drawFromChains,
  type ProposalMixture,
  runChains,
} from "./chains.js";
export { chooseSampler, type SamplerOptions, type SamplerSource, samplerNames, samplersFor } from "./choose.js";
export { type DualAveraging, dualAveraging } from "./dual-averaging.js";
export {
  type Chains,
  type Hamiltonian,
  type HamiltonianOptions,
  hamiltonian,
  leapfrog,
  type TargetDensity,
} from "./hamiltonian.js";
export {
  aggregatedPosteriorSampler,
  gaussianMixtureSampler,
  independentSampler,
  type MixtureSamplerOptions,
  priorSampler,
} from "./latent-laws.js";
export { familySamplers, pvaeSamplers } from "./own.js";
export { type PosteriorMixture, posteriorMixture } from "./posterior-mixture.js";
export { type PublishedOptions, publishedSampler, publishedTarget } from "./published.js";
export { type RhvaeMetricParts, rhvaeLaw, rhvaeSampler } from "./rhvae.js";
export { type RiemannianOptions, riemannianSampler, runRiemannianChains } from "./riemannian.js";
export { type Proper, precisionFor, type RiemannianLaw, riemannianLaw } from "./riemannian-law.js";
export { checkCount, type Diagnostics, type Draws, diagnosticLines, type Sampler } from "./sampler.js";
export { vampSampler } from "./vamp.js";
