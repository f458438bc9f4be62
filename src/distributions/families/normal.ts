/**
 * Normal with independent columns, N(mean, diag(standard deviation^2)):
 *
 *   log p = -1/2 ((x - m) / s)^2 - log s - 1/2 log 2 pi,        parameters m and t = log s, [N, D] each;
 *   KL(1 || 2) = 1/2 [psi(2 (t1 - t2)) + ((m1 - m2) / s2)^2],   psi(d) = e^d - 1 - d;
 *   ds^2 = (dm / s)^2 + 2 dt^2  (each column a hyperbolic plane of curvature -1/2);
 *   W2^2 = (m1 - m2)^2 + (s1 - s2)^2, flat;  W1 = E|m1 - m2 + (s1 - s2) xi|, a folded normal's mean.
 *
 * `normal({ standardDeviation })` has s fixed: one output a column, and Fisher-Rao is flat, embedded by m / s.
 */
import {
  abs,
  add,
  array,
  clip,
  concat,
  div,
  erf,
  exp,
  expandDims,
  mul,
  type NdArray,
  neg,
  type Operand,
  slice,
  square,
  sub,
  type Tensor,
} from "../../engine/index.js";
import { expectThat } from "../../errors.js";
import { normalDistribution, normalQuantile } from "../../numerics/statistics.js";
import {
  type CheckOptions,
  checkEach,
  countsPerGroup,
  drawEach,
  type Family,
  outputShape,
  type Parameters,
  sumRows,
} from "./family.js";
import { type Marginal, marginalTable } from "./marginals.js";
import { expMinusTangent, logPositive } from "./stable.js";

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

export interface NormalOptions {
  /** Fix the standard deviation of every column, in units of the data; otherwise the network gives it. */
  readonly standardDeviation?: number;
  /** The smallest standard deviation that a network can give, in units of the data; default 1e-3. */
  readonly smallest?: number;
}

/**
 * The normal family. Parameters `mean` and `logDeviation` (log of the standard deviation); with a fixed standard
 * deviation `mean` alone. `uncertain` keeps the mean and takes the standard deviation `scale` (default 10).
 * @throws UsageError for standard deviations that are not positive.
 */
export function normal(options: NormalOptions = {}): Family {
  const { standardDeviation: fixed, smallest = 1e-3 } = options;
  expectThat(
    fixed === undefined || (fixed > 0 && fixed < Infinity),
    `normal: standardDeviation ${fixed} is not a positive number; give one, or leave it out to learn it.`,
  );
  expectThat(smallest > 0, `normal: smallest ${smallest} is not a positive number; give one, such as 1e-3.`);
  return fixed === undefined ? freeDeviation(smallest) : fixedDeviation(fixed);
}

function freeDeviation(smallest: number): Family {
  return {
    name: "normal",
    ...countsPerGroup("normal", 1, 2),
    checkData,
    fromNetwork(outputs) {
      const [, width] = outputShape(outputs);
      return {
        mean: slice(outputs, [null, [0, width / 2]]),
        logDeviation: logPositive(slice(outputs, [null, [width / 2, width]]), smallest),
      };
    },
    logDensity({ mean, logDeviation }, x) {
      const standardized = mul(sub(x, mean), exp(neg(logDeviation)));
      return neg(sumRows(add(mul(0.5, square(standardized)), add(logDeviation, HALF_LOG_TWO_PI))));
    },
    mean: ({ mean }) => mul(mean, 1),
    entropy: ({ logDeviation }) => sumRows(add(logDeviation, HALF_LOG_TWO_PI + 0.5)),
    klDivergence(p, q) {
      const shift = mul(sub(p.mean, q.mean), exp(neg(q.logDeviation)));
      const widths = expMinusTangent(mul(2, sub(p.logDeviation, q.logDeviation)));
      return mul(0.5, sumRows(add(widths, square(shift))));
    },
    fisherRoot({ logDeviation }) {
      const precision = exp(neg(logDeviation)); // 1 / s
      return (tangent) => concat([mul(tangent.mean, precision), mul(tangent.logDeviation, Math.SQRT2)], 1);
    },
    // each column a hyperboloid in Minkowski space, by its chord: 8 sinh^2(distance / sqrt 8)
    chord: {
      at: ({ mean, logDeviation }) => ({ mean: mul(mean, 1), deviation: exp(logDeviation) }),
      squared(a, b) {
        const squares = add(square(sub(a.mean, b.mean)), mul(2, square(sub(a.deviation, b.deviation))));
        return sumRows(div(squares, mul(a.deviation, b.deviation)));
      },
    },
    wasserstein2Embedding: ({ mean, logDeviation }) => concat([mean, exp(logDeviation)], 1),
    wasserstein1(p, q) {
      const shift = sub(p.mean, q.mean);
      // E|a + b xi| = b sqrt(2/pi) e^(-a^2 / 2 b^2) + a erf(a / (b sqrt 2)); the ratio is kept finite where b = 0
      const width = add(abs(sub(exp(p.logDeviation), exp(q.logDeviation))), 1e-12);
      const ratio = clip(div(shift, width), -30, 30);
      const spread = mul(mul(width, Math.sqrt(2 / Math.PI)), exp(mul(-0.5, square(ratio))));
      return add(spread, mul(shift, erf(mul(ratio, Math.SQRT1_2))));
    },
    // xi of variance 1/2: its balance is erf
    locationScale: {
      at: ({ mean, logDeviation }) => ({ location: mul(mean, 1), scale: exp(add(logDeviation, Math.LN2 / 2)) }),
      balance: erf,
      reach: (r) => mul(1 / Math.sqrt(Math.PI), exp(neg(square(r)))),
    },
    wasserstein2Squared: (p, q) =>
      add(square(sub(p.mean, q.mean)), square(sub(exp(p.logDeviation), exp(q.logDeviation)))),
    distributionFunction: ({ mean, logDeviation }, points) => normalCdf(standardAt(mean, logDeviation, points)),
    marginalDensity({ mean, logDeviation }, points) {
      const y = standardAt(mean, logDeviation, points);
      return exp(neg(add(mul(0.5, square(y)), add(expandDims(logDeviation, -1), HALF_LOG_TWO_PI))));
    },
    uncertain: ({ mean, logDeviation }, { scale = 10 } = {}) => ({
      mean: mul(mean, 1),
      logDeviation: add(mul(logDeviation, 0), Math.log(scale)),
    }),
    sample: ({ mean, logDeviation }, random) =>
      drawEach(mean.shape, (i) => mean.data[i] + Math.exp(logDeviation.data[i]) * random.normal()),
    marginals: ({ mean, logDeviation }) =>
      marginalTable(mean.shape, (i) => normalMarginal(mean.data[i], Math.exp(logDeviation.data[i]))),
  };
}

function fixedDeviation(s: number): Family {
  const full = freeDeviation(s);
  const both = ({ mean }: Parameters<Operand>) => ({ mean, logDeviation: add(mul(mean, 0), Math.log(s)) });
  const onHost = ({ mean }: Parameters<NdArray>) => ({
    mean,
    logDeviation: drawEach(mean.shape, () => Math.log(s)),
  });
  return {
    ...full,
    ...countsPerGroup("normal", 1, 1),
    fromNetwork(outputs) {
      outputShape(outputs);
      return { mean: mul(outputs, 1) };
    },
    logDensity: (parameters, x) => full.logDensity(both(parameters), x),
    entropy: (parameters) => full.entropy(both(parameters)),
    klDivergence: (p, q) => mul(0.5, sumRows(square(mul(sub(p.mean, q.mean), 1 / s)))),
    fisherRoot: () => (tangent) => mul(tangent.mean, 1 / s),
    embedding: ({ mean }) => mul(mean, 1 / s),
    chord: undefined,
    wasserstein2Embedding: ({ mean }) => mul(mean, 1),
    wasserstein1: (p, q) => abs(sub(p.mean, q.mean)),
    locationScale: { ...full.locationScale!, at: (parameters) => full.locationScale!.at(both(parameters)) },
    wasserstein2Squared: (p, q) => square(sub(p.mean, q.mean)),
    distributionFunction: (parameters, points) => full.distributionFunction!(both(parameters), points),
    marginalDensity: (parameters, points) => full.marginalDensity!(both(parameters), points),
    uncertain: ({ mean }) => ({ mean: mul(mean, 1) }), // there is nothing to widen
    sample: (parameters, random) => full.sample(onHost(parameters), random),
    marginals: (parameters) => full.marginals!(onHost(parameters)),
  };
}

function checkData(data: NdArray, options?: CheckOptions): void {
  checkEach("normal", data, options, "finite numbers; replace the value or leave the row out", Number.isFinite);
}

/** (x - m) / s of every point, [N, D, G]. */
function standardAt(mean: Operand, logDeviation: Operand, points: readonly number[]): Tensor {
  const distances = sub(array([...points]), expandDims(mean, -1)); // [N, D, G]
  return mul(distances, exp(neg(expandDims(logDeviation, -1))));
}

function normalCdf(y: Tensor): Tensor {
  return mul(0.5, add(1, erf(mul(y, Math.SQRT1_2))));
}

function normalMarginal(mean: number, deviation: number): Marginal {
  return {
    kind: "continuous",
    distribution: (x) => normalDistribution((x - mean) / deviation),
    quantile: (share) => mean + deviation * normalQuantile(share),
  };
}
