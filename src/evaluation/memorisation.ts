/**
 * Does a model copy its training data? The test of Meehan, Chaudhuri and Dasgupta (2020), without cells: distances of
 * generated images to their nearest training images against those of held-out images, by the Mann-Whitney statistic.
 *
 *   U = P(distance of a generated < distance of a held-out) + 1/2 P(equal), 1/2 where they are alike.
 *
 * Near 1 the generated images are nearer to the training data than fresh data are: memorised. Near 0 they are farther.
 */
import type { NdArray } from "../engine/index.js";
import { ranks } from "../numerics/statistics.js";
import { nearestRows } from "./nearest.js";
import { type Score, score } from "./score.js";

export interface MemorisationTest {
  /** U, from 0 to 1. */
  readonly score: Score;
  /** (U - 1/2) / its standard deviation under equality; above about 3 it is more than chance. */
  readonly z: number;
  readonly sentence: string;
  /** The nearest training image of each generated one, and its distance. [N] */
  readonly nearest: { readonly indices: Int32Array; readonly distances: Float64Array };
}

/** @param generated [N, D] @param heldOut [M, D] @param train [n, D], all in pixels (or all in one network's features) */
export async function memorisationTest(
  generated: NdArray,
  heldOut: NdArray,
  train: NdArray,
  options: { readonly threads?: number; readonly seed?: number } = {},
): Promise<MemorisationTest> {
  const nearest = await nearestRows(generated, train, 1, options);
  const fresh = await nearestRows(heldOut, train, 1, options);
  const { share, z } = mannWhitney(nearest.distances, fresh.distances);
  const [n, m] = [nearest.distances.length, fresh.distances.length];
  const sentence =
    z > 3
      ? "Generated images are nearer to the training data than held-out images are: the model copies."
      : z < -3
        ? "Generated images are farther from the training data than held-out images are: no copying, but less like the data."
        : "Generated images are as far from the training data as held-out images are.";
  return {
    score: score({
      name: "memorisation (1/2: none, 1: copies)",
      value: share,
      standardError: Math.sqrt((n + m + 1) / (12 * n * m)),
      uncertainty: "Mann-Whitney, under equality",
      images: n,
      seed: options.seed ?? 0,
    }),
    z,
    sentence,
    nearest,
  };
}

/** P(a < b) + 1/2 P(a = b) over all pairs, and its distance from 1/2 in standard deviations under equality. */
export function mannWhitney(a: Float64Array, b: Float64Array): { share: number; z: number } {
  const [n, m] = [a.length, b.length];
  const both = new Float64Array(n + m);
  both.set(a);
  both.set(b, n);
  const rank = ranks(both);
  let sumB = 0;
  for (let i = n; i < n + m; i++) sumB += rank[i];
  const share = (sumB - (m * (m + 1)) / 2) / (n * m);
  return { share, z: (share - 0.5) / Math.sqrt((n + m + 1) / (12 * n * m)) };
}
