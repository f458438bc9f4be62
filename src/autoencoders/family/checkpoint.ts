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
import { formatRow } from "../../numerics/csv.js";
import { decodeNpy, encodeNpy } from "../../numerics/npy.js";
import { randomKey } from "../../numerics/random.js";
import {
  adam,
  type CheckpointFiles,
  decodeStored,
  encodeSafetensors,
  issueOf,
  namedArrays,
  type RunState,
  readCheckpoint,
  storedTree,
  writeCheckpoint,
} from "../../training/index.js";
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
  data: z.looseObject({
    name: z.string(),
    n: z.int().min(1),
    dimension: z.int().min(1),
    imageShape: z.tuple([z.int(), z.int()]).optional(),
    labelNames: z.array(z.string()).optional(),
    fingerprint: z.string(),
  }),
  unitScale: z.number().positive(),
  progress: z.object({
    epochs: z.int().min(0),
    state: z.enum(["running", "finished", "early", "stopped"]),
    seconds: z.number(),
  }),
  /** Means over the rows, once training has ended: the model's objective, larger is better. */
  score: z.object({ train: z.number(), test: z.number().optional() }).optional(),
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

const MODEL = "model.safetensors";
const STATE = "training-state.safetensors";
const LATENTS = "latents.npy";
const LOG_VARIANCES = "latent-log-variances.npy";
const LABELS = "labels.npy";

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
    [LATENTS]: encodeNpy(codes.mean as any),
    ...(codes.logVariance && { [LOG_VARIANCES]: encodeNpy(codes.logVariance as any) }),
    ...(labels && { [LABELS]: encodeNpy({ data: labels, shape: [labels.length], dtype: "int32" }) }),
  });
}

/** Whether a folder's checkpoint is one of this family (and not one of `trainVae`, say). */
export function isFamilyCheckpoint(folder: string): boolean {
  return readCheckpoint(folder).config.model === familyCheckpointKind;
}

/** Loads a model from its folder. @throws UsageError that names the file that is missing, damaged or does not fit. */
export function loadFamily(folder: string): SavedFamily {
  const { config: raw, files } = readCheckpoint(folder, [MODEL, LATENTS, LOG_VARIANCES, LABELS]);
  const config = parseConfig(folder, raw);
  const shape = config.shape as FamilyShape;
  const start = template(config);
  const like = { ...start, shift: new1d(shape.dataDimension) };
  const { parameters, buffers, shift } = storedTree(folder, MODEL, files, like);
  const model: TrainedAutoencoder = {
    name: config.name,
    shape,
    parameters,
    buffers,
    units: { shift, scale: config.unitScale },
  };
  const array = (name: string) => {
    const bytes = files.get(name);
    return bytes === undefined ? undefined : decodeNpy(bytes, join(folder, name));
  };
  const [latents, logVariances, labels] = [array(LATENTS), array(LOG_VARIANCES), array(LABELS)];
  for (const [name, found] of [
    [LATENTS, latents],
    [LOG_VARIANCES, logVariances],
  ] as const)
    if (found && `${found.shape}` !== `${[config.data.n, shape.latentDimension]}`)
      throw new UsageError(
        `${join(folder, name)} does not fit config.json (it has shape [${found.shape}], not [${config.data.n},${shape.latentDimension}]); restore it or train again.`,
      );
  return {
    model,
    config,
    ...(latents && { latents: ndarray(latents.data, latents.shape) }),
    ...(logVariances && { logVariances: ndarray(logVariances.data, logVariances.shape) }),
    ...(labels && { labels: Int32Array.from(labels.data) }),
  };
}

/** Loads what continues a run. @throws UsageError as `loadFamily`. */
export function loadFamilyRun(folder: string): { config: FamilyConfig; run: RunState<FamilyState> } {
  const { config: raw, files } = readCheckpoint(folder, [STATE]);
  const config = parseConfig(folder, raw);
  const like = initialState(familyModel(config.name), template(config), adam());
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
      state: storedTree(folder, STATE, files, like, "state."),
      position,
      history,
      ...(best && { best: { ...best, state: storedTree(folder, STATE, files, like, "best.") } }),
    },
  };
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
  const { state, best, position, history } = run;
  const rest = { position, history, ...(best && { best: { score: best.score, epoch: best.epoch } }) };
  const { parameters, buffers, units } = model;
  return {
    [MODEL]: encodeSafetensors(namedArrays({ parameters, buffers, shift: units.shift }), { format: "latent-atlas" }),
    [STATE]: encodeSafetensors(
      { ...namedArrays(state, "state."), ...(best && namedArrays(best.state, "best.")) },
      { run: JSON.stringify(rest) },
    ),
    "training.csv": trainingTable(config.name, run),
    "README.md": modelCard(config, run),
  };
}

function trainingTable(name: string, { history }: RunState<FamilyState>): string {
  const terms = familyModel(name).terms.map((term) => term.replaceAll(" ", "_"));
  const lines = history.map(({ epoch, terms: values, score, learningRate, seconds }) =>
    formatRow([epoch, ...values, score ?? "", learningRate, seconds].map(String)),
  );
  const header = formatRow(["epoch", ...terms, "held_out_score", "learning_rate", "seconds"]);
  return `${[header, ...lines].map((line) => line.trimEnd()).join("\n")}\n`;
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

function parseConfig(
  folder: string,
  raw: unknown,
): FamilyConfig & { readonly shape: FamilyShape; readonly training: FamilySettings } {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${join(folder, "config.json")} is not the config of a model of the family (${issueOf(parsed.error, raw)}); restore it or train again.`,
    );
  return parsed.data as FamilyConfig & { shape: FamilyShape; training: FamilySettings };
}

function new1d(n: number): NdArray {
  return ndarray(new Float32Array(n));
}
