/** The multilayer perceptron: dense layers with an activation between them, none after the last. Axes: N rows. */
import type { NdArray, Operand, Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { foldIn, type RandomKey } from "../numerics/random.js";
import { type ActivationName, activationNamed } from "./activations.js";
import { type Dense, dense, initializeDense } from "./dense.js";
import { type InitializerName, initializerFor } from "./initializers.js";

/** Parameters of the layers, first to last. */
export type Mlp<T = NdArray> = readonly Dense<T>[];

export interface MlpOptions {
  /** The activation the weights are drawn for; default "tanh". The last layer is linear and always glorot. */
  readonly activation?: ActivationName;
  /** Default: the one that fits the activation. */
  readonly initializer?: InitializerName;
}

/**
 * Random parameters of a perceptron.
 * @param sizes units of the input, the hidden layers and the output: `[784, 400, 2]` has two layers of weights.
 * @throws UsageError for fewer than two sizes, or sizes that are not positive integers.
 */
export function initializeMlp(key: RandomKey, sizes: readonly number[], options: MlpOptions = {}): Mlp {
  if (sizes.length < 2)
    throw new UsageError(`mlp: sizes [${sizes}] name no layer; give at least an input and an output size.`);
  const initializer = options.initializer ?? initializerFor(options.activation ?? "tanh");
  return sizes
    .slice(1)
    .map((outputs, i) =>
      initializeDense(foldIn(key, i), sizes[i], outputs, i === sizes.length - 2 ? "glorot" : initializer),
    );
}

/** The perceptron's output: `[N, sizes[0]] -> [N, sizes[last]]`, linear in its last layer. */
export function mlp(layers: Mlp<Operand>, x: Operand, activation: ActivationName = "tanh"): Tensor {
  const activate = activationNamed(activation);
  const last = layers.length - 1;
  let hidden: Operand = x;
  for (let i = 0; i < last; i++) hidden = activate(dense(layers[i], hidden));
  return dense(layers[last], hidden);
}
