/**
 * The VAE with a VampPrior (Tomczak and Welling, 2018): the prior is a mixture of posteriors of K learned pseudo-inputs,
 *
 *   p(z) = (1/K) sum_k q(z | u_k),      loss = -log p(x|z) + log q(z|x) - log p(z),   z ~ q(. | x).
 *
 * The pseudo-inputs are free parameters that start at rows of the training data, as the paper proposes, and are kept in
 * [0, 1] where the data are. Pseudo-inputs and data go through the encoder in one batch, so that both see the same
 * statistics of batch normalisation.
 */
import {
  clip,
  concat,
  expandDims,
  logSumExp,
  mean,
  neg,
  type Operand,
  slice,
  sub,
  type Tensor,
} from "../../engine/index.js";
import {
  autoencoderParts,
  type DiagonalNormal,
  decodeCode,
  draw,
  encodeLaw,
  initializeParts,
  logLikelihood,
  logNormal,
} from "./common.js";
import type { AutoencoderModel, FamilyShape } from "./model.js";

export const vampAutoencoder: AutoencoderModel = {
  name: "vamp",
  title: "VAE with VampPrior",
  source: "Tomczak and Welling (2018), VAE with a VampPrior",
  stochastic: true,
  hasLikelihood: true,
  options: { components: { default: 50, min: 1, max: "rows", says: "K, pseudo-inputs" } },
  groups: { autoencoder: [...autoencoderParts, "pseudoInputs"] },
  terms: ["reconstruction", "KL divergence"],
  initialize: (key, shape, rows) => {
    const { parameters, buffers } = initializeParts(key, shape, { stochastic: true });
    const { dataDimension: D, options } = shape;
    const data = new Float32Array(options.components * D);
    for (let k = 0; k < options.components; k++)
      for (let j = 0; j < D; j++) {
        const value = rows.data[k * D + j];
        // inside the range, where the derivative of clip is 1
        data[k * D + j] = inUnitRange(shape) ? Math.min(0.99, Math.max(0.01, value)) : value;
      }
    const pseudoInputs = { data, shape: [options.components, D], dtype: "float32" };
    return { parameters: { ...parameters, pseudoInputs }, buffers };
  },
  noise: (shape, N) => ({ z: [N, shape.latentDimension] }),
  losses: (given) => {
    const { shape, parameters, x, noise } = given;
    const N = (x as Tensor).shape[0];
    const both = encodeLaw(given, concat([x, keptInRange(shape, parameters.pseudoInputs)], 0));
    const rows = (a: Tensor, from: number, to: number) => slice(a, [[from, to], null]);
    const end = both.mean.shape[0];
    const law = { mean: rows(both.mean, 0, N), logVariance: rows(both.logVariance, 0, N) };
    const prior = { mean: rows(both.mean, N, end), logVariance: rows(both.logVariance, N, end) };
    const z = draw(law, noise.z);
    const { buffers: decoder, ...decoded } = decodeCode(given, z);
    const reconstruction = neg(mean(logLikelihood(given, x, decoded)));
    const divergence = mean(sub(logNormal(z, law), logMixture(z, prior)));
    return {
      losses: { autoencoder: sub(reconstruction, neg(divergence)) },
      terms: { reconstruction, "KL divergence": divergence },
      buffers: { ...given.buffers, encoder: both.buffers, decoder },
    };
  },
};

/** The components q(z|u_k): means and log variances, [K, d]. Traceable. */
export function pseudoPosteriors(given: Parameters<typeof encodeLaw>[0]): DiagonalNormal {
  const { mean: centre, logVariance } = encodeLaw(given, keptInRange(given.shape, given.parameters.pseudoInputs));
  return { mean: centre, logVariance };
}

/** log (1/K) sum_k N(z; m_k, diag exp s_k): z [N, d], components [K, d] -> [N]. Traceable. */
export function logMixture(z: Tensor, components: DiagonalNormal): Tensor {
  const each = logNormal(expandDims(z, 1), {
    mean: expandDims(components.mean, 0),
    logVariance: expandDims(components.logVariance, 0),
  }); // [N, K]
  return sub(logSumExp(each, -1), Math.log(components.mean.shape[0]));
}

function inUnitRange(shape: FamilyShape): boolean {
  return shape.likelihood === "bernoulli" || shape.bounded;
}

function keptInRange(shape: FamilyShape, pseudoInputs: Operand): Operand {
  return inUnitRange(shape) ? clip(pseudoInputs, 0, 1) : pseudoInputs;
}
