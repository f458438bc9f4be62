/**
 * The beta-VAE (Higgins et al., 2017): -E log p(x|z) + beta KL(q || N(0, I)). beta is relative to the likelihood's own
 * scale: with sum of squared errors + b KL, as some codes have it, sigma^2 = variance gives beta = b / (2 sigma^2);
 * with variance 1/2, beta = b.
 */
import type { AutoencoderModel } from "./model.js";
import { variationalAutoencoder, weightedElbo } from "./vae.js";

export const betaVariationalAutoencoder: AutoencoderModel = {
  ...variationalAutoencoder,
  name: "beta-vae",
  title: "beta-VAE",
  source: "Higgins et al. (2017), beta-VAE: learning basic visual concepts with a constrained variational framework",
  options: { beta: { default: 4, min: 0, says: "weight of the KL divergence" } },
  losses: (given) => weightedElbo(given, given.shape.options.beta),
};
