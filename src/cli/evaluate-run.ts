/** The scores of a run and a sampler, part by part: what `atlas evaluate` computes before it writes. */
import type { Dataset } from "../data/index.js";
import type { NdArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type {
  FeatureNetwork,
  GeneratedScoreName,
  MemorisationTest,
  NearestRows,
  PrecisionRecallCurve,
  Score,
} from "../evaluation/index.js";
import type { SamplerOptions } from "../samplers/index.js";
import type { ScoredModel } from "./scored-model.js";

/** The parts by name, in the order in which they are computed, with what they need of a run. */
const parts = {
  frechet: { needs: "features", says: "Frechet distance of the samples, and of training images: the best there is" },
  prd: { needs: "features", says: "precision and recall for distributions, with its curve" },
  improved: { needs: "features", says: "improved precision and recall" },
  memorisation: { needs: "nothing", says: "are samples nearer to the training data than held-out images are?" },
  diversity: { needs: "picture", says: "samples above their nearest training images and reconstructions" },
  reconstruction: { needs: "encoder", says: "error of held-out rows, and the Frechet distance of reconstructions" },
  likelihood: { needs: "likelihood", says: "log p(x) of held-out rows by importance sampling" },
  annealed: { needs: "densities", says: "log p(x) of a few by annealed importance sampling" },
} as const;

export type PartName = keyof typeof parts;

export const partNames = Object.keys(parts) as PartName[];

/** Lines of help. */
export const partLines = partNames.map((name) => `  ${name.padEnd(15)} ${parts[name].says}`).join("\n");

export interface EvaluateOptions {
  readonly sampler: string;
  readonly n: number;
  readonly seed: number;
  readonly threads?: number;
  readonly samplerOptions?: SamplerOptions;
  /** Held-out rows and draws of each for the likelihood. */
  readonly likelihoodRows: number;
  readonly importanceSamples: number;
  /** Held-out rows, chains of each and temperatures for annealed importance sampling. */
  readonly annealedRows: number;
  readonly chains: number;
  readonly temperatures: number;
  /** Told before each part. */
  readonly onPart: (done: number, total: number, what: string) => void;
}

/** Samples on the sheet of neighbours. */
const SHOWN = 14;

/** Most rows on either side of the memorisation test: its error is then below 0.01. */
const COMPARED = 2000;

/** Training rows whose reconstructions are looked through for the nearest one of a sample. */
const RECONSTRUCTED = 10_000;

export interface EvaluatedRun {
  readonly sampler: { readonly name: string; readonly description: string };
  readonly scores: readonly Score[];
  readonly generated: NdArray;
  readonly curves: readonly { readonly name: string; readonly curve: PrecisionRecallCurve }[];
  readonly memorisation?: MemorisationTest;
  readonly neighbours?: {
    readonly train: NdArray;
    readonly nearestTrain: NearestRows;
    readonly reconstructions?: NdArray;
    readonly nearestReconstruction?: NearestRows;
  };
  /** What the reader must know, in sentences. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/** Why this run cannot have a part, as the end of "RUN ...", or nothing. */
function lackingFor(name: PartName, model: ScoredModel, features: FeatureNetwork | undefined): string | undefined {
  const { needs } = parts[name];
  if (needs === "features" && features === undefined) return "has no features for its data";
  if (needs === "picture" && model.picture === undefined) return "is not of pictures";
  if (needs === "encoder" && model.reconstruct === undefined) return `is an import, without encoder`;
  if (needs === "likelihood" && model.likelihood === undefined && model.bound === undefined)
    return `is of kind ${model.kind}, which has no marginal likelihood`;
  if (needs === "densities" && model.likelihood === undefined)
    return `is of kind ${model.kind}, which has ${model.bound ? "no flat latent space to anneal in" : "no marginal likelihood"}`;
  return undefined;
}

/**
 * The parts that can be computed for a run.
 * @param wanted as named by the user: each must be possible; all that are possible where absent
 * @throws UsageError for a part that this run cannot have, saying which it can
 */
export function chooseParts(
  wanted: readonly PartName[] | undefined,
  model: ScoredModel,
  features: FeatureNetwork | undefined,
): { readonly names: PartName[]; readonly notes: string[] } {
  const possible = partNames.filter((name) => lackingFor(name, model, features) === undefined);
  if (wanted === undefined) {
    const left = partNames.filter((name) => !possible.includes(name));
    const notes = left.map((name) => `without ${name}: this run ${lackingFor(name, model, features)}`);
    return { names: possible, notes };
  }
  // features are loaded only where they are asked for: parts on them can be asked for all the same
  const others = partNames.filter((name) => possible.includes(name) || parts[name].needs === "features");
  for (const name of wanted) {
    const lacking = lackingFor(name, model, features);
    if (lacking !== undefined)
      throw new UsageError(`--scores ${name}: this run ${lacking}; choose from ${others.join(", ")}.`);
  }
  return { names: partNames.filter((name) => wanted.includes(name)), notes: [] };
}

/** Draws, decodes and scores. @throws UsageError for a sampler that the model cannot serve, and scores not finite. */
export async function evaluateRun(
  model: ScoredModel,
  data: { readonly train: Dataset; readonly test: Dataset },
  features: FeatureNetwork | undefined,
  names: readonly PartName[],
  options: EvaluateOptions,
): Promise<EvaluatedRun> {
  const [{ chooseSampler, diagnosticLines }, evaluation, { ndarray, takeRows }, { permutation, randomKey, split }] =
    await Promise.all([
      import("../samplers/index.js"),
      import("../evaluation/index.js"),
      import("../engine/index.js"),
      import("../numerics/random.js"),
    ]);
  const { n, seed, threads } = options;
  const has = (name: PartName) => names.includes(name);
  const total = names.length + 1;
  let done = 0;
  const begin = (what: string) => options.onPart(done++, total, what);
  const rowsOf = ({ rows, n: count, dimension }: Dataset) => ndarray(rows, [count, dimension]);
  const [train, heldOut] = [rowsOf(data.train), rowsOf(data.test)];
  const some = (rows: NdArray, count: number, label: string) =>
    rows.shape[0] <= count
      ? rows
      : takeRows(rows, permutation(split(randomKey(seed), label), rows.shape[0]).slice(0, count));

  begin(`drawing ${n} samples: ${options.sampler}`);
  const sampler = chooseSampler(options.sampler, model.samplers, options.samplerOptions);
  const { latents, diagnostics } = await sampler.draw(n, seed);
  const generated = await model.decode(latents);
  const scores: Score[] = [];
  const warnings: string[] = [...diagnosticLines(diagnostics).filter((line) => line.startsWith("warning: "))].map(
    (line) => `sampler: ${line.slice("warning: ".length)}`,
  );
  const curves: { name: string; curve: PrecisionRecallCurve }[] = [];

  const onFeatures = (["frechet", "prd", "improved"] as const).filter(has) as GeneratedScoreName[];
  if (features && onFeatures.length > 0) {
    const scored = await evaluation.scoreGenerated({ generated, heldOut, train, features }, onFeatures, {
      seed,
      threads,
      onPart: (name) => begin(name),
    });
    scores.push(...scored.scores);
    warnings.push(...scored.warnings);
    if (scored.curve) curves.push({ name: sampler.name, curve: scored.curve });
    const real = some(train, n, "reference");
    const kept = onFeatures.filter((name) => name !== "improved");
    if (kept.length > 0) {
      const reference = await evaluation.scoreGenerated({ generated: real, heldOut, train, features }, kept, {
        seed,
        threads,
      });
      scores.push(...reference.scores.map((score) => ({ ...score, name: `${score.name} of training images` })));
      if (reference.curve) curves.push({ name: "training images", curve: reference.curve });
    }
  }
  let memorisation: MemorisationTest | undefined;
  if (has("memorisation")) {
    begin("memorisation");
    const fresh = some(heldOut, COMPARED, "held out");
    memorisation = await evaluation.memorisationTest(some(generated, COMPARED, "generated"), fresh, train, {
      threads,
      seed,
    });
    scores.push(memorisation.score);
  }
  let neighbours: EvaluatedRun["neighbours"];
  if (has("diversity")) {
    begin("nearest training images and reconstructions");
    const shown = takeRows(
      generated,
      Int32Array.from({ length: Math.min(SHOWN, n) }, (_, i) => i),
    );
    const nearestTrain = await evaluation.nearestRows(shown, train, 1, { threads });
    const reconstructions = model.reconstruct && (await model.reconstruct(some(train, RECONSTRUCTED, "reconstructed")));
    const nearestReconstruction =
      reconstructions && (await evaluation.nearestRows(shown, reconstructions, 1, { threads }));
    neighbours = { train, nearestTrain, ...(reconstructions && { reconstructions, nearestReconstruction }) };
  }
  if (has("reconstruction")) {
    begin("reconstruction");
    const reconstructions = await model.reconstruct!(heldOut);
    scores.push(evaluation.reconstructionError(heldOut, reconstructions, seed));
    if (features) {
      const [real, made] = [await features.features(heldOut), await features.features(reconstructions)];
      const score = await evaluation.frechetScoreOf(real, made, { features: features.name, seed, threads });
      scores.push({ ...score, name: `${score.name} of reconstructions` });
    }
  }
  if (has("likelihood")) {
    const rows = some(heldOut, options.likelihoodRows, "likelihood");
    const samples = options.importanceSamples;
    begin(`log p(x) of ${rows.shape[0]} rows, ${samples} draws each`);
    const { score, warning } = await likelihoodScore(model, rows, { samples, seed, threads });
    scores.push(score);
    if (warning) warnings.push(warning);
  }
  if (has("annealed")) {
    const rows = some(heldOut, options.annealedRows, "likelihood");
    begin(`log p(x) of ${rows.shape[0]} rows by annealing`);
    const { chains, temperatures } = options;
    const settings = { chains, temperatures, seed, threads };
    const estimate = await evaluation.annealedLogLikelihood(model.likelihood!, rows, settings);
    scores.push(estimate.score);
    if (!(estimate.acceptance > 0.4))
      warnings.push(
        `annealing accepted only ${(100 * estimate.acceptance).toFixed(0)} % of its steps: its likelihoods are too low; take more --temperatures`,
      );
  }
  options.onPart(total, total, "");
  return {
    sampler: { name: sampler.name, description: sampler.description },
    scores,
    generated,
    curves,
    ...(memorisation && { memorisation }),
    ...(neighbours && { neighbours }),
    notes: diagnostics.notes,
    warnings,
  };
}

async function likelihoodScore(
  model: ScoredModel,
  rows: NdArray,
  options: { readonly samples: number; readonly seed: number; readonly threads?: number },
): Promise<{ score: Score; warning?: string }> {
  const { importanceLogLikelihood } = await import("../evaluation/index.js");
  const { samples, seed } = options;
  if (model.likelihood !== undefined) {
    const { score, effectiveSamples } = await importanceLogLikelihood(model.likelihood, rows, options);
    const sorted = Float64Array.from(effectiveSamples).sort();
    const median = sorted[Math.floor(sorted.length / 2)];
    return median < 5
      ? {
          score,
          warning: `half of the rows have fewer than ${Math.max(2, Math.ceil(median))} effective draws: the importance-sampled log-likelihood is too low; take more --importance-samples, or trust the annealed one`,
        }
      : { score };
  }
  const { mean, standardDeviation } = await import("../numerics/statistics.js");
  const values = await model.bound!(rows, { samples, seed });
  const count = values.length;
  return {
    score: {
      name: `log-likelihood (importance-weighted bound, K = ${samples})`,
      value: mean(values),
      standardError: standardDeviation(values) / Math.sqrt(count),
      uncertainty: "over rows",
      images: count,
      seed,
    },
  };
}
