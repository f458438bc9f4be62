/**
 * Dirichlet: S groups of K shares that sum to 1; parameters log alpha_i, [N, S, K]. Density with respect to the first
 * K - 1 shares of each group. With r the excess of log Gamma (`gamma-excess.ts`), a = alpha, a0 = sum a:
 *
 *   log p(x) = r(a0) - sum r(a_i) + sum a_i (log x_i - log(a_i / a0)) - sum log x_i;
 *   KL(a || b) = b0 KL(b / b0 || a / a0) + sum_i R(a_i, b_i) - R(a0, b0),   R(a, b) = r(b) - r(a) - r'(a) (b - a);
 *   I = diag(trigamma(a_i)) - trigamma(a0) 1 1^T, of which a root is written below.
 */
import {
  add,
  array,
  concat,
  div,
  exp,
  log,
  logSoftmax,
  logSumExp,
  matmul,
  maximum,
  mul,
  ndarray,
  type Operand,
  reciprocal,
  slice,
  sqrt,
  sub,
  sum,
  type Tensor,
} from "../../engine/index.js";
import { expectThat } from "../../errors.js";
import { betaDensity, betaDistribution } from "./binned.js";
import { checkProbabilities } from "./categorical.js";
import {
  countsPerGroup,
  type Family,
  flatGroups,
  flatRows,
  grouped,
  groupsFirst,
  outputShape,
  sumRows,
  sumSlabs,
} from "./family.js";
import { drawShares } from "./gamma-draws.js";
import { curvatureRatio, excessBregman, excessDigamma, excessLogGamma } from "./gamma-excess.js";
import { divergenceTerm, expOf, logPositive } from "./stable.js";

/**
 * The Dirichlet family over groups of `classes` shares. Parameter `logConcentration` [N, S, K]; the network gives
 * concentrations as softplus + 1e-4. Most uncertain: all concentrations 1, the uniform law.
 * @throws UsageError for fewer than 2 classes.
 */
export function dirichlet(options: { readonly classes: number }): Family {
  const K = options.classes;
  expectThat(
    Number.isInteger(K) && K >= 2,
    `dirichlet: classes ${K} is not a whole number from 2 on; give the number of shares in a group.`,
  );
  return {
    name: "dirichlet",
    ...countsPerGroup("dirichlet", K, K),
    checkData(data, options) {
      const wanted = `${K} shares above 0 that sum to 1; replace zeros by a small share and divide by the sum`;
      checkProbabilities("dirichlet", data, options, K, Number.MIN_VALUE, wanted);
    },
    fromNetwork(outputs) {
      outputShape(outputs);
      return { logConcentration: logPositive(grouped(outputs, K)) };
    },
    logDensity: ({ logConcentration }, x) => sumRows(dirichletLogDensity(logConcentration, log(grouped(x, K)))),
    mean: ({ logConcentration }) => flatRows(exp(logSoftmax(logConcentration))),
    entropy: ({ logConcentration }) => sumRows(dirichletEntropy(logConcentration)),
    klDivergence: (p, q) =>
      sumRows(dirichletDivergence(groupsFirst(p.logConcentration), groupsFirst(q.logConcentration))),
    fisherRoot({ logConcentration }) {
      const root = dirichletRoot(groupsFirst(expOf(logConcentration)));
      return (tangent) => flatGroups(root(groupsFirst(tangent.logConcentration)));
    },
    distributionFunction: ({ logConcentration }, points) => betaDistribution(...shareLaws(logConcentration), points),
    marginalDensity: ({ logConcentration }, points) => betaDensity(...shareLaws(logConcentration), points),
    uncertain: ({ logConcentration }) => ({ logConcentration: mul(logConcentration, 0) }),
    sample({ logConcentration: { data, shape } }, random) {
      const draws = new Float64Array(data.length);
      for (let start = 0; start < draws.length; start += K)
        draws.set(drawShares(Float64Array.from(data.subarray(start, start + K), Math.exp), random), start);
      return ndarray(draws, [shape[0], shape[1] * K]);
    },
  };
}

/** a and b of the beta law of each share: alpha_i and the sum of the others. [N, S, K] -> [N, S K] each */
function shareLaws(logConcentration: Operand): [Tensor, Tensor] {
  const alpha = expOf(logConcentration);
  const K = alpha.shape[alpha.shape.length - 1];
  const others = Array.from({ length: K }, (_, i) => Array.from({ length: K }, (_, j) => Number(i !== j)));
  return [flatRows(alpha), flatRows(matmul(alpha, array(others)))];
}

/** log density of each group, without the groups' sum. [..., K], [..., K] -> [...] */
export function dirichletLogDensity(logConcentration: Operand, logX: Operand): Tensor {
  const a = exp(logConcentration);
  const a0 = sum(a, -1);
  const fit = sum(mul(a, sub(logX, logSoftmax(logConcentration))), -1);
  return add(sub(excessLogGamma(a0), sum(add(excessLogGamma(a), logX), -1)), fit);
}

/** Entropy of each group: sum r_i - r_0 + (a0 - K) r'_0 - sum (a_i - 1) r'_i + sum log(a_i / a0). */
export function dirichletEntropy(logConcentration: Operand): Tensor {
  const a = exp(logConcentration);
  const a0 = sum(a, -1);
  const K = a.shape[a.shape.length - 1];
  const each = sub(add(excessLogGamma(a), logSoftmax(logConcentration)), mul(sub(a, 1), excessDigamma(a)));
  return add(sum(each, -1), sub(mul(sub(a0, K), excessDigamma(a0)), excessLogGamma(a0)));
}

/** KL of each group, groups first: [K, ...], [K, ...] -> [...]. */
export function dirichletDivergence(p: Operand, q: Operand): Tensor {
  const [meanP, meanQ] = [logSoftmax(p, 0), logSoftmax(q, 0)];
  const means = sum(divergenceTerm(exp(meanQ), exp(meanP), sub(meanP, meanQ)), 0); // KL(b / b0 || a / a0)
  const [logA0, logB0] = [logSumExp(p, 0), logSumExp(q, 0)];
  const excess = sub(sum(excessBregman(p, q), 0), excessBregman(logA0, logB0));
  return maximum(add(mul(exp(logB0), means), excess), 0);
}

/**
 * A root of I at alpha, for changes of log alpha, groups first: [K, N, S] -> ([K, N, S] -> [K, N, S]). I = T - t 1 1^T
 * with T = diag(trigamma(a_i)), t = trigamma(a0), so
 *   A v = T^(1/2) v - t (sum v) / (1 + sqrt(1 - s)) T^(-1/2) 1,   s = t sum_i 1 / trigamma(a_i) < 1.
 * With B of `curvatureRatio`, D = a B and d = a / (1 + D) (so that 1 / trigamma(a) = a - d = D d) it is
 * 1 - s = t (sum_i d_i - d_0), as sum_i a_i = a0. All of this depends on the parameters alone, once for all changes.
 */
export function dirichletRoot(a: Tensor): (tangent: Tensor) => Tensor {
  const K = a.shape[0];
  const all = concat([a, sumSlabs(a)], 0); // the groups' sums behind their members
  const D = mul(all, curvatureRatio(all));
  const d = div(all, add(D, 1));
  const inverse = mul(D, d); // 1 / trigamma
  const [members, totals] = [[[0, K]], [[K, K + 1]]] as const;
  const t = reciprocal(slice(inverse, totals));
  const rest = maximum(mul(t, sub(sumSlabs(slice(d, members)), slice(d, totals))), 1e-20); // 1 - s
  const shared = div(t, add(1, sqrt(rest)));
  const deviation = sqrt(slice(inverse, members));
  const [straight, common] = [div(a, deviation), mul(shared, deviation)];
  return (tangent) => {
    const total = sumSlabs(mul(a, tangent));
    return sub(mul(straight, tangent), mul(common, total));
  };
}
