/**
 * Encoders and decoders that every model of the family shares: a perceptron for rows of numbers, or convolutions for
 * images. Their arrays are in two trees: `parameters`, which are trained, and `buffers`, which are kept from step to
 * step beside them (running statistics of batch normalisation, directions of spectral normalisation).
 *
 * Convolutional encoder: one layer for each entry of `channels` (kernel 4, stride 2, padding 1, batch normalisation,
 * activation), each halving the image, then a dense layer. The decoder mirrors it: a dense layer, then transposed
 * convolutions through the same sizes, linear at the end. Rows are images flattened channel first, [C H W].
 *
 * Axes: N rows, D data dimensions.
 */
import { jvp, matmul, mul, type NdArray, type Operand, ones, type Tensor, transpose, vjp } from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import {
  type ActivationName,
  activationNamed,
  dense,
  initialDirection,
  initializeBatchNormalization,
  initializeConvolution,
  initializeDense,
  initializeMlp,
  initializerFor,
  initializeTransposedConvolution,
  mlp,
  spectralNormalization,
} from "../../networks/index.js";
import { foldIn, type RandomKey, split } from "../../numerics/random.js";
import { applyImageDecoder, applyImageEncoder, type ConvolutionalShape, imageSizes } from "./image-networks.js";
import type { Network, NetworkOutput } from "./network-types.js";

export type { Network, NetworkOutput } from "./network-types.js";

export interface MlpShape {
  readonly kind: "mlp";
  /** Units of the encoder's hidden layers, data side first. */
  readonly encoderHidden: readonly number[];
  /** Units of the decoder's hidden layers, latent side first. */
  readonly decoderHidden: readonly number[];
  readonly activation: ActivationName;
}

export type NetworkShape = MlpShape | ConvolutionalShape;

const KERNEL = 4;

/** @throws UsageError for shapes that cannot be built, and images that a layer cannot halve any more. */
export function checkNetwork(shape: NetworkShape, dataDimension: number): void {
  activationNamed(shape.activation);
  if (shape.kind === "mlp") return;
  const { image, channels } = shape;
  const size = image.reduce((product, n) => product * n, 1);
  if (image.length !== 3 || image.some((n) => !(Number.isInteger(n) && n >= 1)) || size !== dataDimension)
    throw new UsageError(
      `network: images of [${image}] (channels, rows, columns) hold ${size} numbers, rows of the data ${dataDimension}; give the image's own sizes.`,
    );
  if (channels.length === 0 || channels.some((n) => !(Number.isInteger(n) && n >= 1)))
    throw new UsageError(`network: channels [${channels}] are no list of whole numbers from 1 on; give 32,64,128 say.`);
  const sizes = imageSizes(shape);
  if (sizes.some((pair) => pair.some((n) => n < 1)))
    throw new UsageError(
      `network: images of [${image}] cannot be halved ${channels.length} times; give at most ${sizes.findIndex((pair) => pair.some((n) => n < 1)) - 1} channels.`,
    );
}

/** A network from data [N, D] to `outputs` numbers a row. */
export function initializeEncoder(
  key: RandomKey,
  shape: NetworkShape,
  dataDimension: number,
  outputs: number,
): Network {
  checkNetwork(shape, dataDimension);
  const { activation } = shape;
  if (shape.kind === "mlp") {
    const sizes = [dataDimension, ...shape.encoderHidden, outputs];
    return { parameters: { dense: initializeMlp(key, sizes, { activation }) }, buffers: {} };
  }
  const { image, channels } = shape;
  const sizes = imageSizes(shape);
  const norms = shape.batchNormalization ? channels.map(initializeBatchNormalization) : [];
  const [rows, columns] = sizes[channels.length];
  return {
    parameters: {
      layers: channels.map((count, i) => ({
        convolution: initializeConvolution(foldIn(key, i), i === 0 ? image[0] : channels[i - 1], count, KERNEL),
        ...(norms[i] && { normalization: norms[i].parameters }),
      })),
      head: initializeDense(split(key, "head"), channels[channels.length - 1] * rows * columns, outputs),
    },
    buffers: norms.length > 0 ? { running: norms.map((norm) => norm.running) } : {},
  };
}

/** A network from codes [N, d] to data [N, D]; with `spectral` its weights are divided by their largest singular value. */
export function initializeDecoder(
  key: RandomKey,
  shape: NetworkShape,
  latentDimension: number,
  dataDimension: number,
  options: { readonly spectral?: boolean } = {},
): Network {
  checkNetwork(shape, dataDimension);
  const { activation } = shape;
  let parameters: any;
  let buffers: any = {};
  if (shape.kind === "mlp") {
    const sizes = [latentDimension, ...shape.decoderHidden, dataDimension];
    parameters = { dense: initializeMlp(key, sizes, { activation }) };
  } else {
    const { image, channels } = shape;
    const [rows, columns] = imageSizes(shape)[channels.length];
    const reversed = [...channels].reverse();
    const after = [...reversed.slice(1), image[0]];
    // normalised: after the dense layer and after each convolution but the last
    const norms = shape.batchNormalization ? reversed.map(initializeBatchNormalization) : [];
    parameters = {
      head: initializeDense(
        split(key, "head"),
        latentDimension,
        reversed[0] * rows * columns,
        initializerFor(activation),
      ),
      ...(norms.length > 0 && { normalizations: norms.map((norm) => norm.parameters) }),
      layers: after.map((count, i) => initializeTransposedConvolution(foldIn(key, i), reversed[i], count, KERNEL, 2)),
    };
    if (norms.length > 0) buffers = { running: norms.map((norm) => norm.running) };
  }
  if (options.spectral)
    buffers = {
      ...buffers,
      directions: weightsOf(parameters).map((weight: NdArray, i) =>
        initialDirection(foldIn(split(key, "directions"), i), weight.shape),
      ),
    };
  return { parameters, buffers };
}

/** `[N, D] -> [N, outputs]`. In training, batch normalisation uses the batch. Traceable. */
export function applyEncoder(shape: NetworkShape, network: Network, x: Operand, training: boolean): NetworkOutput {
  const { parameters, buffers } = network;
  if (shape.kind === "mlp") return { ...applyMlp(parameters.dense, x, shape.activation), buffers };
  return applyImageEncoder(shape, network, x, training);
}

/** `[N, d] -> [N, D]`. Traceable. */
export function applyDecoder(shape: NetworkShape, network: Network, z: Operand, training: boolean): NetworkOutput {
  const { parameters, buffers } = spectral(network);
  if (shape.kind === "mlp") return { ...applyMlp(parameters.dense, z, shape.activation), buffers };
  return applyImageDecoder(shape, { parameters, buffers }, z, training);
}

/**
 * The decoder with J^T c for rows c of cotangents of its output, `[N, D] -> [N, d]`. For perceptrons J^T is spelt out as
 * products with the transposed weights: the same numbers as `vjp`, in a trace that stays short where it is differentiated
 * once more (Hamiltonian steps, penalties on the Jacobian).
 */
export function applyDecoderWithPullback(
  shape: NetworkShape,
  network: Network,
  z: Tensor,
  training: boolean,
): NetworkOutput & { pullback(cotangent: Operand): Tensor } {
  const applied = applyDecoder(shape, network, z, training);
  if (shape.kind !== "mlp") {
    const [, back] = vjp((at: Tensor) => applyDecoder(shape, network, at, training).output, [z]);
    return { ...applied, pullback: (cotangent) => back(cotangent)[0] };
  }
  const activate = activationNamed(shape.activation);
  const layers = spectral(network).parameters.dense;
  const slopes: Tensor[] = []; // of the activation after each layer but the last
  let hidden: Tensor = z;
  for (const layer of layers.slice(0, -1)) {
    const units = dense(layer, hidden);
    const [value, slope] = jvp(activate, [units], [ones(units.shape)]);
    slopes.push(slope);
    hidden = value;
  }
  return {
    ...applied,
    pullback: (cotangent) =>
      layers.reduceRight((back: Operand, layer: any, i: number) => {
        const before = matmul(back, transpose(layer.weight, [1, 0]));
        return i === 0 ? before : mul(before, slopes[i - 1]);
      }, cotangent) as Tensor,
  };
}

/** The weights of a network that spectral normalisation divides, in a fixed order. */
export function weightsOf<T = NdArray>(parameters: any): T[] {
  if (parameters.dense) return parameters.dense.map((layer: any) => layer.weight);
  return [parameters.head.weight, ...parameters.layers.map((layer: any) => layer.kernel)];
}

/** The network with its weights divided by their largest singular values, where it has directions for that. */
function spectral(network: Network): Network {
  const { parameters, buffers } = network;
  if (!buffers.directions) return network;
  const results = weightsOf<Tensor>(parameters).map((weight, i) =>
    spectralNormalization(weight, buffers.directions[i]),
  );
  const normalized = parameters.dense
    ? { dense: parameters.dense.map((layer: any, i: number) => ({ ...layer, weight: results[i].weight })) }
    : {
        ...parameters,
        head: { ...parameters.head, weight: results[0].weight },
        layers: parameters.layers.map((layer: any, i: number) => ({ ...layer, kernel: results[i + 1].weight })),
      };
  return { parameters: normalized, buffers: { ...buffers, directions: results.map((result) => result.direction) } };
}

function applyMlp(layers: any, x: Operand, activation: ActivationName): { output: Tensor; hidden: Tensor } {
  const last = layers.length - 1;
  // the perceptron without its last layer, activated
  const hidden = last === 0 ? (x as Tensor) : activationNamed(activation)(mlp(layers.slice(0, last), x, activation));
  return { output: dense(layers[last], hidden), hidden };
}
