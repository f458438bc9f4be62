/**
 * The Wasserstein autoencoder with maximum mean discrepancy (Tolstikhin et al., 2018): a deterministic encoder, squared
 * errors, and weight MMD^2(codes, N(0, I)), the unbiased estimate with as many draws of the prior as codes, with the
 * inverse multiquadric kernels of the paper,
 *
 *   k(a, b) = sum_s C_s / (C_s + |a - b|^2),   C_s = 2 s d h^2,   s in {0.1, 0.2, 0.5, 1, 2, 5, 10}.
 */
import {
  add,
  div,
  matmul,
  mean,
  mul,
  type Operand,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
} from "../../engine/index.js";
import { autoencoderParts, decodeCode, deviance, encodePoint, initializeParts } from "./common.js";
import type { AutoencoderModel } from "./model.js";

const scales = [0.1, 0.2, 0.5, 1, 2, 5, 10];

export const wassersteinAutoencoder: AutoencoderModel = {
  name: "wae-mmd",
  title: "Wasserstein autoencoder (MMD)",
  source: "Tolstikhin, Bousquet, Gelly and Schoelkopf (2018), Wasserstein auto-encoders",
  stochastic: false,
  hasLikelihood: false,
  options: {
    weight: { default: 0.03, min: 0, says: "weight of the discrepancy beside the sum of squared errors" },
    bandwidth: { default: 1, min: 1e-6, says: "h, scale of the kernels" },
  },
  groups: { autoencoder: autoencoderParts },
  terms: ["reconstruction error", "discrepancy"],
  initialize: (key, shape) => initializeParts(key, shape, { stochastic: false }),
  noise: (shape, N) => ({ prior: [N, shape.latentDimension] }),
  losses: (given) => {
    const { options } = given.shape;
    const { code, buffers: encoder } = encodePoint(given, given.x);
    const { buffers: decoder, ...decoded } = decodeCode(given, code);
    const error = mean(deviance(given, given.x, decoded));
    const discrepancy = squaredMeanDiscrepancy(code, given.noise.prior as Tensor, options.bandwidth);
    return {
      losses: { autoencoder: add(error, mul(options.weight, discrepancy)) },
      terms: { "reconstruction error": error, discrepancy },
      buffers: { ...given.buffers, encoder, decoder },
    };
  },
};

/**
 * The unbiased estimate of MMD^2 (Gretton et al., 2012, eq. 3) with the kernel above: 0 on average for draws of equal
 * laws (so it can be negative), positive on average otherwise. `[N, d], [M, d] -> []`, N, M >= 2. Traceable.
 */
export function squaredMeanDiscrepancy(a: Tensor, b: Tensor, bandwidth = 1): Tensor {
  const [n, m] = [a.shape[0], b.shape[0]];
  const d = a.shape[1];
  const total = (x: Tensor, y: Tensor) => {
    const squares = squaredDistances(x, y);
    return scales
      .map((s) => 2 * s * d * bandwidth * bandwidth)
      .map((c) => sum(div(c, add(c, squares))))
      .reduce((all, one) => add(all, one));
  };
  // k(x, x) = number of scales: the diagonals, taken out
  const within = (x: Tensor, count: number) => div(sub(total(x, x), scales.length * count), count * (count - 1));
  return sub(add(within(a, n), within(b, m)), mul(2 / (n * m), total(a, b)));
}

function squaredDistances(a: Tensor, b: Tensor): Tensor {
  const rows = (x: Operand) => sum(square(x), -1, { keepDimensions: true });
  return add(sub(rows(a), mul(2, matmul(a, transpose(b)))), transpose(rows(b)));
}
