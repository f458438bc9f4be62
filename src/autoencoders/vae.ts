/**
 * A trained VAE and what it does: encode, decode, held-out ELBO, and its decoder as a traceable function for metrics.
 * Axes: N rows, D data dimensions, d latent dimensions.
 */
import { compile, type NdArray, type Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { Decoder } from "../metrics/metric.js";
import { fillNormal, randomKey, split, stream } from "../numerics/random.js";
import { precisionStd, type Uncertainty } from "./precision-network.js";
import { asRows, mapRows, type Rows } from "./rows.js";
import { decodeMean, elboRows, encodeRows, type VaeParameters, type VaeShape } from "./vae-model.js";

/** A VAE: its shape, its weights in the data's own units, and, once fitted, its decoder's uncertainty. */
export interface Vae {
  readonly shape: VaeShape;
  readonly parameters: VaeParameters;
  readonly uncertainty?: Uncertainty;
}

interface RunOptions {
  readonly threads?: number;
}

/** Mean and log variance of q(z|x) for rows [N, D]: `[N, d]` each. @throws UsageError for rows of another width. */
export async function encode(
  model: Vae,
  rows: Rows,
  options: RunOptions = {},
): Promise<{ mean: NdArray; logVariance: NdArray }> {
  const x = asRows("encode", rows, model.shape.dataDimension);
  const f = compile(
    (parameters: VaeParameters<Tensor>, part: Tensor) => encodeRows(model.shape, parameters, part),
    options,
  );
  const codes = await mapRows<"mean" | "logVariance">(f, model.parameters, [x]);
  await f.dispose();
  return codes;
}

/** The mean of p(x|z) for codes [N, d]: `[N, D]`. @throws UsageError for codes of another width. */
export async function decode(model: Vae, codes: Rows, options: RunOptions = {}): Promise<NdArray> {
  const z = asRows("decode", codes, model.shape.latentDimension);
  const f = compile(
    (parameters: VaeParameters<Tensor>, part: Tensor) => ({ mean: decodeMean(model.shape, parameters, part) }),
    options,
  );
  const { mean } = await mapRows<"mean">(f, model.parameters, [z]);
  await f.dispose();
  return mean;
}

/** The evidence lower bound of rows, in nats a row. */
export interface Elbo {
  readonly elbo: number;
  readonly reconstruction: number;
  readonly divergence: number;
}

/**
 * The ELBO averaged over rows [N, D], with `samples` (default 1) draws of z a row; the draws depend on the seed alone.
 */
export async function heldOutElbo(
  model: Vae,
  rows: Rows,
  options: RunOptions & { readonly samples?: number; readonly seed?: number } = {},
): Promise<Elbo> {
  const { samples = 1, seed = 0 } = options;
  const x = asRows("heldOutElbo", rows, model.shape.dataDimension);
  const evaluate = elboEvaluator(model.shape, options);
  const sums = { reconstruction: 0, divergence: 0 };
  for (let s = 0; s < samples; s++) {
    const noise = elboNoise(x.shape[0], model.shape.latentDimension, seed, s);
    const terms = await evaluate.run(model.parameters, x, noise);
    sums.reconstruction += terms.reconstruction / samples;
    sums.divergence += terms.divergence / samples;
  }
  await evaluate.dispose();
  return { elbo: sums.reconstruction - sums.divergence, ...sums };
}

/** A compiled ELBO for changing parameters. */
export function elboEvaluator(shape: VaeShape, options: RunOptions = {}) {
  const f = compile(
    (parameters: VaeParameters<Tensor>, x: Tensor, noise: Tensor) => elboRows(shape, parameters, x, noise),
    options,
  );
  return {
    run: async (parameters: VaeParameters, x: NdArray, noise: NdArray) => {
      const rows = await mapRows<"reconstruction" | "divergence">(f, parameters, [x, noise]);
      return { reconstruction: average(rows.reconstruction), divergence: average(rows.divergence) };
    },
    dispose: () => f.dispose(),
  };
}

/** Standard normal draws for the ELBO of n rows. [n, d] */
export function elboNoise(n: number, d: number, seed: number, sample = 0): NdArray {
  const key = split(randomKey(seed), `elbo ${sample}`);
  return { data: fillNormal(stream(key), new Float32Array(n * d)), shape: [n, d], dtype: "float32" };
}

/** The decoder's mean as a traceable function with the weights as constants, `[N, d] -> [N, D]`, to build metrics on. */
export function decoderOf(model: Vae): Decoder {
  return (z) => decodeMean(model.shape, model.parameters, z);
}

/**
 * The decoder as a traceable function `[N, d] -> { mean [N, D], std [N, D] }`, where std grows away from the codes.
 * @throws UsageError if the model's uncertainty has not been fitted (`fitUncertainty`).
 */
export function decoderWithUncertainty(model: Vae): (z: Tensor) => { readonly mean: Tensor; readonly std: Tensor } {
  const { uncertainty } = model;
  if (uncertainty === undefined)
    throw new UsageError(
      "decoderWithUncertainty: this model has no uncertainty yet; call fitUncertainty(model, rows) first.",
    );
  return (z) => ({ mean: decodeMean(model.shape, model.parameters, z), std: precisionStd(uncertainty, z) });
}

function average(a: NdArray): number {
  let total = 0;
  for (const value of a.data) total += value;
  return total / a.data.length;
}
