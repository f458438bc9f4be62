/**
 * Random initial weights, seeded. With weights of this spread, the variance of activations and gradients stays of one
 * size from layer to layer.
 *
 * glorot: uniform on [-a, a], a = sqrt(6 / (inputs + outputs)); for tanh and sigmoid (Glorot and Bengio, 2010).
 * he: normal with variance 2 / inputs; for the ReLU and its smooth relatives (He et al., 2015).
 */
import type { NdArray } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { fillNormal, type RandomKey, stream } from "../numerics/random.js";
import type { ActivationName } from "./activations.js";

export type InitializerName = "glorot" | "he";

/** The initialiser that fits an activation function. */
export function initializerFor(activation: ActivationName): InitializerName {
  return activation === "tanh" || activation === "sigmoid" ? "glorot" : "he";
}

/** A weight matrix `[inputs, outputs]` of float32. @throws UsageError unless both sizes are positive integers. */
export function initialWeight(
  key: RandomKey,
  inputs: number,
  outputs: number,
  initializer: InitializerName = "glorot",
): NdArray {
  for (const size of [inputs, outputs])
    if (!(Number.isInteger(size) && size >= 1))
      throw new UsageError(`layer size: ${size} is not a whole number from 1 on; give how many units there are.`);
  const data = new Float32Array(inputs * outputs);
  const from = stream(key);
  if (initializer === "he") {
    const scale = Math.sqrt(2 / inputs);
    fillNormal(from, data);
    for (let i = 0; i < data.length; i++) data[i] *= scale;
  } else {
    const limit = Math.sqrt(6 / (inputs + outputs));
    for (let i = 0; i < data.length; i++) data[i] = limit * (2 * from.uniform() - 1);
  }
  return { data, shape: [inputs, outputs], dtype: "float32" };
}
