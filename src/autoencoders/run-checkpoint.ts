/**
 * What the checkpoint folders of all trained models have in common: fields of `config.json`, the table of epochs, and
 * the codes and labels of the training data.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Dataset } from "../data/types.js";
import { type NdArray, ndarray } from "../engine/index.js";
import { formatRow } from "../numerics/csv.js";
import { decodeNpy, encodeNpy } from "../numerics/npy.js";
import { type CheckpointFiles, type EpochRecord, expectStoredShape } from "../training/index.js";

/** The weights. */
export const MODEL_FILE = "model.safetensors";
/** Codes of the training data (means) [N, d], once training has ended. */
export const LATENTS_FILE = "latents.npy";
/** Labels of the training data [N], where it has some. */
export const LABELS_FILE = "labels.npy";

export const dataSchema = z.object({
  name: z.string(),
  n: z.int().min(1),
  dimension: z.int().min(1),
  imageShape: z.tuple([z.int(), z.int()]).optional(),
  labelNames: z.array(z.string()).optional(),
  /** SHA-256 of up to 1,000 evenly spaced rows: tells whether a run is continued on the same data. */
  fingerprint: z.string(),
});

export const progressSchema = z.object({
  /** Whole epochs done. */
  epochs: z.int().min(0),
  state: z.enum(["running", "finished", "early", "stopped"]),
  seconds: z.number(),
});

/** Of the model, a row; larger is better. */
export const scoresSchema = z.object({ train: z.number(), test: z.number().optional() });

/** The facts about a data set that a checkpoint keeps. */
export type DataDescription = Readonly<z.infer<typeof dataSchema>>;

/** The facts about a data set that a checkpoint keeps. */
export function describeData(data: Dataset): DataDescription {
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

/**
 * `training.csv`: one line an epoch.
 * @param columns names of what `values` tells of an epoch.
 * @param score the name of the held-out score's column; empty where there is none.
 */
export function trainingTable(
  history: readonly EpochRecord[],
  columns: readonly string[],
  values: (terms: readonly number[]) => readonly number[],
  score: string,
): string {
  const lines = history.map(({ epoch, terms, score: held, learningRate, seconds }) =>
    formatRow([epoch, ...values(terms), held ?? "", learningRate, Number(seconds.toFixed(3))]),
  );
  const header = formatRow(["epoch", ...columns, score, "learning_rate", "seconds"]);
  return `${[header, ...lines].map((line) => line.trimEnd()).join("\n")}\n`;
}

/** `training.csv` of models with an ELBO, whose terms are reconstruction and KL divergence. */
export function elboTable(history: readonly EpochRecord[]): string {
  const columns = ["reconstruction", "kl", "elbo"];
  return trainingTable(history, columns, ([gain, kl]) => [gain, kl, gain - kl], "held_out_elbo");
}

/** The files of codes [N, d] and labels. */
export function codeFiles(latents: NdArray, labels?: Int32Array): CheckpointFiles {
  return {
    [LATENTS_FILE]: encodeNpy(latents as any),
    ...(labels && { [LABELS_FILE]: encodeNpy({ data: labels, shape: [labels.length], dtype: "int32" }) }),
  };
}

/** An array of a checkpoint, where it has it. @throws UsageError where it is damaged or not of this shape. */
export function storedArray(
  folder: string,
  name: string,
  files: ReadonlyMap<string, Uint8Array>,
  shape: readonly number[],
): NdArray | undefined {
  const bytes = files.get(name);
  if (bytes === undefined) return undefined;
  const array = decodeNpy(bytes, join(folder, name));
  expectStoredShape(folder, name, "it", array.shape, shape);
  return ndarray(array.data, array.shape);
}

/** Codes and labels as `codeFiles` wrote them. @throws UsageError where one is damaged or not of n rows. */
export function storedCodes(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
  n: number,
  d: number,
): { readonly latents?: NdArray; readonly labels?: Int32Array } {
  const latents = storedArray(folder, LATENTS_FILE, files, [n, d]);
  const labels = storedArray(folder, LABELS_FILE, files, [n]);
  return { ...(latents && { latents }), ...(labels && { labels: Int32Array.from(labels.data) }) };
}
