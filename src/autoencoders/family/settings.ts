/** Options of a model of the family and of its training: defaults, checks, and the form in which a checkpoint keeps them. */
import { z } from "zod";
import type { Dataset } from "../../data/types.js";
import { UsageError } from "../../errors.js";
import { type ActivationName, activationNames } from "../../networks/index.js";
import { issueOf } from "../../training/index.js";
import type { AutoencoderModel, FamilyShape, ModelOption } from "./model.js";
import { checkNetwork, type NetworkShape } from "./networks.js";

const count = z.int().min(1);
const activation = z.enum(activationNames as [ActivationName, ...ActivationName[]]);

const networkSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("mlp"),
    encoderHidden: z.array(count),
    decoderHidden: z.array(count),
    activation,
  }),
  z.object({
    kind: z.literal("convolutional"),
    image: z.tuple([count, count, count]),
    channels: z.array(count).min(1),
    activation,
    batchNormalization: z.boolean(),
  }),
]);

export const familyShapeSchema = z.object({
  dataDimension: count,
  latentDimension: count,
  network: networkSchema,
  likelihood: z.enum(["gaussian", "bernoulli"]),
  variance: z.union([z.number().positive(), z.literal("learned")]),
  bounded: z.boolean(),
  options: z.record(z.string(), z.number()),
});

export const familySettingsSchema = z.object({
  epochs: count,
  batchSize: z.int().min(2),
  learningRate: z.number().positive(),
  weightDecay: z.number().min(0),
  schedule: z.enum(["constant", "cosine", "exponential"]),
  /** The rate at the end, as a part of the rate. */
  finalRate: z.number().positive().max(1),
  /** Share of the steps over which the learning rate rises. */
  warmUp: z.number().min(0).lt(1),
  clipNorm: z.number().positive().optional(),
  patience: count.optional(),
  seed: z.int().min(0),
});

/** How a model is trained: plain data. */
export type FamilySettings = Readonly<z.infer<typeof familySettingsSchema>>;

export interface FamilyOptions extends Partial<FamilySettings> {
  /** d; default 2. */
  readonly latentDimension?: number;
  /** "mlp" (the default) or "convolutional". */
  readonly network?: "mlp" | "convolutional";
  /** mlp: hidden layers; defaults [200, 100] and [100, 200]. */
  readonly encoderHidden?: readonly number[];
  readonly decoderHidden?: readonly number[];
  /** Default: tanh for mlp (smooth, as the geometry needs), relu for convolutional. */
  readonly activation?: ActivationName;
  /** convolutional: channels, rows, columns; default: one channel of the data set's own picture size. */
  readonly image?: readonly [number, number, number];
  /** convolutional: channels after each halving; default [32, 64, 128]. */
  readonly channels?: readonly number[];
  /** convolutional: default true. */
  readonly batchNormalization?: boolean;
  /** Default "gaussian". */
  readonly likelihood?: "gaussian" | "bernoulli";
  /** Gaussian: sigma^2, or "learned" (the default). */
  readonly variance?: number | "learned";
  /** Gaussian: the decoder's mean is a sigmoid; default false. */
  readonly bounded?: boolean;
  /** The model's own numbers by name, such as { beta: 0.1 }. */
  readonly modelOptions?: Readonly<Record<string, number>>;
}

const settingDefaults = {
  epochs: 20,
  batchSize: 100,
  learningRate: 1e-3,
  weightDecay: 0,
  schedule: "cosine",
  finalRate: 0.01,
  warmUp: 0,
  seed: 0,
} as const;

const known = [
  "latentDimension",
  "network",
  "encoderHidden",
  "decoderHidden",
  "activation",
  "image",
  "channels",
  "batchNormalization",
  "likelihood",
  "variance",
  "bounded",
  "modelOptions",
];

/** Shape and settings of a model for a data set. @throws UsageError that names the option that is wrong. */
export function resolveFamilyOptions(
  model: AutoencoderModel,
  train: Dataset,
  options: FamilyOptions,
): { shape: FamilyShape; settings: FamilySettings } {
  const given: any = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settingNames = Object.keys(familySettingsSchema.shape);
  for (const name of Object.keys(given))
    if (!known.includes(name) && !settingNames.includes(name))
      throw new UsageError(
        `training option "${name}" is not known; use one of ${[...known, ...settingNames].join(", ")}.`,
      );
  const shape = {
    dataDimension: train.dimension,
    latentDimension: given.latentDimension ?? 2,
    network: networkOf(train, given),
    likelihood: given.likelihood ?? "gaussian",
    variance: given.variance ?? "learned",
    bounded: given.bounded ?? false,
    options: modelOptionsOf(model, train, given.modelOptions ?? {}),
  };
  const parsedShape = familyShapeSchema.safeParse(shape);
  if (!parsedShape.success)
    throw new UsageError(`model option ${issueOf(parsedShape.error, shape)}; see the model's options.`);
  const chosen = Object.fromEntries(settingNames.flatMap((name) => (name in given ? [[name, given[name]]] : [])));
  const whole = { ...settingDefaults, ...chosen };
  const settings = familySettingsSchema.safeParse(whole);
  if (!settings.success) throw new UsageError(`training option ${issueOf(settings.error, whole)}.`);
  const result = parsedShape.data as FamilyShape;
  checkNetwork(result.network, result.dataDimension);
  checkFamilyRows("training data", train, result);
  return { shape: result, settings: { ...settings.data, batchSize: Math.min(settings.data.batchSize, train.n) } };
}

function networkOf(train: Dataset, given: FamilyOptions): NetworkShape {
  const kind = given.network ?? "mlp";
  if (kind === "mlp")
    return {
      kind,
      encoderHidden: given.encoderHidden ?? [200, 100],
      decoderHidden: given.decoderHidden ?? [100, 200],
      activation: given.activation ?? "tanh",
    };
  if (kind !== "convolutional") throw new UsageError(`network: "${kind}" is not known; use "mlp" or "convolutional".`);
  const image = given.image ?? train.colourShape ?? (train.imageShape && ([1, ...train.imageShape] as const));
  if (image === undefined)
    throw new UsageError(
      `network: "convolutional" needs the image's sizes, and ${train.name} does not tell them; give image (on the command line --image): channels, rows, columns.`,
    );
  return {
    kind,
    image,
    channels: given.channels ?? [32, 64, 128],
    activation: given.activation ?? "relu",
    batchNormalization: given.batchNormalization ?? true,
  };
}

function modelOptionsOf(
  model: AutoencoderModel,
  train: Dataset,
  given: Readonly<Record<string, number>>,
): Record<string, number> {
  checkModelNumbers(model, given, train.n);
  const defaultOf = ({ default: value, max }: ModelOption) => (max === "rows" ? Math.min(value, train.n) : value);
  return Object.fromEntries(Object.entries(model.options).map(([name, o]) => [name, given[name] ?? defaultOf(o)]));
}

/**
 * Checks numbers before a model is made, even before the data are there.
 * @param rows of the training data, where they are known
 * @throws UsageError for a number that the model does not have, or that is out of its range
 */
export function checkModelNumbers(
  model: AutoencoderModel,
  given: Readonly<Record<string, number>>,
  rows = Number.POSITIVE_INFINITY,
): void {
  const names = Object.keys(model.options);
  for (const [name, value] of Object.entries(given)) {
    const option = model.options[name];
    if (option === undefined)
      throw new UsageError(
        `model option "${name}" is not known to ${model.name}; ${names.length > 0 ? `use one of ${names.join(", ")}` : "it has none"}.`,
      );
    const { min, max = Number.POSITIVE_INFINITY } = option;
    const most = max === "rows" ? rows : max;
    if (!(Number.isFinite(value) && value >= min && value <= most)) {
      const end = most === Infinity ? "on" : `to ${most}${max === "rows" ? ", the rows of the training data" : ""}`;
      throw new UsageError(`${name}: ${value} is not a number from ${min} ${end} (${option.says}).`);
    }
    // options that count something start at a whole number
    if (Number.isInteger(option.default) && option.min === 1 && !Number.isInteger(value))
      throw new UsageError(`${name}: ${value} is not a whole number (${option.says}).`);
  }
}

/** @throws UsageError unless there are at least two rows, all finite, of the model's width and within its range. */
export function checkFamilyRows(name: string, data: Dataset, shape: FamilyShape): void {
  const D = shape.dataDimension;
  if (data.dimension !== D)
    throw new UsageError(`${name}: rows have ${data.dimension} columns, the model ${D}; give rows of ${D} numbers.`);
  if (data.n < 2 || data.rows.length !== data.n * D)
    throw new UsageError(`${name}: ${data.rows.length} numbers are not 2 or more rows of ${D}; give more rows.`);
  const unit = shape.likelihood === "bernoulli" || shape.bounded;
  for (let i = 0; i < data.rows.length; i++) {
    const value = data.rows[i];
    if (!Number.isFinite(value))
      throw new UsageError(`${name}: row ${Math.floor(i / D)} holds ${value}; give finite numbers.`);
    if (unit && !(value >= 0 && value <= 1))
      throw new UsageError(
        `${name}: row ${Math.floor(i / D)} holds ${value}, and a model with likelihood "bernoulli" or a bounded mean needs data from 0 to 1; rescale the data, or use "gaussian" without bounds.`,
      );
  }
}
