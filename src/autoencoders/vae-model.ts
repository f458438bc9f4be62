/**
 * The variational autoencoder (Kingma and Welling, 2014; Rezende et al., 2014) with perceptrons: its shape, its
 * parameters, its encoder, decoder and evidence lower bound as traceable functions.
 *
 *   prior p(z) = N(0, I);  encoder q(z|x) = N(m(x), diag exp s(x));  likelihood p(x|z), one of
 *   "gaussian"   N(mu(z), sigma^2 I), sigma learned, one for all outputs (for a linear decoder: probabilistic PCA);
 *   "bernoulli"  prod_j f_j^x_j (1 - f_j)^(1 - x_j), f = sigmoid(logits(z)), for data in [0, 1];
 *   any family of distributions ("normal" with its own deviations, "categorical", "poisson", ...), or a product of them
 *   over a schema of columns ("mixed"): the decoder gives all parameters, see `likelihood.ts`.
 *
 *   ELBO(x) = E_q log p(x|z) - KL(q(z|x) || p(z)),   KL = 1/2 sum_i (exp s_i + m_i^2 - 1 - s_i).
 *
 * sigma is plain and global here on purpose: the uncertainty that a metric needs, which grows away from the codes, is
 * fitted afterwards (`uncertainty.ts`), as in Latent Space Oddity.
 *
 * Axes: N rows, D data dimensions, d latent dimensions.
 */
import type { FamilyName, Parameters } from "../distributions/families/index.js";
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
import {
  familyLikelihoods,
  featureCount,
  features,
  likelihoodFamily,
  outputCount,
  parametersFrom,
  type Units,
} from "./likelihood.js";

/** "gaussian" and "bernoulli", or the name of a family, or "mixed". */
export type Likelihood = "gaussian" | "bernoulli" | FamilyName | "mixed";

const plainLikelihoods: readonly Likelihood[] = ["gaussian", "bernoulli"];

export const likelihoodNames = [...plainLikelihoods, ...familyLikelihoods] as readonly Likelihood[];

/** The shape of a VAE: plain data, stored in its checkpoint. */
export interface VaeShape extends PlainVaeShape<Likelihood> {
  /** Of a family, such as `{ classes: 4 }`. */
  readonly likelihoodOptions?: Readonly<Record<string, unknown>>;
  /** Of "mixed": columns of encoded data to families, as `applySchema` gives it. */
  readonly schema?: unknown;
  /** Of a family: shift and scale of each column, by which data and network units differ. */
  readonly units?: Units;
}

/** What the shapes of all models with an encoder and a decoder have. */
export interface PlainVaeShape<L extends string = "gaussian" | "bernoulli"> {
  /** D */
  readonly dataDimension: number;
  /** d */
  readonly latentDimension: number;
  /** Units of the encoder's hidden layers, data side first. */
  readonly encoderHidden: readonly number[];
  /** Units of the decoder's hidden layers, latent side first. */
  readonly decoderHidden: readonly number[];
  readonly activation: ActivationName;
  readonly likelihood: L;
}

/** The weights: host arrays outside a trace, tensors or constants inside. */
export interface VaeParameters<T = NdArray> {
  /** D (or E features) -> 2 d: the means m, then the log variances s. */
  readonly encoder: Mlp<T>;
  /** d -> D: the means (gaussian) or the logits (bernoulli); d -> P for a family: the network's outputs. */
  readonly decoder: Mlp<T>;
  /** Gaussian only: log sigma^2. [1] */
  readonly noise?: { readonly logVariance: T };
}

/** The constant of the Gaussian log density, log(2 pi) / 2. */
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** Whether the likelihood is a family's, whose parameters all come from the decoder. */
export function hasFamily(shape: Pick<VaeShape, "likelihood">): boolean {
  return !plainLikelihoods.includes(shape.likelihood);
}

/** @throws UsageError for a shape that cannot be built. */
export function checkVaeShape(shape: VaeShape): void {
  checkShape(shape, likelihoodNames);
  if (hasFamily(shape)) outputCount(shape, shape.dataDimension);
}

/** What all models with a VAE's shape check. @throws UsageError */
export function checkShape(shape: PlainVaeShape<string>, likelihoods: readonly string[] = plainLikelihoods): void {
  const whole = (name: string, value: number) => {
    if (!(Number.isInteger(value) && value >= 1))
      throw new UsageError(`${name}: ${value} is not a whole number from 1 on; give one, such as 2.`);
  };
  whole("dataDimension", shape.dataDimension);
  whole("latentDimension", shape.latentDimension);
  for (const units of shape.encoderHidden) whole("encoderHidden", units);
  for (const units of shape.decoderHidden) whole("decoderHidden", units);
  activationNamed(shape.activation);
  if (!likelihoods.includes(shape.likelihood))
    throw new UsageError(`likelihood: "${shape.likelihood}" is not known; use one of ${likelihoods.join(", ")}.`);
}

/** Random parameters, float32. The noise starts at sigma^2 = `initialVariance` (0.1 unless given). */
export function initializeVae(
  key: RandomKey,
  shape: VaeShape,
  options: { readonly initialVariance?: number; readonly decoderBias?: Float32Array } = {},
): VaeParameters {
  checkVaeShape(shape);
  const { dataDimension: D, latentDimension: d, encoderHidden, decoderHidden, activation, likelihood } = shape;
  const family = hasFamily(shape);
  const [inputs, outputs] = family ? [featureCount(shape, D), outputCount(shape, D)] : [D, D];
  const encoder = initializeMlp(split(key, "encoder"), [inputs, ...encoderHidden, 2 * d], { activation });
  const decoder = initializeMlp(split(key, "decoder"), [d, ...decoderHidden, outputs], { activation });
  if (options.decoderBias) (decoder[decoder.length - 1].bias.data as Float32Array).set(options.decoderBias);
  if (family || likelihood === "bernoulli") return { encoder, decoder };
  const logVariance = Float32Array.of(Math.log(options.initialVariance ?? 0.1));
  return { encoder, decoder, noise: { logVariance: { data: logVariance, shape: [1], dtype: "float32" } } };
}

/** What the encoder's network is given for rows: the rows, or a family's features of them. Traceable. */
export function encoderInputs(shape: VaeShape, x: Operand): Operand {
  return hasFamily(shape) ? features(shape, shape.dataDimension, shape.units, x) : x;
}

/** Mean and log variance of q(z|x): `[N, D] -> [N, d]` each. Traceable. */
export function encodeRows(
  shape: VaeShape,
  parameters: VaeParameters<Operand>,
  x: Operand,
): { mean: Tensor; logVariance: Tensor } {
  const d = shape.latentDimension;
  const both = mlp(parameters.encoder, encoderInputs(shape, x), shape.activation); // [N, 2 d]
  return { mean: slice(both, [null, [0, d]]), logVariance: slice(both, [null, [d, 2 * d]]) };
}

/** The decoder's linear output: means (gaussian), logits (bernoulli), or P outputs. `[N, d] -> [N, D]`. Traceable. */
export function decodeLinear(shape: VaeShape, parameters: VaeParameters<Operand>, z: Operand): Tensor {
  return mlp(parameters.decoder, z, shape.activation);
}

/** The parameters of p(x|z) for a family, in the data's own units. Traceable. */
export function decodeParameters(shape: VaeShape, parameters: VaeParameters<Operand>, z: Operand): Parameters {
  return parametersFrom(shape, shape.dataDimension, shape.units, decodeLinear(shape, parameters, z));
}

/** The mean of p(x|z): `[N, d] -> [N, D]`. Traceable. */
export function decodeMean(shape: VaeShape, parameters: VaeParameters<Operand>, z: Operand): Tensor {
  if (hasFamily(shape)) return likelihoodFamily(shape).mean(decodeParameters(shape, parameters, z));
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

/**
 * The terms of the ELBO, averaged over the rows of a batch: two scalars. Traceable. Arguments as `elboRows`.
 * @param weights how much each row counts, of mean 1 over the data; all alike where absent. [N]
 */
export function elboTerms(
  shape: VaeShape,
  parameters: VaeParameters<Operand>,
  x: Operand,
  noise: Operand,
  weights?: Operand,
): ElboTerms {
  const { reconstruction, divergence } = elboRows(shape, parameters, x, noise);
  const average = (term: Tensor) => meanOf(weights === undefined ? term : mul(term, weights));
  return { reconstruction: average(reconstruction), divergence: average(divergence) };
}

/** log p(x|z) of each row. `linear` is the decoder's linear output. [N, D] -> [N] */
function logLikelihood(shape: VaeShape, parameters: VaeParameters<Operand>, x: Operand, linear: Tensor): Tensor {
  if (hasFamily(shape))
    return likelihoodFamily(shape).logDensity(parametersFrom(shape, shape.dataDimension, shape.units, linear), x);
  // log f^x (1 - f)^(1 - x) = x logit - softplus(logit)
  if (shape.likelihood === "bernoulli") return sum(sub(mul(x, linear), softplus(linear)), -1);
  const logVariance = parameters.noise!.logVariance; // [1], broadcast over the rows
  const quadratic = mul(mul(0.5, exp(neg(logVariance))), sum(square(sub(x, linear)), -1));
  return neg(add(quadratic, mul(linear.shape[1], add(HALF_LOG_TWO_PI, mul(0.5, logVariance)))));
}
