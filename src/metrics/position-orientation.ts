/**
 * The position + orientation metric of motion skills: a decoder with a Gaussian head (position, mean mu_p and standard
 * deviation sigma_p) and a von Mises-Fisher head (direction or quaternion, mean direction mu_r and concentration
 * kappa_r), and the sum of four terms
 *
 *   G = J_mu_p^T J_mu_p + J_sigma_p^T J_sigma_p + J_mu_r^T J_mu_r + J_kappa_r^T J_kappa_r
 *
 * (Beik-Mohammadi, Hauberg, Arvanitidis, Neumann, Rozo, "Learning Riemannian manifolds for geodesic motion skills",
 * RSS 2021): the pullback by z -> (mu_p, sigma_p, mu_r, kappa_r). kappa has no natural unit and runs to thousands, so
 * that its term can drown the others; `concentration` weighs it. The Fisher-Rao metric of the two heads (`fisherRao`
 * of their product) needs no such weights.
 */
import { add, concat, div, mul, type Operand, reshape, sqrt, square, sum, type Tensor } from "../engine/index.js";
import { UsageError } from "../errors.js";
import { flattenRows } from "./checks.js";
import { type EmbeddedMetric, embeddedMetric } from "./embedded.js";

/** What a decoder of motions gives at `[N, d]`. */
export interface PositionOrientation {
  /** mu_p, `[N, D]`. */
  readonly mean: Tensor;
  /** sigma_p, `[N, D]` or `[N, 1]`; without it the second term is left out. */
  readonly std?: Tensor;
  /** kappa_r mu_r, `[N, p]` for one direction or `[N, B, p]`: the natural parameter of von Mises-Fisher. */
  readonly theta: Tensor;
}

/** Weights of the four terms, default 1 each (in G, so lengths go by their roots); 0 leaves one out. */
export interface PositionOrientationWeights {
  readonly position?: number;
  readonly positionDeviation?: number;
  readonly orientation?: number;
  readonly concentration?: number;
}

/**
 * The sum of the four terms.
 * @param dimension d
 * @throws UsageError for negative weights
 */
export function positionOrientationMetric(
  decoder: (z: Tensor) => PositionOrientation,
  dimension: number,
  weights: PositionOrientationWeights = {},
): EmbeddedMetric {
  const { position = 1, positionDeviation = 1, orientation = 1, concentration = 1 } = weights;
  for (const [name, weight] of Object.entries({ position, positionDeviation, orientation, concentration }))
    if (!(weight >= 0 && weight < Infinity))
      throw new UsageError(`positionOrientationMetric: the weight ${name} is ${weight}; give a number from 0 on.`);
  return embeddedMetric(
    (z) => {
      const { mean, std, theta } = decoder(z);
      // far from the data kappa can be 0, where there is no direction: below 1e-6 it counts as none, and stays finite
      const kappa = sqrt(add(sum(square(theta), -1, { keepDimensions: true }), 1e-12)); // [N, (B,) 1]
      const terms: [Operand | undefined, number][] = [
        [mean, position],
        [std, positionDeviation],
        [div(theta, kappa), orientation],
        [reshape(kappa, kappa.shape.slice(0, -1).length === 1 ? kappa.shape : kappa.shape.slice(0, -1)), concentration],
      ];
      const parts = terms
        .filter(([term, weight]) => term !== undefined && weight > 0)
        .map(([term, weight]) => mul(flattenRows(term as Tensor), Math.sqrt(weight)));
      if (parts.length === 0)
        throw new UsageError("positionOrientationMetric: all weights are 0; give at least one above.");
      return concat(parts, 1);
    },
    { dimension, name: "position + orientation" },
  );
}
