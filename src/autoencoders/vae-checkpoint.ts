/**
 * VAEs as checkpoint folders:
 *
 *   config.json                what it is: shape, settings, data, progress, ELBO, and the list of files
 *   model.safetensors          weights in the data's own units; a weight is [inputs, outputs]
 *   training.csv               one line an epoch
 *   training-state.safetensors what continues the run: parameters, moments, position, history
 *   latents.npy, labels.npy    means of the encoded training data [N, d] and its labels [N]; once training has ended
 *   encoder.onnx, decoder.onnx for everyone else; once training has ended
 *   uncertainty.safetensors    the precision network, where it has been fitted
 *   README.md                  model card
 */
import { join } from "node:path";
import { z } from "zod";
import { compile, type NdArray, ndarray, type Tensor, toOnnx } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { type Dense, mlp } from "../networks/index.js";
import { randomKey } from "../numerics/random.js";
import {
  adam,
  type CheckpointFiles,
  decodeRun,
  type EpochRecord,
  encodeRun,
  encodeSafetensors,
  issueOf,
  namedArrays,
  RUN_FILE,
  type RunState,
  readCheckpoint,
  storedTree,
  writeCheckpoint,
} from "../training/index.js";
import type { Uncertainty } from "./precision-network.js";
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
} from "./run-checkpoint.js";
import type { Vae } from "./vae.js";
import { decodeMean, decodeParameters, encoderInputs, hasFamily, initializeVae, type VaeShape } from "./vae-model.js";
import { settingsSchema, type VaeSettings, vaeShapeSchema } from "./vae-settings.js";
import type { VaeTrainingState } from "./vae-step.js";

const number = z.number();

const fitSchema = z.object({
  seed: z.int(),
  clusters: z.int().min(1),
  bandwidth: number,
  floor: number,
  ceiling: number,
  rows: z.int(),
  iterations: z.int(),
  logLikelihoods: z.array(number),
});

const configSchema = z.looseObject({
  model: z.literal("vae"),
  shape: vaeShapeSchema,
  training: settingsSchema,
  data: dataSchema,
  progress: progressSchema,
  /** Nats a row; once training has ended. */
  elbo: scoresSchema.optional(),
  uncertainty: fitSchema.optional(),
});

/** The content of a VAE's `config.json`, without the list of files. */
export type VaeConfig = Readonly<z.infer<typeof configSchema>>;

/** A VAE as loaded from its folder. */
export interface SavedVae {
  readonly model: Vae;
  readonly config: VaeConfig;
  /** Means of the encoded training data, once training has ended. [N, d] */
  readonly latents?: NdArray;
  /** Labels of the training data. [N] */
  readonly labels?: Int32Array;
}

const UNCERTAINTY = "uncertainty.safetensors";

/** Writes a run that goes on: what loads the model so far and what continues the run. */
export function saveRunning(folder: string, model: Vae, config: VaeConfig, run: RunState<VaeTrainingState>): void {
  writeCheckpoint(folder, config, runFiles(model, config, run));
}

/** Writes a run that has ended: the same, with the encoded training data and the ONNX files. */
export async function saveEnded(
  folder: string,
  model: Vae,
  config: VaeConfig,
  run: RunState<VaeTrainingState>,
  latents: NdArray,
  labels?: Int32Array,
): Promise<void> {
  writeCheckpoint(folder, config, {
    ...runFiles(model, config, run),
    ...(await onnxFiles(model)),
    ...codeFiles(latents, labels),
  });
}

/** Adds the model's fitted uncertainty to its checkpoint; the other files stay as they are. */
export function saveUncertainty(folder: string, model: Vae): void {
  const { uncertainty } = model;
  if (uncertainty === undefined)
    throw new UsageError("saveUncertainty: this model has no uncertainty yet; call fitUncertainty(model, rows) first.");
  const { config } = readCheckpoint(folder);
  const { files, format: _, version: __, ...fields } = config;
  const { centres, bandwidths, weights, zeta, growth, fit } = uncertainty;
  writeCheckpoint(
    folder,
    { ...fields, uncertainty: fit },
    { [UNCERTAINTY]: encodeSafetensors({ centres, bandwidths, weights, zeta, growth }) },
    { keep: Object.keys(files) },
  );
}

/**
 * Loads a VAE from its folder.
 * @throws UsageError with a sentence that names the file that is missing, damaged or does not fit.
 */
export function loadVae(folder: string): SavedVae {
  const { config: raw, files } = readCheckpoint(folder, [MODEL_FILE, UNCERTAINTY, LATENTS_FILE, LABELS_FILE]);
  const config = parseConfig(folder, raw);
  const model: Vae = {
    shape: config.shape,
    parameters: storedTree(folder, MODEL_FILE, files, initializeVae(randomKey(0), config.shape)),
    ...(config.uncertainty && { uncertainty: uncertaintyFrom(folder, files, config) }),
  };
  return { model, config, ...storedCodes(folder, files, config.data.n, config.shape.latentDimension) };
}

/** Loads what continues a run. @throws UsageError as `loadVae`. */
export function loadRun(folder: string): { config: ParsedConfig; run: RunState<VaeTrainingState> } {
  const { config: raw, files } = readCheckpoint(folder, [RUN_FILE]);
  const config = parseConfig(folder, raw);
  const parameters = initializeVae(randomKey(0), config.shape);
  return { config, run: decodeRun(folder, files, { parameters, optimizer: adam().initialize(parameters) }) };
}

function runFiles(model: Vae, config: VaeConfig, run: RunState<VaeTrainingState>): CheckpointFiles {
  return {
    [MODEL_FILE]: encodeSafetensors(namedArrays(model.parameters), { format: "latent-atlas vae" }),
    [RUN_FILE]: encodeRun(run),
    "training.csv": elboTable(run.history),
    "README.md": modelCard(config, run.history),
  };
}

function modelCard(config: VaeConfig, history: readonly EpochRecord[]): string {
  const { shape, training, data, progress, elbo } = config;
  const last = history.at(-1);
  const held = elbo?.test ?? last?.score;
  return `# Variational autoencoder of ${data.name}

${data.n} rows of ${data.dimension} numbers, coded in ${shape.latentDimension} latent dimensions.

- Encoder: ${[shape.dataDimension, ...shape.encoderHidden, `2 x ${shape.latentDimension}`].join(" - ")}; decoder: ${[shape.latentDimension, ...shape.decoderHidden, shape.dataDimension].join(" - ")}; activation ${shape.activation}.
- Likelihood: ${shape.likelihood}${likelihoodNote(shape)}; prior: standard normal.
- Training: ${progress.epochs} of ${training.epochs} epochs (${progress.state}), batches of ${training.batchSize}, ${training.optimizer} at ${training.learningRate} (${training.schedule}), seed ${training.seed}.
${elbo ? `- ELBO of the training data: ${elbo.train.toFixed(3)} nats a row.\n` : ""}${held === undefined ? "" : `- ELBO of held-out data: ${held.toFixed(3)} nats a row.\n`}
Files: \`config.json\` (all of this, for programs), \`model.safetensors\` (weights, [inputs, outputs]), \`training.csv\`,
\`training-state.safetensors\` (to continue the run), and, once training has ended, \`latents.npy\` (means of the encoded
training data), \`labels.npy\`, \`encoder.onnx\` (x -> mean, logVariance) and \`decoder.onnx\` (z -> mean), and
\`uncertainty.safetensors\` where the decoder's uncertainty was fitted.
`;
}

function likelihoodNote({ likelihood, likelihoodOptions, schema }: VaeConfig["shape"]): string {
  if (likelihood === "gaussian") return " (one learned variance)";
  if (likelihood === "mixed") {
    const { blocks } = schema as { blocks: { name: string; family: string; columns: number[] }[] };
    return ` (${blocks.map(({ name, family, columns }) => `${name}: ${family}, ${columns.length} columns`).join("; ")})`;
  }
  return likelihoodOptions ? ` (${JSON.stringify(likelihoodOptions)})` : "";
}

async function onnxFiles(model: Vae): Promise<CheckpointFiles> {
  const { shape, parameters } = model;
  const layers = parameters.encoder.slice(0, -1);
  const head = parameters.encoder[parameters.encoder.length - 1];
  const d = shape.latentDimension;
  // The last layer in two halves, so that the file holds no slice of a batch of fixed size.
  const encoder = (x: Tensor) => {
    const inputs = encoderInputs(shape, x);
    return {
      mean: mlp([...layers, columns(head, 0, d)], inputs, shape.activation),
      logVariance: mlp([...layers, columns(head, d, 2 * d)], inputs, shape.activation),
    };
  };
  // Of a family the mean and the parameters, in the data's own units, [N, ...] each; a parameter called mean that is not
  // the mean (of laws that are cut off at the ends) is called location.
  const decoder = (z: Tensor): Record<string, Tensor> => {
    const mean = decodeMean(shape, parameters, z);
    if (!hasFamily(shape)) return { mean };
    const { mean: location, ...others } = decodeParameters(shape, parameters, z);
    const isMean = location === undefined || ["normal", "full-normal"].includes(shape.likelihood);
    return { mean, ...(!isMean && { location }), ...others };
  };
  const example = (width: number): NdArray => ndarray(new Float32Array(width), [1, width]);
  return {
    "encoder.onnx": await toOnnx(encoder, [example(shape.dataDimension)], {
      inputNames: ["x"],
      outputNames: ["mean", "logVariance"],
      freeBatch: true,
    }),
    "decoder.onnx": await toOnnx(decoder, [example(d)], {
      inputNames: ["z"],
      outputNames: await namesOf(decoder, example(d)),
      freeBatch: true,
    }),
  };
}

/** The names of a function's results. */
async function namesOf(f: (z: Tensor) => Record<string, Tensor>, z: NdArray): Promise<string[]> {
  const program = compile(f as any);
  const names = Object.keys(await program(z));
  await program.dispose();
  return names;
}

function columns({ weight, bias }: Dense, from: number, to: number): Dense {
  const [inputs, outputs] = weight.shape;
  const data = new Float32Array(inputs * (to - from));
  for (let i = 0; i < inputs; i++)
    data.set(weight.data.subarray(i * outputs + from, i * outputs + to), i * (to - from));
  return { weight: ndarray(data, [inputs, to - from]), bias: ndarray(bias.data.slice(from, to)) };
}

type ParsedConfig = VaeConfig & { readonly shape: VaeShape; readonly training: VaeSettings };

function parseConfig(folder: string, raw: unknown): ParsedConfig {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${join(folder, "config.json")} is not the config of a VAE (${issueOf(parsed.error, raw)}); restore it or train again.`,
    );
  return parsed.data as ParsedConfig;
}

function uncertaintyFrom(folder: string, files: ReadonlyMap<string, Uint8Array>, config: VaeConfig): Uncertainty {
  const fit = config.uncertainty!;
  const { latentDimension: d, dataDimension: D } = config.shape;
  const like = (...shape: number[]) => ({ data: new Float32Array(), shape, dtype: "float32" }) as NdArray;
  const template = {
    centres: like(fit.clusters, d),
    bandwidths: like(fit.clusters),
    weights: like(fit.clusters, D),
    zeta: like(1),
    growth: like(1),
  };
  return { ...storedTree(folder, UNCERTAINTY, files, template), fit };
}
