/** Activation functions by name, as options and checkpoints know them. */
import {
  elu,
  gelu,
  leakyRelu,
  type Operand,
  relu,
  sigmoid,
  softplus,
  swish,
  type Tensor,
  tanh,
} from "../engine/index.js";
import { UsageError } from "../errors.js";

export type Activation = (x: Operand) => Tensor;

const table = {
  tanh,
  relu,
  gelu,
  elu: (x: Operand) => elu(x),
  softplus,
  sigmoid,
  swish,
  leakyRelu: (x: Operand) => leakyRelu(x),
} as const satisfies Record<string, Activation>;

export type ActivationName = keyof typeof table;

export const activationNames = Object.keys(table) as readonly ActivationName[];

/**
 * Activations with continuous first and second derivatives. A decoder needs them where second-order geodesic solvers
 * or curvature are wanted: the metric of a ReLU decoder is piecewise constant and jumps.
 */
export const smoothActivationNames: readonly ActivationName[] = ["tanh", "gelu", "softplus", "sigmoid", "swish"];

/** The activation function called `name`. @throws UsageError if there is none. */
export function activationNamed(name: string): Activation {
  if (!Object.hasOwn(table, name))
    throw new UsageError(`activation: "${name}" is not known; use one of ${activationNames.join(", ")}.`);
  return table[name as ActivationName];
}
