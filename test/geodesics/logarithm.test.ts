/** The logarithmic map against closed forms and as the inverse of the exponential map. */
import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/engine/index.js";
import { connect } from "../../src/geodesics/connect.js";
import { logarithmicMap } from "../../src/geodesics/logarithm.js";
import { exponentialMap } from "../../src/geodesics/shoot.js";
import { evaluate, metricNorm } from "../../src/metrics/index.js";
import { cases, exactCases, pointsOf, rowOf, torus, vectorsOf } from "../metrics/cases.js";
import { largestDifference } from "../numerics/helpers.js";

const N = 4;

describe.each(exactCases)("$name", (test) => {
  it("is the closed form", async () => {
    const [x, y] = [pointsOf(test, N, 71), pointsOf(test, N, 72)];
    const result = await logarithmicMap(test.metric, x, y);
    expect(result.reason).toEqual(Array(N).fill("converged"));
    for (let i = 0; i < N; i++) {
      const exact = test.exact.logarithm(rowOf(x, i), rowOf(y, i));
      expect(largestDifference(rowOf(result.vector, i), exact)).toBeLessThan(1e-7 * (1 + Math.hypot(...exact)));
      const distance = test.exact.distance(rowOf(x, i), rowOf(y, i));
      expect(Math.abs(result.distance[i] - distance)).toBeLessThan(1e-8 * (1 + distance));
    }
  });
});

describe.each(cases)("$name", (test) => {
  it("shoots back to the target", async () => {
    const [x, y] = [pointsOf(test, N, 73), pointsOf(test, N, 74)];
    const { vector, endPointGap } = await logarithmicMap(test.metric, x, y);
    const back = await exponentialMap(test.metric, x, vector);
    for (let i = 0; i < N; i++) {
      expect(largestDifference(rowOf(back, i), rowOf(y, i))).toBeLessThan(1e-8 * (1 + Math.hypot(...rowOf(y, i))));
      expect(endPointGap[i]).toBeLessThan(1e-8 * (1 + Math.hypot(...rowOf(y, i))));
    }
  });

  it("finds a given short velocity from a rough start, by shooting alone", async () => {
    const x = pointsOf(test, N, 75);
    const v = vectorsOf(test, N, 76, 0.3);
    const y = await exponentialMap(test.metric, x, v, { tolerance: 1e-12 });
    const initial = ndarray(y.data.map((a, i) => a - x.data[i]) as Float64Array, x.shape);
    const result = await logarithmicMap(test.metric, x, y, { initial });
    expect(result.converged).toEqual(Array(N).fill(true));
    expect(largestDifference(result.vector.data, v.data)).toBeLessThan(1e-7);
    expect(Math.max(...result.iterations)).toBeLessThan(12);
  });
});

describe("edges", () => {
  it("is zero at the point itself", async () => {
    const result = await logarithmicMap(torus.metric, [0.3, 0.1], [0.3, 0.1]);
    expect(result.vector.shape).toEqual([2]);
    expect(Math.max(...result.vector.data.map(Math.abs))).toBeLessThan(1e-12);
    expect(result.converged).toEqual([true]);
    expect(result.distance[0]).toBe(0);
  });

  it("is resolved in small units, and tells near points from equal ones", async () => {
    const test = exactCases.find((one) => one.name === "H^2, half-space")!;
    for (const unit of [1e-6, 1e-3, 1e3]) {
      const [x, y] = [
        [0, unit],
        [unit, 2 * unit],
      ];
      const result = await logarithmicMap(test.metric, x, y, { initial: [unit, unit] });
      expect(result.reason).toEqual(["converged"]);
      const exact = test.exact.logarithm([0, 1], [1, 2]).map((a) => a * unit); // scaling is an isometry
      expect(largestDifference(result.vector.data, exact)).toBeLessThan(1e-7 * unit);
    }
    const near = await logarithmicMap(test.metric, [0.3, 1.2], [0.3, 1.2 + 1e-13]);
    expect(near.reason).toEqual(["converged"]);
    expect(near.vector.data[1]).toBeGreaterThan(0);
  });

  it("without refinement has the length of the curve as distance and as norm of the vector", async () => {
    const [x, y] = [
      [0.3, 0.1],
      [1.3, 0.9],
    ];
    const { distance, vector } = await logarithmicMap(torus.metric, x, y, { refine: false });
    const { length } = await connect(torus.metric, x, y);
    expect(Math.abs(distance[0] - length)).toBeLessThan(1e-12 * length);
    const norm = await evaluate(torus.metric, metricNorm, [x], [[Array.from(vector.data)]]);
    expect(Math.abs(norm.data[0] - length)).toBeLessThan(1e-12 * length);
  });

  it("says when iterations run out, and keeps the best vector", async () => {
    const result = await logarithmicMap(torus.metric, [0.3, 0.1], [1.3, 0.9], { initial: [1, 0.8], maxIterations: 1 });
    expect(result.reason).toEqual(["iterationLimit"]);
    expect(result.endPointGap[0]).toBeGreaterThan(1e-9);
    expect(result.endPointGap[0]).toBeLessThan(0.5);
  });

  it("refuses bad input in one sentence", async () => {
    await expect(
      logarithmicMap(
        torus.metric,
        [0, 0],
        [
          [0, 1],
          [1, 1],
        ],
      ),
    ).rejects.toThrow("logarithmicMap: y has shape [2,2]; give [2].");
    await expect(logarithmicMap(torus.metric, [0, 0], [0, 1], { tolerance: -1 })).rejects.toThrow("tolerance is -1");
  });
});
