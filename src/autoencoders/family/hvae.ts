/**
 * The Hamiltonian VAE (Caterini, Doucet and Sejdinovic, 2018): the draw z_0 of the encoder is carried by K leapfrog
 * steps on U(z) = -log p(x, z), with a momentum r_0 = g / sqrt(beta_0), g ~ N(0, I), that is cooled on the way. The map
 * contracts the volume by beta_0^{d/2} in all, so that the bound is
 *
 *   log p(x, z_K) + log N(r_K; 0, I) - log q(z_0|x) - log N(g; 0, I),
 *
 * which for small steps is the ELBO with one draw.
 */
import { add, mean, mul, neg, sub, type Tensor } from "../../engine/index.js";
import { decodeCode, draw, encodeLaw, logLikelihood, logNormal, logStandardNormal, potentialSlope } from "./common.js";
import { leapfrog, type PhasePoint, remembering, temperingFactors } from "./hamiltonian.js";
import type { AutoencoderModel } from "./model.js";
import { variationalAutoencoder } from "./vae.js";

export const hamiltonianAutoencoder: AutoencoderModel = {
  ...variationalAutoencoder,
  name: "hvae",
  title: "Hamiltonian VAE",
  source: "Caterini, Doucet and Sejdinovic (2018), Hamiltonian variational auto-encoder",
  options: {
    steps: { default: 3, min: 1, says: "K, leapfrog steps" },
    stepSize: { default: 1e-3, min: 1e-12, says: "size of a leapfrog step" },
    inverseTemperature: { default: 0.3, min: 1e-6, max: 1, says: "beta_0, where the tempering starts (1: none)" },
  },
  remedy: "a smaller stepSize (--option stepSize)",
  terms: ["negative bound"],
  noise: (shape, N) => ({ z: [N, shape.latentDimension], momentum: [N, shape.latentDimension] }),
  losses: (given) => {
    const { shape, x, noise } = given;
    const { steps, stepSize, inverseTemperature } = shape.options;
    const { buffers: encoder, ...law } = encodeLaw(given, x);
    const start = draw(law, noise.z);
    const logJoint = (z: Tensor) => add(logLikelihood(given, x, decodeCode(given, z)), logStandardNormal(z));
    let point: PhasePoint = { z: start, momentum: mul(noise.momentum, 1 / Math.sqrt(inverseTemperature)) };
    const slope = remembering(potentialSlope(given, x));
    for (const factor of temperingFactors(steps, inverseTemperature)) {
      const next = leapfrog(slope, point, stepSize);
      point = { z: next.z, momentum: mul(factor, next.momentum) };
    }
    const end = add(logJoint(point.z), logStandardNormal(point.momentum));
    const begin = add(logNormal(start, law), logStandardNormal(noise.momentum as Tensor));
    const bounds = sub(end, begin);
    const bound = mean(bounds);
    const { buffers: decoder } = decodeCode(given, point.z);
    return {
      losses: { autoencoder: neg(bound) },
      terms: { "negative bound": neg(bound) },
      bounds,
      buffers: { ...given.buffers, encoder, decoder },
    };
  },
};
