/**
 * Data of any scale: a Gaussian VAE is trained on (x - shift) / scale, shift the mean of each column and scale one
 * number, the root mean square deviation over all columns, so that Euclidean distances only change by that factor.
 * When training ends the two are folded into the first and the last layer, so that the model itself, its files and its
 * geometry are in the data's own units. Bernoulli models see the data as they are; those of
 * other families have units of their own (`likelihood.ts`).
 */
import type { NdArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { Likelihood, VaeParameters } from "./vae-model.js";

export interface Standardization {
  /** [D] */
  readonly shift: Float64Array;
  readonly scale: number;
}

/** The standardisation of rows [N, D] for a likelihood. @throws UsageError where all rows are equal. */
export function standardizationOf(rows: Float32Array, dimension: number, likelihood: Likelihood): Standardization {
  const shift = new Float64Array(dimension);
  const count = rows.length / dimension;
  if (count > 1 && rows.every((x, i) => x === rows[i % dimension]))
    throw new UsageError("data: all rows are equal, so there is nothing to learn; give data with different rows.");
  if (likelihood !== "gaussian") return { shift, scale: 1 };
  for (let i = 0; i < count; i++) for (let j = 0; j < dimension; j++) shift[j] += rows[i * dimension + j] / count;
  let squares = 0;
  for (let i = 0; i < count; i++)
    for (let j = 0; j < dimension; j++) squares += (rows[i * dimension + j] - shift[j]) ** 2;
  const scale = Math.sqrt(squares / rows.length);
  if (!(scale > 0 && scale < Infinity))
    throw new UsageError(`data: the rows do not vary (standard deviation ${scale}); give data with different rows.`);
  return { shift, scale };
}

/** Copies rows `indices`, standardised, to `out`. [indices.length, D] */
export function gatherStandardized(
  rows: Float32Array,
  dimension: number,
  indices: ArrayLike<number>,
  { shift, scale }: Standardization,
  out: Float32Array,
): void {
  const inverse = 1 / scale;
  const plain = scale === 1 && shift.every((s) => s === 0);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * dimension;
    const to = i * dimension;
    if (plain) out.set(rows.subarray(from, from + dimension), to);
    else for (let j = 0; j < dimension; j++) out[to + j] = (rows[from + j] - shift[j]) * inverse;
  }
}

/**
 * Parameters that act on standardised data as parameters that act on the data: W / scale and b - shift W / scale in
 * the encoder's first layer, W scale and b scale + shift in the decoder's last, sigma^2 scale^2 for the noise.
 */
export function toDataUnits(parameters: VaeParameters, { shift, scale }: Standardization): VaeParameters {
  const { encoder, decoder, noise } = parameters;
  const [first, ...others] = encoder;
  const [inputs, outputs] = first.weight.shape;
  const offset = Float64Array.from(first.bias.data);
  for (let i = 0; i < inputs; i++)
    for (let j = 0; j < outputs; j++) offset[j] -= (shift[i] / scale) * first.weight.data[i * outputs + j];
  const last = decoder[decoder.length - 1];
  return {
    encoder: [
      { weight: mapped(first.weight, (w) => w / scale), bias: mapped(first.bias, (_, j) => offset[j]) },
      ...others,
    ],
    decoder: [
      ...decoder.slice(0, -1),
      { weight: mapped(last.weight, (w) => w * scale), bias: mapped(last.bias, (b, j) => b * scale + shift[j]) },
    ],
    ...(noise && { noise: { logVariance: mapped(noise.logVariance, (s) => s + 2 * Math.log(scale)) } }),
  };
}

function mapped(a: NdArray, f: (value: number, index: number) => number): NdArray {
  return { ...a, data: Float32Array.from(a.data, f) };
}
