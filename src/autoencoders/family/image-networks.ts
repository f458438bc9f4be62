/**
 * How convolutional encoders and decoders are applied. Outside of training images are [N, C, H, W] and the runtime's own
 * convolutions do the work, which also makes the exported files what other tools expect. In training they are
 * [N, H, W, C] and everything is a product of large matrices, in all derivatives (`networks/convolution.ts`). Parameters
 * and results are the same: units between images and dense layers are always counted channel first.
 */
import { type Operand, reshape, type Tensor, transpose } from "../../engine/index.js";
import {
  type ActivationName,
  activationNamed,
  batchNormalization,
  channelsLastConvolution,
  channelsLastTransposedConvolution,
  convolution,
  type Dense,
  dense,
  transposedConvolution,
} from "../../networks/index.js";
import type { Network, NetworkOutput } from "./network-types.js";

export interface ConvolutionalShape {
  readonly kind: "convolutional";
  /** Channels, rows and columns of an image. */
  readonly image: readonly [number, number, number];
  /** Channels after each layer of the encoder. */
  readonly channels: readonly number[];
  readonly activation: ActivationName;
  readonly batchNormalization: boolean;
}

/** Rows and columns before the first and after each layer of a convolutional encoder. */
export function imageSizes({ image, channels }: ConvolutionalShape): (readonly [number, number])[] {
  const sizes: [number, number][] = [[image[1], image[2]]];
  // floor((n + 2 - 4) / 2) + 1
  for (const _ of channels) sizes.push(sizes[sizes.length - 1].map((n) => Math.floor(n / 2)) as [number, number]);
  return sizes;
}

/** Images in one order of axes. */
interface Layout {
  readonly channels: "first" | "last";
  /** Rows counted channel first, as images of [C, H, W]. */
  images(rows: Operand, image: readonly [number, number, number]): Tensor;
  /** Images as rows counted channel first. */
  rows(images: Tensor): Tensor;
  /** A dense layer on images. */
  head(layer: Dense<Operand>, images: Tensor): Tensor;
  /** A dense layer that makes images of [C, H, W]. */
  start(layer: Dense<Operand>, z: Operand, image: readonly [number, number, number]): Tensor;
  /** Half the rows and columns. */
  halved(layer: any, images: Tensor): Tensor;
  /** Twice the rows and columns, and `more` at the end. */
  doubled(layer: any, images: Tensor, more: readonly [number, number]): Tensor;
}

const channelsFirst: Layout = {
  channels: "first",
  images: (rows, image) => reshape(rows, [rowsOf(rows), ...image]),
  rows: (images) => reshape(images, [rowsOf(images), sizeOfRow(images)]),
  head: (layer, images) => dense(layer, channelsFirst.rows(images)),
  start: (layer, z, image) => channelsFirst.images(dense(layer, z), image),
  halved: (layer, images) => convolution(layer, images, { stride: 2, padding: 1 }),
  doubled: (layer, images, outputPadding) =>
    transposedConvolution(layer, images, { stride: 2, padding: 1, outputPadding }),
};

const channelsLast: Layout = {
  channels: "last",
  images: (rows, image) => transpose(channelsFirst.images(rows, image), [0, 2, 3, 1]),
  rows: (images) => channelsFirst.rows(transpose(images, [0, 3, 1, 2])),
  // The weights are rearranged instead of the images, which are larger.
  head: ({ weight, bias }, images) => {
    const [, H, W, C] = images.shape;
    const outputs = (weight as Tensor).shape[1];
    const arranged = transpose(reshape(weight, [C, H, W, outputs]), [1, 2, 0, 3]);
    return dense({ weight: reshape(arranged, [H * W * C, outputs]), bias }, channelsFirst.rows(images));
  },
  start: ({ weight, bias }, z, [C, H, W]) => {
    const inputs = (weight as Tensor).shape[0];
    const arranged = (a: Operand, lead: number) =>
      reshape(transpose(reshape(a, [lead, C, H, W]), [0, 2, 3, 1]), [lead, H * W * C]);
    const units = dense({ weight: arranged(weight, inputs), bias: reshape(arranged(bias, 1), [H * W * C]) }, z);
    return reshape(units, [rowsOf(units), H, W, C]);
  },
  halved: (layer, images) => channelsLastConvolution(layer, images, { stride: 2, padding: 1 }),
  doubled: (layer, images, outputPadding) =>
    channelsLastTransposedConvolution(layer, images, { stride: 2, padding: 1, outputPadding }),
};

/** `[N, C H W] -> [N, outputs]`. Traceable. */
export function applyImageEncoder(
  shape: ConvolutionalShape,
  { parameters, buffers }: Network,
  x: Operand,
  training: boolean,
): NetworkOutput {
  const layout = training ? channelsLast : channelsFirst;
  const activate = activationNamed(shape.activation);
  const running: any[] = [];
  let images = layout.images(x, shape.image);
  parameters.layers.forEach((layer: any, i: number) => {
    images = layout.halved(layer.convolution, images);
    if (layer.normalization) {
      const options = { training, channels: layout.channels };
      const normal = batchNormalization(layer.normalization, buffers.running[i], images, options);
      images = normal.output;
      running.push(normal.running);
    }
    images = activate(images);
  });
  return {
    output: layout.head(parameters.head, images),
    hidden: layout.rows(images),
    buffers: running.length > 0 ? { ...buffers, running } : buffers,
  };
}

/** `[N, d] -> [N, C H W]`. Traceable. */
export function applyImageDecoder(
  shape: ConvolutionalShape,
  { parameters, buffers }: Network,
  z: Operand,
  training: boolean,
): NetworkOutput {
  const layout = training ? channelsLast : channelsFirst;
  const activate = activationNamed(shape.activation);
  const sizes = imageSizes(shape).reverse();
  const running: any[] = [];
  const finish = (x: Tensor, i: number) => {
    if (!parameters.normalizations) return activate(x);
    const options = { training, channels: layout.channels };
    const normal = batchNormalization(parameters.normalizations[i], buffers.running[i], x, options);
    running.push(normal.running);
    return activate(normal.output);
  };
  const channels = shape.channels[shape.channels.length - 1];
  let images = finish(layout.start(parameters.head, z, [channels, ...sizes[0]]), 0);
  let hidden = images;
  parameters.layers.forEach((layer: any, i: number) => {
    const [from, to] = [sizes[i], sizes[i + 1]];
    images = layout.doubled(layer, images, [to[0] - 2 * from[0], to[1] - 2 * from[1]]);
    if (i + 1 < parameters.layers.length) hidden = images = finish(images, i + 1);
  });
  return {
    output: layout.rows(images),
    hidden: layout.rows(hidden),
    buffers: running.length > 0 ? { ...buffers, running } : buffers,
  };
}

function rowsOf(x: Operand): number {
  return (x as Tensor).shape[0];
}

function sizeOfRow(x: Tensor): number {
  return x.shape.slice(1).reduce((product, size) => product * size, 1);
}
