/**
 * Poincare VAEs as checkpoint folders:
 *
 *   config.json                what it is: shape, settings, data, progress, ELBO, and the list of files
 *   model.safetensors          weights; a weight is [inputs, outputs]
 *   training.csv               one line an epoch
 *   training-state.safetensors what continues the run: parameters, moments, position, history
 *   latents.npy, labels.npy    means of the encoded training data, points of the ball [N, d], and labels [N]; at the end
 *   decoder.onnx, encoder.onnx for everyone else; at the end
 *   README.md                  model card
 */
import { join } from "node:path";
import { z } from "zod";
import { type NdArray, ndarray, type Tensor, toOnnx } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { decodeNpy, encodeNpy } from "../../numerics/npy.js";
import { randomKey } from "../../numerics/random.js";
import {
  adam,
  type CheckpointFiles,
  decodeStored,
  encodeSafetensors,
  expectStoredShape,
  issueOf,
  namedArrays,
  type RunState,
  readCheckpoint,
  storedTree,
  writeCheckpoint,
} from "../../training/index.js";
import { trainingTable } from "../vae-checkpoint.js";
import { encodePvae, initializePvae, type PvaeShape } from "./model.js";
import { type Pvae, pvaeDecoderOf } from "./pvae.js";
import { type PvaeSettings, pvaeSettingsSchema, pvaeShapeSchema } from "./settings.js";
import type { PvaeTrainingState } from "./step.js";

const number = z.number();

const configSchema = z.looseObject({
  model: z.literal("pvae"),
  shape: pvaeShapeSchema,
  training: pvaeSettingsSchema,
  data: z.object({
    name: z.string(),
    n: z.int().min(1),
    dimension: z.int().min(1),
    imageShape: z.tuple([z.int(), z.int()]).optional(),
    labelNames: z.array(z.string()).optional(),
    fingerprint: z.string(),
  }),
  progress: z.object({
    epochs: z.int().min(0),
    state: z.enum(["running", "finished", "early", "stopped"]),
    seconds: number,
  }),
  /** Nats a row; once training has ended. */
  elbo: z.object({ train: number, test: number.optional() }).optional(),
});

/** The content of a Poincare VAE's `config.json`, without the list of files. */
export type PvaeConfig = Readonly<z.infer<typeof configSchema>>;

/** A Poincare VAE as loaded from its folder. */
export interface SavedPvae {
  readonly model: Pvae;
  readonly config: PvaeConfig;
  /** Points of the ball. [N, d] */
  readonly latents?: NdArray;
  /** [N] */
  readonly labels?: Int32Array;
}

const MODEL = "model.safetensors";
const STATE = "training-state.safetensors";

/** Writes a run that goes on: what loads the model so far and what continues the run. */
export function savePvaeRunning(
  folder: string,
  model: Pvae,
  config: PvaeConfig,
  run: RunState<PvaeTrainingState>,
): void {
  writeCheckpoint(folder, config, runFiles(model, config, run));
}

/** Writes a run that has ended: the same, with the encoded training data and the ONNX files. */
export async function savePvaeEnded(
  folder: string,
  model: Pvae,
  config: PvaeConfig,
  run: RunState<PvaeTrainingState>,
  latents: NdArray,
  labels?: Int32Array,
): Promise<void> {
  const { dataDimension: D, latentDimension: d } = model.shape;
  const example = (width: number): NdArray => ndarray(new Float32Array(width), [1, width]);
  writeCheckpoint(folder, config, {
    ...runFiles(model, config, run),
    "encoder.onnx": await toOnnx((x: Tensor) => encodePvae(model.shape, model.parameters, x), [example(D)], {
      inputNames: ["x"],
      outputNames: ["mean", "std"],
      freeBatch: true,
    }),
    "decoder.onnx": await toOnnx((z: Tensor) => pvaeDecoderOf(model)(z), [example(d)], {
      inputNames: ["z"],
      outputNames: ["mean"],
      freeBatch: true,
    }),
    "latents.npy": encodeNpy(latents as any),
    ...(labels && { "labels.npy": encodeNpy({ data: labels, shape: [labels.length], dtype: "int32" }) }),
  });
}

/**
 * Loads a Poincare VAE from its folder.
 * @throws UsageError with a sentence that names the file that is missing, damaged or does not fit.
 */
export function loadPvae(folder: string): SavedPvae {
  const { config: raw, files } = readCheckpoint(folder, [MODEL, "latents.npy", "labels.npy"]);
  const config = parseConfig(folder, raw);
  const parameters = storedTree(folder, MODEL, files, initializePvae(randomKey(0), config.shape));
  const saved: { latents?: NdArray; labels?: Int32Array } = {};
  const latents = files.get("latents.npy");
  if (latents) {
    const array = decodeNpy(latents, join(folder, "latents.npy"));
    expectStoredShape(folder, "latents.npy", "it", array.shape, [config.data.n, config.shape.latentDimension]);
    saved.latents = ndarray(array.data, array.shape);
  }
  const labels = files.get("labels.npy");
  if (labels) {
    const array = decodeNpy(labels, join(folder, "labels.npy"));
    expectStoredShape(folder, "labels.npy", "it", array.shape, [config.data.n]);
    saved.labels = Int32Array.from(array.data);
  }
  return { model: { shape: config.shape, parameters }, config, ...saved };
}

/** Loads what continues a run. @throws UsageError as `loadPvae`. */
export function loadPvaeRun(folder: string): {
  config: PvaeConfig & { shape: PvaeShape; training: PvaeSettings };
  run: RunState<PvaeTrainingState>;
} {
  const { config: raw, files } = readCheckpoint(folder, [STATE]);
  const config = parseConfig(folder, raw);
  const parameters = initializePvae(randomKey(0), config.shape);
  const template: PvaeTrainingState = { parameters, optimizer: adam().initialize(parameters) };
  const { metadata } = decodeStored(folder, STATE, files);
  let rest: any;
  try {
    rest = JSON.parse(metadata.run);
    if (!Number.isInteger(rest.position.epoch) || !Array.isArray(rest.history)) throw new Error("no position");
  } catch {
    throw new UsageError(`${join(folder, STATE)} is damaged (its position is not readable); train again.`);
  }
  const { position, history, best } = rest;
  return {
    config,
    run: {
      state: storedTree(folder, STATE, files, template, "state."),
      position,
      history,
      ...(best && { best: { ...best, state: storedTree(folder, STATE, files, template, "best.") } }),
    },
  };
}

function runFiles(model: Pvae, config: PvaeConfig, run: RunState<PvaeTrainingState>): CheckpointFiles {
  const { state, best, position, history } = run;
  const rest = { position, history, ...(best && { best: { score: best.score, epoch: best.epoch } }) };
  return {
    [MODEL]: encodeSafetensors(namedArrays(model.parameters), { format: "latent-atlas pvae" }),
    [STATE]: encodeSafetensors(
      { ...namedArrays(state, "state."), ...(best && namedArrays(best.state, "best.")) },
      { run: JSON.stringify(rest) },
    ),
    "training.csv": trainingTable(history),
    "README.md": modelCard(config),
  };
}

function modelCard({ shape, training, data, progress, elbo }: PvaeConfig): string {
  const c = shape.curvature;
  const space =
    c === 0 ? `Euclidean space of dimension ${shape.latentDimension}` : `the Poincare ball of curvature ${-c}`;
  return `# Poincare variational autoencoder of ${data.name}

${data.n} rows of ${data.dimension} numbers, coded in ${shape.latentDimension} dimensions of ${space}.

- Encoder: ${[shape.dataDimension, ...shape.encoderHidden, shape.latentDimension].join(" - ")}, ${shape.encoder}; decoder: ${[shape.latentDimension, ...shape.decoderHidden, shape.dataDimension].join(" - ")}, ${shape.decoder}${shape.decoder === "gyroplane" ? ` (${shape.gyroplaneForm}'s form)` : ""}; activation ${shape.activation}.
- Posterior: ${shape.posterior} normal; prior: ${shape.prior} normal of scale ${shape.priorScale}; likelihood: ${shape.likelihood}${shape.likelihood === "gaussian" ? " of unit variance" : ""}.
- Training: ${progress.epochs} of ${training.epochs} epochs (${progress.state}), batches of ${training.batchSize}, ${training.optimizer} at ${training.learningRate} (${training.schedule}), seed ${training.seed}.
${elbo ? `- ELBO of the training data: ${elbo.train.toFixed(3)} nats a row${elbo.test === undefined ? "" : `; of held-out data: ${elbo.test.toFixed(3)}`}.\n` : ""}
Latent points are in ball coordinates, of length below ${c === 0 ? "infinity" : (1 / Math.sqrt(c)).toPrecision(4)}.
`;
}

function parseConfig(folder: string, raw: unknown): PvaeConfig & { shape: PvaeShape; training: PvaeSettings } {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${join(folder, "config.json")} is not the config of a Poincare VAE (${issueOf(parsed.error, raw)}); restore it or train again.`,
    );
  return parsed.data as PvaeConfig & { shape: PvaeShape; training: PvaeSettings };
}
