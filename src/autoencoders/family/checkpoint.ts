/**
 * Models of the family as checkpoint folders:
 *
 *   config.json                  what it is: name, shape, settings, data, units, progress, scores
 *   model.safetensors            parameters, buffers and the shift of the units
 *   training.csv                 one line an epoch: the model's terms, the held-out score
 *   training-state.safetensors   what continues the run
 *   latents.npy, labels.npy      codes of the training data (means) [N, d] and its labels; once training has ended
 *   latent-log-variances.npy     [N, d], where the encoder gives a law
 *   encoder.onnx, decoder.onnx   for everyone else; once training has ended
 *   README.md                    model card
 */
import { join } from "node:path";
import { z } from "zod";
import { type NdArray, ndarray, type Tensor, toOnnx } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import { encodeNpy } from "../../numerics/npy.js";
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
  LABELS_FILE,
  LATENTS_FILE,
  MODEL_FILE,
  progressSchema,
  scoresSchema,
  storedArray,
  storedCodes,
  trainingTable,
} from "../run-checkpoint.js";
import type { FamilyShape } from "./model.js";
import { familyModel, familyNames } from "./registry.js";
import { type FamilySettings, familySettingsSchema, familyShapeSchema } from "./settings.js";
import { type FamilyState, initialState } from "./step.js";
import { familyDecoderOf, familyEncoderOf, type TrainedAutoencoder } from "./trained.js";

/** The field `model` of these checkpoints' config.json. */
export const familyCheckpointKind = "autoencoder-family";

const configSchema = z.looseObject({
  model: z.literal(familyCheckpointKind),
  name: z.enum(familyNames as [string, ...string[]]),
  shape: familyShapeSchema,
  training: familySettingsSchema,
  data: dataSchema,
  unitScale: z.number().positive(),
  progress: progressSchema,
  /** Means over the rows, once training has ended: the model's objective, larger is better. */
  score: scoresSchema.optional(),
});

/** The content of `config.json`, without the list of files. */
export type FamilyConfig = Readonly<z.infer<typeof configSchema>>;

export interface SavedFamily {
  readonly model: TrainedAutoencoder;
  readonly config: FamilyConfig;
  /** Codes of the training data, once training has ended. [N, d] */
  readonly latents?: NdArray;
  /** Their log variances, where the encoder gives a law. [N, d] */
  readonly logVariances?: NdArray;
  /** [N] */
  readonly labels?: Int32Array;
}

const LOG_VARIANCES = "latent-log-variances.npy";

/** Writes a run that goes on. */
export function saveFamilyRunning(
  folder: string,
  model: TrainedAutoencoder,
  config: FamilyConfig,
  run: RunState<FamilyState>,
): void {
  writeCheckpoint(folder, config, runFiles(model, config, run));
}

/** Writes a run that has ended: the same, with codes and ONNX files. */
export async function saveFamilyEnded(
  folder: string,
  model: TrainedAutoencoder,
  config: FamilyConfig,
  run: RunState<FamilyState>,
  codes: { readonly mean: NdArray; readonly logVariance?: NdArray },
  labels?: Int32Array,
): Promise<void> {
  writeCheckpoint(folder, config, {
    ...runFiles(model, config, run),
    ...(await familyOnnxFiles(model)),
    ...codeFiles(codes.mean, labels),
    ...(codes.logVariance && { [LOG_VARIANCES]: encodeNpy(codes.logVariance as any) }),
  });
}

/** Whether a folder's checkpoint is one of this family (and not one of `trainVae`, say). */
export function isFamilyCheckpoint(folder: string): boolean {
  return readCheckpoint(folder).config.model === familyCheckpointKind;
}

/** Loads a model from its folder. @throws UsageError that names the file that is missing, damaged or does not fit. */
export function loadFamily(folder: string): SavedFamily {
  const { config: raw, files } = readCheckpoint(folder, [MODEL_FILE, LATENTS_FILE, LOG_VARIANCES, LABELS_FILE]);
  const config = parseConfig(folder, raw);
  const shape = config.shape as FamilyShape;
  const start = template(config);
  const like = { ...start, shift: new1d(shape.dataDimension) };
  const { parameters, buffers, shift } = storedTree(folder, MODEL_FILE, files, like);
  const model: TrainedAutoencoder = {
    name: config.name,
    shape,
    parameters,
    buffers,
    units: { shift, scale: config.unitScale },
  };
  const { n } = config.data;
  const logVariances = storedArray(folder, LOG_VARIANCES, files, [n, shape.latentDimension]);
  const codes = storedCodes(folder, files, n, shape.latentDimension);
  return { model, config, ...codes, ...(logVariances && { logVariances }) };
}

/** Loads what continues a run. @throws UsageError as `loadFamily`. */
export function loadFamilyRun(folder: string): { config: ParsedConfig; run: RunState<FamilyState> } {
  const { config: raw, files } = readCheckpoint(folder, [RUN_FILE]);
  const config = parseConfig(folder, raw);
  const like = initialState(familyModel(config.name), template(config), adam());
  return { config, run: decodeRun(folder, files, like) };
}

/** `encoder.onnx` (x -> mean, and logVariance where there is one) and `decoder.onnx` (z -> mean), any number of rows. */
export async function familyOnnxFiles(model: TrainedAutoencoder): Promise<CheckpointFiles> {
  const { dataDimension: D, latentDimension: d } = model.shape;
  const outputNames = familyModel(model.name).stochastic ? ["mean", "logVariance"] : ["mean"];
  const example = (width: number): NdArray => ndarray(new Float32Array(width), [1, width]);
  return {
    "encoder.onnx": await toOnnx((x: Tensor) => ({ ...familyEncoderOf(model)(x) }), [example(D)], {
      inputNames: ["x"],
      outputNames,
      freeBatch: true,
    }),
    "decoder.onnx": await toOnnx((z: Tensor) => ({ mean: familyDecoderOf(model)(z) }), [example(d)], {
      inputNames: ["z"],
      outputNames: ["mean"],
      freeBatch: true,
    }),
  };
}

function runFiles(model: TrainedAutoencoder, config: FamilyConfig, run: RunState<FamilyState>): CheckpointFiles {
  const { parameters, buffers, units } = model;
  const terms = familyModel(config.name).terms.map((term) => term.replaceAll(" ", "_"));
  return {
    [MODEL_FILE]: encodeSafetensors(namedArrays({ parameters, buffers, shift: units.shift }), {
      format: "latent-atlas",
    }),
    [RUN_FILE]: encodeRun(run),
    "training.csv": trainingTable(run.history, terms, (values) => values, "held_out_score"),
    "README.md": modelCard(config, run),
  };
}

function modelCard(config: FamilyConfig, { history }: RunState<FamilyState>): string {
  const { shape, training, data, progress, score } = config;
  const model = familyModel(config.name);
  const { network } = shape;
  const layers =
    network.kind === "mlp"
      ? `perceptrons, encoder ${network.encoderHidden.join("-") || "linear"}, decoder ${network.decoderHidden.join("-") || "linear"}`
      : `convolutions on images [${network.image}], channels ${network.channels.join("-")}${network.batchNormalization ? ", batch normalisation" : ""}`;
  const options = Object.entries(shape.options).map(([name, value]) => `${name} ${value}`);
  const last = history.at(-1);
  const terms = last ? model.terms.map((term, i) => `${term} ${last.terms[i].toPrecision(5)}`).join(", ") : "none yet";
  return `# ${model.title} of ${data.name}

${model.source}.

${data.n} rows of ${data.dimension} numbers, coded in ${shape.latentDimension} latent dimensions.

- Networks: ${layers}; activation ${network.activation}.
- Likelihood: ${shape.likelihood}${shape.likelihood === "gaussian" ? `, variance ${shape.variance}${shape.bounded ? ", mean in [0, 1]" : ""}` : ""}.
- Options: ${options.join(", ") || "none"}.
- Training: ${progress.epochs} of ${training.epochs} epochs (${progress.state}), batches of ${training.batchSize}, Adam at ${training.learningRate} (${training.schedule}), seed ${training.seed}.
- Last epoch: ${terms}.
${score ? `- Score (minus the objective, a row): ${score.train.toFixed(3)} training${score.test === undefined ? "" : `, ${score.test.toFixed(3)} held out`}.\n` : ""}`;
}

function template(config: FamilyConfig) {
  const shape = config.shape as FamilyShape;
  const rows = { data: new Float32Array(shape.dataDimension), n: 1 };
  return familyModel(config.name).initialize(randomKey(0), shape, rows);
}

type ParsedConfig = FamilyConfig & { readonly shape: FamilyShape; readonly training: FamilySettings };

function parseConfig(folder: string, raw: unknown): ParsedConfig {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${join(folder, "config.json")} is not the config of a model of the family (${issueOf(parsed.error, raw)}); restore it or train again.`,
    );
  return parsed.data as ParsedConfig;
}

function new1d(n: number): NdArray {
  return ndarray(new Float32Array(n));
}
