import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  clusterAccuracy,
  clusters,
  euclideanDistances,
  neighbourAccuracy,
  pairFMeasure,
} from "../../src/experiments/oddity/partitions.js";
import { run } from "../../src/experiments/oddity.js";
import { randomKey, split, stream } from "../../src/numerics/random.js";

describe("clusters and neighbours from distances", () => {
  const random = stream(split(randomKey(2), "blobs"));
  const labels = Int32Array.from({ length: 60 }, (_, i) => [3, 7, 9][i % 3]);
  const points = Float64Array.from({ length: 120 }, (_, k) => {
    const blob = Math.floor(k / 2) % 3;
    return [0, 8, k % 2 === 0 ? 0 : 8][blob] + random.normal();
  });
  const distances = euclideanDistances(points, 60, 2);

  it("find three blobs, and name them best", () => {
    const assignment = clusters(distances, 60, 3, randomKey(1));
    expect(clusterAccuracy(assignment, labels)).toBe(1);
    expect(pairFMeasure(assignment, labels)).toBe(1);
    expect(neighbourAccuracy(distances, 60, labels, 5)).toBe(1);
  });

  it("score by the best naming, as all permutations would", () => {
    const assignment = Array.from({ length: 60 }, () => Math.floor(3 * random.uniform()));
    const orders = [
      [3, 7, 9],
      [3, 9, 7],
      [7, 3, 9],
      [7, 9, 3],
      [9, 3, 7],
      [9, 7, 3],
    ];
    const best = Math.max(
      ...orders.map((order) => assignment.filter((cluster, i) => order[cluster] === labels[i]).length / 60),
    );
    expect(clusterAccuracy(assignment, labels)).toBe(best);
  });

  it("have the F-measure of a hand-made case, and leave a point out of its own vote", () => {
    // clusters {0, 1, 2}, {3}; classes {0, 1}, {2, 3}: 1 pair in both, 3 together, 2 alike
    expect(pairFMeasure([0, 0, 0, 1], [0, 0, 1, 1])).toBeCloseTo(2 / 5, 12);
    const line = euclideanDistances([0, 1, 2.5, 4.5], 4, 1);
    expect(neighbourAccuracy(line, 4, [0, 0, 1, 1], 1)).toBe(0.75); // 2.5 is nearer to 1 than to 4.5
  });
});

describe("the oddity experiment", () => {
  it("runs in small: calibration raises a barrier; clusters and neighbours have scores", async () => {
    const out = mkdtempSync(join(tmpdir(), "oddity-"));
    const { cells } = await run({
      fast: true,
      seed: 0,
      out,
      threads: 1,
      epochs: 2,
      report: () => {},
      cells: ["zero-one-two", "ones"],
    });
    expect(cells.map(({ set }) => set.name)).toEqual(["zero-one-two", "ones"]);
    for (const { result } of cells) {
      expect(result.value.barrierAfter).toBeGreaterThan(1);
      expect(result.value.barrierAfter).toBeGreaterThan(result.value.barrierBefore + 1);
      expect(result.value.lengthRatio).toBeLessThan(1.0001);
      expect(result.value.map?.before).toHaveLength(24 * 24);
    }
    for (const scores of [cells[0].result.value.euclidean!, cells[0].result.value.geodesic!])
      for (const value of Object.values(scores)) {
        expect(value).toBeGreaterThan(0.4); // three classes: better than chance
        expect(value).toBeLessThanOrEqual(1);
      }
    expect(cells[1].result.value.geodesic).toBeUndefined(); // one class
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("| all ten | not run |");
    expect(report).not.toContain("NaN");
    expect(readFileSync(join(out, "magnification.png")).length).toBeGreaterThan(1000);
  }, 300_000);
});
