/** The autoencoder: sum of squared errors of x and D(E(x)) (or the cross entropy, for Bernoulli). */
import { mean } from "../../engine/index.js";
import { autoencoderParts, decodeCode, deviance, encodePoint, initializeParts } from "./common.js";
import type { AutoencoderModel } from "./model.js";

export const autoencoder: AutoencoderModel = {
  name: "ae",
  title: "Autoencoder",
  source: "Hinton and Salakhutdinov (2006), Reducing the dimensionality of data with neural networks",
  stochastic: false,
  hasLikelihood: false,
  options: {},
  groups: { autoencoder: autoencoderParts },
  terms: ["reconstruction error"],
  initialize: (key, shape) => initializeParts(key, shape, { stochastic: false }),
  noise: () => ({}),
  losses: (given) => {
    const { code, buffers: encoder } = encodePoint(given, given.x);
    const { buffers: decoder, ...decoded } = decodeCode(given, code);
    const error = mean(deviance(given, given.x, decoded));
    return {
      losses: { autoencoder: error },
      terms: { "reconstruction error": error },
      buffers: { ...given.buffers, encoder, decoder },
    };
  },
};
