/** What the models of the family share: coding, decoding, densities. Axes: N rows, D data, d latent dimensions. */
import {
  add,
  exp,
  mean as meanOf,
  mul,
  neg,
  type Operand,
  sigmoid,
  slice,
  softplus,
  square,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.js";
import { type RandomKey, split } from "../../numerics/random.js";
import type { FamilyShape, LossContext, Parts } from "./model.js";
import {
  applyDecoder,
  applyDecoderWithPullback,
  applyEncoder,
  initializeDecoder,
  initializeEncoder,
} from "./networks.js";

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** Encoder and decoder, and the noise where its variance is learned (it starts at 1, the variance of the data). */
export function initializeParts(
  key: RandomKey,
  shape: FamilyShape,
  options: { readonly stochastic: boolean; readonly spectral?: boolean },
): { parameters: Parts; buffers: Parts } {
  const { dataDimension: D, latentDimension: d, network } = shape;
  const encoder = initializeEncoder(split(key, "encoder"), network, D, options.stochastic ? 2 * d : d);
  const decoder = initializeDecoder(split(key, "decoder"), network, d, D, options);
  const learned = shape.likelihood === "gaussian" && shape.variance === "learned";
  return {
    parameters: {
      encoder: encoder.parameters,
      decoder: decoder.parameters,
      ...(learned && { noise: { logVariance: { data: new Float32Array(1), shape: [1], dtype: "float32" } } }),
    },
    buffers: { encoder: encoder.buffers, decoder: decoder.buffers },
  };
}

/** The parts that a plain model trains. */
export const autoencoderParts = ["encoder", "decoder", "noise"] as const;

type Given = Pick<LossContext, "shape" | "parameters" | "buffers" | "training">;

/** A deterministic encoder's codes: `[N, D] -> [N, d]`. */
export function encodePoint(given: Given, x: Operand): { code: Tensor; buffers: any } {
  const { shape, parameters, buffers, training } = given;
  const network = { parameters: parameters.encoder, buffers: buffers.encoder };
  const { output, buffers: after } = applyEncoder(shape.network, network, x, training);
  return { code: output, buffers: after };
}

export interface DiagonalNormal {
  /** [N, d] */
  readonly mean: Tensor;
  /** [N, d] */
  readonly logVariance: Tensor;
}

/** A stochastic encoder's law N(m(x), diag exp s(x)). */
export function encodeLaw(given: Given, x: Operand): DiagonalNormal & { buffers: any } {
  const d = given.shape.latentDimension;
  const { code, buffers } = encodePoint(given, x);
  return { mean: slice(code, [null, [0, d]]), logVariance: slice(code, [null, [d, 2 * d]]), buffers };
}

/** m + exp(s / 2) noise. */
export function draw(law: DiagonalNormal, noise: Operand): Tensor {
  return add(law.mean, mul(exp(mul(0.5, law.logVariance)), noise));
}

/** The decoder's linear output and its mean, in standardised units. `[N, d] -> [N, D]` */
export function decodeCode(given: Given, z: Operand): { linear: Tensor; mean: Tensor; buffers: any } {
  const { shape, parameters, buffers, training } = given;
  const network = { parameters: parameters.decoder, buffers: buffers.decoder };
  const { output, buffers: after } = applyDecoder(shape.network, network, z, training);
  const bounded = shape.likelihood === "bernoulli" || shape.bounded;
  return { linear: output, mean: bounded ? sigmoid(output) : output, buffers: after };
}

/** The decoder's mean with J^T c for cotangents c of the mean, `[N, D] -> [N, d]` (see `applyDecoderWithPullback`). */
export function decodeWithPullback(given: Given, z: Tensor): { mean: Tensor; pullback(cotangent: Operand): Tensor } {
  const { shape, parameters, buffers, training } = given;
  const network = { parameters: parameters.decoder, buffers: buffers.decoder };
  const { output, pullback } = applyDecoderWithPullback(shape.network, network, z, training);
  if (shape.likelihood !== "bernoulli" && !shape.bounded) return { mean: output, pullback };
  const mean = sigmoid(output);
  return { mean, pullback: (cotangent) => pullback(mul(cotangent, mul(mean, sub(1, mean)))) };
}

/** Gradient of -log p(x, z) = -log p(x|z) - log N(z; 0, I) in z, which keeps its speed when differentiated again. [N, d] */
export function potentialSlope(given: Given, x: Operand): (z: Tensor) => Tensor {
  const { shape, parameters } = given;
  return (z) => {
    const { parameters: own, buffers, training } = given;
    const network = { parameters: own.decoder, buffers: buffers.decoder };
    const { output, pullback } = applyDecoderWithPullback(shape.network, network, z, training);
    if (shape.likelihood === "bernoulli") return add(pullback(sub(sigmoid(output), x)), z);
    const mean = shape.bounded ? sigmoid(output) : output;
    const logVariance: Operand = shape.variance === "learned" ? parameters.noise.logVariance : Math.log(shape.variance);
    const error = mul(precision(logVariance), sub(mean, x));
    return add(pullback(shape.bounded ? mul(error, mul(mean, sub(1, mean))) : error), z);
  };
}

/**
 * log p(x|z), normalised, of each row: `[..., D] -> [...]`.
 * @param decoded of the shape of `x`, up to broadcasting
 */
export function logLikelihood(
  { shape, parameters }: Pick<LossContext, "shape" | "parameters">,
  x: Operand,
  decoded: { readonly linear: Tensor; readonly mean: Tensor },
): Tensor {
  if (shape.likelihood === "bernoulli") return sum(sub(mul(x, decoded.linear), softplus(decoded.linear)), -1);
  const logVariance: Operand = shape.variance === "learned" ? parameters.noise.logVariance : Math.log(shape.variance);
  const quadratic = mul(mul(0.5, precision(logVariance)), sum(square(sub(x, decoded.mean)), -1));
  return neg(add(quadratic, mul(shape.dataDimension, add(HALF_LOG_TWO_PI, mul(0.5, logVariance)))));
}

function precision(logVariance: Operand): Operand {
  return typeof logVariance === "number" ? Math.exp(-logVariance) : exp(neg(logVariance));
}

/** What a model without a likelihood descends: squared errors, or the cross entropy, of each row. `[N, D] -> [N]` */
export function deviance(
  { shape, parameters }: Pick<LossContext, "shape" | "parameters">,
  x: Operand,
  decoded: { readonly linear: Tensor; readonly mean: Tensor },
): Tensor {
  if (shape.likelihood === "bernoulli") return neg(logLikelihood({ shape, parameters }, x, decoded));
  return sum(square(sub(x, decoded.mean)), -1);
}

/** log N(z; 0, I) over the last axis. */
export function logStandardNormal(z: Tensor): Tensor {
  const d = z.shape[z.shape.length - 1];
  return sub(mul(-0.5, sum(square(z), -1)), d * HALF_LOG_TWO_PI);
}

/** log N(z; mean, diag exp logVariance) over the last axis. */
export function logNormal(z: Tensor, law: { readonly mean: Tensor; readonly logVariance: Tensor }): Tensor {
  const scaled = mul(square(sub(z, law.mean)), exp(neg(law.logVariance)));
  const d = z.shape[z.shape.length - 1];
  return sub(mul(-0.5, sum(add(scaled, law.logVariance), -1)), d * HALF_LOG_TWO_PI);
}

/** KL(N(m, diag exp s) || N(0, I)) of each row, 1/2 sum (exp s + m^2 - 1 - s). [N] */
export function divergenceFromPrior({ mean, logVariance }: DiagonalNormal): Tensor {
  return mul(0.5, sum(sub(add(exp(logVariance), square(mean)), add(logVariance, 1)), -1));
}

/** -log sigmoid(logit) averaged: the cross entropy of "real". */
export function costOfReal(logits: Tensor): Tensor {
  return meanOf(softplus(neg(logits)));
}

/** -log(1 - sigmoid(logit)) averaged: the cross entropy of "made". */
export function costOfMade(logits: Tensor): Tensor {
  return meanOf(softplus(logits));
}
