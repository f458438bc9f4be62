/**
 * RAE-L2: the regularised autoencoder with b |theta|^2 over all of the decoder's parameters (Ghosh et al., 2020). It is
 * part of the loss, so that its gradient is exact; as weight decay inside Adam, the same term is rescaled by the moments.
 */
import { add, flattenTree, square, sum, type Tensor } from "../../engine/index.js";
import { withRegularizer } from "./rae.js";

export const weightPenaltyAutoencoder = withRegularizer(
  {
    name: "rae-l2",
    title: "Regularised autoencoder, weight penalty",
    term: "squared weight norm",
    says: "b, weight of the squared norm of the decoder's parameters",
  },
  ({ parameters }) => squaredNorm(parameters.decoder),
);

/** Sum of squares over the leaves of a tree. Traceable. */
export function squaredNorm(tree: any): Tensor {
  return flattenTree(tree)
    .leaves.map((leaf) => sum(square(leaf)))
    .reduce((total, one) => add(total, one));
}
