/**
 * Metrics that are pullbacks of a flat one: `G(z) = J(z)^T J(z)`, J the Jacobian of a map f from the latent space to
 * R^D. Steps are measured by chords, `|f(b) - f(a)|^2`, so curve energies need values of f only.
 *
 * Axes: N points, d latent dimensions, D ambient dimensions.
 */
import { einsum, rowJacobian, square, sub, sum, type Tensor } from "../engine/index.js";
import { checkDimension, flattenRows } from "./checks.js";
import type { LatentMetric } from "./metric.js";

/** A metric that is the pullback of a flat one, so that `embedding` is there for sure. */
export interface EmbeddedMetric extends LatentMetric {
  embedding(z: Tensor): Tensor;
}

/**
 * The pullback of the Euclidean metric of R^D by a map `f: [N, d] -> [N, D]` whose rows do not depend on each other
 * (output axes beyond the first are flattened).
 * Cost of the metric tensor: d forward derivatives of f and a product of D d^2.
 * @param options `dimension`: d; `name`: for pictures and reports
 * @throws UsageError if the dimension is not a positive whole number
 */
export function embeddedMetric(
  f: (z: Tensor) => Tensor,
  options: { readonly dimension: number; readonly name: string },
): EmbeddedMetric {
  checkDimension("embeddedMetric", options.dimension);
  const embedding = (z: Tensor) => flattenRows(f(z));
  return {
    name: options.name,
    dimension: options.dimension,
    embedding,
    metricTensor(z) {
      const { jacobian } = rowJacobian(embedding, z); // [N, D, d]
      return einsum("nai,naj->nij", jacobian, jacobian); // [N, d, d]
    },
    segmentEnergy: (a, b) => sum(square(sub(embedding(b), embedding(a))), -1), // [N]
  };
}
