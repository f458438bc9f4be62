/**
 * Convolutional layers: the kernel with a bias, strided or transposed. Images are [N, C, H, W]. Kernels start normal
 * with variance 2 / (inputs that reach one output), as for ReLU (He et al., 2015).
 */
import {
  add,
  type ConvolutionOptions,
  conv2d,
  convTranspose2d,
  type NdArray,
  type Operand,
  reshape,
  type Tensor,
  type TransposedConvolutionOptions,
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

function biased(x: Tensor, bias: Operand): Tensor {
  return add(x, reshape(bias, [1, x.shape[1], 1, 1]));
}

function kernel(key: RandomKey, shape: number[], spread: number): NdArray {
  const data = fillNormal(stream(key), new Float32Array(shape.reduce((product, size) => product * size, 1)));
  const scale = Math.sqrt(spread);
  for (let i = 0; i < data.length; i++) data[i] *= scale;
  return { data, shape, dtype: "float32" };
}
