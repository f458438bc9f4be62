/**
 * VAE/GAN (Larsen, Sonderby, Larochelle and Winther, 2016): the reconstruction is measured in the features of a
 * discriminator, which learns to tell data from reconstructions and from decoded draws of the prior.
 *
 *   encoder:        KL(q || N(0, I)) + w/2 |f(x) - f(x~)|^2
 *   decoder:        (1 - s) w/2 |f(x) - f(x~)|^2 - s C
 *   discriminator:  C = -log D(x) - 1/2 (log(1 - D(x~)) + log(1 - D(x_p)))
 *
 * f is the discriminator's last hidden layer, s the balance, w the feature weight: log p(f(x)|z) of a Gaussian of variance
 * 1/w. The paper has w = 1 on the 8 x 8 x 256 units of a convolution. The error is a sum over units, the divergence is not:
 * on the few hundred units of a perceptron w = 1 leaves codes of 3 nats, which reconstruct no better than the mean image. Gating (the authors' code): the discriminator stands still
 * where it is too good (its cost on data or on what is made is below equilibrium - margin), the decoder where the
 * discriminator is too bad (one of them above equilibrium + margin); if both would stand still, both move.
 *
 * The discriminator sees means of the decoder. The encoder's network serves it too, with one output.
 */
import {
  add,
  concat,
  greater,
  less,
  logicalAnd,
  logicalNot,
  logicalOr,
  mean,
  mul,
  neg,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  toFloat,
} from "../../engine/index.js";
import { split } from "../../numerics/random.js";
import {
  costOfMade,
  costOfReal,
  decodeCode,
  deviance,
  divergenceFromPrior,
  draw,
  encodeLaw,
  initializeParts,
} from "./common.js";
import type { AutoencoderModel } from "./model.js";
import { applyEncoder, initializeEncoder } from "./networks.js";

export const vaeGan: AutoencoderModel = {
  name: "vaegan",
  title: "VAE/GAN",
  source:
    "Larsen, Sonderby, Larochelle and Winther (2016), Autoencoding beyond pixels using a learned similarity metric",
  stochastic: true,
  hasLikelihood: false,
  options: {
    balance: { default: 0.5, min: 0, max: 1, says: "s, share of the adversarial term in the decoder's loss" },
    equilibrium: { default: 0.68, min: 0, says: "cost around which the two are kept" },
    featureWeight: { default: 30, min: 0, says: "w, weight of the squared error of features" },
    margin: { default: 0.4, min: 0, says: "how far from it either may be before one stands still" },
  },
  groups: { encoder: ["encoder"], decoder: ["decoder"], discriminator: ["discriminator"] },
  terms: ["KL divergence", "feature error", "discriminator cost", "reconstruction error"],
  initialize: (key, shape) => {
    const fixed = shape.variance === "learned" ? { ...shape, variance: 1 } : shape; // no pixel likelihood, no noise
    const { parameters, buffers } = initializeParts(key, fixed, { stochastic: true });
    const discriminator = initializeEncoder(split(key, "discriminator"), shape.network, shape.dataDimension, 1);
    return {
      parameters: { ...parameters, discriminator: discriminator.parameters },
      buffers: { ...buffers, discriminator: discriminator.buffers },
    };
  },
  noise: (shape, N) => ({ z: [N, shape.latentDimension], prior: [N, shape.latentDimension] }),
  losses: (given) => {
    const { shape, parameters, buffers, x, noise, training } = given;
    const { balance, featureWeight, equilibrium, margin } = shape.options;
    const N = (x as Tensor).shape[0];
    const { buffers: encoder, ...law } = encodeLaw(given, x);
    // reconstructions and decoded draws of the prior in one batch
    const { buffers: decoder, ...decoded } = decodeCode(given, concat([draw(law, noise.z), noise.prior], 0));
    const network = { parameters: parameters.discriminator, buffers: buffers.discriminator };
    const seen = applyEncoder(shape.network, network, concat([x, decoded.mean], 0), training);
    const part = (a: Tensor, i: number) => slice(a, [[i * N, (i + 1) * N], null]);
    const difference = sub(part(seen.hidden, 0), part(seen.hidden, 1));
    const feature = mul(0.5 * featureWeight, mean(sum(square(difference), -1)));
    const divergence = mean(divergenceFromPrior(law));
    const realCost = costOfReal(part(seen.output, 0));
    const madeCost = mul(0.5, add(costOfMade(part(seen.output, 1)), costOfMade(part(seen.output, 2))));
    const cost = add(realCost, madeCost);
    const error = mean(deviance(given, x, { linear: part(decoded.linear, 0), mean: part(decoded.mean, 0) }));
    return {
      losses: {
        encoder: add(divergence, feature),
        decoder: sub(mul(1 - balance, feature), mul(balance, cost)),
        discriminator: cost,
      },
      gates: equilibriumGates(realCost, madeCost, equilibrium, margin),
      terms: {
        "KL divergence": divergence,
        "feature error": feature,
        "discriminator cost": cost,
        "reconstruction error": error,
      },
      buffers: { ...buffers, encoder, decoder, discriminator: seen.buffers },
      score: neg(error),
    };
  },
};

/** Which of the two moves, 1 or 0, from the discriminator's costs on data and on what is made. Traceable. */
export function equilibriumGates(
  realCost: Tensor,
  madeCost: Tensor,
  equilibrium: number,
  margin: number,
): { decoder: Tensor; discriminator: Tensor } {
  const tooGood = logicalOr(less(realCost, equilibrium - margin), less(madeCost, equilibrium - margin));
  const tooBad = logicalOr(greater(realCost, equilibrium + margin), greater(madeCost, equilibrium + margin));
  const both = logicalAnd(tooGood, tooBad);
  return {
    decoder: toFloat(logicalOr(logicalNot(tooBad), both)),
    discriminator: toFloat(logicalOr(logicalNot(tooGood), both)),
  };
}
