/**
 * Exponential waiting times with independent columns; parameter t = log rate, l = e^t.
 *
 *   log p(x) = t - l x, x >= 0;   KL(1 || 2) = psi(t2 - t1), psi(d) = e^d - 1 - d;
 *   ds^2 = dt^2, embedded by f = log l: distance |log(l1 / l2)|;
 *   W1 = |1/l1 - 1/l2|, W2^2 = 2 (1/l1 - 1/l2)^2, flat.
 */
import { abs, add, array, exp, expandDims, expm1, mul, neg, square, sub } from "../../engine/index.js";
import { checkEach, countsPerGroup, drawEach, type Family, outputShape, sumRows } from "./family.js";
import { marginalTable } from "./marginals.js";
import { expMinusTangent, expOf, logPositive } from "./stable.js";

/**
 * The exponential family of waiting times. Parameter `logRate`; the network gives rate = softplus + 1e-4.
 * `uncertain` takes the mean `scale` (default 100).
 */
export function exponential(): Family {
  return {
    name: "exponential",
    ...countsPerGroup("exponential", 1, 1),
    checkData(data, options) {
      checkEach(
        "exponential",
        data,
        options,
        "finite numbers from 0 on; use another family for negative ones",
        (x) => x >= 0 && x < Infinity,
      );
    },
    fromNetwork(outputs) {
      outputShape(outputs);
      return { logRate: logPositive(outputs) };
    },
    logDensity: ({ logRate }, x) => sumRows(sub(logRate, mul(exp(logRate), x))),
    mean: ({ logRate }) => expOf(logRate, -1),
    entropy: ({ logRate }) => sumRows(sub(1, logRate)),
    klDivergence: (p, q) => sumRows(expMinusTangent(sub(q.logRate, p.logRate))),
    fisherRoot: () => (tangent) => mul(tangent.logRate, 1),
    embedding: ({ logRate }) => mul(logRate, 1),
    wasserstein2Embedding: ({ logRate }) => mul(Math.SQRT2, expOf(logRate, -1)),
    wasserstein1: (p, q) => abs(sub(exp(neg(p.logRate)), exp(neg(q.logRate)))),
    wasserstein2Squared: (p, q) => mul(2, square(sub(exp(neg(p.logRate)), exp(neg(q.logRate))))),
    distributionFunction({ logRate }, points) {
      const x = array(points.map((point) => Math.max(point, 0)));
      return neg(expm1(neg(mul(exp(expandDims(logRate, -1)), x)))); // [N, D, G]
    },
    marginalDensity({ logRate }, points) {
      const t = expandDims(logRate, -1);
      const inside = array(points.map((point) => (point >= 0 ? 1 : 0)));
      return mul(inside, exp(sub(t, mul(exp(t), array(points.map((point) => Math.max(point, 0)))))));
    },
    uncertain: ({ logRate }, { scale = 100 } = {}) => ({ logRate: add(mul(logRate, 0), -Math.log(scale)) }),
    sample: ({ logRate }, random) =>
      drawEach(logRate.shape, (i) => -Math.log(1 - random.uniform()) / Math.exp(logRate.data[i])),
    marginals: ({ logRate }) =>
      marginalTable(logRate.shape, (i) => {
        const rate = Math.exp(logRate.data[i]);
        return {
          kind: "continuous",
          distribution: (x) => (x <= 0 ? 0 : -Math.expm1(-rate * x)),
          quantile: (share) => -Math.log1p(-share) / rate,
        };
      }),
  };
}
