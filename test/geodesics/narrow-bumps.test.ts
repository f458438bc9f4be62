/** Geodesics between the narrow bumps of a posterior metric: what the solver says of them, against plain sums. */
import { describe, expect, it } from "vitest";
import { connect } from "../../src/geodesics/index.js";
import { posteriorMetric } from "../../src/metrics/index.js";

const BUMPS = 12;
const [rho, lambda] = [0.8, 0.01];
/** Places spread evenly over a square, by the fractions of multiples of two numbers. */
const centroids = Array.from({ length: BUMPS }, (_, i) =>
  [0.7548776662, 0.569840291].map((share) => 4 * (((i + 1) * share) % 1) - 2),
);
const inverseVariances = centroids.map((_, i) => [0, 1].map((k) => 150 * (1 + 0.5 * Math.sin(3 * i + k))));
const metric = posteriorMetric({ centroids, inverseVariances, rho, lambda });

/** Length of a polyline by the formula of the metric, at many places of each piece. */
function lengthOf(curve: ArrayLike<number>, pieces = 8): number {
  let length = 0;
  for (let i = 2; i < curve.length; i += 2) {
    const v = [curve[i] - curve[i - 2], curve[i + 1] - curve[i - 1]].map((x) => x / pieces);
    for (let p = 0; p < pieces; p++) {
      const z = [curve[i - 2] + (p + 0.5) * v[0], curve[i - 1] + (p + 0.5) * v[1]];
      let square = lambda * (v[0] ** 2 + v[1] ** 2);
      centroids.forEach((c, k) => {
        const m = inverseVariances[k];
        const apart = m[0] * (z[0] - c[0]) ** 2 + m[1] * (z[1] - c[1]) ** 2;
        square += Math.exp(-apart / rho ** 2) * (m[0] * v[0] ** 2 + m[1] * v[1] ** 2);
      });
      length += Math.sqrt(square);
    }
  }
  return length;
}

describe("bumps a hundred times higher than the plain between them", () => {
  it.each([0, 1, 2, 3, 4, 5])("pair %i comes to rest, resolved, and at a minimum", async (k) => {
    const from = centroids[k].map((x) => x + 0.05);
    const to = centroids[(5 * k + 6) % BUMPS].map((x) => x - 0.04);
    const starts = ["graph", "straight"] as const;
    const result = await connect(metric, from, to, { codes: centroids, start: starts, points: 513 });
    expect(result.reason).toBe("converged");
    expect(result.length).toBeLessThan(result.straightLength);
    const curve = result.curve.data as Float64Array;
    expect(Math.abs(lengthOf(curve) / result.length - 1)).toBeLessThan(2e-3);
    // bent to either side, as a whole or in part, it is longer
    for (const waves of [1, 2, 5])
      for (const size of [-0.03, 0.03]) {
        const bent = curve.map((x, i) => {
          const t = Math.floor(i / 2) / 512;
          const across = i % 2 === 0 ? from[1] - to[1] : to[0] - from[0];
          return x + size * across * Math.sin(waves * Math.PI * t);
        });
        expect(lengthOf(bent)).toBeGreaterThan(result.length * (1 - 1e-4));
      }
  });
});
