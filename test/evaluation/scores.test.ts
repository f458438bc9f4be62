/** Scores of samples against closed forms and definitions. */
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/engine/index.js";
import {
  bestF,
  evaluateGenerated,
  frechetDistance,
  frechetScore,
  frechetScoreOf,
  improvedPrecisionRecall,
  mannWhitney,
  memorisationTest,
  momentsOf,
  nearestRows,
  precisionRecallCurve,
  precisionRecallForDistributions,
  reconstructionError,
  scoreGenerated,
  wideFrechetScore,
} from "../../src/evaluation/index.js";
import { nearestNeighbours } from "../../src/numerics/neighbours.js";
import { normalArray, randomKey } from "../../src/numerics/random.js";

function normal(seed: number, n: number, d: number, shift = 0, scale = 1): NdArray {
  return ndarray(
    normalArray(randomKey(seed), n * d).map((v) => scale * v + shift),
    [n, d],
  );
}

const named = { features: "test-feature" };

describe("Frechet distance", () => {
  const diagonal = (mean: number[], variances: number[]) => {
    const d = mean.length;
    const covariance = new Float64Array(d * d);
    variances.forEach((v, i) => {
      covariance[i * d + i] = v;
    });
    return { mean: Float64Array.from(mean), covariance };
  };

  it("is the closed form for commuting covariances: sum of squared differences of means and deviations", () => {
    expect(frechetDistance(diagonal([1, 2], [4, 9]), diagonal([0, 4], [1, 16]))).toBeCloseTo(1 + 4 + 1 + 1, 10);
  });

  it("for two dimensions is the closed form tr(AB)^{1/2} = sqrt(tr AB + 2 sqrt det AB); symmetric; 0 for equal laws", () => {
    const a = { mean: Float64Array.of(0, 0), covariance: Float64Array.of(2, 0.5, 0.5, 1) };
    const b = { mean: Float64Array.of(1, -1), covariance: Float64Array.of(1, -0.3, -0.3, 3) };
    const trace = 2 * 1 + 0.5 * -0.3 * 2 + 1 * 3;
    const determinant = (2 - 0.25) * (3 - 0.09);
    const expected = 2 + 3 + 4 - 2 * Math.sqrt(trace + 2 * Math.sqrt(determinant));
    expect(frechetDistance(a, b)).toBeCloseTo(expected, 10);
    expect(frechetDistance(b, a)).toBeCloseTo(expected, 10);
    expect(frechetDistance(a, a)).toBeCloseTo(0, 10);
  });

  it("of wide features agrees with that of narrow ones, and the delta method with the bootstrap", async () => {
    const [real, made] = [normal(1, 1500, 12), normal(2, 1100, 12, 0.3, 1.4)];
    const narrow = frechetScore(real, made, { ...named, draws: 60 });
    const wide = await wideFrechetScore(real, made, { ...named, threads: 1 });
    expect(wide.value).toBeCloseTo(narrow.value, 8);
    expect(wide.standardError / narrow.standardError).toBeGreaterThan(0.65);
    expect(wide.standardError / narrow.standardError).toBeLessThan(1.5);
    // fewer rows than features: singular covariances
    const few = await frechetScoreOf(normal(3, 60, 130), normal(4, 70, 130, 0.2), { ...named, threads: 1 });
    const reference = frechetDistance(momentsOf(normal(3, 60, 130)), momentsOf(normal(4, 70, 130, 0.2)));
    expect(few.value / reference).toBeCloseTo(1, 6);
    expect(few.uncertainty).toBe("delta method");
    expect((await frechetScoreOf(real, made, { ...named, draws: 2 })).uncertainty).toBe("bootstrap, 2 draws");
  });

  it("takes singular covariances (fewer rows than dimensions)", () => {
    const few = momentsOf(normal(1, 3, 6));
    expect(frechetDistance(few, few)).toBeCloseTo(0, 6);
    expect(frechetDistance(few, momentsOf(normal(2, 4, 6)))).toBeGreaterThan(0);
  });

  it("from samples it comes near the true distance, with an error of the right size, the same for the same seed", () => {
    // truth: 3 (0.5^2 + (1.5 - 1)^2) = 1.5
    const found = frechetScore(normal(1, 3000, 3), normal(2, 3000, 3, 0.5, 1.5), { ...named, seed: 4 });
    expect(Math.abs(found.value - 1.5)).toBeLessThan(5 * found.standardError + 0.01);
    expect(found.standardError).toBeLessThan(0.2);
    expect(found.name).toBe("test-feature Frechet distance");
    expect(frechetScore(normal(1, 3000, 3), normal(2, 3000, 3, 0.5, 1.5), { ...named, seed: 4 })).toEqual(found);
  });

  it("refuses features of two networks and numbers that are not finite", () => {
    expect(() => frechetScore(normal(1, 9, 3), normal(1, 9, 2), named)).toThrow(/rows of 3 numbers against rows of 2/);
    const bad = normal(1, 9, 3);
    bad.data[4] = Number.NaN;
    expect(() => frechetScore(bad, bad, named)).toThrow(/row 1 holds NaN/);
  });
});

describe("precision and recall for distributions", () => {
  it("is 1, 1 for equal histograms and 0 for disjoint ones", () => {
    const equal = precisionRecallCurve([1, 2, 3], [2, 4, 6]);
    expect(bestF(equal, 8)).toBeCloseTo(1, 2);
    expect(bestF(equal, 1 / 8)).toBeCloseTo(1, 2);
    const apart = precisionRecallCurve([1, 0], [0, 1]);
    expect(bestF(apart, 8)).toBe(0);
  });

  it("a model that misses half of the data has recall 1/2 and precision 1", () => {
    // alpha(l) = min(l / 2, 1): F_8 near recall 1/2, F_1/8 near precision 1
    const half = precisionRecallCurve([1, 1], [1, 0]);
    expect(Math.max(...half.recall)).toBeCloseTo(0.5, 6);
    expect(Math.max(...half.precision)).toBeCloseTo(1, 6);
    expect(bestF(half, 8)).toBeLessThan(0.52);
    expect(bestF(half, 1 / 8)).toBeGreaterThan(0.97);
    // and the other way round
    const wide = precisionRecallCurve([1, 0], [1, 1]);
    expect(bestF(wide, 8)).toBeGreaterThan(0.97);
    expect(bestF(wide, 1 / 8)).toBeLessThan(0.52);
  });

  it("on features: identical sets give 1, 1", () => {
    const set = normal(1, 400, 3);
    const { scores, curve } = precisionRecallForDistributions(set, set, { ...named, runs: 3 });
    expect(scores[0].value).toBeCloseTo(1, 2);
    expect(scores[1].value).toBeCloseTo(1, 2);
    expect(curve.precision).toHaveLength(1001);
  });

  it("on features: a missing mode costs recall only; sets of unequal size are cut", () => {
    const real = normal(1, 800, 2);
    for (let i = 0; i < 800; i++) if (i % 2) real.data[2 * i] += 20;
    const { scores } = precisionRecallForDistributions(real, normal(2, 500, 2), { ...named, runs: 3 });
    expect(scores[0].value).toBeLessThan(0.6);
    expect(scores[1].value).toBeGreaterThan(0.85);
    expect(scores[0].images).toBe(500);
  });
});

describe("improved precision and recall", () => {
  it("is near 1 for one law, low in precision for stray samples, low in recall for missing ones", async () => {
    const real = normal(1, 300, 2);
    const [p, r] = await improvedPrecisionRecall(real, normal(2, 300, 2), { ...named, threads: 1 });
    expect(p.value).toBeGreaterThan(0.85);
    expect(r.value).toBeGreaterThan(0.85);
    const [narrowP, narrowR] = await improvedPrecisionRecall(real, normal(3, 300, 2, 0, 0.1), { ...named, threads: 1 });
    expect(narrowP.value).toBeGreaterThan(0.95);
    expect(narrowR.value).toBeLessThan(0.3);
    const [wideP] = await improvedPrecisionRecall(real, normal(4, 300, 2, 0, 10), { ...named, threads: 1 });
    expect(wideP.value).toBeLessThan(0.3);
    const [same, all] = await improvedPrecisionRecall(real, real, { ...named, threads: 1 });
    expect([same.value, all.value]).toEqual([1, 1]);
    // all of 300 is not certain: about sqrt(2)/304
    expect(same.standardError).toBeCloseTo(Math.SQRT2 / 304, 4);
  });
});

describe("nearest rows", () => {
  it("agrees with brute force, with and without the row itself", async () => {
    const [queries, points] = [normal(1, 40, 12), normal(2, 60, 12)];
    const found = await nearestRows(queries, points, 3, { threads: 1 });
    const other = nearestNeighbours(points.data as Float64Array, 12, 3, { queries: queries.data as Float64Array });
    expect(found.indices).toEqual(other.indices);
    found.distances.forEach((v, i) => expect(v).toBeCloseTo(other.distances[i], 10));
    const own = await nearestRows(points, points, 2, { others: true, threads: 1 });
    expect(own.indices).toEqual(nearestNeighbours(points.data as Float64Array, 12, 2).indices);
  });

  it("finds a copy at distance 0", async () => {
    const points = normal(2, 60, 12, 5);
    const { indices, distances } = await nearestRows(ndarray(points.data.slice(12, 24), [1, 12]), points, 1, {
      threads: 1,
    });
    expect([indices[0], distances[0]]).toEqual([1, 0]);
  });
});

describe("memorisation", () => {
  it("tells copies from fresh draws", async () => {
    const train = normal(1, 200, 5);
    const heldOut = normal(2, 150, 5);
    const fresh = await memorisationTest(normal(3, 150, 5), heldOut, train, { threads: 1 });
    // beyond 4 standard deviations in 1 of 15,000 seeds
    expect(Math.abs(fresh.z)).toBeLessThan(4);
    const copies = ndarray(
      (train.data as Float64Array).slice(0, 500).map((v) => v + 0.01),
      [100, 5],
    );
    const copied = await memorisationTest(copies, heldOut, train, { threads: 1 });
    expect(copied.score.value).toBeCloseTo(1, 6);
    expect(copied.sentence).toMatch(/copies/);
    expect(copied.nearest.indices[7]).toBe(7);
  });

  it("its statistic is the share of pairs, ties counted half", () => {
    expect(mannWhitney(Float64Array.of(1, 2), Float64Array.of(2, 3, 4)).share).toBeCloseTo(5.5 / 6, 12);
    expect(mannWhitney(Float64Array.of(1, 1), Float64Array.of(1, 1)).share).toBeCloseTo(0.5, 12);
  });
});

describe("all together", () => {
  it("gives every score with uncertainty, number of images and seed, and warns of few images", async () => {
    const features = { name: "plain-feature", inputDimension: 4, features: async (rows: NdArray) => rows };
    const heldOut = normal(2, 100, 4);
    const result = await evaluateGenerated(
      { generated: normal(1, 120, 4), heldOut, train: normal(3, 200, 4), reconstructions: heldOut, features },
      { threads: 1, draws: 5, seed: 7 },
    );
    expect(result.scores.map((s) => s.name)).toEqual([
      "plain-feature Frechet distance",
      "plain-feature PRD F_8 (recall)",
      "plain-feature PRD F_1/8 (precision)",
      "plain-feature improved precision",
      "plain-feature improved recall",
      "memorisation (1/2: none, 1: copies)",
      "reconstruction error (mean square)",
      "plain-feature Frechet distance of reconstructions",
    ]);
    for (const s of result.scores) {
      expect(s.seed).toBe(7);
      expect(s.images).toBeGreaterThanOrEqual(100);
      expect(s.standardError).toBeGreaterThanOrEqual(0);
    }
    expect(result.scores[6].value).toBe(0);
    expect(result.scores[7].value).toBeCloseTo(0, 6);
    expect(result.warnings[0]).toMatch(/100 images are few/);
    expect(result.warnings[1]).toMatch(/100 images are few for PRD in 20 clusters, 5 a cluster/);
    expect(result.warnings[2]).toMatch(/improved precision and recall of fewer than 1000 images/);
    expect(result.nearestReconstruction!.indices).toHaveLength(120);
  });

  it("names the number of clusters where there are fewer images than clusters", async () => {
    const features = { name: "plain-feature", inputDimension: 4, features: async (rows: NdArray) => rows };
    const given = { generated: normal(1, 60, 4), heldOut: normal(2, 12, 4), train: normal(3, 30, 4), features };
    const { scores, warnings } = await scoreGenerated(given, ["prd"], { threads: 1 });
    expect(scores.map(({ name }) => name)).toEqual([
      "plain-feature PRD F_8 (recall), 12 clusters",
      "plain-feature PRD F_1/8 (precision), 12 clusters",
    ]);
    expect(warnings).toEqual([expect.stringContaining("12 images are few for PRD in 12 clusters, 1 a cluster")]);
  });

  it("reconstruction error is the mean square", () => {
    const s = reconstructionError(
      ndarray(Float64Array.of(1, 2, 3, 4), [2, 2]),
      ndarray(Float64Array.of(1, 0, 3, 5), [2, 2]),
    );
    expect(s.value).toBeCloseTo((2 + 0.5) / 2, 12);
  });
});
