/**
 * Gamma with independent columns, by shape a and mean m (rate a / m); parameters log a and log m, [N, D] each. In
 * these coordinates the Fisher information is diagonal. With r(a) = log Gamma(a) - a log a + a (`gamma-excess.ts`) and
 * psi(d) = e^d - 1 - d nothing large cancels:
 *
 *   log p(x) = -r(a) - log x - a psi(log x - log m),   x > 0;
 *   KL(1 || 2) = r(a2) - r(a1) - r'(a1) (a2 - a1) + a2 psi(log m1 - log m2);
 *   ds^2 = (trigamma(a) - 1/a) da^2 + a (dm / m)^2.
 */
import { add, array, concat, exp, expandDims, log, mul, rsqrt, slice, sqrt, sub } from "../../engine/index.js";
import { incompleteGamma } from "../../numerics/statistics.js";
import { gammaDistribution } from "./binned.js";
import { checkEach, countsPerGroup, drawEach, type Family, outputShape, sumRows } from "./family.js";
import { drawLogGamma } from "./gamma-draws.js";
import { curvatureRatio, excessBregman, excessDigamma, excessLogGamma } from "./gamma-excess.js";
import { invertDistribution, marginalTable } from "./marginals.js";
import { expMinusTangent, expOf, logPositive } from "./stable.js";

/**
 * The gamma family. Parameters `logShape` and `logMean`; the network gives both as softplus + 1e-4. `uncertain` is the
 * exponential law (shape 1) of mean `scale` (default 100).
 */
export function gamma(): Family {
  return {
    name: "gamma",
    ...countsPerGroup("gamma", 1, 2),
    checkData(data, options) {
      checkEach(
        "gamma",
        data,
        options,
        "finite numbers above 0; add a small amount to zeros, or use another family",
        (x) => x > 0 && x < Infinity,
      );
    },
    fromNetwork(outputs) {
      const [, width] = outputShape(outputs);
      return {
        logShape: logPositive(slice(outputs, [null, [0, width / 2]])),
        logMean: logPositive(slice(outputs, [null, [width / 2, width]])),
      };
    },
    logDensity({ logShape, logMean }, x) {
      const a = exp(logShape);
      const logX = log(x);
      const terms = add(add(excessLogGamma(a), logX), mul(a, expMinusTangent(sub(logX, logMean))));
      return mul(-1, sumRows(terms));
    },
    mean: ({ logMean }) => mul(expOf(logMean), 1),
    entropy({ logShape, logMean }) {
      const a = exp(logShape);
      return sumRows(add(add(logMean, excessLogGamma(a)), mul(sub(1, a), excessDigamma(a))));
    },
    klDivergence(p, q) {
      const means = mul(exp(q.logShape), expMinusTangent(sub(p.logMean, q.logMean)));
      return sumRows(add(excessBregman(p.logShape, q.logShape), means));
    },
    fisherRoot({ logShape }) {
      const a = expOf(logShape);
      const ofShape = rsqrt(curvatureRatio(a)); // a sqrt(trigamma(a) - 1 / a)
      const ofMean = sqrt(a);
      return (tangent) => concat([mul(tangent.logShape, ofShape), mul(tangent.logMean, ofMean)], 1);
    },
    distributionFunction({ logShape, logMean }, points) {
      const a = expOf(logShape);
      return gammaDistribution(a, mul(a, expOf(logMean, -1)), points);
    },
    marginalDensity({ logShape, logMean }, points) {
      const a = expOf(logShape);
      const logX = array(points.map((x) => Math.log(Math.max(x, 1e-30))));
      const inside = array(points.map((x) => Number(x > 0)));
      const deviation = expMinusTangent(sub(logX, expandDims(logMean, -1))); // [N, D, G]
      const terms = add(add(expandDims(excessLogGamma(a), -1), logX), mul(expandDims(a, -1), deviation));
      return mul(inside, exp(mul(-1, terms)));
    },
    uncertain: ({ logShape, logMean }, { scale = 100 } = {}) => ({
      logShape: mul(logShape, 0),
      logMean: add(mul(logMean, 0), Math.log(scale)),
    }),
    sample: ({ logShape, logMean }, random) =>
      drawEach(logShape.shape, (i) => {
        const logDraw = drawLogGamma(Math.exp(logShape.data[i]), random) + logMean.data[i] - logShape.data[i];
        return Math.max(Math.exp(logDraw), 1e-300); // small shapes underflow; 0 is outside of the support
      }),
    marginals: ({ logShape, logMean }) =>
      marginalTable(logShape.shape, (i) => {
        const [a, m] = [Math.exp(logShape.data[i]), Math.exp(logMean.data[i])];
        const distribution = (x: number) => (x <= 0 ? 0 : incompleteGamma(a, (a * x) / m).lower);
        return {
          kind: "continuous",
          distribution,
          quantile: (share) =>
            Math.exp(
              invertDistribution((v) => distribution(Math.exp(v)), share, [-700, Math.log((m * (a + 60)) / a) + 2]),
            ),
        };
      }),
  };
}
