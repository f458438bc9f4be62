/**
 * Discretised logistic and mixtures of them, for columns with K equally spaced values (grey levels): each bin gets the
 * logistic law's mass between its edges, the two end bins the tails (Salimans et al. 2017, PixelCNN++).
 *
 *   log P_k = log(-expm1(-h / s)) - softplus(-b) - softplus(a),   a = (e_k - m) / s, b = (e_{k+1} - m) / s = a + h / s;
 * the factor of an open side is dropped. This is exact far out, where a difference of sigmoids would be 0. A mixture's
 * bin has log sum_j pi_j P_jk. Between values in bins everything is a categorical law over K classes: entropy, KL and
 * Fisher information are sums over the bins.
 *
 * For Wasserstein geometry the law is the logistic itself, before binning: its distribution function at the bins'
 * edges, its density, and, for a single logistic, the flat 2-Wasserstein embedding (m, pi s / sqrt 3).
 */
import {
  abs,
  add,
  array,
  clip,
  concat,
  div,
  exp,
  expandDims,
  expm1,
  floor,
  greater,
  less,
  logSoftmax,
  logSumExp,
  minimum,
  mul,
  type NdArray,
  ndarray,
  neg,
  type Operand,
  reciprocal,
  reshape,
  rsqrt,
  sigmoid,
  slice,
  softmax,
  softplus,
  square,
  squeeze,
  sub,
  sum,
  type Tensor,
  tanh,
  toFloat,
  transpose,
  where,
  zeros,
} from "../../engine/index.js";
import { expectThat } from "../../errors.js";
import { drawClass } from "./categorical.js";
import {
  checkEach,
  countsPerGroup,
  drawEach,
  type Family,
  flatRows,
  groupsFirst,
  type LocationScale,
  outputShape,
  type Parameters,
  shapeOfOperand,
  sumRows,
} from "./family.js";
import {
  type Bins,
  continuousRoot,
  edgesToLog,
  exactRoot,
  smallestWindowed,
  windowRoot,
} from "./logistic-information.js";
import { invertDistribution, type Marginal, marginalTable } from "./marginals.js";
import { divergenceTerm, logPositive } from "./stable.js";

export interface DiscretisedLogisticOptions {
  /** K, the number of values of a column; default 256. */
  readonly bins?: number;
  /** The smallest value of the data; default 0. */
  readonly low?: number;
  /** The largest value of the data; default 1. */
  readonly high?: number;
  /** Components of a mixture; default 1. */
  readonly components?: number;
  /**
   * Fisher information of one logistic. "binned" (default): the sum over the bins. "windowed": the same to 1e-3 of its
   * size, at a cost that does not grow with K (see `logistic-information.ts`; up to 8 bins it is the sum). It has small
   * jumps, which can keep solvers of geodesics from their last digits. "continuous": that of the logistic law before
   * binning, diag(1 / (3 s^2), (3 + pi^2) / 9) in (m, log s), the limit of narrow bins and of means well inside.
   */
  readonly information?: "binned" | "windowed" | "continuous";
}

/** Smallest scale that a network can give, in half ranges. */
const smallestScale = Math.exp(-7);
const tiny = 1e-20;

/**
 * The discretised logistic family. Parameters `mean` and `logScale` [N, D]; a mixture of M components has `logits`
 * (of its weights), `mean` and `logScale` [N, D, M]. All in units of the data; values between bin centres count for
 * the nearest bin. Most uncertain: means in even places, and the scale of largest entropy.
 * @throws UsageError for options that are no bins.
 */
export function discretisedLogistic(options: DiscretisedLogisticOptions = {}): Family {
  const { bins: K = 256, low = 0, high = 1, components: M = 1, information = "binned" } = options;
  expectThat(
    Number.isInteger(K) && K >= 2,
    `discretised logistic: bins ${K} is not a whole number from 2 on; give the number of values, such as 256.`,
  );
  expectThat(
    low < high && Number.isFinite(high - low),
    `discretised logistic: low ${low} and high ${high} are no range; give the smallest and the largest value.`,
  );
  expectThat(
    Number.isInteger(M) && M >= 1,
    `discretised logistic: components ${M} is not a whole number from 1 on; give one, such as 1.`,
  );
  expectThat(
    information === "binned" || (["windowed", "continuous"].includes(information) && M === 1),
    `discretised logistic: information "${information}" is not known for ${M} components; use "binned", or "windowed" or "continuous" for one.`,
  );
  const bins: Bins = { K, low, high, h: (high - low) / (K - 1) };
  const [middle, half] = [(low + high) / 2, (high - low) / 2];
  const places = Array.from({ length: M }, (_, j) => (2 * j + 1) / M - 1); // in half ranges
  const single = M === 1;
  const law = (parameters: Parameters<Operand>): Law =>
    single
      ? { mean: expandDims(parameters.mean, -1), logScale: expandDims(parameters.logScale, -1) }
      : {
          mean: mul(parameters.mean, 1),
          logScale: mul(parameters.logScale, 1),
          logWeights: logSoftmax(parameters.logits),
        };
  let widest: number | undefined;
  const binned = (parameters: Parameters<Operand>) => binLogProbabilities(law(parameters), bins); // [N, D, K]
  const hostLaw = (parameters: Parameters<NdArray>, i: number) => componentsAt(parameters, i, M);

  return {
    name: "discretised logistic",
    ...countsPerGroup("discretised logistic", 1, single ? 2 : 3 * M),
    checkData(data, options) {
      const slack = 1e-6 * (high - low);
      checkEach(
        "discretised logistic",
        data,
        options,
        `values from ${low} to ${high}; rescale the column or set low and high`,
        (x) => x >= low - slack && x <= high + slack,
      );
    },
    fromNetwork(outputs) {
      const [N, P] = outputShape(outputs);
      const part = (k: number) => {
        const size = single ? P / 2 : P / 3;
        const columns = slice(outputs, [null, [k * size, (k + 1) * size]]);
        return single ? columns : reshape(columns, [N, size / M, M]);
      };
      const [means, scales] = single ? [part(0), part(1)] : [part(1), part(2)];
      return {
        ...(!single && { logits: part(0) }),
        mean: add(middle, mul(half, add(means, single ? 0 : array(places)))),
        logScale: logPositive(scales, smallestScale, half),
      };
    },
    logDensity: (parameters, x) => sumRows(logProbabilityOf(law(parameters), x, bins)),
    mean(parameters) {
      const edges = innerEdges(bins);
      return add(low, mul(bins.h, sum(sub(1, mixedCdf(law(parameters), edges)), -1)));
    },
    entropy(parameters) {
      const logP = binned(parameters);
      return neg(sumRows(mul(exp(logP), logP)));
    },
    klDivergence(p, q) {
      const [logP, logQ] = [binned(p), binned(q)];
      return sumRows(divergenceTerm(exp(logP), exp(logQ), sub(logQ, logP)));
    },
    fisherRoot(parameters) {
      if (!single) return mixtureRoot(parameters, bins);
      if (information === "continuous") return continuousRoot(parameters);
      return information === "windowed" && K >= smallestWindowed
        ? windowRoot(parameters, bins)
        : exactRoot(parameters, bins);
    },
    embedding: (parameters) => flatRows(mul(2, exp(mul(0.5, binned(parameters))))),
    ...(single && {
      wasserstein2Embedding: ({ mean, logScale }) => concat([mean, mul(Math.PI / Math.sqrt(3), exp(logScale))], 1),
      // xi half the standard logistic: its balance is tanh
      locationScale: {
        at: ({ mean, logScale }) => ({ location: mul(mean, 1), scale: exp(add(logScale, Math.LN2)) }),
        balance: tanh,
        reach(r) {
          const width = mul(-2, abs(r));
          return sub(softplus(width), mul(width, sigmoid(width)));
        },
      } satisfies LocationScale,
      wasserstein2Squared: (p, q) =>
        add(square(sub(p.mean, q.mean)), mul(Math.PI ** 2 / 3, square(sub(exp(p.logScale), exp(q.logScale))))),
    }),
    wasserstein1(p, q) {
      if (!single) {
        const edges = innerEdges(bins);
        return mul(bins.h, sum(abs(sub(mixedCdf(law(p), edges), mixedCdf(law(q), edges))), -1));
      }
      // E|a + b xi| = |a| + 2 b log(1 + e^(-|a| / b)) for the standard logistic xi
      const shift = abs(sub(p.mean, q.mean));
      const width = add(abs(sub(exp(p.logScale), exp(q.logScale))), 1e-12 * half);
      return add(shift, mul(mul(2, width), softplus(neg(minimum(div(shift, width), 1e4)))));
    },
    distributionFunction: (parameters, points) => mixedCdf(law(parameters), points),
    marginalDensity: (parameters, points) => mixedDensity(law(parameters), points),
    uncertain(parameters) {
      widest ??= widestScale(bins, places);
      return {
        ...(!single && { logits: mul(parameters.logits, 0) }),
        mean: add(mul(parameters.mean, 0), single ? middle : array(places.map((place) => middle + half * place))),
        logScale: add(mul(parameters.logScale, 0), Math.log(widest)),
      };
    },
    sample(parameters, random) {
      const [N, D] = parameters.mean.shape;
      return drawEach([N, D], (i) => {
        const j = i * M + (single ? 0 : drawClass(parameters.logits.data, i * M, M, random));
        const u = (1 - random.uniform()) * (1 - 2 ** -53); // in (0, 1)
        const x = parameters.mean.data[j] + Math.exp(parameters.logScale.data[j]) * (Math.log(u) - Math.log1p(-u));
        return low + bins.h * Math.min(Math.max(Math.round((x - low) / bins.h), 0), K - 1);
      });
    },
    marginals: (parameters) =>
      marginalTable(parameters.mean.shape.slice(0, 2), (i) => atomsOf(hostLaw(parameters, i), bins)),
    continuousMarginals: (parameters) =>
      marginalTable(parameters.mean.shape.slice(0, 2), (i) => continuousLaw(hostLaw(parameters, i))),
  };
}

/** Component axis last, [N, D, M] each; a single component has no weights. */
interface Law {
  readonly mean: Tensor;
  readonly logScale: Tensor;
  readonly logWeights?: Tensor;
}

function innerEdges({ K, low, h }: Bins): number[] {
  return Array.from({ length: K - 1 }, (_, k) => low + (k + 0.5) * h);
}

/** log P of the bin of each x. x [N, D] -> [N, D] */
function logProbabilityOf({ mean, logScale, logWeights }: Law, x: Operand, { K, low, h }: Bins): Tensor {
  const k = expandDims(clip(floor(add(mul(sub(x, low), 1 / h), 0.5)), 0, K - 1), -1); // [N, D, 1]
  const [notFirst, notLast] = [toFloat(greater(k, 0.5)), toFloat(less(k, K - 1.5))];
  const lower = add(low - h / 2, mul(k, h));
  const logP = edgesToLog(mean, logScale, lower, notFirst, notLast, h); // [N, D, M]
  return logWeights === undefined ? squeeze(logP, -1) : logSumExp(add(logP, logWeights), -1);
}

/** log P of every bin, [N, D, K]. */
function binLogProbabilities({ mean, logScale, logWeights }: Law, { K, low, h }: Bins): Tensor {
  const index = Array.from({ length: K }, (_, k) => k);
  const lower = array(index.map((k) => low + (k - 0.5) * h));
  const notFirst = array(index.map((k) => (k > 0 ? 1 : 0)));
  const notLast = array(index.map((k) => (k < K - 1 ? 1 : 0)));
  const logP = edgesToLog(expandDims(mean, -1), expandDims(logScale, -1), lower, notFirst, notLast, h); // [N, D, M, K]
  return logWeights === undefined ? squeeze(logP, 2) : logSumExp(add(logP, expandDims(logWeights, -1)), 2);
}

/** (x - m) / s of every component at every point, [N, D, M, G], and log s. */
function standardAt({ mean, logScale }: Law, points: readonly number[]): Tensor {
  return mul(sub(array([...points]), expandDims(mean, -1)), exp(neg(expandDims(logScale, -1))));
}

function mixed(each: Tensor, { logWeights }: Law): Tensor {
  return logWeights === undefined ? squeeze(each, 2) : sum(mul(exp(expandDims(logWeights, -1)), each), 2);
}

function mixedCdf(law: Law, points: readonly number[]): Tensor {
  return mixed(sigmoid(standardAt(law, points)), law);
}

function mixedDensity(law: Law, points: readonly number[]): Tensor {
  const y = standardAt(law, points);
  // sigmoid(y) sigmoid(-y) / s in logarithms
  return mixed(exp(neg(add(add(softplus(y), softplus(neg(y))), expandDims(law.logScale, -1)))), law);
}

/**
 * Root of the Fisher information of a mixture: change of each bin's mass P_k by its square root. With F = sigmoid(t),
 * Q = sigmoid(-t) and f = F Q at the inner edges, t = (e - m) / s, a component's mass between two edges is
 * F_{k+1} Q_k (1 - e^{-w}), w = h / s, and
 *   dP_k = T_k - T_{k+1} + sum_j pi_j P_jk dlog pi_j,   T = sum_j pi_j f_j (dm_j / s_j + t_j dlog s_j) at an edge.
 * No difference of values near 1 is taken: F, Q and f keep their digits in either tail, where neighbours' f differ by
 * a part of about w, and bins are that much smaller than f themselves.
 * Layout [M, edges or bins, N D]: what runs over components or bins is in front (see `groupsFirst`).
 */
function mixtureRoot(parameters: Parameters<Operand>, bins: Bins): (tangent: Parameters<Operand>) => Tensor {
  const { K, low, h } = bins;
  const [N, D, M] = shapeOfOperand(parameters.mean);
  const inFront = (x: Operand) => reshape(groupsFirst(x), [M, 1, N * D]);
  const weights = softmax(inFront(parameters.logits), 0);
  const inverse = exp(neg(inFront(parameters.logScale)));
  const edges = ndarray(
    Float64Array.from({ length: K - 1 }, (_, k) => low + (k + 0.5) * h),
    [1, K - 1, 1],
  );
  const t = mul(sub(edges, inFront(parameters.mean)), inverse); // [M, K - 1, N D]
  const positive = greater(t, 0);
  const decay = exp(where(positive, neg(t), t)); // by its own exponential: the runtime's sigmoid is only good to 1e-7 in float32
  const large = reciprocal(add(1, decay));
  const small = mul(decay, large);
  const [F, Q, f] = [where(positive, large, small), where(positive, small, large), mul(small, large)];
  const between = (x: Tensor, from: number, to: number) => slice(x, [null, [from, to], null]);
  const masses = concat(
    [
      between(F, 0, 1),
      mul(mul(between(F, 1, K - 1), between(Q, 0, K - 2)), neg(expm1(neg(mul(h, inverse))))),
      between(Q, K - 2, K - 1),
    ],
    1,
  ); // [M, K, N D]
  const perRoot = rsqrt(add(sum(mul(weights, masses), 0), tiny)); // [K, N D]
  const nothing = zeros([1, N * D]);
  return (tangent) => {
    const [ofLogits, ofMean, ofScale] = [tangent.logits, tangent.mean, tangent.logScale].map(inFront);
    const ofWeights = mul(weights, sub(ofLogits, sum(mul(weights, ofLogits), 0, { keepDimensions: true })));
    const moved = sum(mul(f, add(mul(weights, mul(ofMean, inverse)), mul(t, mul(weights, ofScale)))), 0); // T, [K - 1, N D]
    const change = add(sub(concat([nothing, moved], 0), concat([moved, nothing], 0)), sum(mul(masses, ofWeights), 0));
    return reshape(transpose(mul(perRoot, change)), [N, D * K]);
  };
}

interface HostComponent {
  readonly weight: number;
  readonly mean: number;
  readonly scale: number;
}

function componentsAt(parameters: Parameters<NdArray>, i: number, M: number): HostComponent[] {
  const indices = Array.from({ length: M }, (_, j) => i * M + j);
  const logits = indices.map((j) => parameters.logits?.data[j] ?? 0);
  const largest = Math.max(...logits);
  const weights = logits.map((l) => Math.exp(l - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return indices.map((j, m) => ({
    weight: weights[m] / total,
    mean: parameters.mean.data[j],
    scale: Math.exp(parameters.logScale.data[j]),
  }));
}

const logistic = (y: number): number => 1 / (1 + Math.exp(-y));

/** Mass of each bin on the host: differences of sigmoids, taken on the side where they are small. */
function binMasses(law: readonly HostComponent[], { K, low, h }: Bins): Float64Array {
  const masses = new Float64Array(K);
  for (const { weight, mean, scale } of law) {
    for (let k = 0; k < K; k++) {
      const a = k === 0 ? -Infinity : (low + (k - 0.5) * h - mean) / scale;
      const b = k === K - 1 ? Infinity : (low + (k + 0.5) * h - mean) / scale;
      masses[k] += weight * (a > 0 ? logistic(-a) - logistic(-b) : logistic(b) - logistic(a));
    }
  }
  return masses;
}

function atomsOf(law: readonly HostComponent[], bins: Bins): Marginal {
  const values = Array.from({ length: bins.K }, (_, k) => bins.low + bins.h * k);
  return { kind: "atoms", values, probabilities: binMasses(law, bins) };
}

function continuousLaw(law: readonly HostComponent[]): Marginal {
  const distribution = (x: number) =>
    law.reduce((total, { weight, mean, scale }) => total + weight * logistic((x - mean) / scale), 0);
  return {
    kind: "continuous",
    distribution,
    quantile(share) {
      const places = law.map(({ mean, scale }) => mean + scale * Math.log(share / (1 - share)));
      const [from, to] = [Math.min(...places), Math.max(...places)];
      return from === to ? from : invertDistribution(distribution, share, [from - 1e-9, to + 1e-9]);
    },
  };
}

/** The common scale of largest entropy, by golden sections in its logarithm. */
function widestScale(bins: Bins, places: readonly number[]): number {
  const [middle, half] = [(bins.low + bins.high) / 2, (bins.high - bins.low) / 2];
  const entropy = (logScale: number) => {
    const law = places.map((place) => ({
      weight: 1 / places.length,
      mean: middle + half * place,
      scale: Math.exp(logScale),
    }));
    return binMasses(law, bins).reduce((total, p) => total - (p > 0 ? p * Math.log(p) : 0), 0);
  };
  let [from, to] = [Math.log(bins.h / 20), Math.log(half * 4)];
  const ratio = (Math.sqrt(5) - 1) / 2;
  while (to - from > 1e-7) {
    const [left, right] = [to - ratio * (to - from), from + ratio * (to - from)];
    if (entropy(left) > entropy(right)) to = right;
    else from = left;
  }
  return Math.exp((from + to) / 2);
}
