/**
 * The variational autoencoder (Kingma and Welling, 2014; Rezende et al., 2014) with perceptrons: its shape, its
 * parameters, its encoder, decoder and evidence lower bound as traceable functions.
 *
 *   prior p(z) = N(0, I);  encoder q(z|x) = N(m(x), diag exp s(x));  likelihood p(x|z), one of
 *   "gaussian"   N(mu(z), sigma^2 I), sigma learned, one for all outputs (for a linear decoder: probabilistic PCA);
 *   "bernoulli"  prod_j f_j^x_j (1 - f_j)^(1 - x_j), f = sigmoid(logits(z)), for data in [0, 1].
 *
 *   ELBO(x) = E_q log p(x|z) - KL(q(z|x) || p(z)),   KL = 1/2 sum_i (exp s_i + m_i^2 - 1 - s_i).
 *
 * sigma is plain and global here on purpose: the uncertainty that a metric needs, which grows away from the codes, is
 * fitted afterwards (`uncertainty.ts`), as in Latent Space Oddity.
 *
 * Axes: N rows, D data dimensions, d latent dimensions.
 */
import {
  add,
  exp,
  mean as meanOf,
  mul,
  type NdArray,
  neg,
  type Operand,
  sigmoid,
  slice,
  softplus,
  square,
  sub,
  sum,
  type Tensor,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { type ActivationName, activationNamed, initializeMlp, type Mlp, mlp } from "../networks/index.js";
import { type RandomKey, split } from "../numerics/random.js";

export type Likelihood = "gaussian" | "bernoulli";

export const likelihoodNames: readonly Likelihood[] = ["gaussian", "bernoulli"];

/** The shape of a VAE: plain data, stored in its checkpoint. */
export interface VaeShape {
  /** D */
  readonly dataDimension: number;
  /** d */
  readonly latentDimension: number;
  /** Units of the encoder's hidden layers, data side first. */
  readonly encoderHidden: readonly number[];
  /** Units of the decoder's hidden layers, latent side first. */
  readonly decoderHidden: readonly number[];
  readonly activation: ActivationName;
  readonly likelihood: Likelihood;
}

/** The weights: host arrays outside a trace, tensors or constants inside. */
export interface VaeParameters<T = NdArray> {
  /** D -> 2 d: the means m, then the log variances s. */
  readonly encoder: Mlp<T>;
  /** d -> D: the means (gaussian) or the logits (bernoulli). */
  readonly decoder: Mlp<T>;
  /** Gaussian only: log sigma^2. [1] */
  readonly noise?: { readonly logVariance: T };
}

/** The constant of the Gaussian log density, log(2 pi) / 2. */
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** @throws UsageError for a shape that cannot be built. */
export function checkShape(shape: VaeShape): void {
  const whole = (name: string, value: number) => {
    if (!(Number.isInteger(value) && value >= 1))
      throw new UsageError(`${name}: ${value} is not a whole number from 1 on; give one, such as 2.`);
  };
  whole("dataDimension", shape.dataDimension);
  whole("latentDimension", shape.latentDimension);
  for (const units of shape.encoderHidden) whole("encoderHidden", units);
  for (const units of shape.decoderHidden) whole("decoderHidden", units);
  activationNamed(shape.activation);
  if (!likelihoodNames.includes(shape.likelihood))
    throw new UsageError(`likelihood: "${shape.likelihood}" is not known; use one of ${likelihoodNames.join(", ")}.`);
}

/** Random parameters, float32. The noise starts at sigma^2 = `initialVariance` (0.1 unless given). */
export function initializeVae(
  key: RandomKey,
  shape: VaeShape,
  options: { readonly initialVariance?: number; readonly decoderBias?: Float32Array } = {},
): VaeParameters {
  checkShape(shape);
  const { dataDimension: D, latentDimension: d, encoderHidden, decoderHidden, activation, likelihood } = shape;
  const encoder = initializeMlp(split(key, "encoder"), [D, ...encoderHidden, 2 * d], { activation });
  const decoder = initializeMlp(split(key, "decoder"), [d, ...decoderHidden, D], { activation });
  if (options.decoderBias) (decoder[decoder.length - 1].bias.data as Float32Array).set(options.decoderBias);
  if (likelihood === "bernoulli") return { encoder, decoder };
  const logVariance = Float32Array.of(Math.log(options.initialVariance ?? 0.1));
  return { encoder, decoder, noise: { logVariance: { data: logVariance, shape: [1], dtype: "float32" } } };
}

/** Mean and log variance of q(z|x): `[N, D] -> [N, d]` each. Traceable. */
export function encodeRows(
  shape: VaeShape,
  parameters: VaeParameters<Operand>,
  x: Operand,
): { mean: Tensor; logVariance: Tensor } {
  const d = shape.latentDimension;
  const both = mlp(parameters.encoder, x, shape.activation); // [N, 2 d]
  return { mean: slice(both, [null, [0, d]]), logVariance: slice(both, [null, [d, 2 * d]]) };
}

/** The decoder's linear output: means (gaussian) or logits (bernoulli). `[N, d] -> [N, D]`. Traceable. */
export function decodeLinear(shape: VaeShape, parameters: VaeParameters<Operand>, z: Operand): Tensor {
  return mlp(parameters.decoder, z, shape.activation);
}

/** The mean of p(x|z): `[N, d] -> [N, D]`. Traceable. */
export function decodeMean(shape: VaeShape, parameters: VaeParameters<Operand>, z: Operand): Tensor {
  const linear = decodeLinear(shape, parameters, z);
  return shape.likelihood === "bernoulli" ? sigmoid(linear) : linear;
}

/** The two terms of the ELBO, in nats: of each row [N], or averaged. */
export interface ElboTerms<T = Tensor> {
  /** log p(x|z), with one sample of z. */
  readonly reconstruction: T;
  /** KL(q(z|x) || p(z)). */
  readonly divergence: T;
}

/**
 * The terms of the ELBO for each row. Traceable.
 * @param x [N, D] @param noise standard normal, one sample a row. [N, d]
 * @returns `[N]` each
 */
export function elboRows(shape: VaeShape, parameters: VaeParameters<Operand>, x: Operand, noise: Operand): ElboTerms {
  const { mean, logVariance } = encodeRows(shape, parameters, x);
  const z = add(mean, mul(exp(mul(0.5, logVariance)), noise)); // [N, d]
  const linear = decodeLinear(shape, parameters, z); // [N, D]
  const kl = sub(add(exp(logVariance), square(mean)), add(logVariance, 1)); // [N, d]
  return { reconstruction: logLikelihood(shape, parameters, x, linear), divergence: mul(sum(kl, -1), 0.5) };
}

/** The terms of the ELBO, averaged over the rows of a batch: two scalars. Traceable. Arguments as `elboRows`. */
export function elboTerms(shape: VaeShape, parameters: VaeParameters<Operand>, x: Operand, noise: Operand): ElboTerms {
  const { reconstruction, divergence } = elboRows(shape, parameters, x, noise);
  return { reconstruction: meanOf(reconstruction), divergence: meanOf(divergence) };
}

/** log p(x|z) of each row. `linear` is the decoder's linear output. [N, D] -> [N] */
function logLikelihood(shape: VaeShape, parameters: VaeParameters<Operand>, x: Operand, linear: Tensor): Tensor {
  // log f^x (1 - f)^(1 - x) = x logit - softplus(logit)
  if (shape.likelihood === "bernoulli") return sum(sub(mul(x, linear), softplus(linear)), -1);
  const logVariance = parameters.noise!.logVariance; // [1], broadcast over the rows
  const quadratic = mul(mul(0.5, exp(neg(logVariance))), sum(square(sub(x, linear)), -1));
  return neg(add(quadratic, mul(linear.shape[1], add(HALF_LOG_TWO_PI, mul(0.5, logVariance)))));
}
