/**
 * A trained model of the family and what it does, in the data's own units: encode, decode, its decoder for metrics, its
 * densities for likelihoods, its own prior or metric where it has one. Axes: N rows, D data, d latent dimensions.
 */
import {
  add,
  compile,
  div,
  inverse,
  mul,
  type NdArray,
  ndarray,
  type Operand,
  sub,
  type Tensor,
} from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { type Decoder, type LatentMetric, metricFromTensor } from "../../metrics/index.js";
import { asRows, mapRows, type Rows } from "../rows.js";
import type { Standardization } from "../standardization.js";
import { decodeCode, encodeLaw, encodePoint, logLikelihood, logNormal, logStandardNormal } from "./common.js";
import type { FamilyShape, Parts } from "./model.js";
import { familyModel } from "./registry.js";
import { rhvaeInverseMetric } from "./rhvae.js";
import { logMixture, pseudoPosteriors } from "./vamp.js";

export interface TrainedAutoencoder {
  /** Its name in the family, "rae-gp" say. */
  readonly name: string;
  readonly shape: FamilyShape;
  readonly parameters: Parts;
  readonly buffers: Parts;
  /** The units it was trained in: (x - shift) / scale. */
  readonly units: { readonly shift: NdArray; readonly scale: number };
}

interface RunOptions {
  readonly threads?: number;
}

/** The shape that acts on standardised data: a given variance is in the data's own units. */
export function standardizedShape(shape: FamilyShape, scale: number): FamilyShape {
  return shape.variance === "learned" ? shape : { ...shape, variance: shape.variance / (scale * scale) };
}

/** Units as a model keeps them. */
export function unitsOf({ shift, scale }: Standardization): TrainedAutoencoder["units"] {
  return { shift: ndarray(Float32Array.from(shift)), scale };
}

/** What a traced function closes over, or is given: the model's parts. */
function inside(model: TrainedAutoencoder, parts?: Pick<TrainedAutoencoder, "parameters" | "buffers">) {
  const { parameters, buffers } = parts ?? model;
  return { shape: standardizedShape(model.shape, model.units.scale), parameters, buffers, training: false };
}

function standardized({ units }: TrainedAutoencoder, x: Operand): Operand {
  return isPlain(units) ? x : div(sub(x, units.shift), units.scale);
}

function inUnits({ units }: TrainedAutoencoder, x: Tensor): Tensor {
  return isPlain(units) ? x : add(mul(x, units.scale), units.shift);
}

function isPlain({ shift, scale }: TrainedAutoencoder["units"]): boolean {
  return scale === 1 && shift.data.every((s: number) => s === 0);
}

/** Codes of rows, `[N, D] -> mean [N, d]`, and the log variances where the encoder gives a law. Traceable. */
export function familyEncoderOf(model: TrainedAutoencoder): (x: Tensor) => { mean: Tensor; logVariance?: Tensor } {
  return (x) => encoded(model, x);
}

function encoded(
  model: TrainedAutoencoder,
  x: Tensor,
  parts?: Pick<TrainedAutoencoder, "parameters" | "buffers">,
): { mean: Tensor; logVariance?: Tensor } {
  const given = inside(model, parts);
  if (!familyModel(model.name).stochastic) return { mean: encodePoint(given, standardized(model, x)).code };
  const { mean, logVariance } = encodeLaw(given, standardized(model, x));
  return { mean, logVariance };
}

/** The decoder's mean with the weights as constants, `[N, d] -> [N, D]`, to build metrics on. Traceable. */
export function familyDecoderOf(model: TrainedAutoencoder): Decoder & ((z: Tensor) => Tensor) {
  return (z: Tensor) => inUnits(model, decodeCode(inside(model), z).mean);
}

/** Codes of rows [N, D]: means [N, d], and log variances where the encoder gives a law. */
export async function encodeFamily(
  model: TrainedAutoencoder,
  rows: Rows,
  options: RunOptions = {},
): Promise<{ mean: NdArray; logVariance?: NdArray }> {
  const x = asRows("encodeFamily", rows, model.shape.dataDimension);
  const f = compile((parts: any, part: Tensor) => encoded(model, part, parts), options);
  const { parameters, buffers } = model;
  const codes = await mapRows<"mean" | "logVariance">(f, { parameters, buffers }, [x]);
  await f.dispose();
  return codes;
}

/** Decoded means of codes [N, d]: [N, D]. */
export async function decodeFamily(model: TrainedAutoencoder, codes: Rows, options: RunOptions = {}): Promise<NdArray> {
  const z = asRows("decodeFamily", codes, model.shape.latentDimension);
  const f = compile(
    (parts: any, part: Tensor) => ({ mean: inUnits(model, decodeCode(inside(model, parts), part).mean) }),
    options,
  );
  const { parameters, buffers } = model;
  const { mean } = await mapRows<"mean">(f, { parameters, buffers }, [z]);
  await f.dispose();
  return mean;
}

/** Densities of a latent variable model, all traceable and normalised, in the data's own units. */
export interface LatentVariableModel {
  /** d */
  readonly dimension: number;
  /** D */
  readonly dataDimension: number;
  /** log p(z), `[N, d] -> [N]` */
  logPrior(z: Tensor): Tensor;
  /** log p(x|z), `[N, D], [N, d] -> [N]` */
  logLikelihood(x: Operand, z: Tensor): Tensor;
  /** q(z|x), `[N, D] -> [N, d]` each. */
  posterior(x: Operand): { readonly mean: Tensor; readonly logVariance: Tensor };
}

/**
 * The densities of a trained model; the prior is the model's own.
 * @throws UsageError for models without a marginal likelihood (AE, WAE, RAE, AAE, VAE/GAN).
 */
export function latentVariableModelOf(model: TrainedAutoencoder): LatentVariableModel {
  if (!familyModel(model.name).hasLikelihood)
    throw new UsageError(
      `likelihood: a model of kind "${model.name}" has no marginal likelihood; use one of vae, beta-vae, vamp, hvae, rhvae, iwae.`,
    );
  const given = inside(model);
  return {
    dimension: model.shape.latentDimension,
    dataDimension: model.shape.dataDimension,
    logPrior: (z) => (model.name === "vamp" ? logMixture(z, pseudoPosteriors(given)) : logStandardNormal(z)),
    logLikelihood: (x, z) =>
      sub(
        logLikelihood(given, standardized(model, x), decodeCode(given, z)),
        model.shape.dataDimension * Math.log(model.units.scale),
      ),
    posterior: (x) => {
      const { mean, logVariance } = encodeLaw(given, standardized(model, x));
      return { mean, logVariance };
    },
  };
}

export { logNormal, logStandardNormal };

/** The components of a VampPrior: means and log variances [K, d], of equal weight. @throws UsageError for others. */
export async function vampComponentsOf(
  model: TrainedAutoencoder,
  options: RunOptions = {},
): Promise<{ mean: NdArray; logVariance: NdArray }> {
  expectModel("vampComponentsOf", model, "vamp");
  const f = compile(
    (parameters: any, buffers: any) => ({ ...pseudoPosteriors(inside(model, { parameters, buffers })) }),
    options,
  );
  const components = await f(model.parameters, model.buffers);
  await f.dispose();
  return components;
}

/** The metric that an RHVAE has learned, G(z) as in `rhvae.ts`. @throws UsageError for other models. */
export function rhvaeMetricOf(model: TrainedAutoencoder): LatentMetric {
  expectModel("rhvaeMetricOf", model, "rhvae");
  return metricFromTensor((z) => inverse(rhvaeInverseMetric(model.buffers.metric, z, model.shape.options)), {
    dimension: model.shape.latentDimension,
    name: "RHVAE",
  });
}

function expectModel(name: string, model: TrainedAutoencoder, wanted: string): void {
  if (model.name !== wanted)
    throw new UsageError(`${name}: this model is of kind "${model.name}"; give one of kind "${wanted}".`);
}
