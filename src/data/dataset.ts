/**
 * Data sets as the rest of the toolkit knows them: rows of float32, with labels, picture size and generating factors
 * where there are any. By name (`mnist`, `strokes`, `cifar10`) or from the user's `.npy`, `.csv` or FASTA file.
 */
import { existsSync } from "node:fs";
import { extname } from "node:path";
import { UsageError } from "../errors.js";
import { permutation, randomKey, split } from "../numerics/random.js";
import { cifar10Folder, loadCifar10 } from "./cifar10.js";
import type { DownloadProgress } from "./download.js";
import { type FastaOptions, isFastaName, readFastaDataset } from "./fasta-dataset.js";
import { findMnist, loadMnist, type MnistPart } from "./mnist.js";
import { loadStrokes } from "./strokes.js";
import type { Dataset } from "./types.js";
import { readCsvDataset, readNpyDataset, type UserFileOptions } from "./user-files.js";

export type { Dataset } from "./types.js";

/** Names of the data sets that need no file. */
export const datasetNames = ["mnist", "strokes", "cifar10"] as const;

/** How a data set is loaded. */
export interface LoadOptions extends UserFileOptions, FastaOptions {
  /** MNIST and CIFAR-10: which part. Default: "all", which `splitDataset` takes apart again. */
  readonly part?: MnistPart;
  /** MNIST: download it if it is not there. Default: false. */
  readonly download?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** strokes: how many images. Default: 20,000. */
  readonly count?: number;
  /** strokes: the seed of the generator. Default: 0. */
  readonly seed?: number;
}

/**
 * Loads "mnist", "strokes", "cifar10" (as much of it as is in `$ATLAS_DATA/cifar10`), or the user's file.
 *
 * A `.npy` file holds [n, D] numbers, or [n, height, width] pictures. A `.csv` file holds a row a line, with or without
 * a header. `labelColumn` names the column (by header or index from 0) whose whole numbers or words are classes.
 * A FASTA file (`.fasta`, `.fa`, ..., gzipped or not) holds aligned sequences: see `fastaDataset`.
 * @throws UsageError if there is no such data set or file, or it holds no finite table of numbers.
 */
export async function loadDataset(nameOrPath: string, options: LoadOptions = {}): Promise<Dataset> {
  if (isFastaName(nameOrPath)) return readFastaDataset(nameOrPath, options);
  for (const option of ["alphabet", "identity"] as const)
    if (options[option] !== undefined)
      throw new UsageError(
        `${option}: goes with aligned sequences in a FASTA file, not with ${nameOrPath}; leave it out.`,
      );
  if (nameOrPath === "mnist") {
    const part = options.part ?? "all";
    const { images, labels, shape, trainingImages } = await loadMnist({ ...options, part });
    return {
      ...pictures("mnist", images, labels, shape),
      ...(part === "all" ? { standardTrainingRows: trainingImages } : {}),
    };
  }
  if (nameOrPath === "strokes") {
    const { images, labels, factors, factorNames, shape } = loadStrokes(options.count, options.seed);
    return { ...pictures("strokes", images, labels, shape), factors, factorNames };
  }
  if (nameOrPath === "cifar10") {
    const [part, folder] = [options.part ?? "all", cifar10Folder()];
    if (part !== "all") return loadCifar10(part, folder);
    const [train, test] = [loadCifar10("train", folder), loadCifar10("test", folder)];
    return joined(train, test);
  }
  const extension = extname(nameOrPath).toLowerCase();
  if (extension === ".npy") return readNpyDataset(nameOrPath, options);
  if (extension === ".csv") return readCsvDataset(nameOrPath, options);
  const problem = existsSync(nameOrPath) ? "is a file of another kind" : "is not known";
  throw new UsageError(
    `data: '${nameOrPath}' ${problem}; give ${datasetNames.join(", ")}, or the path of a .npy, .csv or .fasta file.`,
  );
}

/** Training and test rows in one data set, which `splitDataset` takes apart again. */
function joined(train: Dataset, test: Dataset): Dataset {
  const rows = new Float32Array(train.rows.length + test.rows.length);
  rows.set(train.rows);
  rows.set(test.rows, train.rows.length);
  const labels = new Int32Array(train.n + test.n);
  labels.set(train.labels!);
  labels.set(test.labels!, train.n);
  return { ...train, rows, labels, n: train.n + test.n, standardTrainingRows: train.n };
}

/**
 * MNIST where it is found, the generated `strokes` otherwise, and a sentence that says which, and how to get the other.
 */
export async function autoDataset(
  options: Pick<LoadOptions, "count" | "seed"> = {},
): Promise<{ dataset: Dataset; sentence: string }> {
  const folder = findMnist();
  if (folder)
    return {
      dataset: await loadDataset("mnist"),
      sentence: `Data: MNIST from ${folder} (for the generated digits: --data strokes).`,
    };
  return {
    dataset: await loadDataset("strokes", options),
    sentence:
      "Data: strokes, generated handwriting-like digits (for MNIST: `atlas data mnist --download`, or set ATLAS_DATA).",
  };
}

/**
 * Splits a data set into rows to train on and rows to test on: its own split where it has one and no fraction is
 * asked for, otherwise a seeded random one.
 * @param options.testFraction part of the rows to test on, above 0 and below 1; default 0.1
 * @throws UsageError if either part would be empty.
 */
export function splitDataset(
  dataset: Dataset,
  options: { testFraction?: number; seed?: number } = {},
): { train: Dataset; test: Dataset } {
  const { n, standardTrainingRows } = dataset;
  const { testFraction, seed = 0 } = options;
  if (testFraction === undefined && standardTrainingRows !== undefined)
    return { train: rowRange(dataset, 0, standardTrainingRows), test: rowRange(dataset, standardTrainingRows, n) };
  const fraction = testFraction ?? 0.1;
  if (!(fraction > 0 && fraction < 1))
    throw new UsageError(`testFraction: ${fraction} is not above 0 and below 1; give the part to test on, 0.1 say.`);
  const testRows = Math.round(fraction * n);
  if (testRows < 1 || testRows >= n)
    throw new UsageError(
      `testFraction: ${fraction} of the ${n} rows of ${dataset.name} leaves nothing to ${testRows < 1 ? "test" : "train"} on; give more data or another fraction.`,
    );
  const order = permutation(split(randomKey(seed), "train/test split"), n);
  // Each part keeps the order of the file.
  return {
    train: takeDataset(dataset, order.slice(testRows).sort()),
    test: takeDataset(dataset, order.slice(0, testRows).sort()),
  };
}

/** The rows `indices` of a data set, copied, in that order. @throws UsageError if an index is no row. */
export function takeDataset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const { n, dimension, rows, labels, factors, factorNames, weights, standardTrainingRows: _, ...rest } = dataset;
  for (let i = 0; i < indices.length; i++)
    if (!(Number.isInteger(indices[i]) && indices[i] >= 0 && indices[i] < n))
      throw new UsageError(`rows: ${indices[i]} is not a row of ${dataset.name}, which has rows 0 to ${n - 1}.`);
  const gather = <T extends Float32Array | Float64Array | Int32Array>(from: T, width: number, into: T): T => {
    for (let i = 0; i < indices.length; i++)
      into.set(from.subarray(indices[i] * width, (indices[i] + 1) * width), i * width);
    return into;
  };
  const width = factorNames?.length ?? 0;
  return {
    ...rest,
    n: indices.length,
    dimension,
    rows: gather(rows, dimension, new Float32Array(indices.length * dimension)),
    ...perRow(dataset, (values) => Array.from(indices, (i) => values[i])),
    ...(weights && { weights: gather(weights, 1, new Float64Array(indices.length)) }),
    ...(labels && { labels: gather(labels, 1, new Int32Array(indices.length)) }),
    ...(factors && { factors: gather(factors, width, new Float64Array(indices.length * width)), factorNames }),
  };
}

/** What is kept for each row in a list: its name and its number. */
function perRow(
  { rowNames, rowNumbers }: Dataset,
  chosen: <T>(values: readonly T[]) => readonly T[],
): Pick<Dataset, "rowNames" | "rowNumbers"> {
  return { ...(rowNames && { rowNames: chosen(rowNames) }), ...(rowNumbers && { rowNumbers: chosen(rowNumbers) }) };
}

/** What `atlas data` tells about a data set. */
export interface DatasetDescription {
  readonly name: string;
  readonly n: number;
  readonly dimension: number;
  readonly imageShape?: readonly [number, number];
  /** Smallest and largest value, and the mean of all. */
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Classes and how many rows each has. */
  readonly labels?: readonly { readonly name: string; readonly count: number }[];
  readonly columnNames?: readonly string[];
  readonly factorNames?: readonly string[];
  /** Of aligned sequences: alphabet, letters with the gap, columns, and how many sites hold ambiguity codes. */
  readonly alignment?: Dataset["alignment"] & { readonly gaps: number };
  /** Sum of the weights of the rows, where they have weights. */
  readonly effectiveRows?: number;
}

/** Size, range and classes of a data set. */
export function describeDataset(dataset: Dataset): DatasetDescription {
  const { name, n, dimension, rows, labels, labelNames, imageShape, columnNames, factorNames, alignment, weights } =
    dataset;
  let [minimum, maximum, sum] = [Infinity, -Infinity, 0];
  for (const value of rows) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    sum += value;
  }
  let classes: { name: string; count: number }[] | undefined;
  if (labels) {
    const counts: number[] = labelNames?.map(() => 0) ?? [];
    for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
    classes = Array.from(counts, (count, label) => ({ name: labelNames?.[label] ?? `${label}`, count: count ?? 0 }));
  }
  return {
    name,
    n,
    dimension,
    ...(imageShape && { imageShape }),
    minimum,
    maximum,
    mean: sum / rows.length,
    ...(classes && { labels: classes }),
    ...(columnNames && { columnNames }),
    ...(factorNames && { factorNames }),
    ...(alignment && { alignment: { ...alignment, gaps: gapShare(rows, alignment.letters.length) } }),
    ...(weights && { effectiveRows: weights.reduce((total, weight) => total + weight, 0) }),
  };
}

/** The share of sites that are gaps: the last of the K columns of a site. */
function gapShare(rows: Float32Array, K: number): number {
  let gaps = 0;
  for (let i = K - 1; i < rows.length; i += K) gaps += rows[i];
  return gaps / (rows.length / K);
}

/** Rows from `start` up to, not including, `end`; shares the memory. */
function rowRange(dataset: Dataset, start: number, end: number): Dataset {
  const { dimension, rows, labels, factors, factorNames, weights, standardTrainingRows: _, ...rest } = dataset;
  const width = factorNames?.length ?? 0;
  return {
    ...rest,
    n: end - start,
    dimension,
    rows: rows.subarray(start * dimension, end * dimension),
    ...perRow(dataset, (values) => values.slice(start, end)),
    ...(weights && { weights: weights.subarray(start, end) }),
    ...(labels && { labels: labels.subarray(start, end) }),
    ...(factors && { factors: factors.subarray(start * width, end * width), factorNames }),
  };
}

const digitNames = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

function pictures(
  name: string,
  rows: Float32Array,
  labels: Int32Array,
  imageShape: readonly [number, number],
): Dataset {
  const dimension = imageShape[0] * imageShape[1];
  return { name, rows, n: labels.length, dimension, labels, labelNames: digitNames, imageShape };
}
