/**
 * A metric given by its tensor alone, without an embedding: steps are measured by the midpoint rule,
 * `(b - a)^T G((a + b) / 2) (b - a)`, which is right to second order in the step.
 */
import { add, einsum, mul, sub, type Tensor } from "../engine/index.js";
import { checkDimension } from "./checks.js";
import type { LatentMetric } from "./metric.js";

/**
 * @param metricTensor traceable function `[N, d] -> [N, d, d]`, symmetric and positive definite, row by row
 * @param options `dimension`: d; `name`: for pictures and reports
 * @throws UsageError if the dimension is not a positive whole number
 * @example
 *   // the hyperbolic half-plane y > 0, ds^2 = (dx^2 + dy^2) / y^2
 *   const halfPlane = metricFromTensor(
 *     (z) => mul(reshape(reciprocal(square(slice(z, [null, 1]))), [z.shape[0], 1, 1]), array([[1, 0], [0, 1]])),
 *     { dimension: 2, name: "half-plane" },
 *   );
 */
export function metricFromTensor(
  metricTensor: (z: Tensor) => Tensor,
  options: { readonly dimension: number; readonly name?: string },
): LatentMetric {
  checkDimension("metricFromTensor", options.dimension);
  return {
    name: options.name ?? "metric tensor",
    dimension: options.dimension,
    metricTensor,
    segmentEnergy(a, b) {
      const step = sub(b, a); // [N, d]
      return einsum("ni,nij,nj->n", step, metricTensor(mul(add(a, b), 0.5)), step);
    },
  };
}
