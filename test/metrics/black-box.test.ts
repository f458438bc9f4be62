/**
 * Fisher-Rao by Monte Carlo against closed forms: within its own stated errors, unbiased over many seeds, and smooth.
 * Tests of estimates: each compares a mean of M independent estimates with the truth at 4.5 standard errors, so one
 * comparison fails by chance with probability 7e-6; there are 19, so the file does with 1.3e-4 (for fresh seeds; these
 * are fixed).
 */
import { describe, expect, it } from "vitest";
import { exponential, normal, vonMises } from "../../src/distributions/families/index.js";
import { add, array, exp, log1p, mul, neg, slice, type Tensor } from "../../src/engine/index.js";
import { connect } from "../../src/geodesics/index.js";
import {
  blackBoxFisherRao,
  type DistributionDecoder,
  estimateFisherRaoEnergy,
  estimateFisherRaoTensor,
  evaluate,
  fisherRao,
  type LatentMetric,
  type TraceableBlackBox,
} from "../../src/metrics/index.js";

const column = (z: Tensor, k: number): Tensor => slice(z, [null, [k, k + 1]]);
const tensorOf = (metric: LatentMetric, z: Tensor) => metric.metricTensor(z);
const halfPlane: DistributionDecoder = (z) => ({ mean: column(z, 0), logDeviation: column(z, 1) });
const points = [
  [0, 0],
  [1, 0.5],
];

/** Draws mean + s e, and the family's density. */
const normalByDraws: TraceableBlackBox = {
  noiseColumns: 1,
  sample: ({ mean, logDeviation }, noise) => add(mean, mul(exp(logDeviation), noise)),
  logDensity: (parameters, x) => normal().logDensity(parameters, x),
};

describe("by traceable draws", () => {
  it("the tensor is right within its errors, which are those of its spread over seeds", async () => {
    const truth = await evaluate(fisherRao(halfPlane, normal(), 2), tensorOf, points);
    const M = 40;
    const sums = new Float64Array(8);
    const squares = new Float64Array(8);
    const errors = new Float64Array(8);
    for (let seed = 0; seed < M; seed++) {
      const metric = blackBoxFisherRao(halfPlane, normalByDraws, 2, { samples: 200, seed });
      const g = await evaluate(metric, tensorOf, points);
      const e = await evaluate(metric, (_m, z) => metric.metricTensorError(z), points);
      g.data.forEach((value: number, k: number) => {
        sums[k] += value / M;
        squares[k] += value ** 2 / M;
        errors[k] += e.data[k] ** 2 / M;
      });
    }
    truth.data.forEach((value: number, k: number) => {
      const spread = Math.sqrt(squares[k] - sums[k] ** 2);
      expect(Math.abs(sums[k] - value)).toBeLessThan((4.5 * spread) / Math.sqrt(M));
      // the spread of 40 estimates is known to 11 %, the mean squared error to less
      expect(Math.sqrt(errors[k]) / spread).toBeGreaterThan(0.6);
      expect(Math.sqrt(errors[k]) / spread).toBeLessThan(1.7);
    });
  });
  it("energies of steps keep their relative error however small the step", async () => {
    const metric = blackBoxFisherRao(halfPlane, normalByDraws, 2, { samples: 4000, seed: 3 });
    for (const h of [0.3, 1e-2, 1e-4]) {
      const step = (of: (a: Tensor, b: Tensor) => Tensor) =>
        evaluate(metric, (_m, z) => of(z, add(z, array([[h, h]]))), [[0, 0]]);
      const estimate = (await step(metric.segmentEnergy)).data[0];
      const error = (await step(metric.segmentEnergyError)).data[0];
      const exact = fisherRao(halfPlane, normal(), 2, { form: "kl" });
      const truth = (await evaluate(exact, (m, z) => m.segmentEnergy(z, add(z, array([[h, h]]))), [[0, 0]])).data[0];
      expect(Math.abs(estimate - truth)).toBeLessThan(4.5 * error);
      expect(error).toBeLessThan(0.1 * truth);
    }
  });
  it("connect minimises it", async () => {
    const uniform: TraceableBlackBox = {
      noiseColumns: 1,
      noise: "uniform",
      sample: ({ logRate }, noise) => neg(mul(log1p(neg(noise)), exp(neg(logRate)))),
      logDensity: (parameters, x) => exponential().logDensity(parameters, x),
    };
    const metric = blackBoxFisherRao((z) => ({ logRate: z }), uniform, 1, { samples: 3000, seed: 5 });
    const { length } = await connect(metric, [Math.log(2)], [Math.log(3)], { precision: "float64", accuracy: 1e-4 });
    // the variance of the squared score (1 - x)^2 of an exponential law is 8: relative error of a length sqrt(8 / S) / 2
    const error = Math.log(1.5) * (Math.sqrt(8 / 3000) / 2);
    expect(Math.abs(length - Math.log(1.5))).toBeLessThan(4.5 * error);
    const plane = blackBoxFisherRao(halfPlane, normalByDraws, 2, { samples: 400, seed: 1 });
    const curve = await connect(plane, [-1, 0], [1, 0], { precision: "float64", accuracy: 1e-3 });
    expect(curve.converged, curve.message).toBe(true);
    expect(curve.length).toBeLessThan(curve.straightLength);
    // the geodesic of the half-plane bows towards large deviations
    const middle = curve.curve.data[2 * 32 + 1];
    expect(middle).toBeGreaterThan(0.1);
  });
});

describe("by draws on the host", () => {
  it("the tensor of any family, within its errors", async () => {
    const truth = await evaluate(fisherRao(halfPlane, normal(), 2), tensorOf, points);
    const { value, standardError } = await estimateFisherRaoTensor(halfPlane, normal(), points, {
      samples: 4000,
      seed: 2,
    });
    truth.data.forEach((g: number, k: number) => {
      expect(Math.abs(value.data[k] - g)).toBeLessThan(4.5 * standardError.data[k]);
      expect(standardError.data[k]).toBeLessThan(0.2);
    });
    const pair: DistributionDecoder = (z) => vonMises().fromNetwork(mul(z, 2));
    const { value: v, standardError: e } = await estimateFisherRaoTensor(pair, vonMises(), [[1, 0.5]], {
      samples: 4000,
      seed: 2,
    });
    const exact = await evaluate(fisherRao(pair, vonMises(), 2), tensorOf, [[1, 0.5]]);
    exact.data.forEach((g: number, k: number) => {
      expect(Math.abs(v.data[k] - g)).toBeLessThan(4.5 * e.data[k]);
    });
  });
  it("the energy of a curve with the error of the whole sum", async () => {
    const curve = Array.from({ length: 21 }, (_, i) => [Math.sin((2 * i) / 20), Math.log(0.5 + 0.8 * (i / 20) ** 2)]);
    const { value, standardError } = await estimateFisherRaoEnergy(halfPlane, normal(), curve, {
      samples: 2000,
      seed: 4,
    });
    // the Jeffreys sum at 20 segments is 9e-3 below the integral 7.286
    expect(Math.abs(value - 7.2860637 + 0.009)).toBeLessThan(4.5 * standardError);
    expect(standardError).toBeLessThan(0.5);
  });
});

it("says what is wrong", async () => {
  expect(() => blackBoxFisherRao(halfPlane, normalByDraws, 2, { samples: 1 })).toThrow(
    /samples is 1; give a whole number/,
  );
  await expect(estimateFisherRaoTensor(halfPlane, normal(), points, { samples: 0 })).rejects.toThrow(/samples is 0/);
  await expect(estimateFisherRaoEnergy(halfPlane, normal(), [[0, 0]])).rejects.toThrow(/has 1 point; give two or more/);
});
