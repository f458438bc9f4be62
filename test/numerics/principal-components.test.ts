import { describe, expect, it } from "vitest";
import { identity, multiply, transpose } from "../../src/numerics/dense.js";
import { principalComponents, project } from "../../src/numerics/principal-components.js";
import { randomKey } from "../../src/numerics/random.js";
import { variance } from "../../src/numerics/statistics.js";
import { largestDifference, testRandom } from "./helpers.js";

/** Data with known structure: random rotation of independent coordinates of decreasing spread, plus an offset. */
function sample(count: number, dimension: number, seed: number) {
  const random = testRandom(seed);
  const mixing = Float64Array.from(
    { length: dimension * dimension },
    (_, q) => random.normal() * 0.8 ** Math.floor(q / dimension),
  );
  const sources = Float64Array.from({ length: count * dimension }, () => random.normal());
  return multiply(sources, mixing, count, dimension, dimension).map((v, q) => v + (q % dimension));
}

describe("principal components", () => {
  it.each([
    [200, 12, "exact"],
    [15, 40, "exact"],
    [200, 12, "iteration"],
    [60, 90, "iteration"],
  ] as const)(
    "of %i x %i by %s: orthonormal, uncorrelated scores with the variances, none larger elsewhere",
    (count, dimension, method) => {
      const data = sample(count, dimension, count);
      const k = 4;
      const found = principalComponents(data, dimension, k, { method, tolerance: 1e-13, maxIterations: 1000 });
      expect(found.converged).toBe(true);
      const { basis, variances } = found;
      expect(
        largestDifference(multiply(basis, transpose(basis, k, dimension), k, dimension, k), identity(k)),
      ).toBeLessThan(1e-12);
      const scores = project(found, data);
      const column = (c: number) => Array.from({ length: count }, (_, i) => scores[i * k + c]);
      for (let c = 0; c < k; c++) {
        expect(variance(column(c)) / variances[c]).toBeCloseTo(1, 10);
        for (let b = 0; b < c; b++) {
          const covariance = column(b).reduce((s, v, i) => s + v * scores[i * k + c], 0) / (count - 1);
          expect(Math.abs(covariance)).toBeLessThan(1e-4 * variances[0]);
          expect(variances[b]).toBeGreaterThanOrEqual(variances[c]);
        }
      }
      let total = 0;
      for (let j = 0; j < dimension; j++)
        total += variance(Array.from({ length: count }, (_, i) => data[i * dimension + j]));
      for (let c = 0; c < k; c++) expect(found.explained[c]).toBeCloseTo(variances[c] / total, 12);
      const reference = principalComponents(data, dimension, k, { method: "exact" });
      expect(largestDifference(variances, reference.variances)).toBeLessThan(1e-9 * variances[0]);
      expect(largestDifference(basis, reference.basis)).toBeLessThan(1e-4);
    },
  );

  it("find an exact plane, and its remaining variance is zero", () => {
    const random = testRandom(1);
    const data = new Float64Array(50 * 5);
    for (let i = 0; i < 50; i++) {
      const [a, b] = [3 * random.normal(), random.normal()];
      data.set([a + 1, b, -a, 2 * b, 7], 5 * i);
    }
    const { basis, variances, explained } = principalComponents(data, 5, 3);
    const [p, q] = [Math.SQRT1_2, 1 / Math.sqrt(5)];
    const rows = [basis.slice(0, 5), basis.slice(5, 10)];
    const ofA = rows.find((row) => Math.abs(row[0]) > 0.5)!;
    const ofB = rows.find((row) => Math.abs(row[3]) > 0.5)!;
    // the sample's a and b are slightly correlated, so the components turn within the plane
    for (const row of [ofA, ofB]) {
      const within = (row[0] * p - row[2] * p) ** 2 + (row[1] * q + 2 * row[3] * q) ** 2;
      expect(within).toBeCloseTo(1, 12);
    }
    expect(variances[2]).toBeLessThan(1e-12);
    expect(explained[0] + explained[1]).toBeCloseTo(1, 12);
  });

  it("the same key gives the same result; signs are fixed; an unfinished iteration says so", () => {
    const data = sample(80, 30, 3);
    const run = (seed: number) => principalComponents(data, 30, 3, { method: "iteration", key: randomKey(seed) });
    expect(run(1).basis).toEqual(run(1).basis);
    expect(largestDifference(run(1).basis, run(2).basis)).toBeLessThan(1e-3);
    expect(principalComponents(data, 30, 3, { method: "iteration", maxIterations: 1 }).converged).toBe(false);
  });

  it("refuse impossible requests in one sentence", () => {
    expect(() => principalComponents(new Float64Array(12), 3, 4)).toThrow(/pass 1 to 3/);
    expect(() => principalComponents(new Float64Array(12), 3, 1)).toThrow(/without variance/);
    expect(() => principalComponents(Float64Array.from([1, 2, Number.NaN, 4]), 2, 1)).toThrow(/not finite/);
    expect(() => principalComponents(new Float64Array(5), 2, 1)).toThrow(/\[N, D\]/);
  });
});
