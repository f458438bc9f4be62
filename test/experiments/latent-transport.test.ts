import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { blend } from "../../src/experiments/latent-transport/measure.js";
import { run } from "../../src/experiments/latent-transport.js";

describe("latent transport", () => {
  it("blends the images at the ends", () => {
    const path = Float32Array.of(0, 1, 9, 9, 9, 9, 1, 0);
    expect([...blend(path, 4)].map((x) => Number(x.toFixed(5)))).toEqual([
      0, 1, 0.33333, 0.66667, 0.66667, 0.33333, 1, 0,
    ]);
  });

  it("runs in small, on a plane and in thirty dimensions", async () => {
    const out = mkdtempSync(join(tmpdir(), "transport-"));
    const { cells } = await run({
      fast: true,
      seed: 0,
      out,
      threads: 1,
      epochs: 2,
      report: () => {},
      cells: ["ones", "all"],
    });
    expect(cells.map(({ set }) => set.name)).toEqual(["ones", "all"]);
    const [plane, high] = cells.map(({ result }) => result.value);
    expect(Object.keys(plane.pairs[0].scores)).toEqual(["geodesic", "firstOrder", "straight", "pixels"]);
    expect(Object.keys(high.pairs[0].scores)).toEqual(["geodesic", "straight", "pixels"]);
    for (const { pairs, heldOutNearest } of [plane, high]) {
      expect(heldOutNearest).toBeGreaterThan(0);
      for (const { scores, length, straightLength, converged } of pairs) {
        if (converged) expect(length).toBeLessThan(1.002 * straightLength);
        for (const score of Object.values(scores)) {
          expect(score.nearest).toBeGreaterThan(0);
          expect(score.farthest).toBeGreaterThanOrEqual(score.nearest);
        }
      }
    }
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("| 3, latent plane | not run |");
    expect(report).not.toContain("NaN");
    expect(readFileSync(join(out, "strips-all.png")).length).toBeGreaterThan(1000);
  }, 300_000);
});
