/** The Riemannian normal: reference values, mass one, samples, the implicit gradient, programs, bad input. */
import { describe, expect, it } from "vitest";
import { radiusLaw, riemannianNormal } from "../../src/distributions/riemannian-normal.js";
import { array, compile, randomKey, sum, type Tensor, valueAndGrad } from "../../src/engine/index.js";
import { host, hyperboloid, logSphereArea, poincareBall, sphere } from "../../src/manifolds/index.js";
import { kolmogorovRatio, massOfPlane, normalCumulative } from "./manifold-helpers.js";

const ballOf = (dimension: number, curvature: number) => poincareBall({ dimension, curvature });
const lawOf = (dimension: number, curvature: number) => riemannianNormal(ballOf(dimension, curvature));
const plane = lawOf(2, 1.3);

// log Z_r(std, c, d), from 50-digit arithmetic.
const normalizers = [
  [1, 1, 2, 0.3440762063],
  [0.5, 1, 2, -1.3022721616],
  [0.1, 1, 10, -16.9235440838],
  [1, 0.7, 20, 117.4875540698],
  [0.01, 1, 20, -73.0569167397],
] as const;

describe("the normaliser", () => {
  it.each(normalizers)("log Z_r(std %d, c %d, d %d) = %d", (std, c, d, expected) => {
    expect(lawOf(d, c).logNormalizer(std) - logSphereArea(d - 1)).toBeCloseTo(expected, 9);
  });

  it.each([0.01, 0.3, 3])("in one dimension, std %d, it is that of a normal", (std) => {
    expect(lawOf(1, 0.7).logNormalizer(std)).toBeCloseTo(Math.log(std * Math.sqrt(2 * Math.PI)), 9);
  });

  it("agrees with the closed form in two dimensions and the alternating sum in three, where they hold", () => {
    // d = 2: sqrt(pi/2) s / sqrt(c) e^(c s^2/2) erf(sqrt(c) s / sqrt(2)); d = 3: (e^(2 c s^2) - 1) sqrt(pi/2) s / (2c).
    for (const [s, c] of [
      [0.5, 1],
      [1.5, 0.6],
      [3, 1.4],
    ]) {
      const a = Math.sqrt(c) * s;
      const erf = 2 * normalCumulative(a) - 1;
      const two = Math.log(Math.sqrt(Math.PI / 2) * (s / Math.sqrt(c)) * erf) + (a * a) / 2;
      expect(radiusLaw(host, 2, c, s).logNormalizer).toBeCloseTo(two, 9);
      const three = Math.log((Math.sqrt(Math.PI / 2) * s * Math.expm1(2 * a * a)) / (2 * c));
      expect(radiusLaw(host, 3, c, s).logNormalizer).toBeCloseTo(three, 9);
    }
  });

  it("tends to the Euclidean one for small std: no digits are lost where the paper's sum is off by 34 nats", () => {
    for (const d of [2, 10, 20, 40])
      expect(lawOf(d, 1).logNormalizer(1e-4) / d).toBeCloseTo(Math.log(1e-4 * Math.sqrt(2 * Math.PI)), 6);
  });
});

it("has mass one", () => {
  for (const [mean, std] of [
    [[0.3, -0.2], 0.6],
    [[0, 0], 1.2],
  ] as const)
    expect(massOfPlane(plane.manifold, (z) => plane.logDensity(z, mean, std), 14)).toBeCloseTo(1, 8);
});

describe("the radius", () => {
  it("has the distribution function of the reference", () => {
    expect(plane.radiusCumulative(1.1, 0.6)).toBeCloseTo(0.764231483526, 10);
    expect(plane.radiusCumulative(0, 0.6)).toBe(0);
    expect(plane.radiusCumulative(50, 0.6)).toBe(1);
  });
  it("quantiles invert it, far into the tails", () => {
    for (const [d, c, std] of [
      [2, 1.3, 0.6],
      [1, 1, 2],
      [5, 0.3, 0.05],
      [20, 1, 1.5],
      [40, 1, 0.3],
    ] as const) {
      const law = lawOf(d, c);
      for (const u of [1e-9, 1e-3, 0.2, 0.5, 0.77, 0.999]) {
        const r = law.radiusQuantile(u, std);
        expect(law.radiusCumulative(r, std) / u, `d ${d} u ${u}`).toBeCloseTo(1, 8);
      }
    }
  });
  it("moves with std as the reference says: dr/dstd = 4.4357183 at F = 0.37, d = 5, c = 1.3, std = 0.6", () => {
    const law = lawOf(5, 1.3);
    const h = 1e-5;
    const difference = (law.radiusQuantile(0.37, 0.6 + h) - law.radiusQuantile(0.37, 0.6 - h)) / (2 * h);
    expect(difference).toBeCloseTo(4.4357183, 6);
  });
});

describe("samples", () => {
  it.each([
    ["ball", plane, [0.3, -0.2]],
    ["hyperboloid", riemannianNormal(hyperboloid({ dimension: 3, curvature: 0.7 })), [1 / Math.sqrt(0.7), 0, 0, 0]],
  ] as const)("on the %s have the law of the radius (false alarms 1e-6)", (_name, law, mean) => {
    const m = law.manifold;
    const draws = law.sample(mean, 0.6, randomKey(8), 4000);
    const radii = Float64Array.from({ length: 4000 }, (_, i) =>
      m.distance(mean, Float64Array.from(draws.data.subarray(i * m.coordinates, (i + 1) * m.coordinates))),
    );
    expect(kolmogorovRatio(radii, (r) => law.radiusCumulative(r, 0.6))).toBeLessThan(1);
    expect(kolmogorovRatio(radii, (r) => law.radiusCumulative(r, 0.67))).toBeGreaterThan(1);
  });
});

describe("in programs", () => {
  const cases = [
    [2, 1.3, 0.6],
    [5, 1.3, 0.6],
    [1, 1, 0.4],
    [10, 0.7, 0.05],
    [20, 1.4, 1],
  ] as const;
  it.each(cases)(
    "d %d, c %d, std %d: normaliser, radii and their gradients are those of the host",
    async (d, c, std) => {
      const law = lawOf(d, c);
      const radii = (s: Tensor, u: Tensor) => sum(law.traced.radius(s, u));
      for (const [precision, tolerance] of [
        ["float64", 1e-8],
        ["float32", 2e-4],
      ] as const) {
        const f = compile(
          (s: Tensor, u: Tensor) => ({
            radius: law.traced.radius(s, u),
            slope: valueAndGrad(radii)(s, u)[1],
            logNormalizer: law.traced.logNormalizer(s),
          }),
          { precision, threads: 1 },
        );
        const us = [0.001, 0.2, 0.37, 0.5, 0.51, 0.9, 0.9999];
        const out = await f(array(us.map(() => [std])), array(us.map((u) => [u])));
        us.forEach((u, i) => {
          const exact = law.radiusQuantile(u, std);
          expect(Math.abs(out.radius.data[i] / exact - 1), `${precision} u=${u}`).toBeLessThan(tolerance);
          const h = 1e-4 * std;
          const difference = (law.radiusQuantile(u, std + h) - law.radiusQuantile(u, std - h)) / (2 * h);
          expect(Math.abs(out.slope.data[i] / difference - 1), `${precision} slope u=${u}`).toBeLessThan(
            Math.max(1e-6, 20 * tolerance),
          );
          expect(
            Math.abs(out.logNormalizer.data[i] - law.logNormalizer(std)) / (1 + Math.abs(law.logNormalizer(std))),
          ).toBeLessThan(tolerance);
        });
        await f.dispose();
      }
    },
  );

  it("the score of std is what the theory says: d log Z_r / d std = E r^2 / std^3", async () => {
    const law = lawOf(3, 0.8);
    const f = compile((s: Tensor) => valueAndGrad((t: Tensor) => sum(law.traced.logNormalizer(t)))(s), {
      precision: "float64",
      threads: 1,
    });
    const [, slope] = await f(array([[0.7]]));
    const h = 1e-5;
    expect(slope.data[0]).toBeCloseTo((law.logNormalizer(0.7 + h) - law.logNormalizer(0.7 - h)) / (2 * h), 7);
    await f.dispose();
  });

  it("draws and densities, with gradients to mean and std, finite in float32", async () => {
    const law = plane;
    const loss = (p: { mean: Tensor; std: Tensor }, direction: Tensor, uniform: Tensor) => {
      const z = law.traced.fromNoise(p.mean, p.std, { direction, uniform });
      return sum(law.traced.logDensity(z, p.mean, p.std));
    };
    const f = compile(
      (mean: Tensor, std: Tensor, direction: Tensor, uniform: Tensor) => ({
        z: law.traced.fromNoise(mean, std, { direction, uniform }),
        gradient: valueAndGrad(loss)({ mean, std }, direction, uniform),
      }),
      { threads: 1 },
    );
    const { direction, uniform } = law.noise(randomKey(4), 64);
    uniform.data[0] = 0;
    uniform.data[1] = 1 - 1e-12; // 1 in float32
    const means = array(Array.from({ length: 64 }, () => [0.3, -0.2]));
    const out = await f(means, array(Array.from({ length: 64 }, (_, i) => [0.01 + 0.03 * i])), direction, uniform);
    const [value, gradient] = out.gradient;
    for (const a of [out.z, value, gradient.mean, gradient.std]) expect(a.data.every(Number.isFinite)).toBe(true);
    for (let i = 2; i < 20; i++) {
      const z = Float64Array.from(out.z.data.subarray(2 * i, 2 * i + 2));
      expect(law.manifold.distance([0.3, -0.2], z)).toBeCloseTo(
        law.radiusQuantile(uniform.data[i], 0.01 + 0.03 * i),
        3,
      );
    }
    await f.dispose();
  });
});

it("the density that comes with a draw is that of the point, and exact beyond the reach of coordinates", async () => {
  const law = lawOf(3, 0.8);
  const f = compile(
    (mean: Tensor, std: Tensor, direction: Tensor, uniform: Tensor) => {
      const { z, logDensity } = law.traced.draw(mean, std, { direction, uniform });
      return { logDensity, again: law.traced.logDensity(z, mean, std) };
    },
    { precision: "float64", threads: 1 },
  );
  const { direction, uniform } = law.noise(randomKey(6), 3);
  const means = array([
    [0.3, 0.2, 0],
    [0, 0, 0],
    [-0.5, 0, 0.4],
  ]);
  const near = await f(means, array([[0.2], [0.5], [1]]), direction, uniform);
  for (let i = 0; i < 3; i++) expect(near.again.data[i]).toBeCloseTo(near.logDensity.data[i], 6);
  const far = await f(means, array([[4], [4], [4]]), direction, uniform); // radii about 30: the ball ends at 13.6
  for (let i = 0; i < 3; i++) {
    const r = law.radiusQuantile(uniform.data[i], 4);
    expect(far.logDensity.data[i]).toBeCloseTo((-r * r) / 32 - law.logNormalizer(4), 6);
    expect(Number.isFinite(far.again.data[i])).toBe(true);
  }
  await f.dispose();
});

it("bad input", () => {
  expect(() => riemannianNormal(sphere(2))).toThrow("is not hyperbolic");
  expect(() => plane.logNormalizer(0)).toThrow("std is 0; give a finite number above zero");
  expect(() => plane.radiusQuantile(1, 1)).toThrow("strictly between 0 and 1");
});
