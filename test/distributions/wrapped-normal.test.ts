/** The wrapped normal: mass one, samples against its law, traced against host, pathwise gradients, bad input. */
import { describe, expect, it } from "vitest";
import { uniform } from "../../src/distributions/uniform.js";
import { wrappedNormal } from "../../src/distributions/wrapped-normal.js";
import {
  array,
  compile,
  ndarray,
  normalArray,
  randomKey,
  splitKey,
  stream,
  sum,
  type Tensor,
  valueAndGrad,
} from "../../src/engine/index.js";
import {
  euclidean,
  hyperbolicIsometry,
  hyperboloid,
  poincareBall,
  productManifold,
  sphere,
  torus,
} from "../../src/manifolds/index.js";
import { kolmogorovRatio, massOfPlane, massOfSphere, normalCumulative } from "./manifold-helpers.js";

const ball = poincareBall({ dimension: 2, curvature: 1.3 });
const onSphere = (...x: number[]) => sphere(x.length - 1).projectPoint(x);

describe("mass one", () => {
  it("on the ball, with a diagonal covariance", () => {
    const law = wrappedNormal(ball);
    const mass = massOfPlane(ball, (z) => law.logDensity(z, [0.3, -0.2], [0.6, 1.1]), 11);
    expect(mass).toBeCloseTo(1, 9);
  });
  it("on the hyperboloid, the same law", () => {
    const sheet = hyperboloid({ dimension: 2, curvature: 1.3 });
    const map = hyperbolicIsometry(1.3);
    const [flat, curved] = [wrappedNormal(ball), wrappedNormal(sheet)];
    for (const z of [
      [0.1, 0.5],
      [-0.6, 0.2],
    ])
      expect(curved.logDensity(map.toHyperboloid(z), map.toHyperboloid([0.3, -0.2]), [0.6, 1.1])).toBeCloseTo(
        flat.logDensity(z, [0.3, -0.2], [0.6, 1.1]),
        9,
      );
  });
  it.each([
    [0.3, 0.5],
    [1.2, 0.7],
    [2, 2],
  ])("on the sphere, std (%d, %d): with the preimages counted", (a, b) => {
    const [s2, mean] = [sphere(2), onSphere(0.2, -0.7, 0.4)];
    const law = wrappedNormal(s2, { wraps: a < 2 ? 1 : 2 });
    expect(massOfSphere(s2, (z) => law.logDensity(z, mean, [a, b]), mean)).toBeCloseTo(1, 5);
    if (a > 1) {
      const nearest = wrappedNormal(s2, { wraps: 0 });
      expect(massOfSphere(s2, (z) => nearest.logDensity(z, mean, [a, b]), mean)).toBeLessThan(0.99);
    }
  });
  it("on the circle it is the wrapped normal of angles", () => {
    const law = wrappedNormal(sphere(1), { wraps: 3 });
    for (const angle of [0.1, 1.5, 3.1]) {
      let expected = 0;
      for (let k = -5; k <= 5; k++) expected += Math.exp(-0.5 * ((angle + 2 * Math.PI * k) / 1.3) ** 2);
      const z = [Math.sin(angle), Math.cos(angle)];
      expect(law.logDensity(z, [0, 1], 1.3)).toBeCloseTo(Math.log(expected / (1.3 * Math.sqrt(2 * Math.PI))), 7);
    }
  });
});

describe("at and around the mean of a sphere", () => {
  const distances = [0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5];
  const near = (d: number, r: number) =>
    Float64Array.from({ length: d + 1 }, (_, i) => [Math.sin(r), Math.cos(r)][i] ?? 0);
  const north = (d: number) => near(d, 0);
  it.each([1, 2, 3, 5])("S^%d: the normal density of the nearest preimage", async (d) => {
    const law = wrappedNormal(sphere(d));
    const f = compile((z: Tensor, mean: Tensor) => law.traced.logDensity(z, mean, 0.3), { threads: 1 });
    const expected = -d * Math.log(0.3 * Math.sqrt(2 * Math.PI));
    for (const r of distances) {
      expect(law.logDensity(near(d, r), north(d), 0.3)).toBeCloseTo(expected, 6);
      const row = (v: Float64Array) => ndarray(Float32Array.from(v), [1, d + 1]);
      expect((await f(row(near(d, r)), row(north(d)))).data[0]).toBeCloseTo(expected, 4);
    }
    await f.dispose();
  });
  it("on the circle all preimages count there too", () => {
    let expected = 0;
    for (let k = -3; k <= 3; k++) expected += Math.exp(-0.5 * ((2 * Math.PI * k) / 2) ** 2);
    for (const r of distances)
      expect(wrappedNormal(sphere(1), { wraps: 3 }).logDensity(near(1, r), north(1), 2)).toBeCloseTo(
        Math.log(expected / (2 * Math.sqrt(2 * Math.PI))),
        4,
      );
  });
});

describe("samples", () => {
  it.each([
    ["ball", ball, [0.3, -0.2], [0.6, 1.1]],
    ["sphere", sphere(2), Array.from(onSphere(0.2, -0.7, 0.4)), [0.3, 0.5]],
  ] as const)("on the %s have normal frame coordinates (false alarms: 2e-6 a case)", (_name, m, mean, std) => {
    const draws = wrappedNormal(m).sample(mean, std, randomKey(5), 20000);
    for (const axis of [0, 1]) {
      const whitened = Float64Array.from({ length: 20000 }, (_, i) => {
        const z = Float64Array.from(draws.data.subarray(i * m.coordinates, (i + 1) * m.coordinates));
        return m.toFrame(mean, m.logarithmicMap(mean, z))[axis] / std[axis];
      });
      expect(kolmogorovRatio(whitened, normalCumulative)).toBeLessThan(1);
      expect(kolmogorovRatio(whitened, (x) => normalCumulative(x / 1.1))).toBeGreaterThan(1); // it would notice 10 %
    }
  });
});

describe("in programs", () => {
  const product = productManifold([euclidean(1), poincareBall({ dimension: 2, curvature: 0.7 })]);
  it.each([
    ["float64", 1e-9],
    ["float32", 2e-3],
  ] as const)("densities and draws are those of the host in %s", async (precision, tolerance) => {
    for (const m of [ball, sphere(2), product]) {
      const law = wrappedNormal(m);
      const random = stream(randomKey(9));
      const [mean, noise] = [m.drawBase(random), Float64Array.from({ length: m.dimension }, () => random.normal())];
      const std = Float64Array.from({ length: m.dimension }, (_, i) => 0.3 + 0.2 * i);
      const f = compile(
        (mu: Tensor, s: Tensor, e: Tensor) => {
          const z = law.traced.fromNoise(mu, s, e);
          return [
            z,
            law.traced.logDensity(z, mu, s),
            law.traced.logDensity(z, mu, 0.7),
            law.traced.draw(mu, s, e).logDensity,
          ];
        },
        { precision, threads: 1 },
      );
      const row = (v: Float64Array) => ndarray(v, [1, v.length]);
      const [z, logDensity, isotropic, drawn] = await f(row(mean), row(std), row(noise));
      expect(logDensity.shape).toEqual([1]);
      const exact = m.exponentialMap(
        mean,
        m.fromFrame(
          mean,
          noise.map((e, i) => e * std[i]),
        ),
      );
      for (let i = 0; i < m.coordinates; i++) expect(Math.abs(z.data[i] - exact[i])).toBeLessThan(tolerance);
      expect(Math.abs(logDensity.data[0] - law.logDensity(exact, mean, std))).toBeLessThan(10 * tolerance);
      expect(Math.abs(drawn.data[0] - logDensity.data[0])).toBeLessThan(10 * tolerance);
      expect(Math.abs(isotropic.data[0] - law.logDensity(exact, mean, 0.7))).toBeLessThan(10 * tolerance);
      await f.dispose();
    }
  });

  it("many samples a row: noise [K, N, d] against means [N, n]", async () => {
    const law = wrappedNormal(ball);
    const f = compile((mu: Tensor, s: Tensor, e: Tensor) => {
      const z = law.traced.fromNoise(mu, s, e);
      return { z, logDensity: law.traced.logDensity(z, mu, s) };
    });
    const noise = ndarray(normalArray(splitKey(randomKey(1), "noise"), 4 * 3 * 2), [4, 3, 2]);
    const out = await f(
      array([
        [0, 0],
        [0.3, 0],
        [0, -0.5],
      ]),
      array([
        [0.5, 0.5],
        [1, 1],
        [0.1, 2],
      ]),
      noise,
    );
    expect(out.z.shape).toEqual([4, 3, 2]);
    expect(out.logDensity.shape).toEqual([4, 3]);
    expect(out.logDensity.data.every(Number.isFinite)).toBe(true);
    await f.dispose();
  });

  it("pathwise gradients agree with central differences", async () => {
    for (const m of [ball, sphere(2)]) {
      const law = wrappedNormal(m);
      const loss = (p: { mean: Tensor; std: Tensor }, e: Tensor) => {
        const mu = m.traced.projectPoint(p.mean);
        const z = law.traced.fromNoise(mu, p.std, e);
        return sum(law.traced.logDensity(m.traced.projectPoint(z), m.traced.projectPoint(p.mean), 0.8));
      };
      const f = compile((mean: Tensor, std: Tensor, e: Tensor) => valueAndGrad(loss)({ mean, std }, e), {
        precision: "float64",
        threads: 1,
      });
      const mean = m === ball ? [0.2, 0.1] : Array.from(onSphere(0.3, 0.2, 0.5));
      const [std, noise] = [[0.4, 0.7], array([[0.5, -1.1]])];
      const [, gradient] = await f(array([mean]), array([std]), noise);
      const h = 1e-5;
      const at = async (a: number[], b: number[]) => (await f(array([a]), array([b]), noise))[0].data[0];
      const moved = (x: number[], i: number, by: number) => x.map((value, j) => (i === j ? value + by : value));
      for (let i = 0; i < mean.length; i++)
        expect(gradient.mean.data[i]).toBeCloseTo(
          ((await at(moved(mean, i, h), std)) - (await at(moved(mean, i, -h), std))) / (2 * h),
          5,
        );
      for (let i = 0; i < 2; i++)
        expect(gradient.std.data[i]).toBeCloseTo(
          ((await at(mean, moved(std, i, h))) - (await at(mean, moved(std, i, -h)))) / (2 * h),
          5,
        );
      await f.dispose();
    }
  });
});

describe("uniform", () => {
  it("on sphere and torus: density one over the volume, coordinates with the right law (false alarms 3e-6)", () => {
    const s2 = uniform(sphere(2));
    expect(s2.entropy).toBeCloseTo(2.5310242469692907, 12);
    expect(s2.logDensity([0, 0, 1])).toBeCloseTo(-s2.entropy, 12);
    const draws = s2.sample(randomKey(3), 20000).data;
    for (const axis of [0, 1, 2]) {
      // Archimedes: every coordinate of S^2 is uniform on [-1, 1].
      const column = Float64Array.from({ length: 20000 }, (_, i) => draws[3 * i + axis]);
      expect(kolmogorovRatio(column, (x) => (x + 1) / 2)).toBeLessThan(1);
    }
    expect(uniform(torus(3)).entropy).toBeCloseTo(3 * Math.log(2 * Math.PI), 12);
    expect(uniform(productManifold([sphere(2), torus(1)])).logDensity([0, 1, 0, 2])).toBeCloseTo(
      -Math.log(8 * Math.PI ** 2),
      12,
    );
  });
  it("in hundreds of dimensions, where volumes leave the range of numbers", () => {
    expect(sphere(500).totalVolume).toBe(0);
    expect(uniform(sphere(500)).entropy).toBeCloseTo(-uniform(sphere(500)).logDensity(sphere(500).origin), 6);
    expect(uniform(torus(500)).entropy).toBeCloseTo(500 * Math.log(2 * Math.PI), 9);
    expect(() => uniform(sphere(2)).sample(randomKey(1), 1.5)).toThrow("count is 1.5");
  });
  it("needs a finite volume", () => {
    expect(() => uniform(ball)).toThrow("has no finite volume");
  });
});

it("bad input", () => {
  expect(() => wrappedNormal(torus(2))).toThrow("wraps in several directions");
  expect(() => wrappedNormal(ball).logDensity([0, 0], [0, 0], -1)).toThrow("std is [-1, -1]; give 2 finite numbers");
  expect(() => wrappedNormal(ball).sample([2, 0], 1, randomKey(1), 1)).toThrow("mean has length 2.00000");
});
