/** A run's folder as the verbs need it: codes, decoder, metrics, whatever kind of model it holds. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DistributionMetricName, DistributionMetrics } from "../autoencoders/index.js";
import type { NdArray, Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import type { Manifold } from "../manifolds/index.js";
import type { Decoder, Gate, LatentMetric } from "../metrics/index.js";
import { readNpy } from "../numerics/npy.js";
import { wholeNumbers } from "./options.js";

export interface OpenRun {
  readonly folder: string;
  /** What it was trained on, for titles. */
  readonly name: string;
  /** d */
  readonly dimension: number;
  /** D */
  readonly dataDimension: number;
  /** Encoder means of the training data; [0, d] where there are none. [N, d] float64 */
  readonly codes: NdArray;
  readonly labels?: Int32Array;
  readonly labelNames?: readonly string[];
  readonly imageShape?: readonly [number, number];
  /** The mean of p(x|z). Traceable. */
  readonly mean: (z: Tensor) => Tensor;
  /** The mean in coordinates whose chords can be measured, where the mean has angles: (cos, sin). Traceable. */
  readonly coordinates?: (z: Tensor) => Tensor;
  /** Mean and standard deviation, where the uncertainty is known. Traceable. */
  readonly decoder?: Decoder;
  readonly decoderOutputNames: readonly string[];
  decoderOutputs(z: Tensor): Tensor[];
  readonly encoderOutputs?: (x: Tensor) => Tensor[];
  /** Log variances of the posteriors of the codes, where the run stores them. [N, d] */
  readonly logVariances?: () => NdArray;
  /** Whether N(0, I) is what the model was trained towards. */
  readonly standardPrior: boolean;
  /** The metrics of the model's likelihood (Fisher-Rao, Wasserstein, ...), where it has one. */
  readonly likelihoodMetrics?: () => Promise<DistributionMetrics>;
  /** The metric where none is named. */
  readonly defaultMetric: MetricName;
  /** The Poincare ball that the codes are points of, where they are (Poincare VAEs of curvature below zero). */
  readonly ball?: Manifold & { readonly curvature: number };
}

/** Opens a run. @throws UsageError with a sentence that names the file that is missing or damaged. */
export async function openRun(folder: string): Promise<OpenRun> {
  const { readCheckpoint } = await import("../training/index.js");
  const { model } = readCheckpoint(folder).config;
  if (model === "vae") return openVae(folder);
  if (model === "imported") return openImported(folder);
  if (model === "pvae") return openPvae(folder);
  if (model === "autoencoder-family") return openFamily(folder);
  if (model === "flow" || model === "von-mises-fisher-mixture")
    throw new UsageError(
      `${folder} holds a ${model === "flow" ? "flow" : "mixture of von Mises-Fisher"}, a density without a latent space; use atlas flow density and atlas flow sample.`,
    );
  throw new UsageError(
    `${folder} holds a model of kind "${model}", which this version does not know; it knows vae, pvae, autoencoder-family, imported.`,
  );
}

async function openImported(folder: string): Promise<OpenRun> {
  const { loadImportedRun, meanCoordinatesOf } = await import("../autoencoders/index.js");
  const { name, decoder: imported, codes, blocks, values } = await loadImportedRun(folder);
  const mean = (z: Tensor) => imported.mean(z);
  const uncertain = imported.roles.std ?? imported.roles.logvar ?? imported.roles.logstd;
  const decoder = uncertain === undefined ? undefined : imported.decoder;
  return {
    folder,
    name,
    dimension: imported.dimension,
    dataDimension: imported.dataDimension,
    codes,
    imageShape: imported.imageShape,
    standardPrior: false,
    defaultMetric: imported.likelihood ? "fisher-rao" : decoder === undefined ? "euclidean" : "expected",
    ...(imported.likelihood && {
      likelihoodMetrics: async () => {
        const { distributionMetrics } = await import("../autoencoders/index.js");
        const { dimension, likelihood, parameters } = imported;
        const given = { dimension, family: likelihood!, decoder: parameters!, blocks, values };
        // Without codes there is nothing to measure the distance of a gate to.
        return codes.shape[0] > 0
          ? distributionMetrics({ ...given, codes })
          : distributionMetrics(given, { gate: false });
      },
    }),
    mean,
    coordinates: meanCoordinatesOf(imported.likelihood, imported.parameters),
    decoder,
    decoderOutputNames: decoder === undefined ? ["mean"] : ["mean", "std"],
    decoderOutputs: (z) => {
      if (decoder === undefined) return [mean(z)];
      const { mean: m, std } = decoder(z) as { readonly mean: Tensor; readonly std: Tensor };
      return [m, std];
    },
  };
}

async function openPvae(folder: string): Promise<OpenRun> {
  const { latentSpaceOf, loadPvae, pvaeDecoderOf } = await import("../autoencoders/pvae/index.js");
  const { model, config, latents, labels } = loadPvae(folder);
  const codes = finished(folder, latents);
  const decoder = pvaeDecoderOf(model) as (z: Tensor) => Tensor;
  const run = withoutUncertainty(folder, config, model.shape, codes, labels, decoder, false);
  return { ...run, ...(model.shape.curvature > 0 && { ball: latentSpaceOf(model.shape) as OpenRun["ball"] }) };
}

async function openFamily(folder: string): Promise<OpenRun> {
  const { familyDecoderOf, familyModel, loadFamily } = await import("../autoencoders/family/index.js");
  const { model, config, latents, logVariances, labels } = loadFamily(folder);
  const codes = finished(folder, latents);
  const standard = trainedTowardsNormal(model.name, familyModel(model.name).stochastic);
  const run = withoutUncertainty(folder, config as any, model.shape, codes, labels, familyDecoderOf(model), standard);
  return { ...run, ...(logVariances && { logVariances: () => logVariances }) };
}

/** Models whose prior is N(0, I): all with a posterior but VAMP, which learns its prior, and WAE, whose codes are drawn to it. */
function trainedTowardsNormal(name: string, stochastic: boolean): boolean {
  return name === "wae-mmd" || (stochastic && name !== "vamp");
}

function withoutUncertainty(
  folder: string,
  config: {
    readonly data: {
      readonly name: string;
      readonly labelNames?: readonly string[];
      readonly imageShape?: readonly [number, number];
    };
  },
  shape: { readonly latentDimension: number; readonly dataDimension: number },
  codes: NdArray,
  labels: Int32Array | undefined,
  mean: (z: Tensor) => Tensor,
  standardPrior: boolean,
): OpenRun {
  return {
    folder,
    name: config.data.name,
    dimension: shape.latentDimension,
    dataDimension: shape.dataDimension,
    codes: { data: Float64Array.from(codes.data), shape: codes.shape, dtype: "float64" },
    labels,
    labelNames: config.data.labelNames,
    imageShape: config.data.imageShape,
    standardPrior,
    defaultMetric: "euclidean",
    mean,
    decoderOutputNames: ["mean"],
    decoderOutputs: (z) => [mean(z)],
  };
}

/** Codes are there once training has ended. */
function finished(folder: string, latents: NdArray | undefined): NdArray {
  if (latents === undefined)
    throw new UsageError(
      `${folder}: the training of this run has not ended, so it has no codes yet; finish it with atlas train --resume --out ${folder}.`,
    );
  return latents;
}

async function openVae(folder: string): Promise<OpenRun> {
  const { decodeMean, decoderOf, decoderWithUncertainty, distributionModel, encodeRows, loadVae, meanCoordinatesOf } =
    await import("../autoencoders/index.js");
  const { model, config, latents, labels } = loadVae(folder);
  const { astype } = await import("../engine/index.js");
  const { shape } = model;
  const codes = finished(folder, latents);
  const mean = decoderOf(model) as (z: Tensor) => Tensor;
  const decoder = model.uncertainty === undefined ? undefined : decoderWithUncertainty(model);
  const likelihood = distributionModel(model, codes);
  return {
    folder,
    name: config.data.name,
    dimension: shape.latentDimension,
    dataDimension: shape.dataDimension,
    codes: astype(codes, "float64"),
    labels,
    labelNames: config.data.labelNames,
    imageShape: config.data.imageShape,
    mean,
    coordinates: meanCoordinatesOf(likelihood.family, likelihood.decoder),
    decoder,
    decoderOutputNames: decoder === undefined ? ["mean"] : ["mean", "std"],
    decoderOutputs: (z) => {
      if (decoder === undefined) return [decodeMean(shape, model.parameters, z)];
      const { mean: m, std } = decoder(z);
      return [m, std];
    },
    standardPrior: true,
    defaultMetric: decoder !== undefined ? "expected" : isPlain(shape.likelihood) ? "euclidean" : "fisher-rao",
    likelihoodMetrics: async () => {
      const { metricsOf } = await import("../autoencoders/index.js");
      return metricsOf({ model, latents: codes });
    },
    logVariances: existsSync(join(folder, LOG_VARIANCES)) ? () => readLogVariances(folder, codes.shape) : undefined,
    encoderOutputs: (x) => {
      const { mean: m, logVariance } = encodeRows(shape, model.parameters, x);
      return [m, logVariance];
    },
  };
}

/** The codes as an option of solvers, where there are any. */
export function knownCodes(run: OpenRun): { codes?: NdArray } {
  return run.codes.shape[0] > 0 ? { codes: run.codes } : {};
}

/** Log variances of the encoded training data, beside the checkpoint. */
export const LOG_VARIANCES = "latent-log-variances.npy";

function readLogVariances(folder: string, shape: readonly number[]): NdArray {
  const path = join(folder, LOG_VARIANCES);
  const { data, shape: found } = readNpy(path);
  if (found.length !== 2 || found[0] !== shape[0] || found[1] !== shape[1])
    throw new UsageError(`${path} has shape [${found}], the codes of this run [${shape}]; train the run again.`);
  return { data: Float64Array.from(data), shape: found, dtype: "float64" };
}

/** Likelihoods that a decoder's mean and uncertainty say all of. */
const isPlain = (likelihood: string): boolean => likelihood === "gaussian" || likelihood === "bernoulli";

export const metricNames = [
  "expected",
  "euclidean",
  "posterior",
  "fisher-rao",
  "fisher-rao-kl",
  "wasserstein",
  "wasserstein1",
  "probabilities",
  "impurity",
  "position-orientation",
  "feature",
  "hyperbolic",
] as const;

export type MetricName = (typeof metricNames)[number];

const chosen = new WeakMap<OpenRun, Map<string, LatentMetric>>();

const gates = new WeakMap<LatentMetric, Gate>();

/** The gate through which a metric of `metricChoice` sees its decoder, where there is one. */
export const gateOf = (metric: LatentMetric): Gate | undefined => gates.get(metric);

/**
 * The metric of that name on a run: "expected" (the default where the run knows its uncertainty) "euclidean" or
 * "posterior" (posterior covariances at 100 medoids of the codes, seed 0; see `posterior-choice.ts` for other numbers),
 * or one of the likelihood's, with parts behind its name as `likelihood-choice.ts` reads them; behind "expected" and
 * "euclidean" a floor alone; "feature" with a file as `feature-choice.ts` reads it.
 * @throws UsageError for other names and parts, and for "expected" without uncertainty.
 */
export async function metricChoice(run: OpenRun, name: string | undefined): Promise<LatentMetric> {
  const { oneOf } = await import("./options.js");
  const { isPosteriorChoice, posteriorChoice } = await import("./posterior-choice.js");
  const { floorPart, likelihoodParts } = await import("./likelihood-choice.js");
  if (name !== undefined && isPosteriorChoice(name)) return posteriorChoice(run, name);
  const [kind, list] = name?.split(/:(.*)/s) ?? [];
  const bare = kind === undefined ? run.defaultMetric : oneOf("--metric", kind, metricNames);
  const wanted = list === undefined ? bare : `${bare}:${list}`;
  const known = chosen.get(run) ?? new Map<string, LatentMetric>();
  chosen.set(run, known);
  let metric = known.get(wanted);
  if (metric !== undefined) return metric;
  const floored = bare === "euclidean" || bare === "expected";
  const floor = floored && list !== undefined ? floorPart(bare, list) : 0;
  if (list !== undefined && bare === "hyperbolic")
    throw new UsageError(`--metric ${name}: nothing goes behind ${bare}; write --metric ${bare}.`);
  const { expectedPullback, posteriorMetricOf, pullback, withFloor } = await import("../metrics/index.js");
  if (bare === "euclidean") metric = pullback(run.coordinates ?? run.mean, run.dimension);
  else if (bare === "feature") metric = await (await import("./feature-choice.js")).featureChoice(run, list);
  else if (bare === "hyperbolic") metric = (await import("../autoencoders/pvae/index.js")).manifoldMetric(ballOf(run));
  else if (bare === "posterior") {
    if (run.logVariances === undefined)
      throw new UsageError(
        `--metric posterior: ${run.folder} holds no posterior variances of its codes (an import, or a model without); use another metric.`,
      );
    metric = posteriorMetricOf(run.codes, run.logVariances());
  } else if (bare === "expected" && run.decoder !== undefined) metric = expectedPullback(run.decoder, run.dimension);
  else if (bare === "expected" && run.likelihoodMetrics === undefined)
    throw new UsageError(
      `--metric expected: ${run.folder} knows no uncertainty of its decoder (--no-uncertainty, or an import without std); use --metric euclidean.`,
    );
  else {
    if (run.likelihoodMetrics === undefined)
      throw new UsageError(
        `--metric ${bare}: ${run.folder} has no likelihood; import it with --likelihood, or use --metric euclidean.`,
      );
    const metrics = await run.likelihoodMetrics();
    const usable = metrics.names.filter((one) => one !== "euclidean");
    const byBlocks = bare.startsWith("wasserstein") && metrics.blocks.length > 0; // some blocks may be left out
    if (!byBlocks && !usable.some((one) => one === bare))
      throw new UsageError(
        `--metric ${bare}: a ${metrics.family.name} likelihood has no such metric; use one of euclidean, ${usable.join(", ")}.`,
      );
    metric = metrics.metric(
      bare as DistributionMetricName,
      list === undefined || floored ? {} : likelihoodParts(bare as DistributionMetricName, list, metrics.blocks),
    );
    if (metrics.gate) gates.set(metric, metrics.gate);
  }
  if (floor > 0) {
    const gate = gates.get(metric);
    metric = withFloor(metric, floor);
    if (gate) gates.set(metric, gate);
  }
  known.set(wanted, metric);
  return metric;
}

/**
 * The same for verbs that need a metric tensor.
 * @param what what is made of the tensor, for the sentence
 * @throws UsageError also for metrics that have none (1-Wasserstein)
 */
export async function metricWithTensor(run: OpenRun, name: string | undefined, what: string): Promise<LatentMetric> {
  const metric = await metricChoice(run, name);
  if (metric.finsler)
    throw new UsageError(
      `--metric ${name}: it measures lengths that come from no metric tensor, so there is no ${what}; use it with atlas geodesic and distances, or another metric here.`,
    );
  return metric;
}

/**
 * The ball of a run, for `--metric hyperbolic`.
 * @throws UsageError where the latent space is flat
 */
export function ballOf(run: OpenRun): NonNullable<OpenRun["ball"]> {
  if (run.ball !== undefined) return run.ball;
  throw new UsageError(
    `--metric hyperbolic: the latent space of ${run.folder} is flat; train with --model pvae and --curvature above 0, or use another metric.`,
  );
}

/** Whether geodesics of this metric are known in closed form: those of the ball itself. */
export function inClosedForm(run: OpenRun, metric: string | undefined): OpenRun["ball"] {
  return metric === "hyperbolic" ? ballOf(run) : undefined;
}

/**
 * The points that `--points FILE` or `--indices LIST` name, with their labels where they are codes.
 * @throws UsageError unless exactly one of the two is given and fits the run.
 */
export async function pointsFrom(
  run: OpenRun,
  options: { readonly points?: string; readonly indices?: string },
): Promise<{ points: NdArray; labels?: Int32Array }> {
  const { takeRows } = await import("../engine/index.js");
  if ((options.points === undefined) === (options.indices === undefined))
    throw new UsageError("give the points either by --points FILE or by --indices LIST.");
  if (options.indices !== undefined) {
    const indices = wholeNumbers("--indices", options.indices);
    const n = run.codes.shape[0];
    if (n === 0)
      throw new UsageError(`--indices: ${run.folder} holds no codes to count; give latent points with --points FILE.`);
    for (const index of indices)
      if (index >= n)
        throw new UsageError(`--indices: ${index} is outside the ${n} codes of this run; use 0 to ${n - 1}.`);
    return {
      points: takeRows(run.codes, indices),
      ...(run.labels && { labels: Int32Array.from(indices, (i) => run.labels![i]) }),
    };
  }
  const { loadDataset } = await import("../data/index.js");
  const table = await loadDataset(options.points!);
  if (table.dimension !== run.dimension)
    throw new UsageError(
      `--points: ${options.points} has ${table.dimension} columns, the latent space of this run has ${run.dimension} dimensions.`,
    );
  const points: NdArray = { data: Float64Array.from(table.rows), shape: [table.n, table.dimension], dtype: "float64" };
  if (run.ball !== undefined) (await import("../manifolds/index.js")).checkPoints(run.ball, "--points", points);
  return { points };
}
