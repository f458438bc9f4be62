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
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Dataset } from "../data/types.js";
import { compile, type NdArray, ndarray, type Tensor, toOnnx } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { type Dense, mlp } from "../networks/index.js";
import { formatRow } from "../numerics/csv.js";
import { decodeNpy, encodeNpy } from "../numerics/npy.js";
import { randomKey } from "../numerics/random.js";
import {
  adam,
  type CheckpointFiles,
  decodeStored,
  type EpochRecord,
  encodeSafetensors,
  expectStoredShape,
  issueOf,
  namedArrays,
  type RunState,
  readCheckpoint,
  storedTree,
  writeCheckpoint,
} from "../training/index.js";
import type { Uncertainty } from "./precision-network.js";
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
  data: z.object({
    name: z.string(),
    n: z.int().min(1),
    dimension: z.int().min(1),
    imageShape: z.tuple([z.int(), z.int()]).optional(),
    labelNames: z.array(z.string()).optional(),
    /** SHA-256 of up to 1,000 evenly spaced rows: tells whether a run is continued on the same data. */
    fingerprint: z.string(),
  }),
  progress: z.object({
    /** Whole epochs done. */
    epochs: z.int().min(0),
    state: z.enum(["running", "finished", "early", "stopped"]),
    seconds: number,
  }),
  /** Nats a row; once training has ended. */
  elbo: z.object({ train: number, test: number.optional() }).optional(),
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

const MODEL = "model.safetensors";
const STATE = "training-state.safetensors";
const UNCERTAINTY = "uncertainty.safetensors";

/** The facts about a data set that a checkpoint keeps. */
export function describeData(data: Dataset): VaeConfig["data"] {
  const { name, n, dimension, imageShape, labelNames } = data;
  const hash = createHash("sha256").update(`${n} ${dimension}`);
  const stride = Math.max(1, Math.floor(n / 1000));
  for (let i = 0; i < n; i += stride) {
    const row = data.rows.subarray(i * dimension, (i + 1) * dimension);
    hash.update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
  }
  if (data.weights !== undefined) hash.update(JSON.stringify(Array.from(data.weights)));
  return {
    name,
    n,
    dimension,
    ...(imageShape && { imageShape: [...imageShape] as [number, number] }),
    ...(labelNames && { labelNames: [...labelNames] }),
    fingerprint: hash.digest("hex"),
  };
}

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
    "latents.npy": encodeNpy(latents as any),
    ...(labels && { "labels.npy": encodeNpy({ data: labels, shape: [labels.length], dtype: "int32" }) }),
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
  const { config: raw, files } = readCheckpoint(folder, [MODEL, UNCERTAINTY, "latents.npy", "labels.npy"]);
  const config = parseConfig(folder, raw);
  const d = config.shape.latentDimension;
  const model: Vae = {
    shape: config.shape,
    parameters: storedTree(folder, MODEL, files, initializeVae(randomKey(0), config.shape)),
    ...(config.uncertainty && { uncertainty: uncertaintyFrom(folder, files, config) }),
  };
  const saved: { latents?: NdArray; labels?: Int32Array } = {};
  const latents = files.get("latents.npy");
  if (latents) {
    const array = decodeNpy(latents, join(folder, "latents.npy"));
    expectStoredShape(folder, "latents.npy", "it", array.shape, [config.data.n, d]);
    saved.latents = ndarray(array.data, array.shape);
  }
  const labels = files.get("labels.npy");
  if (labels) {
    const array = decodeNpy(labels, join(folder, "labels.npy"));
    expectStoredShape(folder, "labels.npy", "it", array.shape, [config.data.n]);
    saved.labels = Int32Array.from(array.data);
  }
  return { model, config, ...saved };
}

/** Loads what continues a run. @throws UsageError as `loadVae`. */
export function loadRun(folder: string): { config: VaeConfig; run: RunState<VaeTrainingState> } {
  const { config: raw, files } = readCheckpoint(folder, [STATE]);
  const config = parseConfig(folder, raw);
  const parameters = initializeVae(randomKey(0), config.shape);
  const template: VaeTrainingState = { parameters, optimizer: adam().initialize(parameters) };
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

function runFiles(model: Vae, config: VaeConfig, run: RunState<VaeTrainingState>): CheckpointFiles {
  const { state, best, position, history } = run;
  const rest = { position, history, ...(best && { best: { score: best.score, epoch: best.epoch } }) };
  return {
    [MODEL]: encodeSafetensors(namedArrays(model.parameters), { format: "latent-atlas vae" }),
    [STATE]: encodeSafetensors(
      { ...namedArrays(state, "state."), ...(best && namedArrays(best.state, "best.")) },
      { run: JSON.stringify(rest) },
    ),
    "training.csv": trainingTable(history),
    "README.md": modelCard(config, history),
  };
}

/** One line an epoch. */
export function trainingTable(history: readonly EpochRecord[]): string {
  const header = ["epoch", "reconstruction", "kl", "elbo", "held_out_elbo", "learning_rate", "seconds"];
  const lines = history.map(({ epoch, terms: [reconstruction, kl], score, learningRate, seconds }) =>
    formatRow([epoch, reconstruction, kl, reconstruction - kl, score ?? "", learningRate, Number(seconds.toFixed(3))]),
  );
  return `${[formatRow(header), ...lines].map((line) => line.trimEnd()).join("\n")}\n`;
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

function parseConfig(folder: string, raw: unknown): VaeConfig & { shape: VaeShape; training: VaeSettings } {
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new UsageError(
      `${join(folder, "config.json")} is not the config of a VAE (${issueOf(parsed.error, raw)}); restore it or train again.`,
    );
  return parsed.data as VaeConfig & { shape: VaeShape; training: VaeSettings };
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
