/**
 * Bernoulli with independent columns; parameter the logits l, p = sigmoid(l).
 *
 *   log p(x) = x l - log(1 + e^l);   KL(1 || 2) from terms of q / p (`divergenceTerm`), never negative;
 *   ds^2 = p (1 - p) dl^2, embedded by f = 2 arcsin sqrt p = pi/2 + 2 atan tanh(l / 4): a circle's arc of length pi.
 *
 * Data lie in [0, 1]: grey values between are taken as probabilities, as usual for pictures. Such a "likelihood" is
 * not normalised over [0, 1], only over {0, 1}.
 */
import {
  abs,
  add,
  array,
  atan,
  exp,
  expandDims,
  mul,
  type Operand,
  sigmoid,
  softplus,
  sub,
  type Tensor,
  tanh,
} from "../../engine/index.js";
import { checkEach, countsPerGroup, drawEach, type Family, outputShape, sumRows } from "./family.js";
import { marginalTable } from "./marginals.js";
import { divergenceTerm } from "./stable.js";

/** The Bernoulli family. Parameter `logits`. Most uncertain: logit 0. */
export function bernoulli(): Family {
  return {
    name: "bernoulli",
    ...countsPerGroup("bernoulli", 1, 1),
    checkData(data, options) {
      checkEach(
        "bernoulli",
        data,
        options,
        "0 or 1, or a probability between; rescale the column",
        (x) => x >= 0 && x <= 1,
      );
    },
    fromNetwork(outputs) {
      outputShape(outputs);
      return { logits: mul(outputs, 1) };
    },
    logDensity: ({ logits }, x) => sumRows(sub(mul(x, logits), softplus(logits))),
    mean: ({ logits }) => sigmoid(logits),
    // -p log p - (1 - p) log(1 - p): two positive terms
    entropy: ({ logits }) =>
      sumRows(add(mul(sigmoid(logits), softplus(mul(logits, -1))), mul(sigmoid(mul(logits, -1)), softplus(logits)))),
    klDivergence({ logits: l1 }, { logits: l2 }) {
      const side = (a: Operand, b: Operand) =>
        divergenceTerm(sigmoid(a), sigmoid(b), sub(softplus(mul(a, -1)), softplus(mul(b, -1))));
      return sumRows(add(side(l1, l2), side(mul(l1, -1), mul(l2, -1))));
    },
    fisherRoot({ logits }) {
      // sqrt(p (1 - p)) = 1/2 sech(l / 2) = e^(-|l| / 2) sigmoid(|l|)
      const size = abs(logits);
      const root = mul(exp(mul(-0.5, size)), sigmoid(size));
      return (tangent) => mul(tangent.logits, root);
    },
    embedding: ({ logits }) => mul(2, atan(tanh(mul(logits, 0.25)))),
    wasserstein1: (p, q) => abs(sub(sigmoid(p.logits), sigmoid(q.logits))),
    wasserstein2Squared: (p, q) => abs(sub(sigmoid(p.logits), sigmoid(q.logits))),
    distributionFunction({ logits }, points) {
      const below: Tensor = sigmoid(mul(expandDims(logits, -1), -1)); // P(0), [N, D, 1]
      const one = array(points.map((point) => (point >= 1 ? 1 : 0)));
      const zero = array(points.map((point) => (point >= 0 ? 1 : 0)));
      return add(mul(below, sub(zero, one)), one);
    },
    uncertain: ({ logits }) => ({ logits: mul(logits, 0) }),
    sample: ({ logits }, random) =>
      drawEach(logits.shape, (i) => (random.uniform() < 1 / (1 + Math.exp(-logits.data[i])) ? 1 : 0)),
    marginals: ({ logits }) =>
      marginalTable(logits.shape, (i) => {
        const p = 1 / (1 + Math.exp(-logits.data[i]));
        return { kind: "atoms", values: [0, 1], probabilities: [1 - p, p] };
      }),
  };
}
