/** What samplers and scores need of a run, whatever kind of model it holds. */
import type { LatentVariableModel } from "../autoencoders/family/index.js";
import type { NdArray, Tensor } from "../engine/index.js";
import type { SamplerOptions, SamplerSource } from "../samplers/index.js";
import { type OpenRun, openRun } from "./open-run.js";

export interface Picture {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
}

export interface ScoredModel {
  /** "vae", "pvae", "rae-gp", "imported", ... */
  readonly kind: string;
  readonly run: OpenRun;
  readonly samplers: SamplerSource;
  /** How a row is a picture, where it is one: planes of channels, one after another. */
  readonly picture?: Picture;
  /** Latents [N, d] to means of the data [N, D]. */
  decode(latents: NdArray): Promise<NdArray>;
  /** Rows [N, D] to their decoded codes. Absent for imports, which have no encoder. */
  readonly reconstruct?: (rows: NdArray) => Promise<NdArray>;
  /** The densities, for models with a marginal likelihood and a Gaussian posterior. */
  readonly likelihood?: LatentVariableModel;
  /** A bound of log p(x) of each row by importance weights, where the latent space is no flat one. [N] */
  readonly bound?: (rows: NdArray, options: { samples: number; seed: number }) => Promise<Float64Array>;
}

/**
 * Opens a run with its samplers.
 * @param options threads of the runtime, and what the samplers that the model brings are told
 * @throws UsageError as `openRun`
 */
export async function openScored(folder: string, options: RunOptions = {}): Promise<ScoredModel> {
  const run = await openRun(folder);
  const { readCheckpoint } = await import("../training/index.js");
  const { model } = readCheckpoint(folder).config;
  const samplers: SamplerSource = {
    dimension: run.dimension,
    ...(run.codes.shape[0] > 0 && { codes: run.codes }),
    logVariances: run.logVariances?.(),
    standardPrior: run.standardPrior,
  };
  const plain = {
    kind: String(model),
    run,
    samplers,
    picture: pictureOf(run.imageShape, run.dataDimension),
    decode: decoding(run, options),
  };
  if (model === "vae") return { ...plain, ...(await vaeParts(folder, options)) };
  if (model === "pvae") return { ...plain, ...(await pvaeParts(folder, samplers, options)) };
  if (model === "autoencoder-family") return { ...plain, ...(await familyParts(folder, samplers, options)) };
  return plain;
}

/** The sampler where none is named: the model's own law, or for models without one the mixture of Gaussians on its codes. */
export function defaultSampler({ samplers, run }: ScoredModel): string {
  return run.standardPrior || (samplers.own?.length ?? 0) > 0 ? "own" : "gaussian-mixture";
}

type Parts = Partial<ScoredModel>;
type RunOptions = { readonly threads?: number; readonly samplers?: SamplerOptions };

async function vaeParts(folder: string, options: RunOptions): Promise<Parts> {
  const [{ decode, encode, loadVae }, { likelihoodModelOfVae }] = await Promise.all([
    import("../autoencoders/index.js"),
    import("../evaluation/index.js"),
  ]);
  const { model } = loadVae(folder);
  return {
    likelihood: likelihoodModelOfVae(model),
    reconstruct: async (rows) => decode(model, (await encode(model, rows, options)).mean, options),
  };
}

async function pvaeParts(folder: string, samplers: SamplerSource, options: RunOptions): Promise<Parts> {
  const [{ decodeFromBall, encodeToBall, importanceWeightedBound, loadPvae }, { pvaeSamplers }] = await Promise.all([
    import("../autoencoders/pvae/index.js"),
    import("../samplers/index.js"),
  ]);
  const { model } = loadPvae(folder);
  return {
    samplers: { ...samplers, own: pvaeSamplers(model, samplers.codes!, options.samplers?.mixture) },
    reconstruct: async (rows) => decodeFromBall(model, (await encodeToBall(model, rows, options)).mean, options),
    bound: (rows, { samples, seed }) => importanceWeightedBound(model, rows, { ...options, samples, seed }),
  };
}

async function familyParts(folder: string, samplers: SamplerSource, options: RunOptions): Promise<Parts> {
  const [{ decodeFamily, encodeFamily, familyModel, latentVariableModelOf, loadFamily }, { familySamplers }] =
    await Promise.all([import("../autoencoders/family/index.js"), import("../samplers/index.js")]);
  const { model } = loadFamily(folder);
  const { network, dataDimension } = model.shape;
  const [channels, ...size] = network.kind === "convolutional" ? network.image : [];
  return {
    kind: model.name,
    ...(channels !== undefined && { picture: pictureOf(size as [number, number], dataDimension) }),
    samplers: {
      ...samplers,
      own: await familySamplers(model, { threads: options.threads, ...options.samplers?.chains }),
    },
    reconstruct: async (rows) => decodeFamily(model, (await encodeFamily(model, rows, options)).mean, options),
    ...(familyModel(model.name).hasLikelihood && { likelihood: latentVariableModelOf(model) }),
  };
}

/** Grey or colour pictures of this size; nothing where rows of D numbers are neither. */
export function pictureOf(size: readonly [number, number] | undefined, D: number): Picture | undefined {
  if (size === undefined) return undefined;
  const [height, width] = size;
  const channels = D / (height * width);
  return channels === 1 || channels === 3 ? { channels, height, width } : undefined;
}

function decoding(run: OpenRun, options: RunOptions) {
  return async (latents: NdArray): Promise<NdArray> => {
    const [{ compile }, { mapRows }] = await Promise.all([
      import("../engine/index.js"),
      import("../autoencoders/rows.js"),
    ]);
    const f = compile((_: unknown, z: Tensor) => ({ mean: run.mean(z) }), options);
    const { mean } = await mapRows<"mean">(f, {}, [latents], 256);
    await f.dispose();
    return mean;
  };
}
