/**
 * Fisher-Rao by Monte Carlo against closed forms: within its own stated errors, unbiased over many seeds, and smooth.
 * Tests of estimates: each compares a mean of M independent estimates with the truth at 4.5 standard errors, so one
 * comparison fails by chance with probability 7e-6; there are 19, so the file does with 1.3e-4 (for fresh seeds; these
 * are fixed). Stated errors are compared with the spread of 1000 estimates, to five standard deviations of their ratio:
 * three comparisons (the second point's are the first's in other units), 6e-7 each; a factor sqrt 2 is twelve.
 */
import { describe, expect, it } from "vitest";
import { exponential, normal, vonMises } from "../../src/distributions/families/index.js";
import { add, array, compile, exp, log1p, mul, ndarray, neg, slice, sum, type Tensor } from "../../src/engine/index.js";
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
    // Row i takes the i-th column of the noise, so that one program gives `rows` independent estimates at a point.
    const [rows, seeds, samples] = [100, 10, 400];
    const own = ndarray(
      Float64Array.from({ length: rows ** 2 }, (_, k) => Number(k % (rows + 1) === 0)),
      [rows, rows],
    );
    const apart: TraceableBlackBox = {
      ...normalByDraws,
      noiseColumns: rows,
      sample: (parameters, noise) =>
        normalByDraws.sample(parameters, sum(mul(noise, own), -1, { keepDimensions: true })),
    };
    const M = rows * seeds;
    const truth = await evaluate(fisherRao(halfPlane, normal(), 2), tensorOf, points);
    const [estimates, errors] = [0, 1].map(() => Array.from(truth.data, (): number[] => []));
    for (let seed = 0; seed < seeds; seed++) {
      const metric = blackBoxFisherRao(halfPlane, apart, 2, { samples, seed });
      const program = compile((z: Tensor) => ({ g: metric.metricTensor(z), e: metric.metricTensorError(z) }), {
        precision: "float64",
      });
      for (const [i, point] of points.entries()) {
        const { g, e } = await program(array(Array.from({ length: rows }, () => point)));
        g.data.forEach((value: number, k: number) => estimates[4 * i + (k % 4)].push(value));
        e.data.forEach((value: number, k: number) => errors[4 * i + (k % 4)].push(value));
      }
      await program.dispose();
    }
    truth.data.forEach((value: number, k: number) => {
      expect(estimates[k]).toHaveLength(M);
      const mean = estimates[k].reduce((total, x) => total + x / M, 0);
      const spread = Math.sqrt(estimates[k].reduce((total, x) => total + (x - mean) ** 2 / (M - 1), 0));
      expect(Math.abs(mean - value)).toBeLessThan((4.5 * spread) / Math.sqrt(M));
      const stated = Math.sqrt(errors[k].reduce((total, x) => total + x ** 2 / M, 0));
      // the ratio of 1000 estimates has a standard deviation of 2.5 % or less (60 repetitions with other random numbers)
      expect(stated / spread).toBeGreaterThan(0.87);
      expect(stated / spread).toBeLessThan(1.15);
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
