/**
 * Draws from the prior that a VAE with a VampPrior has learned (Tomczak and Welling, 2018): a random pseudo-input k, then
 * z ~ q(z|u_k). (A popular library takes the first pseudo-inputs once each and squashes their log variances: that is
 * another law.)
 */
import { type TrainedAutoencoder, vampComponentsOf } from "../autoencoders/family/index.js";
import { independentSampler } from "./latent-laws.js";
import type { Sampler } from "./sampler.js";

/** The sampler "vamp". @throws UsageError for a model of another kind. */
export async function vampSampler(
  model: TrainedAutoencoder,
  options: { readonly threads?: number } = {},
): Promise<Sampler> {
  const { mean, logVariance } = await vampComponentsOf(model, options);
  const [K, d] = mean.shape;
  return independentSampler(
    "vamp",
    `the model's own prior, ${K} posteriors of learned pseudo-inputs`,
    d,
    (row, random) => {
      const k = random.integer(K);
      for (let j = 0; j < d; j++)
        row[j] = mean.data[k * d + j] + Math.exp(0.5 * logVariance.data[k * d + j]) * random.normal();
    },
  );
}
