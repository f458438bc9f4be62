/**
 * Poisson counts with independent columns; parameter t = log rate, l = e^t.
 *
 *   log p(x) = x t - l - log x!;   KL(1 || 2) = l2 - l1 - l1 (t2 - t1) >= 0;
 *   ds^2 = l dt^2, embedded by f = 2 sqrt l: distance 2 |sqrt l1 - sqrt l2|.
 */
import {
  abs,
  add,
  array,
  clip,
  exp,
  expandDims,
  less,
  log,
  matmul,
  maximum,
  minimum,
  mul,
  type Operand,
  reciprocal,
  sub,
  sum,
  type Tensor,
  where,
} from "../../engine/index.js";
import { UsageError } from "../../errors.js";
import type { RandomStream } from "../../numerics/random.js";
import { logGamma } from "../../numerics/statistics.js";
import { checkEach, countsPerGroup, drawEach, type Family, outputShape, sumRows } from "./family.js";
import { excessLogGamma } from "./gamma-excess.js";
import { marginalTable } from "./marginals.js";
import { divergenceTerm, expMinusTangent, expOf, logPositive } from "./stable.js";

/**
 * The Poisson family. Parameter `logRate`; the network gives rate = softplus + 1e-4. `uncertain` takes the mean
 * `scale` (default 100: the geometry needs some far member, since the family has no most uncertain one).
 */
export function poisson(): Family {
  return {
    name: "poisson",
    ...countsPerGroup("poisson", 1, 1),
    checkData(data, options) {
      checkEach(
        "poisson",
        data,
        options,
        "counts (whole numbers from 0 on); use another family for other numbers",
        (x) => Number.isInteger(x) && x >= 0,
      );
    },
    fromNetwork(outputs) {
      outputShape(outputs);
      return { logRate: logPositive(outputs) };
    },
    logDensity({ logRate }, x) {
      // For x > 0, x t - l - log x! = -(l - x - x (t - log x)) - r(x) - log x, r the excess of log Gamma: large
      // terms that would cancel are not formed (Loader 2000, "saddle-point expansion").
      const positive = maximum(x, 1);
      const logX = log(positive);
      const deviance = divergenceTerm(positive, exp(logRate), sub(logRate, logX));
      const atPositive = add(deviance, add(excessLogGamma(positive), logX));
      return mul(-1, sumRows(where(less(x, 0.5), exp(logRate), atPositive)));
    },
    mean: ({ logRate }) => mul(expOf(logRate), 1),
    entropy: ({ logRate }) => sumRows(poissonEntropy(logRate)),
    klDivergence: (p, q) => sumRows(divergenceTerm(exp(p.logRate), exp(q.logRate), sub(q.logRate, p.logRate))),
    fisherRoot({ logRate }) {
      const root = expOf(logRate, 0.5);
      return (tangent) => mul(tangent.logRate, root);
    },
    embedding: ({ logRate }) => mul(2, expOf(logRate, 0.5)),
    // the larger rate is stochastically larger, so mass moves one way only
    wasserstein1: (p, q) => abs(sub(exp(p.logRate), exp(q.logRate))),
    distributionFunction({ logRate }, points) {
      const last = Math.max(...points);
      if (!(last <= MOST_COUNTS))
        throw new UsageError(
          `poisson: the distribution function is a sum over counts up to ${last}; give points up to ${MOST_COUNTS}.`,
        );
      const upTo = Array.from({ length: Math.max(Math.floor(last), 0) + 1 }, (_, k) => k);
      const below = upTo.map((k) => points.map((point) => Number(k <= point)));
      // k t - l - log k! = -k psi(t - log k) - (log k! - k log k + k), large terms not formed; 0 counts as 1e-12
      const sizes = upTo.map((k) => Math.max(k, 1e-12));
      const rest = array(sizes.map((k) => (k < 1 ? 0 : logGamma(k + 1) - k * Math.log(k) + k)));
      const apart = sub(expandDims(logRate, -1), array(sizes.map(Math.log))); // [N, D, K]
      return matmul(exp(mul(-1, add(mul(array(sizes), expMinusTangent(apart)), rest))), array(below)); // [N, D, G]
    },
    uncertain: ({ logRate }, { scale = 100 } = {}) => ({ logRate: add(mul(logRate, 0), Math.log(scale)) }),
    sample: ({ logRate }, random) => drawEach(logRate.shape, (i) => drawPoisson(Math.exp(logRate.data[i]), random)),
    marginals: ({ logRate }) =>
      marginalTable(logRate.shape, (i) => {
        const rate = Math.exp(logRate.data[i]);
        const [first, last] = range(rate);
        const values = Array.from({ length: last - first + 1 }, (_, k) => first + k);
        const probabilities = values.map((k) => Math.exp(k * logRate.data[i] - rate - logGamma(k + 1)));
        const total = probabilities.reduce((a, b) => a + b, 0);
        return { kind: "atoms", values, probabilities: probabilities.map((p) => p / total) };
      }),
  };
}

/** The largest count that a distribution function is summed up to. */
const MOST_COUNTS = 10_000;

/** Counts outside of this range have probability below 1e-16 together. */
function range(rate: number): [number, number] {
  const width = 10 * Math.sqrt(rate) + 40;
  return [Math.max(0, Math.floor(rate - width)), Math.ceil(rate + width)];
}

const border = 20;
const counts = Array.from({ length: 90 }, (_, k) => k);

/**
 * Entropy in nats: by the sum below a rate of 20, above by 1/2 log(2 pi e l) - 1/(12 l) - 1/(24 l^2) - 19/(360 l^3)
 * - 9/(80 l^4) - 863/(2520 l^5) (absolute error below 1e-7).
 */
function poissonEntropy(logRate: Operand): Tensor {
  const t = minimum(logRate, Math.log(border));
  const rate = exp(t);
  const logFactorials = array(counts.map((k) => logGamma(k + 1)));
  const each = sub(sub(mul(expandDims(t, -1), array(counts)), expandDims(rate, -1)), logFactorials); // [N, D, 90]
  const direct = mul(-1, sum(mul(exp(each), each), -1));
  const u = reciprocal(exp(clip(logRate, Math.log(border), 80)));
  let series: Operand = 863 / 2520;
  for (const c of [9 / 80, 19 / 360, 1 / 24, 1 / 12]) series = add(mul(series, u), c);
  const asymptotic = sub(mul(0.5, add(logRate, Math.log(2 * Math.PI * Math.E))), mul(u, series));
  return where(less(logRate, Math.log(border)), direct, asymptotic);
}

/**
 * A Poisson number: by products of uniforms below 30; above, the count of arrivals is split at a gamma time
 * (Ahrens and Dieter 1974), which is exact and takes log(rate) steps.
 */
function drawPoisson(rate: number, random: RandomStream): number {
  let [left, count] = [rate, 0];
  while (left > 30) {
    const m = Math.floor((7 * left) / 8);
    const time = random.gamma(m); // when the m-th arrival comes, at rate 1
    if (time > left) return count + drawBinomial(m - 1, left / time, random);
    count += m;
    left -= time;
  }
  const end = Math.exp(-left);
  for (let product = random.uniform(); product > end; product *= random.uniform()) count++;
  return count;
}

/** A binomial number: beta splitting (Ahrens and Dieter 1974) down to 30 trials, then one by one. */
function drawBinomial(n: number, p: number, random: RandomStream): number {
  let [trials, chance, count] = [n, p, 0];
  while (trials > 30) {
    const a = 1 + Math.floor(trials / 2);
    const [x, y] = [random.gamma(a), random.gamma(trials + 1 - a)];
    const middle = x / (x + y); // the a-th smallest of `trials` uniforms
    if (middle >= chance) {
      trials = a - 1;
      chance /= middle;
    } else {
      count += a;
      trials -= a;
      chance = (chance - middle) / (1 - middle);
    }
  }
  for (let i = 0; i < trials; i++) if (random.uniform() < chance) count++;
  return count;
}
