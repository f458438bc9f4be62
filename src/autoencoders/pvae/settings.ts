/** What a training run of a Poincare VAE is told: defaults, checks, and the form in which a checkpoint stores it. */
import { z } from "zod";
import type { Dataset } from "../../data/types.js";
import { UsageError } from "../../errors.js";
import { gyroplaneForms } from "../../networks/index.js";
import { issueOf } from "../../training/index.js";
import { settingsSchema, shapeSchema } from "../vae-settings.js";
import { checkPvaeShape, type PvaeShape, pvaeDecoders, pvaeEncoders, pvaeLaws } from "./model.js";

export const pvaeShapeSchema = shapeSchema.extend({
  curvature: z.number().min(0),
  posterior: z.enum(pvaeLaws),
  prior: z.enum(pvaeLaws),
  priorScale: z.number().positive(),
  decoder: z.enum(pvaeDecoders),
  encoder: z.enum(pvaeEncoders),
  gyroplaneForm: z.enum(gyroplaneForms as [string, ...string[]]),
});

export const pvaeSettingsSchema = settingsSchema.extend({
  /** Draws of z a row in the training objective. */
  samples: z.int().min(1),
});

/** How a Poincare VAE is trained: plain data. */
export type PvaeSettings = Readonly<z.infer<typeof pvaeSettingsSchema>>;

export interface PvaeOptions extends Partial<Omit<PvaeShape, "dataDimension">>, Partial<PvaeSettings> {}

/**
 * Defaults: the synthetic experiment of the paper (one hidden layer of 200 ReLU, Adam at a constant 1e-3, batches of
 * 64, no warm-up), with curvature 1, wrapped laws of scale 1 and a gyroplane decoder.
 */
const defaults = {
  latentDimension: 2,
  encoderHidden: [200],
  decoderHidden: [200],
  activation: "relu",
  likelihood: "gaussian",
  curvature: 1,
  posterior: "wrapped",
  prior: "wrapped",
  priorScale: 1,
  decoder: "gyroplane",
  encoder: "wrapped",
  gyroplaneForm: "paper",
  epochs: 100,
  batchSize: 64,
  optimizer: "adam",
  learningRate: 1e-3,
  weightDecay: 0,
  schedule: "constant",
  finalRate: 0.01,
  warmUp: 0,
  klWarmUp: 0,
  seed: 0,
  samples: 1,
} as const;

/**
 * Shape and settings for a data set.
 * @throws UsageError that names the option that is wrong.
 */
export function resolvePvaeOptions(train: Dataset, options: PvaeOptions): { shape: PvaeShape; settings: PvaeSettings } {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all: Record<string, unknown> = { ...defaults, ...given, dataDimension: train.dimension };
  if (all.optimizer === "adamw" && given.weightDecay === undefined) all.weightDecay = 0.01;
  const shapeKeys = Object.keys(pvaeShapeSchema.shape);
  const settingsKeys = Object.keys(pvaeSettingsSchema.shape);
  for (const name of Object.keys(given))
    if (!shapeKeys.includes(name) && !settingsKeys.includes(name))
      throw new UsageError(
        `training option "${name}" is not known; use one of ${[...shapeKeys, ...settingsKeys].join(", ")}.`,
      );
  const shape = pick(all, shapeKeys) as unknown as PvaeShape;
  checkPvaeShape(shape);
  const chosen = pick(all, settingsKeys);
  const parsed = pvaeSettingsSchema.safeParse(chosen);
  if (!parsed.success) throw new UsageError(`training option ${issueOf(parsed.error, chosen)}.`);
  return { shape, settings: { ...parsed.data, batchSize: Math.min(parsed.data.batchSize, train.n) } };
}

function pick(from: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.flatMap((key) => (key in from ? [[key, from[key]]] : [])));
}
