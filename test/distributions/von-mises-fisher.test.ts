/** Von Mises-Fisher and its mixtures: reference values, mass, samples, programs, EM. */
import { describe, expect, it } from "vitest";
import { vonMisesFisher } from "../../src/distributions/von-mises-fisher.js";
import {
  fitVonMisesFisherMixture,
  mixtureLogDensity,
  sampleMixture,
} from "../../src/distributions/von-mises-fisher-mixture.js";
import { concentrationOf, vonMisesFisherConstants } from "../../src/distributions/von-mises-fisher-normalizer.js";
import {
  array,
  besselRatio,
  compile,
  ndarray,
  randomKey,
  sum,
  type Tensor,
  valueAndGrad,
} from "../../src/engine/index.js";
import { poincareBall, sphere } from "../../src/manifolds/index.js";
import { kolmogorovRatio, massOfSphere } from "./manifold-helpers.js";

// p, kappa, A, 1 - A, A', Phi - kappa, from 50-digit arithmetic.
const reference = [
  [2, 1e-6, 5e-7, 0.9999995, 0.5, 1.8378760664096],
  [2, 1, 0.446389965897, 0.553610034103, 0.3543460325, 1.0737914249165],
  [2, 10, 0.948599825955, 0.0514001740452, 5.298387603e-3, -0.21915085047196],
  [2, 100, 0.994987373005, 5.01262699483e-3, 5.025383022e-5, -1.3823902436481],
  [2, 1e5, 0.999994999987, 5.00001250013e-6, 5.000025e-11, -4.8375229492742],
  [3, 1e-6, 3.33333333333e-7, 0.999999666667, 0.3333333333, 2.5310232469695],
  [3, 1, 0.313035285499, 0.686964714501, 0.275938339, 1.6924636085405],
  [3, 10, 0.900000004122, 0.0999999958777, 9.999991755e-3, -0.46470802864585],
  [3, 1e5, 0.99999, 1e-5, 1e-10, -9.6750483985609],
  [4, 0.1, 0.0249895898394, 0.975010410161, 0.2496878252, 2.8838566919505],
  [4, 10, 0.854185308324, 0.145814691676, 0.01411186655, -0.73662712607114],
  [4, 100, 0.985037880008, 0.0149621199918, 1.492385488e-4, -4.154708595578],
  [4, 1e5, 0.999985000038, 1.49999624996e-5, 1.4999925e-10, -14.51257634786],
] as const;

describe("the constants", () => {
  it.each(reference)("p %d, kappa %d", (p, kappa, A, complement, slope, scaled) => {
    const found = vonMisesFisherConstants(p, kappa);
    expect(found.resultantLength / A).toBeCloseTo(1, 10);
    expect(found.complement / complement).toBeCloseTo(1, 10);
    expect(found.slope / slope).toBeCloseTo(1, 8);
    expect(found.scaledLogNormalizer).toBeCloseTo(scaled, 11);
  });

  it("agree with the compiled ones and across the change of series, for p up to 784", async () => {
    for (const p of [2, 3, 10, 50, 784]) {
      const law = vonMisesFisher(sphere(p - 1));
      const edge = Math.max(30, (p * p) / 2);
      const kappas = [0, 1e-3, 1, p, 0.9 * edge, edge * (1 - 1e-9), edge * (1 + 1e-9), 3 * edge];
      const f = compile((k: Tensor) => ({ kl: law.traced.klToUniform(k), A: besselRatio(p / 2 - 1, k) }), {
        precision: "float64",
        threads: 1,
      });
      const out = await f(array(kappas));
      await f.dispose();
      kappas.forEach((kappa, i) => {
        const { resultantLength, scaledLogNormalizer } = vonMisesFisherConstants(p, kappa);
        expect(Math.abs(resultantLength - out.A.data[i]), `A of p ${p} kappa ${kappa}`).toBeLessThan(1e-11);
        const kl = -law.entropy(kappa) + law.entropy(0);
        expect(
          Math.abs(out.kl.data[i] - kl) / (1 + Math.abs(scaledLogNormalizer)),
          `p ${p} kappa ${kappa}`,
        ).toBeLessThan(1e-11);
      });
    }
  });

  it("concentrationOf inverts the resultant length", () => {
    for (const p of [2, 3, 16, 100])
      for (const kappa of [1e-4, 0.3, 5, 40, 3000, 9e4])
        expect(concentrationOf(p, vonMisesFisherConstants(p, kappa).resultantLength) / kappa).toBeCloseTo(1, 7);
    expect(concentrationOf(3, 1)).toBe(1e5);
    expect(concentrationOf(3, 0)).toBe(0);
  });

  it("entropies on S^2 are the published floors", () => {
    const law = vonMisesFisher(sphere(2));
    expect([100, 50, 10].map((kappa) => law.entropy(kappa))).toEqual([
      expect.closeTo(-1.7673, 4),
      expect.closeTo(-1.0741, 4),
      expect.closeTo(0.5353, 4),
    ]);
  });
});

const unit = (...x: number[]) => sphere(x.length - 1).projectPoint(x);

it("has mass one", () => {
  const [s2, mean] = [sphere(2), unit(0.2, -0.7, 0.4)];
  for (const kappa of [0, 1.5, 20])
    expect(massOfSphere(s2, (x) => vonMisesFisher(s2).logDensity(x, mean, kappa), unit(0, 0.1, 1))).toBeCloseTo(1, 8);
});

describe("samples", () => {
  it.each([
    [2, 3],
    [3, 0],
    [3, 40],
    [3, 5e4],
    [4, 0.5],
    [10, 25],
  ])("p %d, kappa %d: the cosine has its law, the mean its direction (false alarms 1e-6)", (p, kappa) => {
    const mean = unit(...Array.from({ length: p }, (_, i) => Math.cos(3 * i + 1)));
    const n = 6000;
    const draws = vonMisesFisher(sphere(p - 1)).sample(mean, kappa, randomKey(2), n);
    const angles = new Float64Array(n);
    const total = new Float64Array(p);
    for (let i = 0; i < n; i++) {
      const x = draws.data.subarray(i * p, (i + 1) * p);
      expect(Math.abs(Math.hypot(...x) - 1)).toBeLessThan(1e-12);
      angles[i] = 2 * Math.asin(Math.min(Math.hypot(...mean.map((m, j) => m - x[j])) / 2, 1));
      x.forEach((value, j) => (total[j] += value / n));
    }
    // The angle has density proportional to e^(kappa cos t) sin^(p-2) t: its distribution function by Simpson's rule.
    const reach = Math.min(Math.PI, 12 * Math.sqrt((p + 2) / (kappa + 1)));
    const cells = 4000;
    const density = (t: number) => Math.exp(kappa * (Math.cos(t) - 1)) * Math.sin(t) ** (p - 2);
    const table = new Float64Array(cells + 1);
    for (let i = 1; i <= cells; i++) {
      const [a, b] = [((i - 1) * reach) / cells, (i * reach) / cells];
      table[i] = table[i - 1] + (density(a) + 4 * density((a + b) / 2) + density(b)) / 6;
    }
    const cumulative = (t: number) => {
      const position = Math.min((t / reach) * cells, cells - 1e-9);
      const i = Math.floor(position);
      return (table[i] + (position - i) * (table[i + 1] - table[i])) / table[cells];
    };
    expect(kolmogorovRatio(angles, cumulative)).toBeLessThan(1);
    // Each coordinate of the mean vector is within 6 standard errors (at most 1/sqrt(n)) of A mean.
    const { resultantLength } = vonMisesFisherConstants(p, kappa);
    total.forEach((value, j) => expect(Math.abs(value - resultantLength * mean[j])).toBeLessThan(6 / Math.sqrt(n)));
  });
});

it("log density in programs is that of the host, with the gradient of the concentration A - mean.x", async () => {
  const law = vonMisesFisher(sphere(3));
  const [x, mean] = [unit(0.1, 0.2, -0.5, 0.9), unit(0.3, 0.2, -0.1, 0.9)];
  const kappas = [0.01, 3, 80, 1e4];
  for (const [precision, tolerance] of [
    ["float64", 1e-9],
    ["float32", 1e-3],
  ] as const) {
    const f = compile(
      (k: Tensor, a: Tensor, b: Tensor) => valueAndGrad((kappa: Tensor) => sum(law.traced.logDensity(a, b, kappa)))(k),
      { precision, threads: 1 },
    );
    for (const kappa of kappas) {
      const [value, slope] = await f(array([kappa]), ndarray(x, [1, 4]), ndarray(mean, [1, 4]));
      expect(Math.abs(value.data[0] / law.logDensity(x, mean, kappa) - 1)).toBeLessThan(tolerance);
      const cosine = x.reduce((s, value_, i) => s + value_ * mean[i], 0);
      const exact = cosine - vonMisesFisherConstants(4, kappa).resultantLength;
      expect(Math.abs(slope.data[0] - exact)).toBeLessThan(tolerance);
    }
    await f.dispose();
  }
});

describe("mixtures by EM", () => {
  const truth = {
    weights: Float64Array.of(0.5, 0.3, 0.2),
    means: array([Array.from(unit(1, 0.2, 0)), Array.from(unit(-0.3, 1, 0.4)), Array.from(unit(0, -0.2, -1))]),
    concentrations: Float64Array.of(20, 60, 5),
  };
  const points = sampleMixture(truth, randomKey(12), 3000);
  const fit = fitVonMisesFisherMixture(points, { components: 3, key: randomKey(1), starts: 2, tolerance: 1e-8 });

  it("the likelihood rises in every iteration and ends above that of the truth", () => {
    fit.history.forEach((value, i) => i > 0 && expect(value).toBeGreaterThan(fit.history[i - 1] - 1e-12));
    expect(fit.converged).toBe(true);
    expect(fit.history.length).toBeGreaterThan(5);
    const average = (a: Float64Array) => a.reduce((s, value) => s + value, 0) / a.length;
    expect(fit.logLikelihood).toBeCloseTo(average(mixtureLogDensity(fit, points)), 10);
    expect(fit.logLikelihood).toBeGreaterThan(average(mixtureLogDensity(truth, points)));
    expect(fit.atLimit).toBe(0);
  });

  it("finds weights, means and concentrations (within 6 standard errors or so)", () => {
    const order = [0, 1, 2].map((k) => {
      const mean = truth.means.data.subarray(3 * k, 3 * k + 3);
      const chords = [0, 1, 2].map((j) => Math.hypot(...Array.from(mean, (m, i) => m - fit.means.data[3 * j + i])));
      return chords.indexOf(Math.min(...chords));
    });
    expect([...order].sort()).toEqual([0, 1, 2]);
    order.forEach((j, k) => {
      expect(Math.abs(fit.weights[j] - truth.weights[k])).toBeLessThan(0.06);
      expect(Math.abs(fit.concentrations[j] / truth.concentrations[k] - 1)).toBeLessThan(0.25);
      const mean = Array.from(truth.means.data.subarray(3 * k, 3 * k + 3));
      expect(Math.hypot(...mean.map((m, i) => m - fit.means.data[3 * j + i]))).toBeLessThan(0.12);
    });
  });

  it("its density has mass one", () => {
    const logDensity = (x: Float64Array) => mixtureLogDensity(fit, ndarray(x, [1, 3]))[0];
    expect(massOfSphere(sphere(2), logDensity, unit(1, 1, 1))).toBeCloseTo(1, 6);
  });

  it("one component is the maximum likelihood fit; repeated points stop at the limit", () => {
    const one = fitVonMisesFisherMixture(points, { components: 1, key: randomKey(1), starts: 1 });
    const total = [0, 1, 2].map(
      (j) => Array.from(points.data).reduce((s, value, i) => (i % 3 === j ? s + value : s), 0) / 3000,
    );
    const length = Math.hypot(...total);
    expect(one.concentrations[0]).toBeCloseTo(concentrationOf(3, length), 8);
    const repeated = array(Array.from({ length: 10 }, () => [0, 0, 1]));
    const stuck = fitVonMisesFisherMixture(repeated, { components: 2, key: randomKey(1), starts: 1 });
    expect(stuck.atLimit).toBeGreaterThan(0);
    expect(Number.isFinite(stuck.logLikelihood)).toBe(true);
  });

  it("points without a mean direction are uniform, and keep the first component's place", () => {
    const axial = array([
      [0, 0, 1],
      [0, 0, -1],
    ]);
    const one = fitVonMisesFisherMixture(axial, { components: 1, key: randomKey(1), starts: 1 });
    expect(one.concentrations[0]).toBe(0);
    expect(one.logLikelihood).toBeCloseTo(-Math.log(4 * Math.PI), 10);
  });

  it("bad input", () => {
    expect(() => mixtureLogDensity(truth, array([[1, 0, 9]]))).toThrow("points, row 0, has length 9.0");
    expect(() => mixtureLogDensity(truth, array([[1, 0]]))).toThrow("shape [1,2]");
    expect(() => sampleMixture(truth, randomKey(1), -1)).toThrow("count is -1");
    expect(() => fitVonMisesFisherMixture(array([[0, 2]]), { components: 1, key: randomKey(1) })).toThrow(
      "points, row 0, has length 2.00000",
    );
    expect(() => fitVonMisesFisherMixture(array([[0, 1]]), { components: 2, key: randomKey(1) })).toThrow(
      "from 1 to the 1 points",
    );
    expect(() => vonMisesFisher(poincareBall({ dimension: 2 }))).toThrow("is not a sphere");
    expect(() => vonMisesFisher(sphere(2)).entropy(-1)).toThrow("the concentration is -1; give a finite number from 0");
  });
});
