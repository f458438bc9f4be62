/**
 * The adversarial autoencoder (Makhzani et al., 2016): squared errors + weight * (-log D(z)), z drawn from the encoder's
 * law, against a discriminator D that descends -log D(prior) - log(1 - D(z)). On equal laws the best D is 1/2 and its
 * cost 2 log 2.
 */
import { add, mean, mul, type Tensor } from "../../engine/index.js";
import { initializeMlp, mlp } from "../../networks/index.js";
import { split } from "../../numerics/random.js";
import {
  autoencoderParts,
  costOfMade,
  costOfReal,
  decodeCode,
  deviance,
  draw,
  encodeLaw,
  initializeParts,
} from "./common.js";
import type { AutoencoderModel } from "./model.js";

export const adversarialAutoencoder: AutoencoderModel = {
  name: "aae",
  title: "Adversarial autoencoder",
  source: "Makhzani, Shlens, Jaitly, Goodfellow and Frey (2016), Adversarial autoencoders",
  stochastic: true,
  hasLikelihood: false,
  options: {
    weight: { default: 0.5, min: 0, says: "weight of the adversarial term beside the sum of squared errors" },
    discriminatorUnits: { default: 256, min: 1, says: "units of each of the discriminator's two hidden layers" },
  },
  groups: { autoencoder: autoencoderParts, discriminator: ["discriminator"] },
  terms: ["reconstruction error", "adversarial cost", "discriminator cost"],
  initialize: (key, shape) => {
    const { parameters, buffers } = initializeParts(key, shape, { stochastic: true });
    const h = shape.options.discriminatorUnits;
    const sizes = [shape.latentDimension, h, h, 1];
    const discriminator = initializeMlp(split(key, "discriminator"), sizes, { activation: "relu" });
    return { parameters: { ...parameters, discriminator }, buffers };
  },
  noise: (shape, N) => ({ z: [N, shape.latentDimension], prior: [N, shape.latentDimension] }),
  losses: (given) => {
    const { shape, parameters, x, noise } = given;
    const { buffers: encoder, ...law } = encodeLaw(given, x);
    const z = draw(law, noise.z);
    const { buffers: decoder, ...decoded } = decodeCode(given, z);
    const error = mean(deviance(given, x, decoded));
    const logits = (codes: Tensor) => mlp(parameters.discriminator, codes, "relu");
    const made = logits(z);
    const adversarial = costOfReal(made);
    const discriminator = add(costOfReal(logits(noise.prior as Tensor)), costOfMade(made));
    const objective = add(error, mul(shape.options.weight, adversarial));
    return {
      losses: { autoencoder: objective, discriminator },
      terms: { "reconstruction error": error, "adversarial cost": adversarial, "discriminator cost": discriminator },
      buffers: { ...given.buffers, encoder, decoder },
    };
  },
};
