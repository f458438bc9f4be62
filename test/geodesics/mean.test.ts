/** The Frechet mean: against closed forms, its first-order condition, and what it does when it cannot. */
import { describe, expect, it, vi } from "vitest";
import type { NdArray } from "../../src/engine/index.js";
import { frechetMean } from "../../src/geodesics/mean.js";
import { exponentialMap } from "../../src/geodesics/shoot.js";
import { evaluate, reparametrised } from "../../src/metrics/index.js";
import { bend } from "../metrics/bend.js";
import { exactCases, pointsOf, rowOf, torus } from "../metrics/cases.js";
import { largestDifference } from "../numerics/helpers.js";

const border = vi.hoisted(() => ({ at: Number.POSITIVE_INFINITY }));
// beyond the border geodesics fail, and claim to be short
vi.mock("../../src/geodesics/logarithm.js", async (original) => {
  const real = await original<typeof import("../../src/geodesics/logarithm.js")>();
  const logarithmicMap: typeof real.logarithmicMap = async (metric, x, y, options) => {
    const result = await real.logarithmicMap(metric, x, y, options);
    if (!((x as NdArray).data[0] > border.at)) return result;
    return {
      ...result,
      distance: result.distance.map((a) => a / 10),
      converged: result.converged.map(() => false),
      reason: result.reason.map(() => "stuck" as const),
    };
  };
  return { ...real, logarithmicMap };
});

const caseOf = (name: string) => exactCases.find((test) => test.name === name)!;
const fine = { tolerance: 1e-8, logarithm: { refine: true } } as const;

describe.each(["linear decoder", "S^3, stereographic", "H^2, half-space", "Swiss roll", "polar plane, by its tensor"])(
  "%s",
  (name) => {
    const test = caseOf(name);

    it("has exact logarithms that cancel, with weights", async () => {
      const points = pointsOf(test, 5, 81);
      const weights = [1, 2, 0.5, 1, 3];
      const total = weights.reduce((a, b) => a + b, 0);
      const result = await frechetMean(test.metric, points, { ...fine, weights });
      expect(result.reason).toBe("converged");
      const mean = Array.from(result.mean.data);
      const sum = new Array<number>(test.dimension).fill(0);
      let variance = 0;
      for (let i = 0; i < 5; i++) {
        test.exact.logarithm(mean, rowOf(points, i)).forEach((a, k) => {
          sum[k] += (weights[i] / total) * a;
        });
        const distance = test.exact.distance(mean, rowOf(points, i));
        expect(result.distances[i]).toBeCloseTo(distance, 7);
        variance += (weights[i] / total) * distance ** 2;
      }
      for (const a of sum) expect(Math.abs(a)).toBeLessThan(1e-6);
      expect(result.variance).toBeCloseTo(variance, 7);
    });
  },
);

describe("closed forms", () => {
  it("of two points is their midpoint", async () => {
    const sphere = caseOf("S^2, stereographic");
    const [x, y] = [
      [0.2, -0.1],
      [-0.5, 0.4],
    ];
    const half = sphere.exact.logarithm(x, y).map((a) => a / 2);
    const { mean } = await frechetMean(sphere.metric, [x, y], fine);
    expect(largestDifference(mean.data, sphere.exact.exponential(x, half))).toBeLessThan(1e-7);
  });

  it("in flat space is the average, in one step", async () => {
    const test = caseOf("R^2");
    const result = await frechetMean(test.metric, [
      [0, 0],
      [3, 0],
      [0, 6],
    ]);
    expect(result.mean.data[0]).toBeCloseTo(1, 5);
    expect(result.mean.data[1]).toBeCloseTo(2, 5);
    expect(result.iterations).toBe(1);
  });

  it("of one point is that point", async () => {
    const result = await frechetMean(torus.metric, [[0.3, 0.4]]);
    expect(Array.from(result.mean.data)).toEqual([0.3, 0.4]);
    expect(result.converged).toBe(true);
    expect(result.variance).toBe(0);
  });

  it("does not depend on coordinates", async () => {
    const bent = reparametrised(torus.metric, bend);
    const points = pointsOf(torus, 4, 83);
    const image = await evaluate(bent, (_m, z) => bend(z), points);
    const inside = await frechetMean(bent, points, fine);
    const outside = await frechetMean(torus.metric, image, fine);
    const mapped = await evaluate(bent, (_m, z) => bend(z), [Array.from(inside.mean.data)]);
    expect(largestDifference(mapped.data, outside.mean.data)).toBeLessThan(1e-6);
  });

  it("follows an isometry: turned around the axis of the torus", async () => {
    const points = pointsOf(torus, 4, 84);
    const turned = Array.from({ length: 4 }, (_, i) => [rowOf(points, i)[0], rowOf(points, i)[1] + 0.5]);
    const [a, b] = [await frechetMean(torus.metric, points, fine), await frechetMean(torus.metric, turned, fine)];
    expect(a.mean.data[0]).toBeCloseTo(b.mean.data[0], 6);
    expect(a.mean.data[1] + 0.5).toBeCloseTo(b.mean.data[1], 6);
    const there = await exponentialMap(torus.metric, [0, 0], [0, 0]);
    expect(Array.from(there.data)).toEqual([0, 0]);
  });
});

describe("edges", () => {
  it("says when iterations run out", async () => {
    const points = pointsOf(torus, 4, 85);
    const result = await frechetMean(torus.metric, points, { ...fine, tolerance: 1e-12, maxIterations: 1 });
    expect(result.converged).toBe(false);
    expect(result.reason).toBe("iterationLimit");
    expect(result.gradientNorm).toBeGreaterThan(0);
  });

  it("takes no step to a point from which geodesics fail", async () => {
    const points = [
      [0, 0],
      [3, 0],
      [0, 6],
    ];
    border.at = 0.8; // the mean is (1, 2), one full step from the first point
    try {
      const result = await frechetMean(caseOf("R^2").metric, points, { maxIterations: 6 });
      expect(result.mean.data[0]).toBeGreaterThan(0.4);
      expect(result.mean.data[0]).toBeLessThan(0.8);
      expect(result.converged).toBe(false);
      expect(result.reason).toBe("iterationLimit");
    } finally {
      border.at = Number.POSITIVE_INFINITY;
    }
  });

  it("refuses bad input in one sentence", async () => {
    const m = torus.metric;
    await expect(frechetMean(m, [[0, 0]], { weights: [1, 2] })).rejects.toThrow("2 weights for 1 points");
    await expect(frechetMean(m, [[0, 0]], { weights: [0] })).rejects.toThrow("weights[0] is 0");
    await expect(frechetMean(m, [[0, 0]], { tolerance: 2 })).rejects.toThrow("tolerance is 2");
    await expect(frechetMean(m, [[0, 0]], { maxIterations: 0 })).rejects.toThrow("maxIterations is 0");
  });
});
