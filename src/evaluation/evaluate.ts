/** All scores of a set of generated images in one call: what `atlas evaluate` prints. */
import { type NdArray, takeRows } from "../engine/index.js";
import { permutation, randomKey, split } from "../numerics/random.js";
import type { FeatureNetwork } from "./features.js";
import { frechetScoreOf } from "./frechet-wide.js";
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

/** The parts of an evaluation of generated images, in the order in which they are computed. */
export const generatedScoreNames = ["frechet", "prd", "improved", "memorisation", "reconstruction"] as const;

export type GeneratedScoreName = (typeof generatedScoreNames)[number];

/** An evaluation of some parts only: what was not asked for is absent. */
export type PartialEvaluation = Pick<Evaluation, "scores" | "warnings"> & Partial<Evaluation>;

export interface PartialOptions extends EvaluationOptions {
  /** Told before each part. */
  readonly onPart?: (name: GeneratedScoreName) => void;
}

/** Below this, the Frechet distance mostly measures its own bias. */
const FEW = 2048;

/** Images of each set for a cluster of PRD: below this, the shares of the clusters have errors of a seventh and more. */
const FEW_A_CLUSTER = 50;

/** Below this, the third neighbours of improved precision and recall are far away. */
const FEW_NEIGHBOURS = 1000;

/**
 * Frechet distance, PRD, improved precision and recall (sets cut to one size), memorisation, reconstruction error and
 * the Frechet distance of the reconstructions, each with its uncertainty.
 * @throws UsageError for images of another size than the features take, and scores that are not finite.
 */
export async function evaluateGenerated(given: EvaluationGiven, options: EvaluationOptions = {}): Promise<Evaluation> {
  return (await scoreGenerated(given, generatedScoreNames, options)) as Evaluation;
}

/** The parts of `evaluateGenerated` that are named. "reconstruction" is left out where there are no reconstructions. */
export async function scoreGenerated(
  given: EvaluationGiven,
  names: readonly GeneratedScoreName[],
  options: PartialOptions = {},
): Promise<PartialEvaluation> {
  const { generated, heldOut, train, reconstructions, features } = given;
  const { seed = 0, draws = 20, threads, clusters = 20, onPart = () => {} } = options;
  const wanted = (name: GeneratedScoreName) => {
    if (names.includes(name)) onPart(name);
    return names.includes(name);
  };
  const n = checkRows("generated", generated).n;
  const m = checkRows("heldOut", heldOut).n;
  const needsFeatures = names.some((name) => name !== "memorisation");
  const made = needsFeatures ? await features.features(generated) : generated;
  const real = needsFeatures ? await features.features(heldOut) : heldOut;
  const named = { features: features.name, seed };
  const size = Math.min(n, m);
  const cut = (rows: NdArray, label: string) =>
    rows.shape[0] === size
      ? rows
      : takeRows(rows, permutation(split(randomKey(seed), label), rows.shape[0]).subarray(0, size));
  const scores: Score[] = [];
  const found: { -readonly [K in keyof Evaluation]?: Evaluation[K] } = {};
  if (wanted("frechet")) scores.push(await frechetScoreOf(real, made, { ...named, draws, threads }));
  if (wanted("prd")) {
    const prd = precisionRecallForDistributions(real, made, { ...named, clusters: Math.min(clusters, size) });
    scores.push(...prd.scores);
    found.curve = prd.curve;
  }
  if (wanted("improved"))
    scores.push(...(await improvedPrecisionRecall(cut(real, "real"), cut(made, "made"), { ...named, threads })));
  if (wanted("memorisation")) {
    found.memorisation = await memorisationTest(generated, heldOut, train, { threads, seed });
    scores.push(found.memorisation.score);
  }
  if (reconstructions !== undefined && wanted("reconstruction")) {
    scores.push(reconstructionError(heldOut, reconstructions, seed));
    const distance = await frechetScoreOf(real, await features.features(reconstructions), { ...named, draws, threads });
    scores.push({ ...distance, name: `${distance.name} of reconstructions` });
    found.nearestReconstruction = await nearestRows(generated, reconstructions, 1, { threads });
  }
  return { scores, ...found, warnings: fewImages(size, Math.min(clusters, size), names) };
}

/** What is to be distrusted for want of images, in sentences. */
function fewImages(size: number, clusters: number, names: readonly GeneratedScoreName[]): string[] {
  const warnings: string[] = [];
  if (size < FEW && (names.includes("frechet") || names.includes("reconstruction")))
    warnings.push(
      `${size} images are few: Frechet distances of fewer than ${FEW} images are biased upwards, compare only scores of equal numbers.`,
    );
  if (size < FEW_A_CLUSTER * clusters && names.includes("prd"))
    warnings.push(
      `${size} images are few for PRD in ${clusters} clusters, ${Number((size / clusters).toPrecision(2))} a cluster: below ${FEW_A_CLUSTER} chance decides much of its precision and recall.`,
    );
  if (size < FEW_NEIGHBOURS && names.includes("improved"))
    warnings.push(
      `${size} images are few: improved precision and recall of fewer than ${FEW_NEIGHBOURS} images rest on wide neighbourhoods, compare only scores of equal numbers.`,
    );
  return warnings;
}
