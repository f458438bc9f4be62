import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { atTimes, bytesOf, greyOf } from "../../src/experiments/information-vs-euclidean/measure.js";
import { stripSheet } from "../../src/experiments/information-vs-euclidean/strips.js";
import { run } from "../../src/experiments/information-vs-euclidean.js";

describe("curves and strips", () => {
  it("are sampled at even times", () => {
    expect([...atTimes(Float64Array.of(0, 0, 1, 10, 4, 20), 2, 5)]).toEqual([0, 0, 0.5, 5, 1, 10, 2.5, 15, 4, 20]);
  });

  it("keep grey values to half a level, cut off at black and white", () => {
    const values = [0, 0.25, 1, -3, 7, 0.6];
    const back = greyOf(bytesOf(values));
    [0, 0.25, 1, 0, 1, 0.6].forEach((value, i) => {
      expect(Math.abs(back[i] - value)).toBeLessThanOrEqual(0.5 / 255 + 1e-12);
    });
  });

  it("are drawn with every image and name", () => {
    const svg = stripSheet({
      groups: [{ heading: "pair 1", rows: [{ name: "one & two", images: new Float64Array(3 * 4).fill(0.5) }] }],
      images: 3,
      height: 2,
      width: 2,
      title: "strip",
    });
    expect(svg.match(/<image/g)).toHaveLength(3);
    expect(svg).toContain("one &amp; two");
  });
});

describe("Fisher-Rao beside the expected metric", () => {
  it("runs in small: each geodesic is shortest in its own metric", async () => {
    const out = mkdtempSync(join(tmpdir(), "information-"));
    const { cells } = await run({ fast: true, seed: 0, out, threads: 1, report: () => {} });
    const { pairs } = cells[0].result.value;
    expect(pairs).toHaveLength(3);
    for (const pair of pairs.filter(({ converged }) => converged)) {
      // solved to 1e-4 and measured by 128 chords
      expect(pair.inFisherRao.fisherRao).toBeLessThan(
        1.002 * Math.min(pair.inFisherRao.expected, pair.inFisherRao.straight),
      );
      expect(pair.inExpected.expected).toBeLessThan(
        1.002 * Math.min(pair.inExpected.fisherRao, pair.inExpected.straight),
      );
      expect(pair.apart).toBeGreaterThanOrEqual(0);
      expect(pair.noise.straight).toBeGreaterThan(0);
    }
    expect(pairs.some(({ converged }) => converged)).toBe(true);
    expect(readFileSync(join(out, "report.md"), "utf8")).not.toContain("NaN");
    for (const name of ["metrics.png", "strips.png"])
      expect(readFileSync(join(out, name)).length).toBeGreaterThan(1000);
  }, 300_000);
});
