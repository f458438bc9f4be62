/** Gaussian mixtures: EM climbs, one component is the sample's moments, a known mixture is found again. */
import { describe, expect, it } from "vitest";
import { fitGaussianMixture, gaussianMixture } from "../../src/numerics/gaussian-mixture.js";
import { randomKey, stream } from "../../src/numerics/random.js";
import { testRandom } from "./helpers.js";

const truth = gaussianMixture(
  {
    weights: Float64Array.of(0.5, 0.3, 0.2),
    means: Float64Array.of(0, 0, 4, 1, -3, 3),
    covariances: Float64Array.of(1, 0.6, 0.6, 1, 0.3, -0.2, -0.2, 0.5, 2, 0, 0, 0.1),
  },
  2,
);

function drawn(n: number, seed: number): Float64Array {
  const random = stream(randomKey(seed));
  const out = new Float64Array(n * 2);
  for (let i = 0; i < n; i++) truth.drawInto(out.subarray(2 * i, 2 * i + 2), random);
  return out;
}

describe("gaussianMixture", () => {
  it("has the density of its formula, and draws with its moments", () => {
    const x = [0.7, -0.4];
    // One component by hand: N((0, 0), [[1, .6], [.6, 1]]), determinant 0.64.
    const q = (x[0] ** 2 - 1.2 * x[0] * x[1] + x[1] ** 2) / 0.64;
    const single = gaussianMixture(
      { weights: Float64Array.of(1), means: truth.means.slice(0, 2), covariances: truth.covariances.slice(0, 4) },
      2,
    );
    expect(single.logDensity(x)).toBeCloseTo(-0.5 * q - 0.5 * Math.log(0.64) - Math.log(2 * Math.PI), 12);
    let mass = 0;
    for (let i = 0; i < 240; i++)
      for (let j = 0; j < 200; j++)
        mass += 0.1 * 0.05 * Math.exp(truth.logDensity([-12 + (i + 0.5) * 0.1, -5 + (j + 0.5) * 0.05]));
    expect(mass).toBeCloseTo(1, 3);
    // Means of 40,000 draws are within 5.2 standard errors (one false alarm in 5 million) of 0.6 and 0.9.
    const points = drawn(40000, 3);
    const mean = [0, 0];
    points.forEach((v, i) => {
      mean[i % 2] += v / 40000;
    });
    expect(Math.abs(mean[0] - 0.6)).toBeLessThan((5.2 * 2.7) / 200);
    expect(Math.abs(mean[1] - 0.9)).toBeLessThan((5.2 * 1.5) / 200);
  });
});

describe("fitGaussianMixture", () => {
  it("is the mean and covariance of the points for one component", () => {
    const random = testRandom(8);
    const points = Float64Array.from({ length: 300 }, (_, i) => random.normal() * (1 + (i % 3)) + 100);
    const fit = fitGaussianMixture(points, 3, 1, randomKey(0), { floor: 0 });
    for (let a = 0; a < 3; a++) {
      let mean = 0;
      for (let i = 0; i < 100; i++) mean += points[3 * i + a] / 100;
      expect(fit.means[a]).toBeCloseTo(mean, 9);
      for (let b = 0; b < 3; b++) {
        let covariance = 0;
        for (let i = 0; i < 100; i++)
          covariance += ((points[3 * i + a] - fit.means[a]) * (points[3 * i + b] - fit.means[b])) / 100;
        expect(fit.covariances[3 * a + b]).toBeCloseTo(covariance, 9);
      }
    }
    expect(fit.converged).toBe(true);
  });

  it("never loses likelihood", () => {
    for (const seed of [1, 2, 3]) {
      const { history } = fitGaussianMixture(drawn(1500, seed), 2, 5, randomKey(seed), { floor: 0, tolerance: 1e-9 });
      expect(history.length).toBeGreaterThan(5);
      for (let i = 1; i < history.length; i++) expect(history[i]).toBeGreaterThan(history[i - 1] - 1e-12);
    }
  });

  it("finds a known mixture again", () => {
    // Standard errors at 20,000 points are below 0.02 for weights and means, 0.05 for covariances: 5 of them.
    const fit = fitGaussianMixture(drawn(20000, 5), 2, 3, randomKey(4));
    const order = [0, 1, 2].sort((a, b) => fit.weights[b] - fit.weights[a]);
    order.forEach((k, i) => {
      expect(Math.abs(fit.weights[k] - truth.weights[i])).toBeLessThan(0.02);
      for (let a = 0; a < 2; a++) expect(Math.abs(fit.means[2 * k + a] - truth.means[2 * i + a])).toBeLessThan(0.1);
      for (let a = 0; a < 4; a++)
        expect(Math.abs(fit.covariances[4 * k + a] - truth.covariances[4 * i + a])).toBeLessThan(0.25);
    });
    expect(fit.weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });

  it("refuses what it cannot fit", () => {
    const flat = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? i : 1)); // second coordinate constant
    expect(() => fitGaussianMixture(flat, 2, 2, randomKey(0), { floor: 0 })).toThrow(/singular/);
    expect(() => fitGaussianMixture(flat, 2, 21, randomKey(0))).toThrow(/21 components for 20 points/);
    expect(() => fitGaussianMixture(new Float64Array(10), 2, 1, randomKey(0))).toThrow(/alike/);
    expect(() => fitGaussianMixture(Float64Array.of(1, Number.NaN), 1, 1, randomKey(0))).toThrow(/not finite/);
  });
});
