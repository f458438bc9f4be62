/** Exponential and logarithmic maps with nasty input: tiny and long vectors, nearly equal points, bad conditioning. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, matmul } from "../../src/engine/index.js";
import { logarithmicMap } from "../../src/geodesics/logarithm.js";
import { exponentialMap, shoot } from "../../src/geodesics/shoot.js";
import { metricFrom } from "../../src/metrics/index.js";
import { exactCases } from "../metrics/cases.js";
import { largestDifference } from "../numerics/helpers.js";

const halfPlane = exactCases.find((test) => test.name === "H^2, half-space")!;
const direction = fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }));
const size = fc.constantFrom(0, 1e-15, 1e-9, 1e-3, 1, 4);
const height = fc.constantFrom(1e-3, 0.1, 1, 50);

describe("half-plane", () => {
  it("follows vectors of any length from any height, as the closed form does", async () => {
    await fc.assert(
      fc.asyncProperty(direction, size, height, async (u, s, y) => {
        const x = [0.3, y];
        const v = u.map((a) => a * s * y); // hyperbolic length s |u|
        const result = await shoot(halfPlane.metric, x, v);
        expect(result.converged).toEqual([true]);
        const exact = halfPlane.exact.exponential(x, v);
        expect(largestDifference(result.endPoint.data, exact)).toBeLessThan(1e-7 * (1 + y));
      }),
      { numRuns: 25, seed: 20 },
    );
  });

  it("has logarithms of nearly equal points", async () => {
    await fc.assert(
      fc.asyncProperty(direction, fc.constantFrom(1e-12, 1e-8, 1e-4), async (u, s) => {
        const x = [0.3, 1.2];
        const y = [0.3 + s * u[0], 1.2 + s * u[1]];
        const initial = [y[0] - x[0], y[1] - x[1]];
        const result = await logarithmicMap(halfPlane.metric, x, y, { initial });
        expect(result.converged).toEqual([true]);
        expect(Math.abs(result.distance[0] - halfPlane.exact.distance(x, y))).toBeLessThan(1e-9);
        for (const a of result.vector.data) expect(Number.isFinite(a)).toBe(true);
      }),
      { numRuns: 15, seed: 21 },
    );
  });
});

describe("a linear decoder of condition number 1e5, so that G has 1e10", () => {
  const stretched = metricFrom(
    (z) =>
      matmul(
        z,
        array([
          [1, 1],
          [1, 1 + 4e-5],
        ]),
      ),
    { dimension: 2 },
  );

  it("has straight geodesics", async () => {
    await fc.assert(
      fc.asyncProperty(direction, async (u) => {
        const x = [0.2, -0.4];
        const end = await exponentialMap(stretched, x, [...u]);
        expect(largestDifference(end.data, [x[0] + u[0], x[1] + u[1]])).toBeLessThan(1e-5);
      }),
      { numRuns: 15, seed: 22 },
    );
  });
});
