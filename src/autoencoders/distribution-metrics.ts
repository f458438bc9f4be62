/**
 * The metrics of a trained or imported decoder by name, whatever its likelihood: Fisher-Rao with a calibrated gate by
 * default, and those that the family allows beside it.
 *
 * A Gaussian model with a fitted precision network has its uncertainty already and gets no gate. All others get the gate
 * of `fitGate` on their codes; families without a member of largest uncertainty go to one `widening` (default 10) times
 * as wide, or as large, as what they decode at the codes, on average.
 *
 * Axes: N points, d latent dimensions.
 */
import {
  type Family,
  meanCoordinates,
  normal,
  type Parameters,
  vonMisesFisher,
} from "../distributions/families/index.js";
import { add, compile, exp, log, mul, type NdArray, ndarray, type Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import {
  blockOf,
  columnsOf,
  type DistributionDecoder,
  expectedPullback,
  fisherRao,
  fitGate,
  type Gate,
  type GateOptions,
  gatedDecoder,
  impurityMetric,
  type LatentMetric,
  positionOrientationMetric,
  probabilityDifferences,
  pullback,
  type Values,
  withFloor,
} from "../metrics/index.js";
import { type LikelihoodChoice, likelihoodBlocks, likelihoodFamily } from "./likelihood.js";
import { sumOfBlocks } from "./sum-of-blocks.js";
import { hasTransport, type TransportOptions, transportMetric, transportOfBlocks } from "./transport-choice.js";
import { decoderWithUncertainty, type Vae } from "./vae.js";
import { decodeLinear, decodeParameters, hasFamily } from "./vae-model.js";

/** A decoder into a family, with what a gate needs. */
export interface DistributionModel {
  readonly dimension: number;
  readonly family: Family;
  /** Of a product: its blocks, with the values that their columns take, where the likelihood says it. */
  readonly blocks?: readonly { readonly name: string; readonly family: Family; readonly values?: Values }[];
  /** Points `[N, d]` to parameters. Traceable. */
  readonly decoder: DistributionDecoder;
  /** Codes of the data, `[N, d]`. */
  readonly codes?: NdArray;
  /** The values that the columns take, where the likelihood says it: for Wasserstein. */
  readonly values?: Values;
  /** Whether the decoder's uncertainty is calibrated already, so that it gets no gate. */
  readonly calibrated?: boolean;
}

export const distributionMetricNames = [
  "fisher-rao",
  "fisher-rao-kl",
  "euclidean",
  "expected",
  "wasserstein",
  "wasserstein1",
  "probabilities",
  "impurity",
  "position-orientation",
] as const;

export type DistributionMetricName = (typeof distributionMetricNames)[number];

export interface DistributionMetricsOptions extends GateOptions {
  /** False: no gate; a fitted gate: that one. */
  readonly gate?: Gate | false;
  /** How many times as wide the uncertain law is; default 10. */
  readonly widening?: number;
}

/** What a single metric can be told; values, form and ground distance are for Wasserstein. */
export interface DistributionMetricOptions extends TransportOptions {
  /** Columns (or sites) that count; default all. */
  readonly columns?: readonly number[];
  /** Of a product: blocks that count, each with its weight (0 leaves one out); default all with weight 1. */
  readonly weights?: Readonly<Record<string, number>>;
  /** `floor` times the identity is added. */
  readonly floor?: number;
}

export interface DistributionMetrics {
  readonly family: Family;
  /** The gate, where there is one. */
  readonly gate?: Gate;
  /** The decoder with its uncertainty calibrated. Traceable. */
  readonly decoder: DistributionDecoder;
  /** Of mixed data: the names of its blocks. */
  readonly blocks: readonly string[];
  /** What this family has. */
  readonly names: readonly DistributionMetricName[];
  /** @throws UsageError for a name or an option that the family does not have */
  metric(name?: DistributionMetricName, options?: DistributionMetricOptions): LatentMetric;
}

/**
 * The metrics of a trained VAE of any likelihood.
 * @param saved as `loadVae` or `trainVae` give it: the model, and its codes `latents`
 * @example
 *   const metrics = await metricsOf(loadVae("runs/rna"));
 *   const { length } = await connect(metrics.metric(), from, to, { codes });
 */
export async function metricsOf(
  saved: { readonly model: Vae; readonly latents?: NdArray },
  options: DistributionMetricsOptions = {},
): Promise<DistributionMetrics> {
  return distributionMetrics(distributionModel(saved.model, saved.latents), options);
}

/** A trained VAE as a decoder into a family. */
export function distributionModel(model: Vae, codes?: NdArray): DistributionModel {
  const { shape, parameters } = model;
  const dimension = shape.latentDimension;
  if (hasFamily(shape))
    return {
      dimension,
      family: likelihoodFamily(shape),
      blocks: blocksOf(shape),
      decoder: (z) => decodeParameters(shape, parameters, z),
      codes,
      values: columnValues(shape.likelihood, shape.likelihoodOptions),
    };
  if (shape.likelihood === "bernoulli")
    return {
      dimension,
      family: likelihoodFamily(shape),
      decoder: (z) => ({ logits: decodeLinear(shape, parameters, z) }),
      codes,
      values: columnValues(shape.likelihood),
    };
  if (model.uncertainty !== undefined) {
    const withDeviation = decoderWithUncertainty(model);
    const decoder = (z: Tensor): Parameters => {
      const { mean, std } = withDeviation(z);
      return { mean, logDeviation: log(std) };
    };
    return { dimension, family: normal(), decoder, codes, calibrated: true };
  }
  const logDeviation = parameters.noise!.logVariance.data[0] / 2;
  const decoder = (z: Tensor): Parameters => {
    const mean = decodeLinear(shape, parameters, z);
    return { mean, logDeviation: add(mul(mean, 0), logDeviation) };
  };
  return { dimension, family: normal(), decoder, codes };
}

/**
 * The decoded mean in coordinates without jumps, for chords, where the family's own columns have jumps (angles, which
 * come as cosine and sine): `[N, d] -> [N, E]`; undefined where the mean itself will do. Traceable.
 */
export function meanCoordinatesOf(
  family: Family | undefined,
  decoder: DistributionDecoder | undefined,
): ((z: Tensor) => Tensor) | undefined {
  if (family?.meanEmbedding === undefined || decoder === undefined) return undefined;
  return (z) => meanCoordinates(family, decoder(z));
}

/** The blocks of a mixed likelihood with their columns' values; undefined for a single family. */
export function blocksOf(choice: LikelihoodChoice): DistributionModel["blocks"] {
  return likelihoodBlocks(choice)?.map(({ name, family, likelihood, options }) => {
    const values = columnValues(likelihood, options);
    return { name, family, ...(values && { values }) };
  });
}

/** The values that columns take under a likelihood of this name and options, where it says so: bits, and bins. */
export function columnValues(
  likelihood: string,
  { low = 0, high = 1, bins = 256 }: Readonly<Record<string, unknown>> = {},
): Values | undefined {
  if (likelihood === "bernoulli") return { low: 0, high: 1, count: 2 };
  if (likelihood !== "discretised-logistic") return undefined;
  return { low: low as number, high: high as number, count: bins as number };
}

/**
 * The metrics of any decoder into a family. Host: decodes some of the codes to find the uncertain member.
 * @throws UsageError for gate options out of range, or where a gate is asked for and there are no codes
 */
export async function distributionMetrics(
  model: DistributionModel,
  options: DistributionMetricsOptions = {},
): Promise<DistributionMetrics> {
  const { gate: given, widening = 10, ...fit } = options;
  if (!(widening > 1 && widening < Infinity))
    throw new UsageError(`metricsOf: widening is ${widening}; give a number above 1, such as 10.`);
  const wanted = given !== false && !(model.calibrated && given === undefined);
  const codes = model.codes !== undefined && model.codes.shape[0] > 0 ? model.codes : undefined;
  if (wanted && given === undefined && codes === undefined)
    throw new UsageError(
      "metricsOf: there are no codes to fit a gate to; finish the training, import the decoder with codes, or pass { gate: false }.",
    );
  const gate = !wanted ? undefined : given || fitGate(codes!, fit);
  const decoder =
    gate === undefined
      ? model.decoder
      : gatedDecoder(model.decoder, model.family, gate, { target: await widened(model, codes, widening) });
  const known = new Map<string, LatentMetric>();
  return {
    family: model.family,
    ...(gate && { gate }),
    decoder,
    blocks: (model.blocks ?? []).map((block) => block.name),
    names: namesFor(model),
    metric(name = "fisher-rao", choice = {}) {
      const key = JSON.stringify([name, choice]);
      let metric = known.get(key);
      if (!metric) {
        metric = withOptionalFloor(metricNamed(model, decoder, name, choice), choice.floor);
        known.set(key, metric);
      }
      return metric;
    },
  };
}

function withOptionalFloor(metric: LatentMetric, floor: number | undefined): LatentMetric {
  return floor === undefined || floor === 0 ? metric : withFloor(metric, floor);
}

const isNormal = (family: Family): boolean => family.name === "normal" && family.parameterCount(1) === 2;

/** The normal and the von Mises-Fisher block of a product, where it has one of each. */
function motionBlocks({ blocks = [] }: DistributionModel): { position: string; orientation: string } | undefined {
  const position = blocks.find(({ family }) => isNormal(family));
  const orientation = blocks.find(({ family }) => family.name === vonMisesFisher({ dimension: 3 }).name);
  return position && orientation && { position: position.name, orientation: orientation.name };
}

function namesFor(model: DistributionModel): DistributionMetricName[] {
  const { family } = model;
  const parts = model.blocks?.map((block) => block.family) ?? [family];
  const has: Record<DistributionMetricName, boolean> = {
    "fisher-rao": true,
    "fisher-rao-kl": true,
    euclidean: true,
    expected: isNormal(family),
    wasserstein: parts.every((each) => hasTransport("wasserstein", each)),
    wasserstein1: parts.every((each) => hasTransport("wasserstein1", each)),
    probabilities: family.name === "categorical" || family.name === "bernoulli",
    impurity: family.name === "categorical",
    "position-orientation": motionBlocks(model) !== undefined,
  };
  return distributionMetricNames.filter((name) => has[name]);
}

function metricNamed(
  model: DistributionModel,
  whole: DistributionDecoder,
  name: DistributionMetricName,
  { columns, weights, floor: _, ...transport }: DistributionMetricOptions,
): LatentMetric {
  const { family, dimension } = model;
  const names = namesFor(model);
  const transports = name === "wasserstein" || name === "wasserstein1";
  // of mixed data blocks without it may be left out
  if (!names.includes(name) && !(transports && model.blocks !== undefined))
    throw new UsageError(
      `metric: "${name}" does not go with the ${family.name} likelihood; use one of ${names.join(", ")}.`,
    );
  const idle = Object.entries(transport).find(([, value]) => value !== undefined);
  if (!transports && idle)
    throw new UsageError(`metric: ${idle[0]} goes with wasserstein and wasserstein1, not with ${name}.`);
  if (weights !== undefined) checkBlocks(model, weights);
  if (transport.blockValues !== undefined) checkBlocks(model, transport.blockValues);
  if (columns !== undefined && model.blocks !== undefined)
    throw new UsageError(
      `metric: columns of mixed data do not go alone; give weights of its blocks (${model.blocks.map((block) => block.name).join(", ")}).`,
    );
  if (transports && model.blocks !== undefined)
    return transportOfBlocks(name, whole, model.blocks, dimension, weights ?? {}, transport);
  const decoder = columns === undefined ? whole : columnsOf(whole, columns);
  if (weights !== undefined && name !== "position-orientation") {
    if (!name.startsWith("fisher-rao"))
      throw new UsageError(
        `metric: weights of blocks go with fisher-rao, wasserstein and position-orientation, not with ${name}.`,
      );
    return blockwise(model, whole, name, weights);
  }
  switch (name) {
    case "fisher-rao":
      return fisherRao(decoder, family, dimension);
    case "fisher-rao-kl":
      return fisherRao(decoder, family, dimension, { form: "kl" });
    case "euclidean":
      return pullback((z) => meanCoordinates(family, decoder(z)), dimension);
    case "expected":
      return expectedPullback((z) => {
        const { mean, logDeviation } = decoder(z);
        return { mean, std: exp(logDeviation) };
      }, dimension);
    case "wasserstein":
    case "wasserstein1":
      return transportMetric(name, decoder, { family, values: model.values }, dimension, transport);
    case "probabilities":
      return probabilityDifferences(decoder, family, dimension);
    case "impurity":
      return impurityMetric(decoder, family, dimension);
    case "position-orientation": {
      const { position, orientation } = motionBlocks(model)!;
      return positionOrientationMetric(
        (z) => {
          const { mean, logDeviation } = blockOf(whole, position)(z);
          return { mean, std: exp(logDeviation), theta: blockOf(whole, orientation)(z).theta };
        },
        dimension,
        {
          position: weights?.[position],
          positionDeviation: weights?.[position],
          orientation: weights?.[orientation],
          concentration: weights?.[orientation],
        },
      );
    }
  }
}

/** @throws UsageError for a name that is no block */
function checkBlocks({ blocks = [], family }: DistributionModel, named: Readonly<Record<string, unknown>>): void {
  for (const block of Object.keys(named))
    if (!blocks.some((each) => each.name === block))
      throw new UsageError(
        `metric: "${block}" is no block of the ${family.name} likelihood${blocks.length > 0 ? `; use ${blocks.map((each) => each.name).join(", ")}` : ", which has none"}.`,
      );
}

/** Fisher-Rao of a product, block by block with weights. */
function blockwise(
  { blocks = [], dimension }: DistributionModel,
  decoder: DistributionDecoder,
  name: string,
  weights: Readonly<Record<string, number>>,
): LatentMetric {
  const form = name === "fisher-rao-kl" ? "kl" : "auto";
  return sumOfBlocks(blocks, weights, "Fisher-Rao", (block) =>
    fisherRao(blockOf(decoder, block.name), block.family, dimension, { form }),
  );
}

/** Codes decoded to find the size of the uncertain member, at most. */
const LOOKED_AT = 500;

/** The uncertain member of each block: the family's own, of `widening` times the scale decoded at the codes. */
async function widened(
  model: DistributionModel,
  codes: NdArray | undefined,
  widening: number,
): Promise<(parameters: Parameters) => Parameters> {
  const blocks = model.blocks ?? [{ name: "", family: model.family }];
  const scales = codes === undefined ? blocks.map(() => undefined) : await decodedScales(model, codes);
  return (parameters) =>
    Object.fromEntries(
      blocks.flatMap(({ name, family }, i) => {
        const prefix = name === "" ? "" : `${name}.`;
        const own = Object.fromEntries(
          Object.entries(parameters).flatMap(([key, value]) =>
            key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
          ),
        );
        const scale = scales[i] === undefined ? undefined : widening * scales[i];
        return Object.entries(family.uncertain(own, scale === undefined ? {} : { scale })).map(([key, value]) => [
          `${prefix}${key}`,
          value,
        ]);
      }),
    );
}

/** Of each block the root mean square deviation (normal) or the mean (positive families), over codes and columns. */
async function decodedScales(model: DistributionModel, codes: NdArray): Promise<(number | undefined)[]> {
  const [n, d] = codes.shape;
  const count = Math.min(n, LOOKED_AT);
  const chosen = new Float64Array(count * d);
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * n) / count);
    chosen.set(codes.data.subarray(row * d, (row + 1) * d), i * d);
  }
  const program = compile((z: Tensor) => model.decoder(z) as any, { precision: "float32" });
  const decoded: Record<string, NdArray> = await program(ndarray(Float32Array.from(chosen), [count, d]));
  await program.dispose();
  const blocks = model.blocks ?? [{ name: "", family: model.family }];
  return blocks.map(({ name, family }) => {
    const of = (parameter: string) =>
      decoded[name === "" ? parameter : `${name}.${parameter}`]?.data as Float32Array | undefined;
    const average = (values: Float32Array, f: (x: number) => number) =>
      values.reduce((total, x) => total + f(x) / values.length, 0);
    const deviation = of("logDeviation") ?? of("logDiagonal");
    if (deviation) return Math.sqrt(average(deviation, (x) => Math.exp(2 * x)));
    if (family.name === "exponential") return average(of("logRate")!, (x) => Math.exp(-x));
    if (family.name === "poisson") return average(of("logRate")!, Math.exp);
    if (family.name === "gamma") return average(of("logMean")!, Math.exp);
    return undefined;
  });
}
