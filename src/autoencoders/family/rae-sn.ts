/**
 * RAE-SN: the regularised autoencoder with spectral normalisation of every layer of its decoder (Ghosh et al., 2020;
 * Miyato et al., 2018), one power iteration a step. Once training has ended the directions are iterated to convergence,
 * so that the layers' largest singular values are 1.
 */
import { compile, type Tensor } from "../../engine/index.js";
import { spectralNormalization } from "../../networks/index.js";
import { initializeParts } from "./common.js";
import type { AutoencoderModel } from "./model.js";
import { weightsOf } from "./networks.js";
import { regularizedAutoencoder } from "./rae.js";

/** Power iterations at the end; with a gap of 1 % between the first two singular values they leave e^-10 of the rest. */
const LAST_ITERATIONS = 500;

export const spectralAutoencoder: AutoencoderModel = {
  ...regularizedAutoencoder,
  name: "rae-sn",
  title: "Regularised autoencoder, spectral normalisation",
  initialize: (key, shape) => initializeParts(key, shape, { stochastic: false, spectral: true }),
  finish: async ({ parameters, buffers, threads }) => {
    const rounds = 20;
    const step = compile(
      (weights: Tensor[], directions: Tensor[]) =>
        weights.map((weight, i) => spectralNormalization(weight, directions[i], rounds).direction),
      { threads },
    );
    let { directions } = buffers.decoder;
    for (let i = 0; i < LAST_ITERATIONS; i += rounds)
      directions = await step(weightsOf(parameters.decoder), directions);
    await step.dispose();
    return { ...buffers, decoder: { ...buffers.decoder, directions } };
  },
};
