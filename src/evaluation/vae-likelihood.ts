/** The densities of a VAE of `trainVae`, whatever its likelihood, for the estimates of log p(x). */
import { familyFromVae, type LatentVariableModel, latentVariableModelOf } from "../autoencoders/family/index.js";
import { decodeParameters, encodeRows, hasFamily, likelihoodFamily, type Vae } from "../autoencoders/index.js";
import { add, mul, square, sum } from "../engine/index.js";

/** p(z) = N(0, I), p(x|z) of the VAE's family, q(z|x); in the data's own units. */
export function likelihoodModelOfVae(model: Vae): LatentVariableModel {
  const { shape, parameters } = model;
  if (!hasFamily(shape)) return latentVariableModelOf(familyFromVae(model));
  const family = likelihoodFamily(shape);
  return {
    dimension: shape.latentDimension,
    dataDimension: shape.dataDimension,
    logPrior: (z) => mul(-0.5, sum(add(square(z), Math.log(2 * Math.PI)), -1)),
    logLikelihood: (x, z) => family.logDensity(decodeParameters(shape, parameters, z), x),
    posterior: (x) => encodeRows(shape, parameters, x),
  };
}
