/**
 * MNIST: 70,000 handwritten digits, 28 x 28 grey; 60,000 to train on, 10,000 to test.
 * Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
 * Proceedings of the IEEE 86 (1998). The files are found, in this order, in `$ATLAS_DATA/mnist`, `$ATLAS_DATA`, and
 * `mnist` in the user's cache; they are downloaded into the latter only when asked.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { cacheFolder } from "./cache.js";
import { type DownloadProgress, download } from "./download.js";
import { type IdxArray, readIdx } from "./idx.js";

/** Images and labels of a part of MNIST. */
export interface Mnist {
  /** Grey values in [0, 1], 0 is background. [n, 784] */
  readonly images: Float32Array;
  /** The digit. [n] */
  readonly labels: Int32Array;
  readonly shape: readonly [number, number];
  /** How many of them are of the training part; they come first. */
  readonly trainingImages: number;
}

export type MnistPart = "train" | "test" | "all";

/** Where MNIST is looked for, and from where it is downloaded. */
export interface MnistOptions {
  /** "all" (default) is the training images followed by the test images. */
  readonly part?: MnistPart;
  /** Download what is missing. Default: false. */
  readonly download?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Folders on the web that hold the four files; by default two public mirrors. */
  readonly mirrors?: readonly string[];
  readonly cache?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

/** The number of training images in the published set, which come first in "all". */
export const MNIST_TRAINING_IMAGES = 60_000;

const mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"];

/** The four files, with the MD5 of their unpacked bytes. */
const files = {
  train: {
    images: { name: "train-images-idx3-ubyte", md5: "6bbc9ace898e44ae57da46a324031adb" },
    labels: { name: "train-labels-idx1-ubyte", md5: "a25bea736e30d166cdddb491f175f624" },
  },
  test: {
    images: { name: "t10k-images-idx3-ubyte", md5: "2646ac647ad5339dbf082846283269ea" },
    labels: { name: "t10k-labels-idx1-ubyte", md5: "27ae3e4e09519cfbb04c329615203637" },
  },
} as const;

const all = [files.train.images, files.train.labels, files.test.images, files.test.labels];

/** The folder that holds all four files (gzipped or not), if any does. */
export function findMnist(options: Pick<MnistOptions, "cache" | "environment"> = {}): string | undefined {
  return places(options).find((folder) => all.every((file) => pathIn(folder, file.name)));
}

/**
 * MNIST from disk, downloaded first where that is asked and needed.
 * @throws UsageError if it is not there, or a file is damaged; RunError if the download fails.
 */
export async function loadMnist(options: MnistOptions = {}): Promise<Mnist> {
  let folder = findMnist(options);
  if (!folder && options.download) folder = await downloadMnist(options);
  if (!folder)
    throw new UsageError(
      `MNIST is not in ${places(options).join(" or ")}; download it with \`atlas data mnist --download\`, set ATLAS_DATA to the folder that holds its four files, or use the data set strokes.`,
    );
  return readMnist(folder, options.part ?? "all");
}

/** Downloads the four files into the user's cache (those that are there already are kept); returns the folder. */
export async function downloadMnist(options: MnistOptions = {}): Promise<string> {
  const folder = join(options.cache ?? cacheFolder(options.environment), "mnist");
  for (const file of all) {
    if (pathIn(folder, file.name)) continue;
    await download({
      urls: (options.mirrors ?? mirrors).map((mirror) => `${mirror}/${file.name}.gz`),
      path: join(folder, `${file.name}.gz`),
      md5: file.md5,
      onProgress: options.onProgress,
    });
  }
  return folder;
}

/** Reads MNIST, or another set of its form (Fashion-MNIST, say), from a folder. @throws UsageError on damaged files. */
export function readMnist(folder: string, part: MnistPart = "all"): Mnist {
  const chosen = part === "all" ? [files.train, files.test] : [files[part]];
  const parts = chosen.map(({ images, labels }) => {
    const pictures = read(folder, images.name, 3);
    const classes = read(folder, labels.name, 1);
    if (pictures.shape[0] !== classes.shape[0])
      throw new UsageError(
        `${folder}: ${images.name} holds ${pictures.shape[0]} images but ${labels.name} ${classes.shape[0]} labels; copy or download them again.`,
      );
    return { pictures, classes };
  });
  const [, height, width] = parts[0].pictures.shape;
  const n = parts.reduce((total, { classes }) => total + classes.data.length, 0);
  const images = new Float32Array(n * height * width);
  const labels = new Int32Array(n);
  let at = 0;
  for (const { pictures, classes } of parts) {
    if (pictures.shape[1] !== height || pictures.shape[2] !== width)
      throw new UsageError(`${folder}: training and test images differ in size; copy or download them again.`);
    labels.set(classes.data, at);
    const offset = at * height * width;
    for (let p = 0; p < pictures.data.length; p++) images[offset + p] = pictures.data[p] / 255;
    at += classes.data.length;
  }
  const trainingImages = part === "test" ? 0 : parts[0].classes.data.length;
  return { images, labels, shape: [height, width], trainingImages };
}

function read(folder: string, name: string, axes: number): IdxArray {
  const path = pathIn(folder, name);
  if (!path) throw new UsageError(`${folder} lacks ${name}.gz; copy or download it.`);
  return readIdx(path, axes);
}

function pathIn(folder: string, name: string): string | undefined {
  return [join(folder, `${name}.gz`), join(folder, name)].find((path) => existsSync(path));
}

function places(options: Pick<MnistOptions, "cache" | "environment">): string[] {
  const environment = options.environment ?? process.env;
  const data = environment.ATLAS_DATA;
  const cached = join(options.cache ?? cacheFolder(environment), "mnist");
  return data ? [join(data, "mnist"), data, cached] : [cached];
}
