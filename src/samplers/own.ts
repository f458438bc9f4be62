/** The samplers that a trained model brings itself, for `SamplerSource.own`. */
import type { TrainedAutoencoder } from "../autoencoders/family/index.js";
import type { Pvae } from "../autoencoders/pvae/index.js";
import type { NdArray } from "../engine/index.js";
import { ballMixtureSampler, pvaePriorSampler } from "./ball.js";
import type { ChainOptions } from "./chains.js";
import type { MixtureSamplerOptions } from "./latent-laws.js";
import { rhvaeSampler } from "./rhvae.js";
import type { Sampler } from "./sampler.js";
import { vampSampler } from "./vamp.js";

/** "vamp" or "rhvae" for a model of that kind; nothing for the others of the family. */
export async function familySamplers(model: TrainedAutoencoder, options: ChainOptions = {}): Promise<Sampler[]> {
  if (model.name === "vamp") return [await vampSampler(model, options)];
  if (model.name === "rhvae") return [rhvaeSampler(model, options)];
  return [];
}

/** "prior" and, on the ball, "gaussian-mixture" of a Poincare VAE. @param codes points of the ball, [N, d] */
export function pvaeSamplers({ shape }: Pvae, codes: NdArray, options: MixtureSamplerOptions = {}): Sampler[] {
  const prior = pvaePriorSampler(shape);
  return shape.curvature === 0 ? [prior] : [prior, ballMixtureSampler(shape, codes, options)];
}
