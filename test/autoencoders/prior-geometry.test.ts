import { describe, expect, it } from "vitest";
import {
  chordLength,
  exactDistances,
  exactGeodesic,
  exactMean,
  manifoldMetric,
} from "../../src/autoencoders/pvae/index.js";
import { ndarray } from "../../src/engine/index.js";
import { connect, frechetMean } from "../../src/geodesics/index.js";
import { euclidean, poincareBall } from "../../src/manifolds/index.js";
import { evaluate, magnificationFactor } from "../../src/metrics/index.js";

const c = 1.4;
const space = poincareBall({ dimension: 2, curvature: c });
const points = ndarray(Float64Array.of(0.1, 0.2, -0.5, 0.3, 0.6, -0.4, 0, -0.7), [4, 2]);
const row = (i: number) => Array.from(points.data.subarray(2 * i, 2 * i + 2));

describe("the latent space's own geometry", () => {
  it("has geodesics at constant speed from end to end", () => {
    const { data, shape } = exactGeodesic(space, row(1), row(2), 33);
    expect(shape).toEqual([33, 2]);
    expect(Array.from(data.slice(0, 2))).toEqual(row(1));
    expect(Array.from(data.slice(-2))).toEqual(row(2));
    const whole = space.distance(row(1), row(2));
    for (let t = 0; t < 32; t++)
      expect(space.distance(data.slice(2 * t, 2 * t + 2), data.slice(2 * t + 2, 2 * t + 4))).toBeCloseTo(
        whole / 32,
        10,
      );
  });

  it("agrees with the solver of geodesics under the same metric", async () => {
    const { length, straightLength } = await connect(manifoldMetric(space), row(1), row(2), { precision: "float64" });
    expect(length).toBeCloseTo(space.distance(row(1), row(2)), 5);
    expect(straightLength).toBeCloseTo(chordLength(c, row(1), row(2)), 4);
    expect(chordLength(c, row(1), row(2))).toBeGreaterThan(space.distance(row(1), row(2)));
  });

  it("measures chords: through the origin they are geodesics, none is shorter, and pieces add up", () => {
    expect(chordLength(c, [0, 0], row(2))).toBeCloseTo(space.distance([0, 0], row(2)), 12);
    expect(chordLength(c, row(1), row(1))).toBe(0);
    const middle = row(1).map((value, k) => 0.3 * value + 0.7 * row(2)[k]);
    expect(chordLength(c, row(1), middle) + chordLength(c, middle, row(2))).toBeCloseTo(
      chordLength(c, row(1), row(2)),
      12,
    );
  });

  it("has a symmetric matrix of distances", () => {
    const { data, shape } = exactDistances(space, points);
    expect(shape).toEqual([4, 4]);
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 4; j++) expect(data[4 * i + j]).toBeCloseTo(i === j ? 0 : space.distance(row(i), row(j)), 12);
  });

  it("has the Frechet mean: the gradient vanishes, isometries carry it along, and the solver finds the same", async () => {
    const { mean, variance, gradientNorm, converged, iterations } = exactMean(space, points);
    expect(iterations).toBeLessThan(100);
    expect(converged).toBe(true);
    expect(gradientNorm).toBeLessThan(1e-8);
    for (const [dx, dy] of [
      [1e-3, 0],
      [-1e-3, 0],
      [0, 1e-3],
      [0, -1e-3],
    ]) {
      const near = [mean.data[0] + dx, mean.data[1] + dy];
      let there = 0;
      for (let i = 0; i < 4; i++) there += space.squaredDistance(near, row(i)) / 4;
      expect(there).toBeGreaterThan(variance);
    }
    const turned = ndarray(
      Float64Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? -points.data[i + 1] : points.data[i - 1])),
      [4, 2],
    );
    const other = exactMean(space, turned).mean.data;
    expect(other[0]).toBeCloseTo(-mean.data[1], 8);
    expect(other[1]).toBeCloseTo(mean.data[0], 8);
    const solved = await frechetMean(manifoldMetric(space), points);
    expect(solved.mean.data[0]).toBeCloseTo(mean.data[0], 3);
    expect(solved.mean.data[1]).toBeCloseTo(mean.data[1], 3);
    const flat = exactMean(euclidean(2), points).mean.data;
    expect(flat[0]).toBeCloseTo(0.05, 12);
    expect(flat[1]).toBeCloseTo(-0.15, 12);
  }, 60_000);

  it("has the ball's volume", async () => {
    const { data } = await evaluate(manifoldMetric(space), magnificationFactor, points);
    for (let i = 0; i < 4; i++) {
      const lambda = 2 / (1 - c * (row(i)[0] ** 2 + row(i)[1] ** 2));
      expect(data[i] / lambda ** 2).toBeCloseTo(1, 10);
    }
  });

  it("refuses points beyond the edge, saying how far, with the projection", () => {
    expect(() => exactDistances(space, ndarray(Float64Array.of(0.9, 0.9, 0, 0), [2, 2]))).toThrow(
      /row 0,.*beyond the edge.*projectPoint gives the nearest one/,
    );
    expect(() => exactGeodesic(space, [0, 0], [1, 1])).toThrow(/to has length 1.41421, 0.569 beyond the edge/);
    expect(() => exactMean(space, ndarray(new Float64Array(0), [0, 2]))).toThrow(/there are no points/);
    expect(() => exactMean(space, ndarray(Float64Array.of(1, 2, 3), [1, 3]))).toThrow(/has shape \[1,3\]/);
  });
});
