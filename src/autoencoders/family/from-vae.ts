/**
 * A VAE of `trainVae` as a member of the family: the same weights under the family's names, so that likelihoods and
 * samplers are written once. Its weights act on the data's own units already.
 */
import { ndarray } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import type { Vae } from "../vae.js";
import type { TrainedAutoencoder } from "./trained.js";

/** @throws UsageError for likelihoods other than "gaussian" and "bernoulli", which the family does not have. */
export function familyFromVae(model: Vae): TrainedAutoencoder {
  const { dataDimension, latentDimension, encoderHidden, decoderHidden, activation, likelihood } = model.shape;
  const { encoder, decoder, noise } = model.parameters;
  if (likelihood !== "gaussian" && likelihood !== "bernoulli")
    throw new UsageError(
      `likelihood: this VAE's likelihood is of another kind than "gaussian" or "bernoulli"; train it with one of these.`,
    );
  return {
    name: "vae",
    shape: {
      dataDimension,
      latentDimension,
      network: { kind: "mlp", encoderHidden, decoderHidden, activation },
      likelihood,
      variance: "learned",
      bounded: false,
      options: {},
    },
    parameters: { encoder: { dense: encoder }, decoder: { dense: decoder }, ...(noise && { noise }) },
    buffers: { encoder: {}, decoder: {} },
    units: { shift: ndarray(new Float32Array(dataDimension)), scale: 1 },
  };
}
