/**
 * Samplers of independent draws that any model with codes has: the prior, a Gaussian mixture fitted to the codes (in
 * the manner of Ghosh et al., "From variational to deterministic autoencoders", 2020), and the aggregated posterior.
 *
 * Axes: N codes, d latent dimensions.
 */
import { astype, type NdArray, ndarray } from "../engine/index.js";
import { expectThat, UsageError } from "../errors.js";
import { fitGaussianMixture, type GaussianMixture, type MixtureOptions } from "../numerics/gaussian-mixture.js";
import { type RandomStream, randomKey, split, stream } from "../numerics/random.js";
import { checkCount, type Sampler } from "./sampler.js";

/** z ~ N(0, I). */
export function priorSampler(dimension: number): Sampler {
  expectThat(
    Number.isInteger(dimension) && dimension >= 1,
    () => `prior: dimension is ${dimension}; give the number of latent dimensions, a whole number from 1.`,
  );
  return independentSampler("prior", "standard normal prior N(0, I)", dimension, (row, random) => {
    for (let k = 0; k < dimension; k++) row[k] = random.normal();
  });
}

export interface MixtureSamplerOptions extends MixtureOptions {
  /** K; default 10, as in the literature's tables. */
  readonly components?: number;
  /** Seed of the fit; default 0. */
  readonly seed?: number;
}

/**
 * A mixture of K Gaussians with full covariances, fitted to the codes when this is called.
 * @param codes [N, d]
 * @throws UsageError for fewer codes than components, or components whose covariance is singular
 */
export function gaussianMixtureSampler(
  codes: NdArray,
  options: MixtureSamplerOptions = {},
): Sampler & { readonly mixture: GaussianMixture } {
  const { components = 10, seed = 0 } = options;
  const [, d] = checkCodes("gaussian-mixture", codes);
  const mixture = fitGaussianMixture(
    astype(codes, "float64").data as Float64Array,
    d,
    components,
    randomKey(seed),
    options,
  );
  const sampler = independentSampler(
    "gaussian-mixture",
    `mixture of ${components} Gaussians with full covariances, fitted to the codes`,
    d,
    (row, random) => mixture.drawInto(row, random),
  );
  return { ...sampler, mixture };
}

/**
 * z ~ N(mu_i, diag(exp(logVariance_i))) for a random training code i.
 * @param codes posterior means, [N, d] @param logVariances [N, d]
 */
export function aggregatedPosteriorSampler(codes: NdArray, logVariances: NdArray): Sampler {
  const [n, d] = checkCodes("aggregated-posterior", codes);
  expectThat(
    `${logVariances.shape}` === `${codes.shape}`,
    () =>
      `aggregated-posterior: logVariances has shape [${logVariances.shape}] and codes [${codes.shape}]; give one log variance for each coordinate of each code.`,
  );
  const [means, logs] = [astype(codes, "float64").data, astype(logVariances, "float64").data];
  return independentSampler("aggregated-posterior", "posterior of a random training point", d, (row, random) => {
    const i = random.integer(n);
    for (let k = 0; k < d; k++) row[k] = means[i * d + k] + Math.exp(0.5 * logs[i * d + k]) * random.normal();
  });
}

/** A sampler from a function that writes one draw. */
export function independentSampler(
  name: string,
  description: string,
  dimension: number,
  drawInto: (row: Float64Array, random: RandomStream) => void,
): Sampler {
  return {
    name,
    description,
    dimension,
    async draw(count, seed) {
      checkCount(name, count);
      const random = stream(split(randomKey(seed), name));
      const latents = new Float64Array(count * dimension);
      for (let i = 0; i < count; i++) drawInto(latents.subarray(i * dimension, (i + 1) * dimension), random);
      return { latents: ndarray(latents, [count, dimension]), diagnostics: { notes: [], warnings: [] } };
    },
  };
}

function checkCodes(caller: string, codes: NdArray): [number, number] {
  const [n, d] = codes.shape;
  if (codes.shape.length !== 2 || n === 0)
    throw new UsageError(`${caller}: codes has shape [${codes.shape}]; give [N, d] with at least one code.`);
  return [n, d];
}
