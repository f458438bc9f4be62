/**
 * The importance-weighted bound of a whole test set at a fraction of its cost, in two stages: with few samples on all
 * images, and with many on a random part of them, which gives what the missing samples are worth:
 *
 *   mean over all of L_k  +  mean over the part of (L_K - L_k).
 *
 * Both means are unbiased for the whole set's, and the difference varies little from image to image where the bound
 * itself varies by tens of nats. With K samples on all images it is the plain bound.
 */
import { importanceWeightedBound, type Pvae } from "../../autoencoders/pvae/index.js";
import type { Dataset } from "../../data/types.js";
import { permutation, randomKey, split } from "../../numerics/random.js";

export interface TwoStageBound {
  /** Negative bound, nats an image. */
  readonly bound: number;
  /** Standard error of `bound` as an estimate of the whole test set's; 0 where all images have K samples. */
  readonly standardError: number;
  /** Negative bound of all images with `coarseSamples`. */
  readonly coarse: number;
  readonly coarseSamples: number;
  readonly samples: number;
  /** Test images in all, and those with K samples. */
  readonly images: number;
  readonly fineImages: number;
}

/** Samples of the first stage. */
const COARSE = 100;

/** @param options.fineImages how many images get K = `samples` */
export async function twoStageBound(
  model: Pvae,
  test: Dataset,
  options: { readonly samples: number; readonly fineImages: number; readonly seed: number; readonly threads?: number },
): Promise<TwoStageBound> {
  const { samples, seed, threads } = options;
  const [n, D] = [test.n, test.dimension];
  const fineImages = Math.min(options.fineImages, n);
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  if (fineImages === n || samples <= COARSE) {
    const values = await importanceWeightedBound(model, test.rows, { samples, seed, threads });
    const bound = -mean(values);
    return { bound, standardError: 0, coarse: bound, coarseSamples: samples, samples, images: n, fineImages: n };
  }
  const coarse = await importanceWeightedBound(model, test.rows, { samples: COARSE, seed, threads });
  // the same images for every model, so that models are compared on equal terms
  const chosen = permutation(split(randomKey(0), "images with all samples"), n)
    .slice(0, fineImages)
    .sort();
  const rows = new Float32Array(fineImages * D);
  for (const [i, row] of chosen.entries()) rows.set(test.rows.subarray(row * D, (row + 1) * D), i * D);
  // another seed: draws of the two stages are independent
  const fine = await importanceWeightedBound(model, rows, { samples, seed: seed + 1_000_000, threads });
  const gains = Array.from(fine, (value, i) => value - coarse[chosen[i]]);
  const gain = mean(gains);
  const variance = gains.reduce((sum, value) => sum + (value - gain) ** 2, 0) / Math.max(1, gains.length - 1);
  return {
    bound: -(mean(coarse) + gain),
    standardError: Math.sqrt(variance / gains.length),
    coarse: -mean(coarse),
    coarseSamples: COARSE,
    samples,
    images: n,
    fineImages,
  };
}
