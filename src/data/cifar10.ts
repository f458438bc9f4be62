/**
 * CIFAR-10: colour pictures of 32 x 32 in ten classes (A. Krizhevsky, "Learning multiple layers of features from tiny
 * images", 2009), in its binary form: records of one label byte, then 1,024 red, 1,024 green and 1,024 blue bytes. Read
 * from `$ATLAS_DATA/cifar10`, gzipped or not, as much as is there of `data_batch_1.bin` ... `data_batch_5.bin` and of
 * `test_batch.bin` (or `test_batch_first1000.bin`, its beginning): `n` says how much that is.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { readUserFile } from "../numerics/files.js";
import { unpack } from "./idx.js";
import type { Dataset } from "./types.js";

/** Channels, rows and columns of a picture; rows of the data set are flattened channel first. */
export const CIFAR10_IMAGE = [3, 32, 32] as const;

const RECORD = 1 + 3 * 32 * 32;

const classNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const trainingFiles = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`);

const testFiles = ["test_batch.bin", "test_batch_first1000.bin"];

/** The folder that holds at least the first training file and the test file, if there is one. */
export function cifar10Folder(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const data = environment.ATLAS_DATA;
  if (!data) return undefined;
  return [join(data, "cifar10"), data].find(
    (folder) => pathIn(folder, trainingFiles[0]) && testFiles.some((name) => pathIn(folder, name)),
  );
}

/**
 * The training or the test pictures that are there, values in [0, 1]. [n, 3072]
 * @throws UsageError if they are not there, or a file is damaged.
 */
export function loadCifar10(part: "train" | "test", folder: string | undefined = cifar10Folder()): Dataset {
  if (folder === undefined)
    throw new UsageError(
      "CIFAR-10 is not in $ATLAS_DATA/cifar10; put data_batch_1.bin and test_batch.bin of its binary version there (gzipped or not) and set ATLAS_DATA.",
    );
  const names = part === "test" ? testFiles : trainingFiles;
  const found = names.flatMap((name) => pathIn(folder, name) ?? []);
  const files = (part === "test" ? found.slice(0, 1) : found).map((path) => ({
    path,
    bytes: unpack(readUserFile(path), path),
  }));
  if (files.length === 0) throw new UsageError(`${folder} lacks ${names[0]}; copy it there, gzipped or not.`);
  for (const { path, bytes } of files)
    if (bytes.length === 0 || bytes.length % RECORD !== 0)
      throw new UsageError(
        `${path} has ${bytes.length} bytes, which are no whole records of ${RECORD}; copy the binary version of CIFAR-10 again.`,
      );
  const n = files.reduce((total, { bytes }) => total + bytes.length / RECORD, 0);
  const dimension = RECORD - 1;
  const rows = new Float32Array(n * dimension);
  const labels = new Int32Array(n);
  let at = 0;
  for (const { bytes, path } of files)
    for (let offset = 0; offset < bytes.length; offset += RECORD, at++) {
      labels[at] = bytes[offset];
      if (bytes[offset] > 9)
        throw new UsageError(
          `${path}: record ${offset / RECORD} has the label ${bytes[offset]}; labels go from 0 to 9.`,
        );
      for (let k = 0; k < dimension; k++) rows[at * dimension + k] = bytes[offset + 1 + k] / 255;
    }
  return { name: "cifar10", rows, n, dimension, colourShape: CIFAR10_IMAGE, labels, labelNames: classNames };
}

function pathIn(folder: string, name: string): string | undefined {
  return [join(folder, `${name}.gz`), join(folder, name)].find((path) => existsSync(path));
}
