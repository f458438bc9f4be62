/**
 * The variational autoencoder (Kingma and Welling, 2014) on the family's networks: -ELBO, with KL(q || N(0, I)) in
 * closed form and one draw of z. With perceptrons it is the model of `vae-model.ts`, to the last digit.
 */
import { add, mean, mul } from "../../engine/index.js";
import {
  autoencoderParts,
  decodeCode,
  divergenceFromPrior,
  draw,
  encodeLaw,
  initializeParts,
  logLikelihood,
} from "./common.js";
import type { AutoencoderModel, LossContext, LossResult } from "./model.js";

export const variationalAutoencoder: AutoencoderModel = {
  name: "vae",
  title: "Variational autoencoder",
  source: "Kingma and Welling (2014), Auto-encoding variational Bayes",
  stochastic: true,
  hasLikelihood: true,
  options: {},
  groups: { autoencoder: autoencoderParts },
  terms: ["reconstruction", "KL divergence"],
  initialize: (key, shape) => initializeParts(key, shape, { stochastic: true }),
  noise: (shape, N) => ({ z: [N, shape.latentDimension] }),
  losses: (given) => weightedElbo(given, 1),
};

/** -E log p(x|z) + weight KL(q || p), and its terms. */
export function weightedElbo(given: LossContext, weight: number): LossResult {
  const { buffers: encoder, ...law } = encodeLaw(given, given.x);
  const { buffers: decoder, ...decoded } = decodeCode(given, draw(law, given.noise.z));
  const reconstruction = mean(mul(-1, logLikelihood(given, given.x, decoded)));
  const divergence = mean(divergenceFromPrior(law));
  return {
    losses: { autoencoder: add(reconstruction, mul(weight, divergence)) },
    terms: { reconstruction, "KL divergence": divergence },
    buffers: { ...given.buffers, encoder, decoder },
  };
}
