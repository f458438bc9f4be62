/**
 * The importance weighted autoencoder (Burda, Grosse and Salakhutdinov, 2016):
 *
 *   -log (1/K) sum_k w_k,   w_k = p(x, z_k) / q(z_k | x),   z_k ~ q(. | x).
 *
 * What is descended is minus the bound itself (a log mean exp), whose gradient is that of the paper; sum w~ log w, which
 * some codes report, has the same gradient and is not the bound.
 */
import { add, broadcastTo, expandDims, logSumExp, mean, neg, reshape, sub } from "../../engine/index.js";
import { decodeCode, draw, encodeLaw, logLikelihood, logNormal, logStandardNormal } from "./common.js";
import type { AutoencoderModel, LossContext } from "./model.js";
import { variationalAutoencoder } from "./vae.js";

export const importanceWeightedAutoencoder: AutoencoderModel = {
  ...variationalAutoencoder,
  name: "iwae",
  title: "Importance weighted autoencoder",
  source: "Burda, Grosse and Salakhutdinov (2016), Importance weighted autoencoders",
  options: { samples: { default: 10, min: 1, says: "K, draws of z for each row" } },
  terms: ["negative bound"],
  noise: (shape, N) => ({ z: [N * shape.options.samples, shape.latentDimension] }),
  losses: (given) => {
    const { logWeights, buffers } = importanceWeights(given);
    const bound = mean(sub(logSumExp(logWeights, -1), Math.log(given.shape.options.samples)));
    return { losses: { autoencoder: neg(bound) }, terms: { "negative bound": neg(bound) }, buffers };
  },
};

/** log w_k of each row and draw, [N, K]. */
function importanceWeights(given: LossContext) {
  const { shape, x, noise } = given;
  const { dataDimension: D, latentDimension: d } = shape;
  const K = shape.options.samples;
  const { buffers: encoder, ...one } = encodeLaw(given, x);
  const N = one.mean.shape[0];
  const repeated = (a: any) => reshape(broadcastTo(expandDims(a, 1), [N, K, d]), [N * K, d]);
  const law = { mean: repeated(one.mean), logVariance: repeated(one.logVariance) };
  const z = draw(law, noise.z);
  const { buffers: decoder, linear, mean: decodedMean } = decodeCode(given, z);
  const decoded = { linear: reshape(linear, [N, K, D]), mean: reshape(decodedMean, [N, K, D]) };
  const rest = reshape(sub(logStandardNormal(z), logNormal(z, law)), [N, K]);
  return {
    logWeights: add(logLikelihood(given, expandDims(x, 1), decoded), rest),
    buffers: { ...given.buffers, encoder, decoder },
  };
}
