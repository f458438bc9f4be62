import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/errors.js";
import { fasterPam, kMedoids } from "../../src/numerics/k-medoids.js";
import { normalArray, randomKey, stream } from "../../src/numerics/random.js";

const loss = (points: Float64Array, d: number, medoids: ArrayLike<number>): number => {
  let total = 0;
  for (let o = 0; o < points.length / d; o++)
    total += Math.min(
      ...Array.from(medoids, (m) =>
        Math.hypot(...Array.from({ length: d }, (_, c) => points[o * d + c] - points[m * d + c])),
      ),
    );
  return total;
};

const matrix = (points: Float64Array, d: number): Float64Array => {
  const n = points.length / d;
  return Float64Array.from({ length: n * n }, (_, ij) => {
    const [i, j] = [Math.floor(ij / n), ij % n];
    return Math.hypot(...Array.from({ length: d }, (_, c) => points[i * d + c] - points[j * d + c]));
  });
};

describe("fasterPam", () => {
  it.each([1, 2, 3, 4, 5])("ends where no single swap lowers the loss (seed %i)", (seed) => {
    const points = normalArray(randomKey(seed), 60 * 2);
    const medoids = fasterPam(matrix(points, 2), 60, [0, 1, 2, 3, 4]);
    const reached = loss(points, 2, medoids);
    for (let m = 0; m < 5; m++)
      for (let candidate = 0; candidate < 60; candidate++) {
        const swapped = Array.from(medoids, (v, i) => (i === m ? candidate : v));
        expect(loss(points, 2, swapped)).toBeGreaterThanOrEqual(reached - 1e-9);
      }
  });
  it("finds the one best medoid for k = 1", () => {
    const points = normalArray(randomKey(9), 40 * 3);
    const best = Array.from({ length: 40 }, (_, i) => loss(points, 3, [i]));
    expect(fasterPam(matrix(points, 3), 40, [0])[0]).toBe(best.indexOf(Math.min(...best)));
  });
});

describe("kMedoids", () => {
  const from = stream(randomKey(4));
  const clusters = 6;
  const points = Float64Array.from(
    { length: 9000 * 2 },
    (_, i) => 10 * ((Math.floor(i / 2) % clusters) % (i % 2 === 0 ? 3 : 2)) + 0.3 * from.normal(),
  );
  it("finds well separated clusters, by search on all points and on samples alike", () => {
    const whole = kMedoids(points.slice(0, 1200), 2, clusters, randomKey(1));
    expect(new Set(Array.from(whole.medoids, (m) => m % clusters)).size).toBe(clusters);
    const sampled = kMedoids(points, 2, clusters, randomKey(1), { sample: 300 });
    expect(new Set(Array.from(sampled.medoids, (m) => m % clusters)).size).toBe(clusters);
    sampled.assignment.forEach((m, o) => expect(sampled.medoids[m] % clusters).toBe(o % clusters));
    expect(sampled.loss).toBeCloseTo(loss(points, 2, sampled.medoids), 6);
    // The mean distance to the centre of a normal cluster of deviation 0.3 is 0.3 sqrt(pi / 2).
    expect(sampled.loss / 9000).toBeLessThan(1.02 * 0.3 * Math.sqrt(Math.PI / 2));
  });
  it("is the same for the same key", () => {
    expect(kMedoids(points, 2, 9, randomKey(2), { sample: 500 })).toEqual(
      kMedoids(points, 2, 9, randomKey(2), { sample: 500 }),
    );
  });
  it("refuses what cannot be", () => {
    expect(() => kMedoids([1, 2], 2, 2, randomKey(0))).toThrow(UsageError);
    expect(() => kMedoids([1, Number.NaN], 2, 1, randomKey(0))).toThrow(/point 0, coordinate 1 is NaN/);
  });
});
