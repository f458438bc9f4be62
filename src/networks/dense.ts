/** The dense (fully connected) layer, x -> x W + b. Axes: N rows. */
import { add, matmul, type NdArray, type Operand, type Tensor, zerosArray } from "../engine/index.js";
import type { RandomKey } from "../numerics/random.js";
import { type InitializerName, initialWeight } from "./initializers.js";

/** Parameters of a dense layer: host arrays (`NdArray`) outside a trace, tensors or constants inside. */
export interface Dense<T = NdArray> {
  /** [inputs, outputs] */
  readonly weight: T;
  /** [outputs] */
  readonly bias: T;
}

/** Random weights, zero biases. @throws UsageError for sizes that are not positive integers. */
export function initializeDense(
  key: RandomKey,
  inputs: number,
  outputs: number,
  initializer: InitializerName = "glorot",
): Dense {
  return { weight: initialWeight(key, inputs, outputs, initializer), bias: zerosArray([outputs], "float32") };
}

/** `x W + b`: `[N, inputs] -> [N, outputs]`. */
export function dense(parameters: Dense<Operand>, x: Operand): Tensor {
  return add(matmul(x, parameters.weight), parameters.bias);
}
