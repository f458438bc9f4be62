/**
 * RAE-GP: the regularised autoencoder whose decoder's Jacobian is penalised, b |J(z)|_F^2 averaged over the codes
 * (Ghosh et al., 2020). The norm is estimated without bias by one reverse pass: for e ~ N(0, I) in data space,
 * E |J^T e|^2 = |J|_F^2 (Hutchinson, 1990). (A popular code takes the gradient of the sum of outputs with respect to
 * the input instead, through the encoder: that is another number.)
 *
 * With batch normalisation in training the decoder's rows depend on each other; then J is the Jacobian of the batch.
 */
import { div, type Operand, square, sum, type Tensor } from "../../engine/index.js";
import { decodeWithPullback } from "./common.js";
import { withRegularizer } from "./rae.js";

export const gradientPenaltyAutoencoder = withRegularizer(
  {
    name: "rae-gp",
    title: "Regularised autoencoder, gradient penalty",
    term: "squared Jacobian norm",
    says: "b, weight of the squared norm of the decoder's Jacobian",
  },
  (given, code) => jacobianNorm(decodeWithPullback(given, code).pullback, given.noise.directions),
  (shape, N) => ({ directions: [N, shape.dataDimension] }),
);

/**
 * Estimate of the mean over rows of |J|_F^2, from J^T e for directions e ~ N(0, I). [N, D] -> []. Traceable.
 * @param pullback c -> J^T c, `[N, D] -> [N, d]`
 */
export function jacobianNorm(pullback: (cotangent: Operand) => Tensor, directions: Operand): Tensor {
  const gradient = pullback(directions);
  return div(sum(square(gradient)), gradient.shape[0]);
}
