/**
 * The Poincare VAE (Mathieu, Le Lan, Maddison, Tomioka and Teh, "Continuous hierarchical representations with Poincare
 * variational auto-encoders", NeurIPS 2019): a VAE whose latent space is the Poincare ball of curvature -c.
 *
 *   q(z|x)  wrapped normal (diagonal) or Riemannian normal (isotropic) around exp_0(m(x)), or a Mobius layer's output;
 *   p(z)    wrapped or Riemannian normal at the origin with a fixed standard deviation, the prior scale;
 *   p(x|z)  N(f(z), I), or Bernoulli with logits f(z); f a perceptron on log_0(z) ("wrapped"), one whose first layer is
 *           a gyroplane layer, or one whose first layer is a Mobius layer followed by log_0.
 *
 *   ELBO(x) = E_q[log p(x|z) + log p(z) - log q(z|x)], by samples: log q and log p have no closed divergence here.
 *
 * With c = 0 all of it is the Euclidean VAE with the same layers, and the limit of c -> 0: flat coordinates are those of
 * an orthonormal frame at the origin (`networks/hyperbolic.ts`), where the authors' code uses ball coordinates, half as
 * long. Latent points are stored in ball coordinates.
 *
 * Axes: S samples, N rows, D data dimensions, d latent dimensions.
 */

import { riemannianNormal, wrappedNormal } from "../../distributions/index.js";
import {
  add,
  broadcastTo,
  log,
  logSumExp,
  mean as meanOf,
  mul,
  type NdArray,
  neg,
  type Operand,
  reshape,
  sigmoid,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { euclidean, logSinhRatio, type Manifold, poincareBall, traced } from "../../manifolds/index.js";
import {
  type ActivationName,
  activationNamed,
  type Dense,
  dense,
  expAtOrigin,
  type Gyroplane,
  type GyroplaneForm,
  gyroplane,
  initializeDense,
  initializeGyroplane,
  initializerFor,
  logAtOrigin,
  mobiusFromFlat,
} from "../../networks/index.js";
import { fillNormal, foldIn, type RandomKey, split, stream } from "../../numerics/random.js";
import { checkShape, type ElboTerms } from "../vae-model.js";
import { squaredDistanceFromOrigin } from "./radius.js";

export const pvaeLaws = ["wrapped", "riemannian"] as const;
export const pvaeDecoders = ["wrapped", "gyroplane", "mobius"] as const;
export const pvaeEncoders = ["wrapped", "mobius"] as const;

/** The shape of a Poincare VAE: plain data, stored in its checkpoint. */
export interface PvaeShape {
  /** D */
  readonly dataDimension: number;
  /** d */
  readonly latentDimension: number;
  /** Units of the encoder's hidden layers, data side first. */
  readonly encoderHidden: readonly number[];
  /** Units of the decoder's hidden layers, latent side first. */
  readonly decoderHidden: readonly number[];
  readonly activation: ActivationName;
  readonly likelihood: "gaussian" | "bernoulli";
  /** c: the latent space has sectional curvature -c; 0 for the Euclidean VAE. */
  readonly curvature: number;
  readonly posterior: (typeof pvaeLaws)[number];
  readonly prior: (typeof pvaeLaws)[number];
  /** sigma_0, the prior's standard deviation. */
  readonly priorScale: number;
  readonly decoder: (typeof pvaeDecoders)[number];
  readonly encoder: (typeof pvaeEncoders)[number];
  readonly gyroplaneForm: GyroplaneForm;
}

/** The weights: host arrays outside a trace, tensors or constants inside. */
export interface PvaeParameters<T = NdArray> {
  readonly encoder: {
    readonly hidden: readonly Dense<T>[];
    /** The posterior's mean, d outputs. */
    readonly mean: Dense<T>;
    /** What softplus turns into the standard deviation: d outputs, or one for a Riemannian posterior. */
    readonly scale: Dense<T>;
  };
  readonly decoder: { readonly first: Dense<T> | Gyroplane<T>; readonly rest: readonly Dense<T>[] };
}

/** What the draws of z are made of: standard normals, and for a Riemannian posterior on the ball uniforms in [0, 1). */
export interface PvaeNoise<T = NdArray> {
  /** [S, N, d] */
  readonly normal: T;
  /** [S, N, 1] */
  readonly uniform?: T;
}

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);
/** The least standard deviation of a posterior, as in the authors' code. */
const LEAST_STD = 1e-5;

/** @throws UsageError for a shape that cannot be built. */
export function checkPvaeShape(shape: PvaeShape): void {
  checkShape(shape);
  const { curvature, priorScale } = shape;
  if (!(Number.isFinite(curvature) && curvature >= 0))
    throw new UsageError(
      `curvature: ${curvature} is not c > 0 for a space of curvature -c; give a positive number, or 0 for the Euclidean VAE.`,
    );
  if (!(Number.isFinite(priorScale) && priorScale > 0))
    throw new UsageError(`prior scale: ${priorScale} is no standard deviation; give a finite number above zero.`);
  const one = (name: string, value: string, of: readonly string[]) => {
    if (!of.includes(value)) throw new UsageError(`${name}: "${value}" is not known; use one of ${of.join(", ")}.`);
  };
  one("posterior", shape.posterior, pvaeLaws);
  one("prior", shape.prior, pvaeLaws);
  one("decoder", shape.decoder, pvaeDecoders);
  one("encoder", shape.encoder, pvaeEncoders);
  one("gyroplane form", shape.gyroplaneForm, ["paper", "pvae"]);
}

/** The latent space: the ball, or Euclidean space for c = 0. */
export function latentSpaceOf(shape: Pick<PvaeShape, "curvature" | "latentDimension">): Manifold {
  const { curvature, latentDimension: dimension } = shape;
  return curvature === 0 ? euclidean(dimension) : poincareBall({ dimension, curvature });
}

/** Random parameters, float32. `outputBias` starts the decoder's last bias (log-odds of pixels, say). [D] */
export function initializePvae(
  key: RandomKey,
  shape: PvaeShape,
  options: { readonly outputBias?: Float32Array } = {},
): PvaeParameters {
  checkPvaeShape(shape);
  const { dataDimension: D, latentDimension: d, activation, posterior } = shape;
  const inner = initializerFor(activation);
  const [encoderKey, decoderKey] = [split(key, "encoder"), split(key, "decoder")];
  const chain = (from: RandomKey, sizes: readonly number[], last: "glorot" | typeof inner) =>
    sizes
      .slice(1)
      .map((units, i) => initializeDense(foldIn(from, i), sizes[i], units, i === sizes.length - 2 ? last : inner));
  const encoderSizes = [D, ...shape.encoderHidden];
  const top = encoderSizes[encoderSizes.length - 1];
  const decoderSizes = [d, ...shape.decoderHidden, D];
  const firstInitializer = decoderSizes.length > 2 ? inner : "glorot";
  const first =
    shape.decoder === "gyroplane"
      ? initializeGyroplane(split(decoderKey, "first"), d, decoderSizes[1], shape.gyroplaneForm, firstInitializer)
      : initializeDense(split(decoderKey, "first"), d, decoderSizes[1], firstInitializer);
  const rest = chain(decoderKey, decoderSizes.slice(1), "glorot");
  const last = rest.at(-1) ?? ("bias" in first ? first : undefined);
  if (options.outputBias && last) (last.bias.data as Float32Array).set(options.outputBias);
  return {
    encoder: {
      hidden: chain(encoderKey, encoderSizes, inner),
      mean: initializeDense(split(encoderKey, "mean"), top, d),
      scale: initializeDense(split(encoderKey, "scale"), top, posterior === "riemannian" ? 1 : d),
    },
    decoder: { first, rest },
  };
}

/** Mean (a point of the ball) and standard deviation of q(z|x): `[N, D] -> [N, d]` and `[N, d]` or `[N, 1]`. Traceable. */
export function encodePvae(
  shape: PvaeShape,
  parameters: PvaeParameters<Operand>,
  x: Operand,
): { mean: Tensor; std: Tensor } {
  const activate = activationNamed(shape.activation);
  const { hidden, mean, scale } = parameters.encoder;
  let h: Operand = x;
  for (const layer of hidden) h = activate(dense(layer, h));
  const c = shape.curvature;
  return {
    mean: shape.encoder === "mobius" ? mobiusFromFlat(mean, h, c) : expAtOrigin(dense(mean, h), c),
    std: add(softplus(dense(scale, h)), LEAST_STD),
  };
}

/** The decoder's linear output, means (gaussian) or logits (bernoulli), of points of the ball: `[N, d] -> [N, D]`. */
export function decodePvaeLinear(shape: PvaeShape, parameters: PvaeParameters<Operand>, z: Tensor): Tensor {
  const activate = activationNamed(shape.activation);
  const { first, rest } = parameters.decoder;
  const c = shape.curvature;
  let h: Tensor;
  if (shape.decoder === "gyroplane") h = gyroplane(first as Gyroplane<Operand>, z, c, shape.gyroplaneForm);
  else {
    const flat = logAtOrigin(z, c);
    const layer = first as Dense<Operand>;
    h = shape.decoder === "mobius" ? logAtOrigin(mobiusFromFlat(layer, flat, c), c) : dense(layer, flat);
  }
  for (const layer of rest) h = dense(layer, activate(h));
  return h;
}

/** The mean of p(x|z) of points of the ball: `[N, d] -> [N, D]`. Traceable. */
export function decodePvaeMean(shape: PvaeShape, parameters: PvaeParameters<Operand>, z: Tensor): Tensor {
  const linear = decodePvaeLinear(shape, parameters, z);
  return shape.likelihood === "bernoulli" ? sigmoid(linear) : linear;
}

/** log p(z) with respect to the Riemannian volume: `[..., d] -> [...]`. Traceable. */
export function pvaeLogPrior(shape: PvaeShape, z: Tensor): Tensor {
  return logPriorAt(shape, sum(square(logAtOrigin(z, shape.curvature)), -1));
}

/** log p of points at a squared distance s from the origin. [...] */
function logPriorAt(shape: PvaeShape, s: Tensor): Tensor {
  const { curvature: c, latentDimension: d, priorScale } = shape;
  const quadratic = mul(-0.5 / priorScale ** 2, s);
  if (c > 0 && shape.prior === "riemannian")
    return sub(quadratic, riemannianNormal(latentSpaceOf(shape)).logNormalizer(priorScale));
  const normal = sub(quadratic, d * (HALF_LOG_TWO_PI + Math.log(priorScale)));
  return c === 0 || d === 1 ? normal : sub(normal, mul(d - 1, logSinhRatio(traced, mul(c, s))));
}

/**
 * The three logarithms of each sample: of p(x|z), p(z) and q(z|x). [S, N] each. Draws may lie beyond the edge of what
 * coordinates hold: p(z) and q(z|x) are those of the draw, and the decoder sees the point at the edge.
 */
export interface PvaeLogTerms {
  readonly likelihood: Tensor;
  readonly prior: Tensor;
  readonly posterior: Tensor;
}

/** Draws z and evaluates the three densities. Traceable. @param x [N, D] */
export function pvaeLogTerms(
  shape: PvaeShape,
  parameters: PvaeParameters<Operand>,
  x: Operand,
  noise: PvaeNoise<Tensor>,
): PvaeLogTerms {
  const d = shape.latentDimension;
  const [S, N] = noise.normal.shape;
  const { mean, std } = encodePvae(shape, parameters, x);
  const { z, logDensity, squaredRadius } = drawPosterior(shape, mean, std, noise);
  const linear = decodePvaeLinear(shape, parameters, reshape(z, [S * N, d]));
  const D = shape.dataDimension;
  return {
    likelihood: logLikelihood(shape, x, reshape(linear, [S, N, D])),
    prior: logPriorAt(shape, squaredRadius),
    posterior: logDensity,
  };
}

/** Draws z as `pvaeLogTerms` does, as shares of the ball's radius: sqrt(c)|z|, [S, N]; 1 is the edge. Traceable. */
export function pvaeDrawnRadii(
  shape: PvaeShape,
  parameters: PvaeParameters<Operand>,
  x: Operand,
  noise: PvaeNoise<Tensor>,
): Tensor {
  const { mean, std } = encodePvae(shape, parameters, x);
  const { z } = drawPosterior(shape, mean, std, noise);
  return mul(Math.sqrt(shape.curvature), sqrt(sum(square(z), -1)));
}

function drawPosterior(
  shape: PvaeShape,
  mean: Tensor,
  std: Tensor,
  noise: PvaeNoise<Tensor>,
): { z: Tensor; logDensity: Tensor; squaredRadius: Tensor } {
  const d = shape.latentDimension;
  const { normal } = noise;
  if (shape.curvature === 0) {
    const spread = broadcastTo(std, [std.shape[0], d]);
    const constant = add(sum(log(spread), -1), d * HALF_LOG_TWO_PI); // [N]
    const z = add(mean, mul(spread, normal));
    return {
      z,
      logDensity: sub(mul(-0.5, sum(square(normal), -1)), constant),
      squaredRadius: sum(square(z), -1),
    };
  }
  const space = latentSpaceOf(shape);
  // one shape for all, so that samples broadcast against rows in every formula
  const centre = broadcastTo(mean, normal.shape);
  // The distance from the origin comes from the draw itself, like its density: not from z, which cannot be beyond the edge.
  if (shape.posterior === "wrapped") {
    const step = mul(broadcastTo(std, normal.shape), normal);
    const squaredRadius = squaredDistanceFromOrigin(shape.curvature, centre, step);
    return { ...wrappedNormal(space).traced.draw(centre, std, normal), squaredRadius };
  }
  const noises = { direction: normal, uniform: noise.uniform! };
  const { step, ...drawn } = riemannianNormal(space).traced.draw(centre, std, noises);
  return { ...drawn, squaredRadius: squaredDistanceFromOrigin(shape.curvature, centre, step) };
}

/** log p(x|z). x [N, D], linear [S, N, D] -> [S, N] */
function logLikelihood(shape: PvaeShape, x: Operand, linear: Tensor): Tensor {
  if (shape.likelihood === "bernoulli") return sum(sub(mul(x, linear), softplus(linear)), -1);
  return neg(add(mul(0.5, sum(square(sub(x, linear)), -1)), shape.dataDimension * HALF_LOG_TWO_PI));
}

/** The two terms of the ELBO of each row, averaged over the samples: E log p(x|z), E log q - log p. [N] each. Traceable. */
export function pvaeElboRows(
  shape: PvaeShape,
  parameters: PvaeParameters<Operand>,
  x: Operand,
  noise: PvaeNoise<Tensor>,
): ElboTerms {
  const { likelihood, prior, posterior } = pvaeLogTerms(shape, parameters, x, noise);
  return { reconstruction: meanOf(likelihood, 0), divergence: meanOf(sub(posterior, prior), 0) };
}

/** log of the sum of the importance weights p(x, z)/q(z|x) over the samples of `noise`: [N]. Traceable. */
export function pvaeLogWeightSum(
  shape: PvaeShape,
  parameters: PvaeParameters<Operand>,
  x: Operand,
  noise: PvaeNoise<Tensor>,
): Tensor {
  const { likelihood, prior, posterior } = pvaeLogTerms(shape, parameters, x, noise);
  return logSumExp(add(likelihood, sub(prior, posterior)), 0);
}

/** Whether draws take uniforms beside normals. */
export function needsUniforms(shape: PvaeShape): boolean {
  return shape.curvature > 0 && shape.posterior === "riemannian";
}

/** Arrays for the noise of S samples of N rows. */
export function allocatePvaeNoise(shape: PvaeShape, samples: number, rows: number): PvaeNoise {
  const d = shape.latentDimension;
  const array = (width: number): NdArray => ({
    data: new Float32Array(samples * rows * width),
    shape: [samples, rows, width],
    dtype: "float32",
  });
  return { normal: array(d), ...(needsUniforms(shape) && { uniform: array(1) }) };
}

/** Fills the arrays with the numbers of a key. */
export function fillPvaeNoise(noise: PvaeNoise, key: RandomKey): PvaeNoise {
  fillNormal(stream(split(key, "normal")), noise.normal.data as Float32Array);
  if (noise.uniform) {
    const from = stream(split(key, "uniform"));
    const { data } = noise.uniform;
    for (let i = 0; i < data.length; i++) data[i] = from.uniform();
  }
  return noise;
}
