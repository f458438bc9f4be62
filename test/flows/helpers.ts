/** Flows with random parameters of a size that bends densities, for tests. */
import { type NdArray, ndarray } from "../../src/engine/index.js";
import { type Flow, type FlowOptions, flowShape, initializeFlow } from "../../src/flows/index.js";
import { normalArray, randomKey, split } from "../../src/numerics/random.js";

export function randomFlow(options: FlowOptions, seed = 1, size = 1): Flow {
  const shape = flowShape({ hidden: [8, 8], steps: 8, ...options });
  const parameters = initializeFlow(randomKey(seed), shape).map((layer, i, all) => {
    const scale = i === all.length - 1 ? 10 * size : 1; // undoes the small last layer
    const weight = ndarray(
      Float64Array.from(layer.weight.data as Float32Array, (w) => scale * w),
      layer.weight.shape,
    );
    const bias = ndarray(
      normalArray(split(randomKey(seed), `bias ${i}`), layer.bias.shape[0]).map((b) => 0.3 * b),
      layer.bias.shape,
    );
    return { weight, bias };
  });
  return { shape, parameters };
}

export function rowsOf(points: NdArray): number[][] {
  const n = points.shape[1];
  return Array.from({ length: points.shape[0] }, (_, i) =>
    Array.from(points.data.subarray(i * n, (i + 1) * n) as Float64Array),
  );
}
