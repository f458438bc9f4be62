/** Samplers that a model brings itself: the VampPrior, the law of a learned metric, the prior of the ball. */
import { describe, expect, it } from "vitest";
import { trainFamily, vampComponentsOf } from "../../src/autoencoders/family/index.js";
import { latentSpaceOf, type PvaeShape } from "../../src/autoencoders/pvae/index.js";
import { compile, ndarray, type Tensor } from "../../src/engine/index.js";
import { chiSquareTest } from "../../src/numerics/statistics.js";
import {
  ballMixtureSampler,
  chooseSampler,
  familySamplers,
  pvaePriorSampler,
  pvaeSamplers,
  rhvaeLaw,
  rhvaeSampler,
  runChains,
  vampSampler,
} from "../../src/samplers/index.js";
import { circle } from "../autoencoders/data.js";

const train = { encoderHidden: [8], decoderHidden: [8], epochs: 1, batchSize: 20, threads: 1 } as const;

describe("vampSampler", () => {
  it("draws from every component alike: cells and mean of the mixture of posteriors", async () => {
    const { model } = await trainFamily("vamp", circle(40), { ...train, modelOptions: { components: 3 } });
    const { mean, logVariance } = await vampComponentsOf(model, { threads: 1 });
    const sampler = await vampSampler(model, { threads: 1 });
    const count = 6000;
    const { latents } = await sampler.draw(count, 5);
    expect((await sampler.draw(count, 5)).latents.data).toEqual(latents.data);
    // first and second moments of each coordinate within 5.5 standard errors: a false alarm once in 10^6 seeds
    for (let j = 0; j < 2; j++) {
      const component = [0, 1, 2].map((k) => ({ m: mean.data[2 * k + j], v: Math.exp(logVariance.data[2 * k + j]) }));
      const moment = (p: number) => component.reduce((s, { m, v }) => s + (p === 1 ? m : m * m + v) / 3, 0);
      const variance = moment(2) - moment(1) ** 2;
      const drawn = Array.from({ length: count }, (_, i) => latents.data[2 * i + j]);
      const average = drawn.reduce((a, b) => a + b, 0) / count;
      expect(Math.abs(average - moment(1))).toBeLessThan(5.5 * Math.sqrt(variance / count));
      const second = drawn.map((x) => x * x);
      const m2 = second.reduce((a, b) => a + b, 0) / count;
      const spread = Math.sqrt(second.reduce((s, x) => s + (x - m2) ** 2, 0) / count / count);
      expect(Math.abs(m2 - moment(2))).toBeLessThan(5.5 * spread);
    }
    expect((await familySamplers(model, { threads: 1 })).map(({ name }) => name)).toEqual(["vamp"]);
    const source = { dimension: 2, standardPrior: false, own: [sampler] };
    expect(chooseSampler("own", source)).toBe(sampler);
    await expect(vampSampler({ ...model, name: "vae" })).rejects.toThrow(/one of kind "vamp"/);
  });
});

/** Two centroids of unlike matrices, one of them tilted. */
const parts = {
  centroids: ndarray(Float64Array.of(0, 0, 1.2, 0.4), [2, 2]),
  matrices: ndarray(Float64Array.of(2, 0.5, 0.5, 1, 0.3, -0.1, -0.1, 0.6), [2, 2, 2]),
  temperature: 0.8,
  regularization: 0.02,
};

/** log sqrt det G^-1 as written, tau as the note says. */
function logDensity(x: number, y: number, tau: number): number {
  const [c, m] = [parts.centroids.data, parts.matrices.data];
  let [a, b, d] = [0, 0, 0];
  for (let i = 0; i < 2; i++) {
    const w = Math.exp(-((x - c[2 * i]) ** 2 + (y - c[2 * i + 1]) ** 2) / parts.temperature ** 2);
    a += w * m[4 * i];
    b += w * m[4 * i + 1];
    d += w * m[4 * i + 3];
  }
  const floor = parts.regularization * Math.exp(-tau * ((x - 0.6) ** 2 + (y - 0.2) ** 2));
  return 0.5 * Math.log((a + floor) * (d + floor) - b * b);
}

const law = rhvaeLaw(parts);
const geometricMean = Math.sqrt(Math.sqrt(1.75 * 0.17));
const tau = (10 * 0.02) / (0.64 * geometricMean);

describe("rhvaeLaw", () => {
  it("is log sqrt det G^-1 with a decaying floor, and its gradient is exact", async () => {
    const f = compile((z: Tensor) => law.target.logDensityWithGradient(z), { precision: "float64", threads: 1 });
    const points = [0.3, -0.2, 1.5, 0.9, -3, 2, 0.6, 0.2];
    const { logDensity: value, gradient } = await f(ndarray(Float64Array.from(points), [4, 2]));
    await f.dispose();
    for (let i = 0; i < 4; i++) {
      const [x, y] = points.slice(2 * i, 2 * i + 2);
      expect(value.data[i]).toBeCloseTo(logDensity(x, y, tau), 9);
      const h = 1e-5;
      const slopes = [
        (logDensity(x + h, y, tau) - logDensity(x - h, y, tau)) / (2 * h),
        (logDensity(x, y + h, tau) - logDensity(x, y - h, tau)) / (2 * h),
      ];
      slopes.forEach((slope, k) => expect(gradient.data[2 * i + k]).toBeCloseTo(slope, 5));
    }
  });

  it("is what chains follow, in cells of the plane; and the test can tell a law with another floor", async () => {
    // The last draw of each of 2,500 chains: independent points. Fails once in 10^6 seeds.
    const { positions, diagnostics } = await runChains(law, 8, 3, {
      chains: 2500,
      transitions: 2,
      warmUp: 25,
      threads: 1,
    });
    const last = positions.data.slice(7 * 2500 * 2);
    const edges = [-9, -0.6, -0.25, 0, 0.25, 0.6, 1, 1.4, 9];
    const cell = (v: number) => edges.findIndex((edge) => v < edge) - 1;
    const cells = (of: number) => {
      const mass = new Float64Array(65);
      const h = 0.03;
      for (let x = -9 + h / 2; x < 9; x += h)
        for (let y = -9 + h / 2; y < 9; y += h) mass[8 * cell(y) + cell(x)] += Math.exp(logDensity(x, y, of));
      const total = mass.reduce((a, b) => a + b, 0);
      return mass.map((m) => m / total);
    };
    const counts = new Float64Array(65);
    for (let i = 0; i < 2500; i++) {
      const [cx, cy] = [cell(last[2 * i]), cell(last[2 * i + 1])];
      counts[cx < 0 || cy < 0 ? 64 : 8 * cy + cx]++;
    }
    const p = (of: number) => {
      const expected = cells(of).map((share) => 2500 * share);
      const kept = Array.from(expected.keys()).filter((i) => expected[i] >= 5);
      return chiSquareTest(
        kept.map((i) => counts[i]),
        kept.map((i) => expected[i]),
      ).pValue;
    };
    expect(p(tau)).toBeGreaterThan(1e-6);
    expect(p(tau / 30)).toBeLessThan(1e-6);
    expect(diagnostics.acceptance).toBeGreaterThan(0.5);
    expect(diagnostics.notes.join()).toContain("decays with tau");
  });

  it("refuses a singular matrix, and models of another kind", () => {
    expect(() => rhvaeLaw({ ...parts, matrices: ndarray(new Float64Array(8), [2, 2, 2]) })).toThrow(
      /matrix of centroid 0 is singular/,
    );
    expect(() => rhvaeSampler({ name: "vae" } as any)).toThrow(/one of kind "rhvae"/);
  });
});

describe("samplers of a Poincare VAE", () => {
  const shape = {
    latentDimension: 2,
    curvature: 1.3,
    priorScale: 0.7,
    prior: "wrapped",
  } as PvaeShape;

  it("the prior has the law of its scale, in tangent coordinates at the origin", async () => {
    const { latents } = await pvaePriorSampler(shape).draw(4000, 1);
    const space = latentSpaceOf(shape);
    // |log_0 z|^2 / s^2 is chi squared with 2 degrees: mean 2, variance 4. Within 5 standard errors.
    let mean = 0;
    for (let i = 0; i < 4000; i++)
      mean += space.distance(space.origin, latents.data.subarray(2 * i, 2 * i + 2)) ** 2 / 0.49 / 4000;
    expect(Math.abs(mean - 2)).toBeLessThan((5 * 2) / Math.sqrt(4000));
    const riemannian = await pvaePriorSampler({ ...shape, prior: "riemannian" }).draw(500, 1);
    for (let i = 0; i < 500; i++)
      expect(space.whyNotAPoint(riemannian.latents.data.subarray(2 * i, 2 * i + 2))).toBe(undefined);
    const flat = await pvaePriorSampler({ ...shape, curvature: 0 }).draw(4000, 1);
    const second = Array.from(flat.latents.data).reduce((s, x) => s + x * x, 0) / 8000;
    expect(Math.abs(second / 0.49 - 1)).toBeLessThan(5 * Math.sqrt(2 / 8000));
  });

  it("a mixture of codes near the edge stays in the ball", async () => {
    const n = 300;
    const data = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) {
      const r = 0.985 / Math.sqrt(1.3);
      data.set([r * Math.cos(i), r * Math.sin(i)], 2 * i);
    }
    const codes = ndarray(data, [n, 2]);
    const { latents } = await ballMixtureSampler(shape, codes, { components: 3 }).draw(1000, 2);
    for (let i = 0; i < 1000; i++)
      expect(latents.data[2 * i] ** 2 + latents.data[2 * i + 1] ** 2).toBeLessThan(1 / 1.3);
    const own = pvaeSamplers({ shape } as any, codes);
    const source = { dimension: 2, codes, standardPrior: false, own };
    expect(chooseSampler("prior", source)).toBe(own[0]);
    expect(chooseSampler("own", source)).toBe(own[0]);
    expect(() => chooseSampler("riemannian", source)).toThrow(/no Gaussian posterior; use one of prior/);
  });
});

describe("chooseSampler", () => {
  it("says which models bring a sampler, and that a model without law of its own has none", () => {
    const plain = { dimension: 2, codes: ndarray(new Float64Array(8), [4, 2]), standardPrior: false };
    expect(() => chooseSampler("vamp", plain)).toThrow(/only a model of kind vamp brings it; this one has gaussian-m/);
    expect(() => chooseSampler("own", plain)).toThrow(/no law of its own to draw from; use one of gaussian-mixture/);
    expect(chooseSampler("own", { dimension: 2 }).name).toBe("prior");
    const bare = { dimension: 2, standardPrior: false };
    expect(() => chooseSampler("own", bare)).toThrow(/no law of its own to draw from; give it codes of its data\.$/);
    expect(() => chooseSampler("magic", bare)).toThrow(/"magic" is not one of none, for want of codes\.$/);
  });
});
