/**
 * Convolutional layers: the kernel with a bias, strided or transposed. Images are [N, C, H, W]. Kernels start normal
 * with variance 2 / (inputs that reach one output), as for ReLU (He et al., 2015).
 *
 * For training there are the same layers on images whose channels come last, [N, H, W, C], as products of one matrix of
 * windows with the kernel (`channelsLastConvolution`, `channelsLastTransposedConvolution`): all derivatives are matrix
 * products, too. The runtime's own convolutions go through a batch image by image and wait for each other after every
 * one; and the derivative of a transposed convolution with respect to its kernel would be a convolution whose kernel is
 * as large as the image, with zeros between its elements, far slower than the arithmetic takes.
 */
import {
  add,
  type ConvolutionOptions,
  conv2d,
  convTranspose2d,
  imageWindows,
  matmul,
  type NdArray,
  type Operand,
  reshape,
  sumImageWindows,
  type Tensor,
  type TransposedConvolutionOptions,
  transpose,
  zerosArray,
} from "../engine/index.js";
import { fillNormal, type RandomKey, stream } from "../numerics/random.js";

export interface Convolution<T = NdArray> {
  /** [outputs, inputs, k, k]; of a transposed convolution [inputs, outputs, k, k] */
  readonly kernel: T;
  /** [outputs] */
  readonly bias: T;
}

/** Random kernel, zero bias. */
export function initializeConvolution(key: RandomKey, inputs: number, outputs: number, size: number): Convolution {
  return {
    kernel: kernel(key, [outputs, inputs, size, size], 2 / (inputs * size * size)),
    bias: zerosArray([outputs], "float32"),
  };
}

/** The same for a transposed convolution, where only one in stride^2 elements of the kernel meets an output. */
export function initializeTransposedConvolution(
  key: RandomKey,
  inputs: number,
  outputs: number,
  size: number,
  stride: number,
): Convolution {
  return {
    kernel: kernel(key, [inputs, outputs, size, size], (2 * stride * stride) / (inputs * size * size)),
    bias: zerosArray([outputs], "float32"),
  };
}

/** `[N, inputs, H, W] -> [N, outputs, H', W']`. */
export function convolution(parameters: Convolution<Operand>, x: Operand, options: ConvolutionOptions = {}): Tensor {
  return biased(conv2d(x, parameters.kernel, options), parameters.bias);
}

/** `[N, inputs, H, W] -> [N, outputs, H', W']`, the adjoint of a convolution. */
export function transposedConvolution(
  parameters: Convolution<Operand>,
  x: Operand,
  options: TransposedConvolutionOptions = {},
): Tensor {
  return biased(convTranspose2d(x, parameters.kernel, options), parameters.bias);
}

/** `convolution` with channels last: `[N, H, W, inputs] -> [N, H', W', outputs]`. */
export function channelsLastConvolution(
  parameters: Convolution<Operand>,
  x: Tensor,
  options: Pick<ConvolutionOptions, "stride" | "padding"> = {},
): Tensor {
  const [O, C, kh, kw] = (parameters.kernel as Tensor).shape;
  const windows = imageWindows(x, { ...options, window: [kh, kw] });
  const [N, h, w, size] = windows.shape;
  const weight = reshape(transpose(parameters.kernel, [2, 3, 1, 0]), [kh * kw * C, O]);
  const y = matmul(reshape(windows, [N * h * w, size]), weight);
  return add(reshape(y, [N, h, w, O]), parameters.bias);
}

/** `transposedConvolution` with channels last: `[N, H, W, inputs] -> [N, H', W', outputs]`. */
export function channelsLastTransposedConvolution(
  parameters: Convolution<Operand>,
  x: Tensor,
  options: { readonly stride: number; readonly padding: number; readonly outputPadding?: readonly [number, number] },
): Tensor {
  const [C, O, kh, kw] = (parameters.kernel as Tensor).shape;
  const { stride, padding, outputPadding = [0, 0] } = options;
  const [N, H, W] = x.shape;
  const weight = reshape(transpose(parameters.kernel, [0, 2, 3, 1]), [C, kh * kw * O]);
  const windows = reshape(matmul(reshape(x, [N * H * W, C]), weight), [N, H, W, kh * kw * O]);
  const size = [
    (H - 1) * stride - 2 * padding + kh + outputPadding[0],
    (W - 1) * stride - 2 * padding + kw + outputPadding[1],
  ] as const;
  return add(sumImageWindows(windows, size, { window: [kh, kw], stride, padding }), parameters.bias);
}

function biased(x: Tensor, bias: Operand): Tensor {
  return add(x, reshape(bias, [1, x.shape[1], 1, 1]));
}

function kernel(key: RandomKey, shape: number[], spread: number): NdArray {
  const data = fillNormal(stream(key), new Float32Array(shape.reduce((product, size) => product * size, 1)));
  const scale = Math.sqrt(spread);
  for (let i = 0; i < data.length; i++) data[i] *= scale;
  return { data, shape, dtype: "float32" };
}
