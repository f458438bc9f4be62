import { describe, expect, it } from "vitest";
import { kMeans, nearestCentres } from "../../src/numerics/k-means.js";
import { randomKey } from "../../src/numerics/random.js";
import { largestDifference, testRandom } from "./helpers.js";

function blobs(count: number, dimension: number, clusters: number, spread: number, seed: number) {
  const random = testRandom(seed);
  const truth = Float64Array.from({ length: clusters * dimension }, () => 10 * random.normal());
  const labels = Int32Array.from({ length: count }, () => random.integer(clusters));
  const points = new Float64Array(count * dimension);
  for (let i = 0; i < points.length; i++) {
    const c = labels[Math.floor(i / dimension)];
    points[i] = truth[c * dimension + (i % dimension)] + spread * random.normal();
  }
  return { points, truth, labels };
}

/** One plain Lloyd iteration. */
function plainStep(points: Float64Array, centres: Float64Array, dimension: number): Float64Array {
  const assignment = nearestCentres(points, centres, dimension);
  const out = new Float64Array(centres.length);
  const sizes = new Array<number>(centres.length / dimension).fill(0);
  assignment.forEach((c, i) => {
    sizes[c]++;
    for (let k = 0; k < dimension; k++) out[c * dimension + k] += points[i * dimension + k];
  });
  return out.map((v, q) => v / sizes[Math.floor(q / dimension)]);
}

describe("k-means", () => {
  it.each([
    [1, 5, 400],
    [2, 30, 800],
    [5, 12, 500],
    [20, 25, 600],
  ])("takes the very steps of plain Lloyd (d = %i, k = %i)", (dimension, clusters, count) => {
    const { points } = blobs(count, dimension, 8, 4, dimension);
    const run = (maxIterations: number) =>
      kMeans(points, dimension, clusters, randomKey(3), { restarts: 1, maxIterations, tolerance: 0 });
    let centres = run(1).centres;
    let inertia = Infinity;
    for (let n = 2; n <= 12; n++) {
      centres = plainStep(points, centres, dimension);
      const result = run(n);
      expect(largestDifference(result.centres, centres)).toBeLessThan(1e-10);
      expect(result.assignment).toEqual(nearestCentres(points, centres, dimension));
      expect(result.inertia).toBeLessThanOrEqual(inertia * (1 + 1e-12));
      inertia = result.inertia;
    }
  });

  it("comes to rest at a fixed point, and its summary is that of the points", () => {
    const { points } = blobs(700, 3, 6, 3, 9);
    const result = kMeans(points, 3, 10, randomKey(1), { tolerance: 0, restarts: 2 });
    expect(result.converged).toBe(true);
    expect(largestDifference(plainStep(points, result.centres, 3), result.centres)).toBeLessThan(1e-12);
    const squares = new Array<number>(10).fill(0);
    const distances = new Array<number>(10).fill(0);
    result.assignment.forEach((c, i) => {
      const square = [0, 1, 2].reduce((s, k) => s + (points[3 * i + k] - result.centres[3 * c + k]) ** 2, 0);
      squares[c] += square;
      distances[c] += Math.sqrt(square);
    });
    expect(result.inertia).toBeCloseTo(
      squares.reduce((a, b) => a + b),
      8,
    );
    expect(result.meanDistance).toBeCloseTo(distances.reduce((a, b) => a + b) / 700, 12);
    for (let c = 0; c < 10; c++) {
      expect(result.variances[c]).toBeCloseTo(squares[c] / result.sizes[c], 10);
      expect(result.meanDistances[c]).toBeCloseTo(distances[c] / result.sizes[c], 12);
    }
    expect(result.sizes.reduce((a, b) => a + b)).toBe(700);
  });

  it("finds clusters that are well apart, with the same answer for the same key", () => {
    const { points, labels } = blobs(1000, 2, 10, 0.05, 12);
    const result = kMeans(Float32Array.from(points), 2, 10, randomKey(5), { restarts: 5 });
    const pairs = new Set(Array.from(labels, (label, i) => `${label}:${result.assignment[i]}`));
    expect(pairs.size).toBe(10); // a one-to-one matching of labels
    expect(kMeans(Float32Array.from(points), 2, 10, randomKey(5), { restarts: 5 }).centres).toEqual(result.centres);
    expect(kMeans(points, 2, 30, randomKey(5), { restarts: 1 }).centres).not.toEqual(
      kMeans(points, 2, 30, randomKey(6), { restarts: 1 }).centres,
    );
  });

  it("more restarts never give a larger inertia", () => {
    const { points } = blobs(300, 2, 12, 1, 3);
    const inertias = [1, 3, 8].map((restarts) => kMeans(points, 2, 12, randomKey(2), { restarts }).inertia);
    expect(inertias[2]).toBeLessThanOrEqual(inertias[0]);
  });

  it("handles as many clusters as points, one cluster, and fewer distinct points than clusters", () => {
    const { points } = blobs(40, 2, 3, 1, 4);
    const each = kMeans(points, 2, 40, randomKey(1));
    expect(each.inertia).toBe(0);
    expect(each.sizes.every((n) => n === 1)).toBe(true);
    const one = kMeans(points, 2, 1, randomKey(1));
    expect(one.centres[0]).toBeCloseTo(points.filter((_, q) => q % 2 === 0).reduce((a, b) => a + b) / 40, 12);
    const same = kMeans(
      new Float64Array(30).map((_, q) => (q < 12 ? 1 : 2)),
      3,
      5,
      randomKey(1),
    );
    expect(same.inertia).toBe(0);
    expect(same.centres.every(Number.isFinite)).toBe(true);
    expect(same.variances.every(Number.isFinite)).toBe(true);
  });

  it("moves clusters that run empty to the farthest points, and still ends at a fixed point", () => {
    const { points } = blobs(200, 2, 5, 1, 6);
    const initialCentres = Float64Array.from({ length: 12 }, (_, q) => (q < 2 ? 0 : 1e4 + q));
    const result = kMeans(points, 2, 6, randomKey(1), { initialCentres, tolerance: 0 });
    expect(result.sizes.every((n) => n > 0)).toBe(true);
    expect(largestDifference(plainStep(points, result.centres, 2), result.centres)).toBeLessThan(1e-12);
    // After one iteration: the five far centres have each taken one point, the farthest ones of the first's cluster.
    const once = kMeans(points, 2, 6, randomKey(1), { initialCentres, tolerance: 0, maxIterations: 1 });
    const radii = Array.from({ length: 200 }, (_, i) => Math.hypot(points[2 * i], points[2 * i + 1]));
    const far = radii.map((r, i) => [r, i]).sort((a, b) => b[0] - a[0]);
    const taken = far.slice(0, 5).map(([, i]) => [points[2 * i], points[2 * i + 1]].join());
    const centres = [1, 2, 3, 4, 5].map((c) => [once.centres[2 * c], once.centres[2 * c + 1]].join());
    expect(centres.sort()).toEqual(taken.sort());
    expect(() => kMeans(points, 2, 6, randomKey(1), { initialCentres: new Float64Array(3) })).toThrow(/k x d = 12/);
  });

  it("refuses impossible requests in one sentence", () => {
    expect(() => kMeans(new Float64Array(6), 2, 4, randomKey(1))).toThrow(/4 clusters for 3 points/);
    expect(() => kMeans(new Float64Array(5), 2, 1, randomKey(1))).toThrow(/\[N, d\]/);
    expect(() => kMeans(Float64Array.from([1, Number.NaN]), 1, 1, randomKey(1))).toThrow(/NaN at point 1/);
    expect(() => kMeans(new Float64Array(6), 2, 2, randomKey(1), { restarts: 0 })).toThrow(/positive integers/);
  });
});
