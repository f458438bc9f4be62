/** Samplers as users call them: their laws, diagnostics, seeds, the published procedure as it is, and refusals. */
import { describe, expect, it } from "vitest";
import { compile, type NdArray, ndarray, type Tensor } from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";
import { posteriorMetric, posteriorMetricOf } from "../../src/metrics/index.js";
import { effectiveSizeOfSome } from "../../src/samplers/chains.js";
import {
  aggregatedPosteriorSampler,
  chooseSampler,
  diagnosticLines,
  effectiveSampleSize,
  gaussianMixtureSampler,
  precisionFor,
  priorSampler,
  publishedSampler,
  publishedTarget,
  riemannianSampler,
  runRiemannianChains,
  type Sampler,
  samplersFor,
  splitRHat,
} from "../../src/samplers/index.js";
import { testRandom } from "../numerics/helpers.js";
import { asRows, fitOfPoints, integrate, overlapping } from "./law.js";

const random = testRandom(11);
const n = 400;
const codes = ndarray(
  Float64Array.from({ length: n * 3 }, () => 1.5 * random.normal()),
  [n, 3],
);
const logVariances = ndarray(
  Float64Array.from({ length: n * 3 }, () => -2 + 0.4 * random.normal()),
  [n, 3],
);

describe("riemannianSampler", () => {
  it("has the law's moments and cells, and says how well it mixes", async () => {
    const { positions, logDensities, diagnostics } = await runRiemannianChains(overlapping, 80, 3, {
      chains: 128,
      transitions: 3,
    });
    expect(positions.shape).toEqual([80, 128, 2]);
    expect(logDensities.shape).toEqual([80, 128]);
    const { acceptance, splitRHat: rHat, effectiveSampleSize: size, independenceAcceptance, warnings } = diagnostics;
    expect(acceptance).toBeGreaterThan(0.7);
    expect(acceptance).toBeLessThan(0.9);
    expect(independenceAcceptance).toBeGreaterThan(0.5);
    expect(rHat).toBeLessThan(1.02);
    expect(size).toBeGreaterThan(2500);
    expect(warnings).toEqual([]);
    const law = await integrate(overlapping.withTau(0.2));
    const total = 80 * 128;
    const at = (k: number) => Array.from({ length: total }, (_, i) => positions.data[2 * i + k]);
    const [x, y] = [at(0), at(1)];
    const products = [x.map((v) => v * v), x.map((v, i) => v * y[i]), y.map((v) => v * v)];
    const [cxx, cxy, cyy] = law.covariance;
    const [mx, my] = law.mean;
    // Five moments, each within 5.2 of its own standard errors: a right sampler fails once in a million seeds.
    [x, y, ...products].forEach((values, k) => {
      const wanted = [mx, my, cxx + mx * mx, cxy + mx * my, cyy + my * my][k];
      const mean = values.reduce((a, b) => a + b) / total;
      const deviation = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / total);
      const error = deviation / Math.sqrt(effectiveSampleSize({ values, chains: 128 }));
      expect(Math.abs(mean - wanted) / error).toBeLessThan(5.2);
    });
    expect(diagnostics.notes.join()).toContain("tau = 0.2");
    expect(diagnosticLines(diagnostics).join("\n")).toContain("split R-hat");
  });

  it("in a ball: follows the law with its floor, and never leaves", async () => {
    const metric = posteriorMetric({
      centroids: [
        [0, 0],
        [1, 0.5],
      ],
      inverseVariances: [
        [4, 9],
        [6, 3],
      ],
      rho: 1,
      lambda: 0.3,
    });
    const ball = 1.9;
    // The last draw of each of 3,000 chains: independent points. Fails once in a million seeds.
    const { positions, diagnostics } = await runRiemannianChains(metric, 12, 5, {
      chains: 3000,
      transitions: 3,
      warmUp: 25,
      proper: { ball },
    });
    const inside = (x: number, y: number) => Math.hypot(x - 0.5, y - 0.25) < ball;
    for (let i = 0; i < positions.data.length; i += 2)
      expect(inside(positions.data[i], positions.data[i + 1]) ? 0 : 1).toBe(0);
    const last = positions.data.slice(11 * 3000 * 2);
    const law = await integrate(metric, inside, 0);
    expect(fitOfPoints(last, law)).toBeGreaterThan(1e-6);
    const unconfined = await integrate(metric.withTau(3), undefined, 0);
    expect(fitOfPoints(last, unconfined)).toBeLessThan(1e-6); // the test can tell laws apart
    expect(diagnostics.notes.join()).toContain("ball");
    expect(() => riemannianSampler(metric, { proper: { ball: 0.5 } })).toThrow(/above 0\.559/);
  });

  it("warns where chains do not meet", async () => {
    const apart = posteriorMetric({
      centroids: [
        [0, 0],
        [9, 0],
      ],
      inverseVariances: [
        [4, 4],
        [4, 4],
      ],
      rho: 1,
      lambda: 1e-4,
    });
    const lost = await runRiemannianChains(apart, 40, 1, { chains: 16, independence: false });
    expect(lost.diagnostics.splitRHat).toBeGreaterThan(2);
    expect(lost.diagnostics.warnings.join()).toContain("have not met");
    const found = await runRiemannianChains(apart, 40, 1, { chains: 16 });
    expect(found.diagnostics.warnings).toEqual([]);
    expect(found.diagnostics.independenceAcceptance).toBeGreaterThan(0.9);
    const clumsy = await runRiemannianChains(apart, 40, 1, { chains: 16, stepSize: 1.5 });
    expect(clumsy.diagnostics.warnings.join()).toContain("acceptance");
  });

  it("keeps draws of all chains, whatever their number, and says what they are worth", async () => {
    const apart = posteriorMetric({
      centroids: [
        [0, 0],
        [9, 0],
      ],
      inverseVariances: [
        [4, 4],
        [4, 4],
      ],
      rho: 1,
      lambda: 1e-4,
    });
    // chains that cannot cross: draws of one chain would all be at one centroid. 40 of 16 x 40 are one in 16.
    const { latents, diagnostics } = await riemannianSampler(apart, { independence: false }).draw(40, 1);
    const right = asRows(latents).filter(([x]) => x > 4.5).length;
    expect(right).toBeGreaterThan(4);
    expect(right).toBeLessThan(36);
    expect(diagnostics).toMatchObject({ draws: 640, returned: 40 });
    const { effectiveSampleSize: all, returnedEffectiveSize: some } = diagnostics;
    expect(some).toBeLessThan(40);
    expect(some).toBeCloseTo(effectiveSizeOfSome(all!, 640, 40), 12);
    expect(diagnosticLines(diagnostics).join("\n")).toContain(
      `effective sample size: ${all!.toFixed(0)} of 640 draws, of which 40 are kept (worth ${some!.toFixed(0)})`,
    );
    const one = await riemannianSampler(apart).draw(1, 1);
    expect(diagnosticLines(one.diagnostics).join("\n")).toContain("of 640 draws, of which 1 is kept (worth 1)");
  });

  it("what some of the draws are worth: the variance of the mean over all subsets, by enumeration", () => {
    const [N, some, phi] = [7, 3, 0.6];
    const correlation = (i: number, j: number) => phi ** Math.abs(i - j);
    const varianceOf = (rows: number[]) =>
      rows.reduce((sum, i) => sum + rows.reduce((s, j) => s + correlation(i, j), 0), 0) / rows.length ** 2;
    const all = Array.from({ length: N }, (_, i) => i);
    const subsets = Array.from({ length: 2 ** N }, (_, mask) => all.filter((i) => mask & (1 << i))).filter(
      (rows) => rows.length === some,
    );
    const average = subsets.reduce((sum, rows) => sum + varianceOf(rows), 0) / subsets.length;
    expect(effectiveSizeOfSome(1 / varianceOf(all), N, some)).toBeCloseTo(1 / average, 12);
    expect(effectiveSizeOfSome(3, 10, 10)).toBeCloseTo(3, 12);
    expect(effectiveSizeOfSome(3, 10, 1)).toBe(1);
  });

  it("takes float64 where float32 would blur the law", () => {
    const sharp = posteriorMetric({
      centroids: [
        [0, 0],
        [3, 0],
      ],
      inverseVariances: [
        [1e7, 1e7],
        [1e7, 1e7],
      ],
      lambda: 0.01,
    });
    expect(precisionFor(sharp)).toBe("float64");
    expect(precisionFor(overlapping)).toBe("float32");
  });
});

describe("publishedSampler", () => {
  it("is driven by the gradient of the official code, and decided by its clamped determinant", async () => {
    const metric = posteriorMetricOf(codes, logVariances, { centroids: 6 });
    const target = publishedTarget(metric);
    const at = compile((z: Tensor) => target.logDensityWithGradient(z), { precision: "float64" });
    const z = [0.4, -0.2, 0.9];
    const { gradient, logDensity } = await at(ndarray(Float64Array.from(z), [1, 3]));
    const { rho, lambda } = metric.description;
    const c = metric.centroids.data;
    const m = metric.inverseVariances!.data;
    // The code's sums, one by one: lambda is inside the sum over centroids, and there is no 1/2.
    const w = [0, 1, 2, 3, 4, 5].map((i) =>
      Math.exp(-z.reduce((s, x, k) => s + m[3 * i + k] * (x - c[3 * i + k]) ** 2, 0) / rho ** 2),
    );
    for (let k = 0; k < 3; k++) {
      let wanted = 0;
      for (let j = 0; j < 3; j++) {
        let [top, bottom] = [0, 0];
        w.forEach((wi, i) => {
          top += (m[3 * i + j] * wi * -2 * m[3 * i + k] * (z[k] - c[3 * i + k])) / rho ** 2;
          bottom += m[3 * i + j] * wi + lambda;
        });
        wanted += top / bottom;
      }
      expect(gradient.data[k]).toBeCloseTo(wanted, 8);
    }
    const g = [0, 1, 2].map((j) => w.reduce((s, wi, i) => s + m[3 * i + j] * wi, lambda));
    expect(logDensity.data[0]).toBeCloseTo(0.5 * Math.log(g[0] * g[1] * g[2]), 9);
    await at.dispose();
    const steep = publishedTarget(
      posteriorMetric({ centroids: [[0, 0, 0]], inverseVariances: [[1e4, 1e4, 1e4]], rho: 1, lambda: 0.01 }),
    );
    const clamped = compile((x: Tensor) => steep.logDensityWithGradient(x), { precision: "float64" });
    expect((await clamped(ndarray(new Float64Array(3), [1, 3]))).logDensity.data[0]).toBeCloseTo(
      0.5 * Math.log(1e10),
      9,
    );
    await clamped.dispose();
  });

  it("stays near training means, and says that its chains have not met", async () => {
    const metric = posteriorMetricOf(codes, logVariances, { centroids: 40 });
    const { latents, diagnostics } = await publishedSampler(metric, codes).draw(100, 2);
    expect(latents.shape).toEqual([100, 3]);
    const [all, drawn] = [asRows(codes), asRows(latents)];
    const nearest = drawn.map((z) => Math.min(...all.map((x) => Math.hypot(...x.map((v, k) => v - z[k])))));
    expect(Math.max(...nearest)).toBeLessThan(4);
    expect(diagnostics.warnings.join()).toContain("where they started");
    expect(diagnostics.gradients).toBe(100 * 1000);
  });

  it("says so where no chain moves", async () => {
    // wells so narrow that every step of this size flies off
    const metric = posteriorMetric({
      centroids: codes,
      inverseVariances: ndarray(new Float64Array(codes.data.length).fill(1e8), codes.shape),
      rho: 1,
      lambda: 1e-4,
    });
    const { latents, diagnostics } = await publishedSampler(metric, codes, { stepSize: 0.5 }).draw(20, 2);
    expect(diagnostics.acceptance).toBeLessThan(1e-6);
    expect(diagnostics.warnings).toEqual(["the chains that were watched stood still: the samples are their starts"]);
    const starts = new Set(asRows(codes).map(String));
    for (const z of asRows(latents)) expect(starts.has(String(z))).toBe(true);
  });
});

describe("independent samplers", () => {
  const moments = (z: NdArray) => {
    const [count, d] = z.shape;
    const mean = new Float64Array(d);
    const second = new Float64Array(d * d);
    for (let i = 0; i < count; i++)
      for (let k = 0; k < d; k++) {
        mean[k] += z.data[i * d + k] / count;
        for (let l = 0; l < d; l++) second[k * d + l] += (z.data[i * d + k] * z.data[i * d + l]) / count;
      }
    return { mean, second };
  };

  it("prior: N(0, I)", async () => {
    // 12 moments of 20,000 draws within 5.5 standard errors: a false alarm once in a million seeds.
    const { mean, second } = moments((await priorSampler(3).draw(20000, 4)).latents);
    mean.forEach((x) => {
      expect(Math.abs(x) * Math.sqrt(20000)).toBeLessThan(5.5);
    });
    second.forEach((x, k) => {
      const diagonal = k % 4 === 0;
      expect((Math.abs(x - Number(diagonal)) * Math.sqrt(20000)) / (diagonal ? Math.SQRT2 : 1)).toBeLessThan(5.5);
    });
  });

  it("Gaussian mixture and aggregated posterior: the moments they must have", async () => {
    const data = moments(codes);
    const mixture = gaussianMixtureSampler(codes, { components: 4 });
    const posterior = aggregatedPosteriorSampler(codes, logVariances);
    // A mixture at rest has exactly the mean of the codes; the aggregated posterior adds the mean variance.
    const added = [0, 1, 2].map((k) => asRows(logVariances).reduce((s, row) => s + Math.exp(row[k]) / n, 0));
    for (const [sampler, more] of [
      [mixture, [0, 0, 0]],
      [posterior, added],
    ] as const) {
      const { mean, second } = moments((await sampler.draw(20000, 6)).latents);
      for (let k = 0; k < 3; k++) {
        const variance = data.second[4 * k] + more[k];
        expect(Math.abs(mean[k] - data.mean[k]) / Math.sqrt(variance / 20000)).toBeLessThan(5.5);
        expect(Math.abs(second[4 * k] - variance)).toBeLessThan((5.5 * 1.6 * variance) / Math.sqrt(20000));
      }
    }
    expect(mixture.mixture.components).toBe(4);
  });
});

describe("chooseSampler", () => {
  const source = { dimension: 3, codes, logVariances };

  it("draws by name, the same for the same seed", async () => {
    expect(samplersFor(source)).toEqual([
      "prior",
      "gaussian-mixture",
      "aggregated-posterior",
      "riemannian",
      "published",
    ]);
    for (const name of samplersFor(source)) {
      const options = { posterior: { centroids: 12 }, published: { transitions: 5 }, riemannian: { warmUp: 10 } };
      const sampler = chooseSampler(name, source, options);
      expect(sampler.name).toBe(name);
      const [a, b, c] = [await sampler.draw(7, 1), await sampler.draw(7, 1), await sampler.draw(7, 2)];
      expect(a.latents.shape).toEqual([7, 3]);
      expect(a.latents.data.every(Number.isFinite)).toBe(true);
      expect(a.latents.data).toEqual(b.latents.data);
      expect(a.latents.data).not.toEqual(c.latents.data);
      await expect(sampler.draw(0, 1)).rejects.toThrow(UsageError);
    }
  });

  it("refuses what the model cannot serve, and says what it can", () => {
    expect(() => chooseSampler("riemannian", { dimension: 3, codes })).toThrow(
      /no Gaussian posterior; use one of prior, gaussian-mixture\.$/,
    );
    expect(() => chooseSampler("prior", { dimension: 3, codes, standardPrior: false })).toThrow(
      /no standard normal prior; use one of gaussian-mixture\.$/,
    );
    expect(() => chooseSampler("magic", source)).toThrow(/"magic" is not one of prior/);
    expect(() => chooseSampler("riemannian", source, { posterior: { centroids: 401 } })).toThrow(
      /401 centroids of 400/,
    );
    const vamp: Sampler = { ...priorSampler(3), name: "vamp" };
    const own = { ...source, own: [vamp], standardPrior: false };
    expect(chooseSampler("vamp", own)).toBe(vamp);
    expect(samplersFor(own)).toContain("vamp");
  });
});

describe("chain diagnostics", () => {
  /** C chains of an autoregressive process, phi, each about its own middle. */
  const process = (phi: number, length: number, chains: number, apart = 0) => {
    const values = new Float64Array(length * chains);
    for (let c = 0; c < chains; c++) {
      let x = random.normal();
      for (let t = 0; t < length; t++) {
        values[t * chains + c] = x + apart * c;
        x = phi * x + Math.sqrt(1 - phi * phi) * random.normal();
      }
    }
    return { values, chains };
  };

  it("count an autoregressive process as N (1 - phi) / (1 + phi)", () => {
    for (const phi of [0, 0.5, 0.9]) {
      const draws = process(phi, 4000, 4);
      const share = effectiveSampleSize(draws) / (16000 * ((1 - phi) / (1 + phi)));
      expect(share).toBeGreaterThan(0.75);
      expect(share).toBeLessThan(1.3);
      expect(splitRHat(draws)).toBeLessThan(1.02);
    }
  });

  it("see chains that have not met, that drift, and that stand still", () => {
    expect(splitRHat(process(0, 200, 4, 1))).toBeGreaterThan(1.3);
    const drifting = process(0, 200, 4);
    drifting.values.forEach((_, i) => {
      drifting.values[i] += i / 200;
    });
    expect(splitRHat(drifting)).toBeGreaterThan(1.2);
    expect(effectiveSampleSize(process(0, 200, 4, 1))).toBeLessThan(60);
    const still = { values: Float64Array.from({ length: 40 }, (_, i) => i % 4), chains: 4 };
    expect(splitRHat(still)).toBe(Number.POSITIVE_INFINITY);
    expect(effectiveSampleSize(still)).toBeLessThan(10);
    expect(() => splitRHat({ values: new Float64Array(9), chains: 3 })).toThrow(/at least 4 draws/);
  });
});
