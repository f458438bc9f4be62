/**
 * Regularised autoencoders (Ghosh et al., 2020): squared errors + a |z|^2 / 2, deterministic, with a regulariser of the
 * decoder: none (RAE), a gradient penalty (`rae-gp.ts`), the norm of its weights (`rae-l2.ts`), or spectral
 * normalisation (`rae-sn.ts`). The codes' law is fitted afterwards, by a Gaussian mixture in the paper.
 */
import { add, mean, mul, square, sum, type Tensor } from "../../engine/index.js";
import { autoencoderParts, decodeCode, deviance, encodePoint, initializeParts } from "./common.js";
import type { AutoencoderModel, LossContext } from "./model.js";

/** Added to the loss: its weight is b, the option of the model. */
export type Regularizer = (given: LossContext, code: Tensor) => Tensor;

const codeWeight = { default: 1e-4, min: 0, says: "a, weight of |z|^2 / 2" };

export const regularizedAutoencoder: AutoencoderModel = {
  name: "rae",
  title: "Regularised autoencoder",
  source: "Ghosh, Sajjadi, Vergari, Black and Schoelkopf (2020), From variational to deterministic autoencoders",
  stochastic: false,
  hasLikelihood: false,
  options: { codeWeight },
  groups: { autoencoder: autoencoderParts },
  terms: ["reconstruction error", "code norm"],
  initialize: (key, shape) => initializeParts(key, shape, { stochastic: false }),
  noise: () => ({}),
  losses: (given) => regularizedLoss(given),
};

/** A regularised autoencoder with one more term, weighted by the option `decoderWeight`. */
export function withRegularizer(
  fields: Pick<AutoencoderModel, "name" | "title"> & { readonly term: string; readonly says: string },
  regularizer: Regularizer,
  noise: AutoencoderModel["noise"] = () => ({}),
): AutoencoderModel {
  const { term, says, ...names } = fields;
  return {
    ...regularizedAutoencoder,
    ...names,
    options: { codeWeight, decoderWeight: { default: 1e-7, min: 0, says } },
    terms: ["reconstruction error", "code norm", term],
    noise,
    losses: (given) => regularizedLoss(given, { term, regularizer }),
  };
}

function regularizedLoss(given: LossContext, extra?: { readonly term: string; readonly regularizer: Regularizer }) {
  const { codeWeight: a, decoderWeight: b } = given.shape.options;
  const { code, buffers: encoder } = encodePoint(given, given.x);
  const { buffers: decoder, ...decoded } = decodeCode(given, code);
  const error = mean(deviance(given, given.x, decoded));
  const norm = mean(mul(0.5, sum(square(code), -1)));
  const penalty = extra?.regularizer(given, code);
  const plain = add(error, mul(a, norm));
  return {
    losses: { autoencoder: penalty === undefined ? plain : add(plain, mul(b, penalty)) },
    terms: {
      "reconstruction error": error,
      "code norm": norm,
      ...(penalty !== undefined && { [extra!.term]: penalty }),
    },
    buffers: { ...given.buffers, encoder, decoder },
  };
}
