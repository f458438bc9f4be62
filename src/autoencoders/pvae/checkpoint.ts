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
import { randomKey } from "../../numerics/random.js";
import {
  adam,
  type CheckpointFiles,
  decodeRun,
  encodeRun,
  encodeSafetensors,
  issueOf,
  namedArrays,
  RUN_FILE,
  type RunState,
  readCheckpoint,
  storedTree,
  writeCheckpoint,
} from "../../training/index.js";
import {
  codeFiles,
  dataSchema,
  elboTable,
  LABELS_FILE,
  LATENTS_FILE,
  MODEL_FILE,
  progressSchema,
  scoresSchema,
  storedCodes,
} from "../run-checkpoint.js";
import { encodePvae, initializePvae, type PvaeShape } from "./model.js";
import { type Pvae, pvaeDecoderOf } from "./pvae.js";
import { type PvaeSettings, pvaeSettingsSchema, pvaeShapeSchema } from "./settings.js";
import type { PvaeTrainingState } from "./step.js";

const configSchema = z.looseObject({
  model: z.literal("pvae"),
  shape: pvaeShapeSchema,
  training: pvaeSettingsSchema,
  data: dataSchema,
  progress: progressSchema,
  /** Nats a row; once training has ended. */
  elbo: scoresSchema.optional(),
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
    ...codeFiles(latents, labels),
  });
}

/**
 * Loads a Poincare VAE from its folder.
 * @throws UsageError with a sentence that names the file that is missing, damaged or does not fit.
 */
export function loadPvae(folder: string): SavedPvae {
  const { config: raw, files } = readCheckpoint(folder, [MODEL_FILE, LATENTS_FILE, LABELS_FILE]);
  const config = parseConfig(folder, raw);
  const { shape, data } = config;
  const parameters = storedTree(folder, MODEL_FILE, files, initializePvae(randomKey(0), shape));
  return { model: { shape, parameters }, config, ...storedCodes(folder, files, data.n, shape.latentDimension) };
}

/** Loads what continues a run. @throws UsageError as `loadPvae`. */
export function loadPvaeRun(folder: string): { config: ParsedConfig; run: RunState<PvaeTrainingState> } {
  const { config: raw, files } = readCheckpoint(folder, [RUN_FILE]);
  const config = parseConfig(folder, raw);
  const parameters = initializePvae(randomKey(0), config.shape);
  return { config, run: decodeRun(folder, files, { parameters, optimizer: adam().initialize(parameters) }) };
}

function runFiles(model: Pvae, config: PvaeConfig, run: RunState<PvaeTrainingState>): CheckpointFiles {
  return {
    [MODEL_FILE]: encodeSafetensors(namedArrays(model.parameters), { format: "latent-atlas pvae" }),
    [RUN_FILE]: encodeRun(run),
    "training.csv": elboTable(run.history),
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

type ParsedConfig = PvaeConfig & { readonly shape: PvaeShape; readonly training: PvaeSettings };

function parseConfig(folder: string, raw: unknown): ParsedConfig {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${join(folder, "config.json")} is not the config of a Poincare VAE (${issueOf(parsed.error, raw)}); restore it or train again.`,
    );
  return parsed.data as ParsedConfig;
}
