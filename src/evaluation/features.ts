/**
 * Features of images, on which distances between sets are measured: of our own classifier of grey digits, or of any ONNX
 * network that the user names. A score carries the name of its features: only those of the Inception-v3 network of the
 * literature give the literature's FID.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { applyEncoder, initializeEncoder, type NetworkShape } from "../autoencoders/family/index.js";
import { mapRows } from "../autoencoders/rows.js";
import { cacheFolder } from "../data/cache.js";
import type { Dataset } from "../data/types.js";
import {
  add,
  argmax,
  compile,
  flattenTree,
  importOnnx,
  logSumExp,
  mapTree,
  matmul,
  mean,
  mul,
  type NdArray,
  ndarray,
  relu,
  reshape,
  sub,
  sum,
  type Tensor,
  toFloat,
  unflattenTree,
  valueAndGrad,
} from "../engine/index.js";
import { UsageError } from "../errors.js";
import { dense, initializeDense } from "../networks/index.js";
import { randomKey, split } from "../numerics/random.js";
import {
  adam,
  decodeSafetensors,
  encodeSafetensors,
  holdsCheckpoint,
  newRun,
  readCheckpoint,
  scheduled,
  trainingLoop,
  writeCheckpoint,
} from "../training/index.js";
import { checkRows } from "./score.js";

export interface FeatureNetwork {
  /** Begins the names of scores: "digit-feature", or the file's name. */
  readonly name: string;
  /** Numbers in a row of images. */
  readonly inputDimension: number;
  /** Images [N, D] to features [N, d]. @throws UsageError for images of another size. */
  features(images: NdArray): Promise<NdArray>;
}

// --- any ONNX file ------------------------------------------------------------------------------------------------

export interface OnnxFeatureOptions {
  /** Which output holds the features; default: the first. What has more than two axes is averaged over positions. */
  readonly output?: string;
  /**
   * Rows and columns, and channels (1 unless given), of the images that will be given: they are resized (bilinear,
   * corners aligned to pixel edges) and repeated over channels to fit the file's input. Default: the input's own.
   */
  readonly image?: readonly [number, number];
  readonly channels?: number;
  /** The value of a pixel x in [0, 1] is `scale x + shift` for the network; default 1 and 0. */
  readonly scale?: number;
  readonly shift?: number;
  readonly threads?: number;
}

/**
 * The features of an ONNX network with one input [N, D] or [N, C, H, W]. To have the literature's FID, name the file of
 * the Inception-v3 network of Heusel et al. (2017), its 2048 pooled features, and its scale (2, shift -1).
 * @throws UsageError if the file cannot be read or has no such output; when used, for images that do not fit.
 */
export async function onnxFeatures(path: string, options: OnnxFeatureOptions = {}): Promise<FeatureNetwork> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(
      `features: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}); give the path of an ONNX file.`,
    );
  }
  const { output, scale = 1, shift = 0, threads } = options;
  const model = await importOnnx(bytes, path, { outputs: (names) => [output ?? names[0]] });
  const port = model.inputs[0].shape;
  const sizes = port.slice(1).map(Number);
  const name = `${basename(path, ".onnx")}-feature`;
  const wanted = sizes.reduce((product, n) => product * n, 1);
  const { image, channels = 1 } = options;
  const given = image === undefined ? wanted : image[0] * image[1] * channels;
  // a network of flat rows takes images of its size as they are
  const resize =
    image === undefined || (sizes.length === 1 && given === wanted)
      ? undefined
      : resizing(path, sizes, image, channels);
  const f = compile(
    (_: unknown, x: Tensor) => {
      const images = resize === undefined ? reshape(x, [x.shape[0], ...sizes]) : resize(x);
      const result = Object.values(model.apply(add(mul(images, scale), shift)))[0];
      const rank = result.shape.length;
      const pooled =
        rank <= 2
          ? result
          : mean(
              result,
              Array.from({ length: rank - 2 }, (__, i) => i + 2),
            );
      return { features: pooled };
    },
    { threads },
  );
  return {
    name,
    inputDimension: given,
    features: async (images) => {
      const { width } = checkRows("images", images, 1);
      if (width !== given)
        throw new UsageError(
          `features: ${path} takes images of ${given} numbers ([${sizes}]), these have ${width}; give images of that size, or name theirs to have them resized.`,
        );
      return (await mapRows<"features">(f, {}, [images], 50)).features;
    },
  };
}

/** Bilinear interpolation as two matrix products, then channels repeated. [N, c h w] -> [N, C, H, W] */
function resizing(path: string, sizes: readonly number[], [h, w]: readonly [number, number], c: number) {
  if (sizes.length !== 3)
    throw new UsageError(`features: ${path} takes rows [${sizes}], no images; leave the image's size out.`);
  const [C, H, W] = sizes;
  if (C !== c && c !== 1)
    throw new UsageError(`features: ${path} takes ${C} channels, the images have ${c}; give images of ${C} or 1.`);
  const [rows, columns] = [interpolation(h, H), interpolation(w, W)];
  return (x: Tensor) => {
    const N = x.shape[0];
    const wide = matmul(reshape(x, [N * c * h, w]), columns.transposed); // [N c h, W]
    const turned = matmul(rows.matrix, reshape(wide, [N * c, h, W])); // [N c, H, W]
    const images = reshape(turned, [N, c, H, W]);
    return C === c ? images : mul(images, ndarray(new Float64Array(C).fill(1), [1, C, 1, 1]));
  };
}

function interpolation(from: number, to: number): { matrix: NdArray; transposed: NdArray } {
  const matrix = new Float64Array(to * from);
  const transposed = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.min(from - 1, Math.floor(at));
    const high = Math.min(from - 1, low + 1);
    for (const [j, weight] of [
      [low, 1 - (at - low)],
      [high, at - low],
    ]) {
      matrix[i * from + j] += weight;
      transposed[j * to + i] += weight;
    }
  }
  return { matrix: ndarray(matrix, [to, from]), transposed: ndarray(transposed, [from, to]) };
}

// --- our own, for grey digits ---------------------------------------------------------------------------------------

/** Features a digit has. */
const FEATURES = 64;

/** Our digit classifier: convolutions to 64 features, then relu and a dense layer to the classes. */
export interface DigitClassifier {
  readonly network: NetworkShape;
  readonly classes: number;
  readonly parameters: any;
  readonly buffers: any;
  /** Share of the test images classified right. */
  readonly accuracy: number;
  readonly seed: number;
}

export interface TrainDigitOptions {
  readonly epochs?: number;
  readonly seed?: number;
  readonly threads?: number;
  /** Channels of the convolutions; default [16, 32]. */
  readonly channels?: readonly number[];
  readonly onProgress?: (progress: {
    readonly epoch: number;
    readonly epochs: number;
    readonly batch: number;
    readonly batches: number;
    readonly loss: number;
  }) => void;
}

/**
 * Trains the classifier on labelled grey images and measures its accuracy on others.
 * @throws UsageError for data without labels or picture size.
 */
export async function trainDigitFeatures(
  train: Dataset,
  test: Dataset,
  options: TrainDigitOptions = {},
): Promise<DigitClassifier> {
  const { epochs = 3, seed = 0, threads, channels = [16, 32] } = options;
  const { labels, imageShape, dimension: D } = train;
  if (labels === undefined || test.labels === undefined || imageShape === undefined)
    throw new UsageError(`features: ${train.name} has no labels or no picture size; train them on mnist or strokes.`);
  const classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  const network: NetworkShape = {
    kind: "convolutional",
    image: [1, ...imageShape],
    channels,
    activation: "relu",
    batchNormalization: true,
  };
  const key = split(randomKey(seed), "digit features");
  const start = initialClassifier(network, D, classes, key);
  const optimizer = adam();
  const batchSize = Math.min(100, train.n);
  const step = compile(
    (state: any, x: Tensor, targets: Tensor, scalars: any) => {
      const loss = (parameters: any) => {
        const logits = classify(network, { ...state, parameters }, x, true).logits;
        return mean(sub(logSumExp(logits, -1), sum(mul(targets, logits), -1)));
      };
      const [value, gradients] = valueAndGrad(loss)(state.parameters);
      const [parameters, moments] = optimizer.update(state.parameters, gradients, state.moments, scalars);
      const { buffers } = classify(network, state, x, true);
      return [{ parameters, buffers, moments }, value];
    },
    { threads, donate: [0] },
  );
  const result = await trainingLoop<any>({
    rows: train.n,
    batchSize,
    epochs,
    key,
    start: newRun({ ...start, moments: optimizer.initialize(start.parameters) }),
    termNames: ["cross entropy"],
    learningRate: (done, steps) => 2e-3 * scheduled({ kind: "cosine" }, done, steps),
    step: async (state, indices, { step: done, steps }) => {
      const x = new Float32Array(indices.length * D);
      const targets = new Float32Array(indices.length * classes);
      indices.forEach((index, i) => {
        x.set(train.rows.subarray(index * D, (index + 1) * D), i * D);
        targets[i * classes + labels[index]] = 1;
      });
      const rate = 2e-3 * scheduled({ kind: "cosine" }, done, steps);
      const [next, loss] = await step(
        state,
        ndarray(x, [indices.length, D]),
        ndarray(targets, [indices.length, classes]),
        optimizer.scalars(done + 1, rate),
      );
      return [next, [loss.data[0]]];
    },
    onProgress: ({ epoch, batch, batches, terms }) =>
      options.onProgress?.({ epoch, epochs, batch, batches, loss: terms[0] }),
  });
  await step.dispose();
  const { parameters, buffers } = result.state;
  const guess = compile(
    (parts: any, x: Tensor) => ({ label: toFloat(argmax(classify(network, parts, x, false).logits, -1)) }),
    { threads },
  );
  const { label } = await mapRows<"label">(guess, { parameters, buffers }, [ndarray(test.rows, [test.n, D])]);
  await guess.dispose();
  let right = 0;
  for (let i = 0; i < test.n; i++) if (label.data[i] === test.labels[i]) right++;
  return { network, classes, parameters, buffers, accuracy: right / test.n, seed };
}

/**
 * The classifier's features, [N, D] -> [N, 64]; scores on them begin with "digit-feature", or the name that is given:
 * name those of other weights otherwise, since scores on them cannot be compared.
 */
export function digitFeatures(
  classifier: DigitClassifier,
  options: { readonly threads?: number; readonly name?: string } = {},
): FeatureNetwork {
  const { network, parameters, buffers } = classifier;
  const { threads, name = "digit-feature" } = options;
  const f = compile((parts: any, x: Tensor) => ({ features: classify(network, parts, x, false).features }), {
    threads,
  });
  const D = inputOf(network);
  return {
    name,
    inputDimension: D,
    features: async (images) => {
      const { width } = checkRows("images", images, 1);
      if (width !== D)
        throw new UsageError(
          `features: the digit features take images of ${D} numbers, these have ${width}; name an ONNX feature network for other images.`,
        );
      return (await mapRows<"features">(f, { parameters, buffers }, [images])).features;
    },
  };
}

/** Where the classifier's weights are kept: in the user's cache, beside the data. */
export function digitFeaturesFolder(name = "mnist"): string {
  return join(cacheFolder(), `digit-features-${name}`);
}

/** Writes the classifier to a folder. */
export function saveDigitFeatures(folder: string, classifier: DigitClassifier): void {
  const { parameters, buffers, ...config } = classifier;
  const { leaves, paths } = flattenTree({ parameters, buffers });
  writeCheckpoint(
    folder,
    { model: "digit-features", ...config },
    { "model.safetensors": encodeSafetensors(Object.fromEntries(paths.map((path, i) => [path, leaves[i]]))) },
  );
}

/** Whether a folder holds digit features. */
export function hasDigitFeatures(folder: string = digitFeaturesFolder()): boolean {
  return holdsCheckpoint(folder);
}

/** Reads the classifier from a folder. @throws UsageError that names the file that is missing or damaged. */
export function loadDigitFeatures(folder: string = digitFeaturesFolder()): DigitClassifier {
  const { config, files } = readCheckpoint(folder, ["model.safetensors"]);
  const { network, classes, accuracy, seed } = config as any;
  const bytes = files.get("model.safetensors");
  if (config.model !== "digit-features" || bytes === undefined)
    throw new UsageError(`${folder} holds no digit features; train them with atlas reproduce features.`);
  const { arrays } = decodeSafetensors(bytes, join(folder, "model.safetensors"));
  const like = initialClassifier(network, inputOf(network), classes, randomKey(0));
  const leaves: NdArray[] = [];
  mapTree(like, (leaf: NdArray, path) => {
    const array = arrays[path];
    if (array === undefined || `${array.shape}` !== `${leaf.shape}`)
      throw new UsageError(
        `${join(folder, "model.safetensors")} does not fit config.json ("${path}"); train the features again.`,
      );
    leaves.push(array);
  });
  const { parameters, buffers } = unflattenTree(like, leaves);
  return { network, classes, parameters, buffers, accuracy, seed };
}

function initialClassifier(network: NetworkShape, D: number, classes: number, key: ReturnType<typeof randomKey>) {
  const encoder = initializeEncoder(split(key, "encoder"), network, D, FEATURES);
  return {
    parameters: { encoder: encoder.parameters, head: initializeDense(split(key, "head"), FEATURES, classes) },
    buffers: encoder.buffers,
  };
}

function classify(network: NetworkShape, { parameters, buffers }: any, x: Tensor, training: boolean) {
  const { output, buffers: after } = applyEncoder(network, { parameters: parameters.encoder, buffers }, x, training);
  return { features: output, logits: dense(parameters.head, relu(output)), buffers: after };
}

function inputOf(network: NetworkShape): number {
  return network.kind === "convolutional" ? network.image.reduce((product, n) => product * n, 1) : 0;
}
