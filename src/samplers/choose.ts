/** Samplers by name, for what a model has to offer. */
import type { NdArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { type PosteriorMetric, type PosteriorOfCodes, posteriorMetricOf } from "../metrics/index.js";
import type { ChainOptions } from "./chains.js";
import {
  aggregatedPosteriorSampler,
  gaussianMixtureSampler,
  type MixtureSamplerOptions,
  priorSampler,
} from "./latent-laws.js";
import { type PublishedOptions, publishedSampler } from "./published.js";
import { type RiemannianOptions, riemannianSampler } from "./riemannian.js";
import type { Sampler } from "./sampler.js";

/** What a trained model gives to its samplers. */
export interface SamplerSource {
  /** d */
  readonly dimension: number;
  /** Posterior means of the training data, or codes of a plain autoencoder. [N, d] */
  readonly codes?: NdArray;
  /** Log variances of the posteriors, where the model has Gaussian ones. [N, d] */
  readonly logVariances?: NdArray;
  /** The posterior metric, where it is already there; otherwise made of codes and log variances. */
  readonly metric?: PosteriorMetric;
  /** Whether N(0, I) is what the model was trained towards; default true. */
  readonly standardPrior?: boolean;
  /** Samplers that this model brings itself (a learned prior, a metric of its own), under their own names; see `own.ts`. */
  readonly own?: readonly Sampler[];
}

export interface SamplerOptions {
  readonly posterior?: PosteriorOfCodes;
  readonly riemannian?: RiemannianOptions;
  readonly published?: PublishedOptions;
  readonly mixture?: MixtureSamplerOptions;
  /** Of the chains of samplers that models bring themselves. */
  readonly chains?: ChainOptions;
}

/** The samplers that every model may have; a model may bring others. */
export const samplerNames = ["prior", "gaussian-mixture", "aggregated-posterior", "riemannian", "published"] as const;

/** Names of the samplers that can serve this model. */
export function samplersFor(source: SamplerSource): string[] {
  const own = source.own?.map((sampler) => sampler.name) ?? [];
  return [...samplerNames.filter((name) => !own.includes(name) && lacking(name, source) === undefined), ...own];
}

/**
 * The sampler of that name for a model; "own" is the first that the model brings itself, or its standard normal prior.
 * Fits what has to be fitted.
 * @throws UsageError for an unknown name, or a sampler that this model cannot serve (saying which can)
 */
export function chooseSampler(name: string, source: SamplerSource, options: SamplerOptions = {}): Sampler {
  const usable = () => samplersFor(source).join(", ") || "none, for want of codes";
  const remedy = () => (samplersFor(source).length > 0 ? `use one of ${usable()}` : "give it codes of its data");
  if (name === "own") {
    if (source.own?.[0]) return source.own[0];
    if (source.standardPrior ?? true) return priorSampler(source.dimension);
    throw new UsageError(`--sampler own: this model has no law of its own to draw from; ${remedy()}.`);
  }
  const own = source.own?.find((sampler) => sampler.name === name);
  if (own) return own;
  if (!isKnown(name))
    throw new UsageError(
      Object.hasOwn(broughtBy, name)
        ? `--sampler ${name}: only a model of kind ${broughtBy[name]} brings it; this one has ${usable()}.`
        : `--sampler: "${name}" is not one of ${usable()}.`,
    );
  const missing = lacking(name, source);
  if (missing) throw new UsageError(`--sampler ${name}: this model ${missing}; ${remedy()}.`);
  const { codes, logVariances } = source;
  const metric = () => source.metric ?? posteriorMetricOf(codes!, logVariances!, options.posterior);
  if (name === "prior") return priorSampler(source.dimension);
  if (name === "gaussian-mixture") return gaussianMixtureSampler(codes!, options.mixture);
  if (name === "aggregated-posterior") return aggregatedPosteriorSampler(codes!, logVariances!);
  if (name === "riemannian") return riemannianSampler(metric(), options.riemannian);
  return publishedSampler(metric(), codes!, options.published);
}

/** Samplers that only one kind of model has. */
const broughtBy: Readonly<Record<string, string>> = { vamp: "vamp", rhvae: "rhvae" };

type Name = (typeof samplerNames)[number];

const isKnown = (name: string): name is Name => (samplerNames as readonly string[]).includes(name);

/** What the model lacks for a sampler, as the end of "this model ...", or nothing. */
function lacking(name: Name, { codes, logVariances, metric, standardPrior = true }: SamplerSource): string | undefined {
  if (name === "prior") return standardPrior ? undefined : "has no standard normal prior";
  if (name === "riemannian" && metric) return undefined;
  if (codes === undefined || codes.shape[0] === 0) return "has no codes of training data";
  if (name === "published" && metric) return undefined;
  if (name !== "gaussian-mixture" && logVariances === undefined) return "has no Gaussian posterior";
  return undefined;
}
