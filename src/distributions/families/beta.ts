/**
 * Beta with independent columns: a Dirichlet law on the two shares (x, 1 - x), which does the work. Parameters log a
 * and log b, [N, D] each;  log p(x) = (a - 1) log x + (b - 1) log(1 - x) - log B(a, b), 0 < x < 1.
 */
import { log, log1p, mul, neg, type Operand, sigmoid, slice, stack, sub, type Tensor } from "../../engine/index.js";
import { logGamma } from "../../numerics/statistics.js";
import { betaDensity, betaDistribution } from "./binned.js";
import { dirichletDivergence, dirichletEntropy, dirichletLogDensity, dirichletRoot } from "./dirichlet.js";
import {
  checkEach,
  countsPerGroup,
  drawEach,
  type Family,
  flatGroups,
  outputShape,
  type Parameters,
  sumRows,
} from "./family.js";
import { drawShares } from "./gamma-draws.js";
import { invertDistribution, marginalTable } from "./marginals.js";
import { expOf, logPositive } from "./stable.js";

/**
 * The beta family. Parameters `logA` and `logB`; the network gives both as softplus + 1e-4. Most uncertain: a = b = 1,
 * the uniform law.
 */
export function beta(): Family {
  return {
    name: "beta",
    ...countsPerGroup("beta", 1, 2),
    checkData(data, options) {
      checkEach(
        "beta",
        data,
        options,
        "numbers strictly between 0 and 1; shrink the column a little towards 1/2",
        (x) => x > 0 && x < 1,
      );
    },
    fromNetwork(outputs) {
      const [, width] = outputShape(outputs);
      return {
        logA: logPositive(slice(outputs, [null, [0, width / 2]])),
        logB: logPositive(slice(outputs, [null, [width / 2, width]])),
      };
    },
    logDensity: (parameters, x) => sumRows(dirichletLogDensity(pair(parameters), stack([log(x), log1p(neg(x))], -1))),
    mean: ({ logA, logB }) => sigmoid(sub(logA, logB)),
    entropy: (parameters) => sumRows(dirichletEntropy(pair(parameters))),
    klDivergence: (p, q) => sumRows(dirichletDivergence(slabs(p), slabs(q))),
    fisherRoot(parameters) {
      const root = dirichletRoot(stack([expOf(parameters.logA), expOf(parameters.logB)], 0));
      return (tangent) => flatGroups(root(slabs(tangent)));
    },
    distributionFunction: ({ logA, logB }, points) => betaDistribution(expOf(logA), expOf(logB), points),
    marginalDensity: ({ logA, logB }, points) => betaDensity(expOf(logA), expOf(logB), points),
    uncertain: ({ logA, logB }) => ({ logA: mul(logA, 0), logB: mul(logB, 0) }),
    sample: ({ logA, logB }, random) =>
      drawEach(logA.shape, (i) =>
        // 1 is outside of the support
        Math.min(drawShares([Math.exp(logA.data[i]), Math.exp(logB.data[i])], random)[0], 1 - 2 ** -53),
      ),
    marginals: ({ logA, logB }) =>
      marginalTable(logA.shape, (i) => {
        const [a, b] = [Math.exp(logA.data[i]), Math.exp(logB.data[i])];
        return {
          kind: "continuous",
          distribution: (x) => incompleteBeta(a, b, x),
          // by the logit of x, with 1 - x kept apart, so that both ends keep their digits
          quantile: (share) => {
            const v = invertDistribution((v) => incompleteBetaAt(a, b, v), share, [-700, 700]);
            return 1 / (1 + Math.exp(-v));
          },
        };
      }),
  };
}

/** (log a, log b) as the last axis. */
function pair({ logA, logB }: Parameters<Operand>): Tensor {
  return stack([logA, logB], -1);
}

/** (log a, log b) as the first axis. */
function slabs({ logA, logB }: Parameters<Operand>): Tensor {
  return stack([logA, logB], 0);
}

/** Regularised incomplete beta function I_x(a, b) = P(X <= x). Host. */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return incompleteBetaAt(a, b, Math.log(x) - Math.log1p(-x));
}

/** I_x(a, b) at x = 1 / (1 + e^-v): continued fraction by Lentz (Press et al., Numerical Recipes, section 6.4). */
function incompleteBetaAt(a: number, b: number, v: number): number {
  const [logX, logRest] = [-softplusOf(-v), -softplusOf(v)];
  const front = Math.exp(a * logX + b * logRest + logGamma(a + b) - logGamma(a) - logGamma(b));
  const x = Math.exp(logX);
  if (x < (a + 1) / (a + b + 2)) return (front / a) * betaFraction(a, b, x);
  return 1 - (front / b) * betaFraction(b, a, Math.exp(logRest));
}

const softplusOf = (v: number): number => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));

function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  const guarded = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 2000; m++) {
    for (const coefficient of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / guarded(1 + coefficient * d);
      c = guarded(1 + coefficient / c);
      h *= d * c;
    }
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return h;
}
