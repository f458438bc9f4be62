/** The exponential map against closed forms, its invariant, its order, and its way back. */
import { describe, expect, it } from "vitest";
import { add, array, concat, log, mul, ndarray, reshape, slice, sub, type Tensor } from "../../src/engine/index.js";
import { exponentialMap, shoot } from "../../src/geodesics/shoot.js";
import { evaluate, metricFrom, metricFromTensor, metricNorm, reparametrised } from "../../src/metrics/index.js";
import { bend } from "../metrics/bend.js";
import { cases, exactCases, pointsOf, rowOf, torus, vectorsOf } from "../metrics/cases.js";
import { largestDifference, slope } from "../numerics/helpers.js";

const N = 5;

describe.each(exactCases)("$name", (test) => {
  it("ends where the closed form ends, with the transported velocity", async () => {
    const x = pointsOf(test, N, 21);
    const v = vectorsOf(test, N, 22, 0.4);
    const result = await shoot(test.metric, x, v);
    expect(result.reason).toEqual(Array(N).fill("converged"));
    for (let i = 0; i < N; i++) {
      const end = test.exact.exponential(rowOf(x, i), rowOf(v, i));
      expect(largestDifference(rowOf(result.endPoint, i), end)).toBeLessThan(1e-8);
      const carried = test.exact.transport(rowOf(x, i), end, rowOf(v, i));
      expect(largestDifference(rowOf(result.endVelocity, i), carried)).toBeLessThan(1e-8);
      expect(result.length[i]).toBeCloseTo(test.exact.distance(rowOf(x, i), end), 8);
      expect(result.energyDrift[i]).toBeLessThan(1e-8);
    }
  });

  it("gives the points on the way", async () => {
    const x = pointsOf(test, 2, 23);
    const v = vectorsOf(test, 2, 24, 0.4);
    const times = [0, 0.1, 0.37, 0.5, 1];
    const { path } = await shoot(test.metric, x, v, { times });
    expect(path.shape).toEqual([2, 5, test.dimension]);
    for (let i = 0; i < 2; i++)
      times.forEach((t, k) => {
        const there = test.exact.exponential(
          rowOf(x, i),
          rowOf(v, i).map((a) => a * t),
        );
        const at = (i * 5 + k) * test.dimension;
        expect(largestDifference(path.data.subarray(at, at + test.dimension), there)).toBeLessThan(1e-7);
      });
  });
});

describe.each(cases)("$name", (test) => {
  it("keeps speed, and comes back", async () => {
    const x = pointsOf(test, N, 31);
    const v = vectorsOf(test, N, 32, 0.3);
    const there = await shoot(test.metric, x, v);
    const back = await shoot(test.metric, there.endPoint, there.endVelocity, { time: -1 });
    expect(largestDifference(back.endPoint.data, x.data)).toBeLessThan(1e-7);
    expect(largestDifference(back.endVelocity.data, v.data)).toBeLessThan(1e-7);
    const [before, after] = [
      await evaluate(test.metric, metricNorm, x, [v]),
      await evaluate(test.metric, metricNorm, there.endPoint, [there.endVelocity]),
    ];
    expect(largestDifference(before.data, after.data)).toBeLessThan(1e-8 * (1 + Math.max(...before.data)));
  });

  it("does not depend on coordinates", async () => {
    // geodesics in bent coordinates, mapped, are geodesics: compare end points of the images
    const bent = reparametrised(test.metric, bend);
    const w = pointsOf(test, 2, 41);
    const a = vectorsOf(test, 2, 42, 0.2);
    const h = 1e-5;
    const image = async (shift: number) =>
      evaluate(bent, (_m, y) => bend(y), ndarray(w.data.map((x, i) => x + shift * a.data[i]) as Float64Array, w.shape));
    const [plus, minus, start] = [await image(h), await image(-h), await image(0)];
    const pushed = ndarray(plus.data.map((x, i) => (x - minus.data[i]) / (2 * h)) as Float64Array, w.shape);
    const end = await evaluate(bent, (_m, y) => bend(y), await exponentialMap(bent, w, a));
    expect(largestDifference(end.data, (await exponentialMap(test.metric, start, pushed)).data)).toBeLessThan(1e-7);
  });
});

describe("the integrator", () => {
  const x = [0.4, 0.1];
  const v = [1.1, 0.7];

  it("is of order 5, with a continuous extension of order 4", async () => {
    const exact = await shoot(torus.metric, x, v, { tolerance: 1e-13, times: [0.33] });
    const middle = await shoot(torus.metric, x, v, { time: 0.33, tolerance: 1e-13 });
    const counts = [8, 12, 16, 24, 32, 48];
    const errors: number[] = [];
    const between: number[] = [];
    for (const fixedSteps of counts) {
      const result = await shoot(torus.metric, x, v, { fixedSteps, times: [0.33] });
      errors.push(largestDifference(result.endPoint.data, exact.endPoint.data));
      between.push(largestDifference(result.path.data, middle.endPoint.data));
    }
    const order = slope(
      counts.map((n) => 1 / n),
      errors,
    );
    expect(order).toBeGreaterThan(4.6);
    expect(order).toBeLessThan(6.2);
    const extension = slope(
      counts.map((n) => 1 / n),
      between,
    );
    expect(extension).toBeGreaterThan(3.4);
  });

  it("keeps its error near the tolerance, and its drift shows it", async () => {
    const exact = await exponentialMap(torus.metric, x, v, { tolerance: 1e-13 });
    for (const tolerance of [1e-5, 1e-7, 1e-9]) {
      const result = await shoot(torus.metric, x, v, { tolerance });
      expect(largestDifference(result.endPoint.data, exact.data)).toBeLessThan(30 * tolerance);
      expect(result.energyDrift[0]).toBeLessThan(30 * tolerance);
    }
  });
});

describe("edges", () => {
  it("takes one point and gives one back; a zero velocity stays; time scales", async () => {
    const one = await shoot(torus.metric, [0.3, 0.2], [0, 0]);
    expect(one.endPoint.shape).toEqual([2]);
    expect(Array.from(one.endPoint.data)).toEqual([0.3, 0.2]);
    expect(one.reason).toEqual(["converged"]);
    const twice = await exponentialMap(torus.metric, [0.3, 0.2], [0.4, 0.1], { time: 2 });
    const long = await exponentialMap(torus.metric, [0.3, 0.2], [0.8, 0.2]);
    expect(largestDifference(twice.data, long.data)).toBeLessThan(1e-9);
  });

  it("says when a geodesic leaves the region of the metric, and others go on", async () => {
    // z -> log z is flat: the geodesic from 1 with velocity -1 reaches z = e^-t; in the line z itself it would cross 0.
    const halfLine = metricFrom((z) => concat([z, log(slice(z, [null, [0, 1]]))], 1), { dimension: 2 });
    const fine = await shoot(halfLine, [1, 0], [-1, 0.5]);
    expect(fine.converged).toEqual([true]);
    const torn = metricFromTensor(tear, { dimension: 2, name: "torn" });
    const both = await shoot(
      torn,
      [
        [1, 0],
        [1, 0],
      ],
      [
        [-3, 0],
        [1, 0],
      ],
    );
    expect(both.reason).toEqual(["leftDomain", "converged"]);
    expect(both.message[0]).toMatch(/left the region/);
    expect(both.converged).toEqual([false, true]);
    for (const x of both.endPoint.data) expect(Number.isFinite(x)).toBe(true);
    await expect(exponentialMap(torn, [1, 0], [-3, 0])).rejects.toThrow(/geodesic 0 of 1 failed \(leftDomain\)/);
  });

  it("resolves a latent space in small units", async () => {
    const halfPlane = exactCases.find((test) => test.name === "H^2, half-space")!;
    for (const unit of [1e-8, 1e-3, 1e6]) {
      const [x, v] = [
        [0, unit],
        [3 * unit, 0],
      ];
      const result = await shoot(halfPlane.metric, x, v);
      expect(result.converged).toEqual([true]);
      const exact = halfPlane.exact.exponential([0, 1], [3, 0]).map((a) => a * unit); // scaling is an isometry
      expect(largestDifference(result.endPoint.data, exact)).toBeLessThan(1e-8 * unit);
    }
  });

  it("does not count a geodesic whose energy drifted as followed", async () => {
    const result = await shoot(torus.metric, [0.3, 0.2], [30, 20], { fixedSteps: 5 });
    expect(result.energyDrift[0]).toBeGreaterThan(1e-3);
    expect(result.converged).toEqual([false]);
    expect(result.message[0]).toMatch(/drifted/);
  });

  it("says which rows start where the metric is singular, negative or no number, and follows the others", async () => {
    // G = diag(1, z_1)
    const broken = metricFromTensor(
      (z: Tensor) => {
        const g = slice(z, [null, [0, 1]]);
        const zero = mul(g, 0);
        return reshape(concat([add(zero, 1), zero, zero, g], 1), [z.shape[0], 2, 2]);
      },
      { dimension: 2, name: "broken" },
    );
    const points = [
      [0, 0.5],
      [1, 0.5],
      [-1, 0.5],
    ];
    const velocities = [
      [0, 1],
      [0.1, 0],
      [0, 1],
    ];
    const result = await shoot(broken, points, velocities);
    expect(result.reason).toEqual(["notPositive", "converged", "notPositive"]);
    expect(result.converged).toEqual([false, true, false]);
    expect(largestDifference(result.endPoint.data.subarray(2, 4), [1.1, 0.5])).toBeLessThan(1e-9);
    for (const a of result.endVelocity.data) expect(Number.isFinite(a)).toBe(true);
    const torn = metricFromTensor(tear, { dimension: 2, name: "torn" });
    const outside = await shoot(torn, [-1, 0], [1, 0]);
    expect(outside.reason).toEqual(["notFinite"]);
    expect(Array.from(outside.endPoint.data)).toEqual([-1, 0]);
  });

  it("counts steps and stops at the limit", async () => {
    const result = await shoot(torus.metric, [0.3, 0.2], [30, 20], { maxSteps: 7 });
    expect(result.reason).toEqual(["stepLimit"]);
    expect(result.steps[0]).toBe(7);
    const aborted = await shoot(torus.metric, [0.3, 0.2], [1, 1], { signal: AbortSignal.abort() });
    expect(aborted.reason).toEqual(["aborted"]);
  });

  it("refuses bad input in one sentence", async () => {
    const m = torus.metric;
    await expect(shoot(m, [0, 0, 0], [0, 0])).rejects.toThrow("shoot: points has shape [3]; give [2].");
    await expect(
      shoot(
        m,
        [
          [0, 0],
          [1, 1],
        ],
        [[0, 0]],
      ),
    ).rejects.toThrow("shoot: velocities has shape [1,2]; give [2, 2].");
    await expect(shoot(m, [0, Number.NaN], [0, 0])).rejects.toThrow("shoot: points has NaN in row 0");
    await expect(shoot(m, [0, 0], [0, 0], { tolerance: 0 })).rejects.toThrow("shoot: tolerance is 0");
    await expect(shoot(m, [0, 0], [0, 0], { times: [0.5, 0.2] })).rejects.toThrow("shoot: times[1] is 0.2");
    await expect(shoot(m, array([0, 0]), [0, 0], { maxSteps: 0 })).rejects.toThrow("maxSteps is 0");
  });
});

/** The flat metric where z_1 > 0, and not a number elsewhere. */
function tear(z: Tensor) {
  const identity = array([
    [1, 0],
    [0, 1],
  ]);
  const x = slice(z, [null, [0, 1]]);
  return mul(reshape(add(1, sub(log(x), log(mul(x, 1.0000001)))), [z.shape[0], 1, 1]), identity);
}
