/** All scores of a set of generated images in one call: what `atlas evaluate` prints. */
import { type NdArray, takeRows } from "../engine/index.js";
import { permutation, randomKey, split } from "../numerics/random.js";
import type { FeatureNetwork } from "./features.js";
import { frechetScore } from "./frechet.js";
import { improvedPrecisionRecall } from "./improved-precision-recall.js";
import { type MemorisationTest, memorisationTest } from "./memorisation.js";
import { type NearestRows, nearestRows } from "./nearest.js";
import { type PrecisionRecallCurve, precisionRecallForDistributions } from "./precision-recall.js";
import { reconstructionError } from "./reconstruction.js";
import { checkRows, type Score } from "./score.js";

export interface EvaluationGiven {
  /** Images that the sampler made. [N, D] */
  readonly generated: NdArray;
  /** Held-out images. [M, D] */
  readonly heldOut: NdArray;
  /** Training images. [n, D] */
  readonly train: NdArray;
  /** Reconstructions of the held-out images, where there are some. [M, D] */
  readonly reconstructions?: NdArray;
  readonly features: FeatureNetwork;
}

export interface EvaluationOptions {
  readonly seed?: number;
  /** Of the bootstrap; default 20. */
  readonly draws?: number;
  readonly threads?: number;
  /** Clusters of PRD; default 20. */
  readonly clusters?: number;
}

export interface Evaluation {
  readonly scores: readonly Score[];
  /** To draw: recall against precision. */
  readonly curve: PrecisionRecallCurve;
  readonly memorisation: MemorisationTest;
  /** The nearest reconstruction of each generated image, by row of the held-out images. */
  readonly nearestReconstruction?: NearestRows;
  readonly warnings: readonly string[];
}

/** Below this, the Frechet distance mostly measures its own bias. */
const FEW = 2048;

/**
 * Frechet distance, PRD, improved precision and recall (sets cut to one size), memorisation, reconstruction error and
 * the Frechet distance of the reconstructions, each with its uncertainty.
 * @throws UsageError for images of another size than the features take, and scores that are not finite.
 */
export async function evaluateGenerated(given: EvaluationGiven, options: EvaluationOptions = {}): Promise<Evaluation> {
  const { generated, heldOut, train, reconstructions, features } = given;
  const { seed = 0, draws = 20, threads, clusters = 20 } = options;
  const n = checkRows("generated", generated).n;
  const m = checkRows("heldOut", heldOut).n;
  const made = await features.features(generated);
  const real = await features.features(heldOut);
  const named = { features: features.name, seed };
  const scores: Score[] = [frechetScore(real, made, { ...named, draws })];
  const prd = precisionRecallForDistributions(real, made, { ...named, clusters: Math.min(clusters, n, m) });
  scores.push(...prd.scores);
  const size = Math.min(n, m);
  const cut = (rows: NdArray, label: string) =>
    rows.shape[0] === size
      ? rows
      : takeRows(rows, permutation(split(randomKey(seed), label), rows.shape[0]).subarray(0, size));
  scores.push(...(await improvedPrecisionRecall(cut(real, "real"), cut(made, "made"), { ...named, threads })));
  const memorisation = await memorisationTest(generated, heldOut, train, { threads, seed });
  scores.push(memorisation.score);
  let nearestReconstruction: NearestRows | undefined;
  if (reconstructions !== undefined) {
    scores.push(reconstructionError(heldOut, reconstructions, seed));
    const distance = frechetScore(real, await features.features(reconstructions), { ...named, draws });
    scores.push({ ...distance, name: `${distance.name} of reconstructions` });
    nearestReconstruction = await nearestRows(generated, reconstructions, 1, { threads });
  }
  const warnings =
    size < FEW
      ? [
          `${size} images are few: Frechet distances of fewer than ${FEW} images are biased upwards, compare only scores of equal numbers.`,
        ]
      : [];
  return {
    scores,
    curve: prd.curve,
    memorisation,
    ...(nearestReconstruction && { nearestReconstruction }),
    warnings,
  };
}
