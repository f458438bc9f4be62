import { describe, expect, it } from "vitest";
import * as statistics from "../../src/numerics/statistics.js";
import { testRandom } from "./helpers.js";

const close = (a: number, b: number, tolerance: number) =>
  expect(Math.abs(a - b), `${a} against ${b}`).toBeLessThanOrEqual(tolerance * Math.max(Math.abs(b), 1e-300));

describe("special functions against values of a C library", () => {
  it("logGamma", () => {
    for (const [x, value] of [
      [1e-5, 11.512919692895824],
      [0.1, 2.2527126517342055],
      [0.5, 0.5723649429247004],
      [1, 0],
      [1.5, -0.12078223763524543],
      [2, 0],
      [3.7, 1.4280723266653883],
      [10, 12.801827480081467],
      [100.25, 360.2845596377643],
      [5e4, 490984.42327157187],
      [2e5, 2241209.345008662],
      [1e10, 220258509288.81058],
      [-0.5, 1.265512123484645],
      [-2.3, 0.369566663455008],
    ])
      expect(Math.abs(statistics.logGamma(x) - value)).toBeLessThan(1e-14 * Math.max(1, Math.abs(value)));
    expect(statistics.logGamma(0)).toBe(Infinity);
    expect(statistics.logGamma(-3)).toBe(Infinity);
  });

  it("erf, erfc with relative accuracy in the tail, the normal distribution and its inverse", () => {
    for (const [x, value] of [
      [0, 0],
      [1e-10, 1.1283791670955126e-10],
      [0.3, 0.3286267594591274],
      [0.9, 0.7969082124228322],
      [1.7, 0.9837904585907745],
      [2.5, 0.999593047982555],
      [3.9, 0.9999999652077514],
      [-0.6, -0.6038560908479259],
      [-3, -0.9999779095030014],
    ])
      close(statistics.erf(x), value, 2e-15);
    for (const [x, value] of [
      [-2, 1.9953222650189528],
      [0, 1],
      [0.5, 0.4795001221869535],
      [1.5, 0.033894853524689274],
      [2, 0.004677734981047265],
      [2.01, 0.004475150644751763],
      [3, 2.2090496998585438e-5],
      [5, 1.5374597944280351e-12],
      [10, 2.088487583762545e-45],
      [20, 5.3958656116079005e-176],
    ])
      close(statistics.erfc(x), value, 1e-13);
    close(statistics.normalDistribution(1.959963984540054), 0.975, 1e-15);
    close(statistics.normalDistribution(-10), 7.619853024160525e-24, 1e-12);
    for (const p of [1e-12, 0.003, 0.3, 0.5, 0.8, 0.999])
      close(statistics.normalDistribution(statistics.normalQuantile(p)), p, 1e-12);
  });

  it("incomplete gamma: exponential, Erlang and chi-square tails in closed form, complements add to 1", () => {
    for (const x of [0.01, 1, 3, 40]) close(statistics.incompleteGamma(1, x).upper, Math.exp(-x), 1e-13);
    for (const [x, tail] of [
      [2, 0.9963401531726562],
      [9.5, 0.4853975577785968],
      [30, 0.0008566412107753004],
      [80, 5.020464318829134e-13],
    ])
      close(statistics.chiSquareTail(x, 10), tail, 1e-12);
    close(statistics.chiSquareTail(1.7 ** 2, 1), statistics.erfc(1.7 / Math.SQRT2), 1e-13);
    for (const a of [0.2, 3, 50, 2000])
      for (const x of [0.3 * a, a, 1.2 * a]) {
        const { lower, upper } = statistics.incompleteGamma(a, x);
        close(lower + upper, 1, 1e-15);
      }
    expect(() => statistics.incompleteGamma(-1, 1)).toThrow(/a > 0/);
  });

  it("Gauss-Legendre: exact to degree 2n - 1 and not beyond, the two-point rule, and a smooth integral", () => {
    const two = statistics.gaussLegendre(2);
    close(two.nodes[1], 1 / Math.sqrt(3), 1e-15);
    for (const n of [1, 2, 3, 5, 8, 16, 64]) {
      const { nodes, weights } = statistics.gaussLegendre(n, 0, 2);
      const integral = (degree: number) => nodes.reduce((s, x, i) => s + weights[i] * x ** degree, 0);
      for (const degree of [0, 1, 2 * n - 1]) close(integral(degree), 2 ** (degree + 1) / (degree + 1), 1e-12);
      if (n < 9) expect(Math.abs(integral(2 * n) / (2 ** (2 * n + 1) / (2 * n + 1)) - 1)).toBeGreaterThan(1e-10);
      for (let i = 1; i < n; i++) expect(nodes[i]).toBeGreaterThan(nodes[i - 1]);
    }
    const { nodes, weights } = statistics.gaussLegendre(20, -1, 3);
    close(
      nodes.reduce((s, x, i) => s + weights[i] * Math.exp(x), 0),
      Math.exp(3) - Math.exp(-1),
      1e-14,
    );
  });
});

describe("descriptive statistics", () => {
  it("mean, variance (also far from zero), quantiles of type 7", () => {
    expect(statistics.mean([1, 2, 6])).toBe(3);
    expect(statistics.variance([1, 2, 6])).toBe(7);
    close(statistics.variance([1, 2, 6], 0), 14 / 3, 1e-15);
    close(statistics.variance([1e9 + 1, 1e9 + 2, 1e9 + 6]), 7, 1e-15);
    close(statistics.standardDeviation([1, 2, 6]), Math.sqrt(7), 1e-15);
    const values = [9, 1, 4, 2];
    expect([0, 0.25, 0.5, 0.75, 1].map((p) => statistics.quantile(values, p))).toEqual([1, 1.75, 3, 5.25, 9]);
    expect(statistics.median([3])).toBe(3);
    expect(values).toEqual([9, 1, 4, 2]);
    expect(() => statistics.mean([])).toThrow(/at least 1/);
    expect(() => statistics.variance([1])).toThrow(/at least 2/);
    expect(() => statistics.median([1, Number.NaN])).toThrow(/NaN at index 1/);
    expect(() => statistics.quantile([1], 1.1)).toThrow(/0 to 1/);
  });

  it("Pearson, Spearman with ties, refusal of constants", () => {
    close(statistics.pearsonCorrelation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]), 0.8, 1e-15);
    close(statistics.spearmanCorrelation([1, 2, 3, 4], [1, 8, 27, 64]), 1, 1e-15);
    close(statistics.spearmanCorrelation([1, 2, 3, 4], [5, 3, 2, -9]), -1, 1e-15);
    expect([...statistics.ranks([3, 1, 3, 2, 3])]).toEqual([4, 1, 4, 2, 4]);
    // ranks (1, 2.5, 2.5, 4) against (1, 2, 3, 4): 4.5 / sqrt(4.5 * 5)
    close(statistics.spearmanCorrelation([1, 2, 2, 3], [1, 2, 3, 4]), 4.5 / Math.sqrt(22.5), 1e-15);
    expect(() => statistics.pearsonCorrelation([1, 1], [1, 2])).toThrow(/all equal/);
    expect(() => statistics.pearsonCorrelation([1], [1, 2])).toThrow(/equal numbers/);
  });

  it("histograms count every value once", () => {
    const { counts, edges, below, above } = statistics.histogram([-1, 0, 0.5, 1, 1.99, 2, 3], 2, [0, 2]);
    expect([[...counts], [...edges], below, above]).toEqual([[2, 3], [0, 1, 2], 1, 1]);
    expect([...statistics.histogram([5, 5], 3).counts]).toEqual([0, 2, 0]);
    const own = statistics.histogram([1, 2, 3, 4], 3);
    expect([...own.counts]).toEqual([1, 1, 2]);
    expect(() => statistics.histogram([1], 3, [1, 1])).toThrow(/below/);
  });
});

describe("tests", () => {
  it("Kolmogorov's distribution, on both of its series", () => {
    for (const [x, tail] of [
      [0.3, 0.9999906941986655],
      [0.5, 0.9639452436648751],
      [0.8, 0.5441424115741981],
      [1, 0.26999967167735456],
      [1.09, 0.18565689176157327],
      [1.1, 0.17771819260640118],
      [1.36, 0.049485876755377876],
      [2, 0.0006709252557796953],
      [3, 3.045995948942526e-8],
    ])
      close(statistics.kolmogorovTail(x), tail, 1e-12);
    expect(statistics.kolmogorovTail(0)).toBe(1);
  });

  it("chi-square by hand: a die thrown 60 times", () => {
    const { statistic, pValue } = statistics.chiSquareTest([5, 8, 9, 8, 10, 20], [10, 10, 10, 10, 10, 10]);
    close(statistic, 13.4, 1e-14);
    expect(pValue).toBeCloseTo(0.0199, 4);
    expect(() => statistics.chiSquareTest([1, 2], [1, 0])).toThrow(/merge bins/);
  });

  it("Kolmogorov-Smirnov statistics by hand; p-values of true hypotheses are uniform (false alarm rate 1e-4)", () => {
    const uniform = (x: number) => Math.min(1, Math.max(0, x));
    close(statistics.kolmogorovSmirnovTest([0.1, 0.2, 0.3, 0.4], uniform).statistic, 0.6, 1e-15);
    close(statistics.kolmogorovSmirnovTwoSamples([1, 2, 3, 4], [3, 4, 5, 6, 6]).statistic, 0.6, 1e-15);
    const random = testRandom(21);
    for (const test of [
      () => statistics.kolmogorovSmirnovTest(Array.from({ length: 60 }, random.uniform), uniform).pValue,
      () =>
        statistics.kolmogorovSmirnovTwoSamples(
          Array.from({ length: 300 }, random.normal),
          Array.from({ length: 400 }, random.normal),
        ).pValue,
      () => {
        const counts = statistics.histogram(Array.from({ length: 200 }, random.uniform), 8, [0, 1]).counts;
        return statistics.chiSquareTest(counts, new Array(8).fill(25)).pValue;
      },
    ]) {
      const small = Array.from({ length: 400 }, test).filter((p) => p < 0.1).length;
      // binomial(400, 0.1): mean 40, sd 6; 4 sd is exceeded with probability 6e-5, + 4 for the approximations
      expect(Math.abs(small - 40)).toBeLessThan(28);
    }
    // and wrong hypotheses are found
    const shifted = Array.from({ length: 300 }, () => random.normal() + 0.4);
    expect(statistics.kolmogorovSmirnovTest(shifted, statistics.normalDistribution).pValue).toBeLessThan(1e-4);
  });
});
