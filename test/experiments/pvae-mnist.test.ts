import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { importanceWeightedBound, trainPvae } from "../../src/autoencoders/pvae/index.js";
import { findMnist } from "../../src/data/mnist.js";
import type { Dataset } from "../../src/data/types.js";
import { ndarray } from "../../src/engine/index.js";
import { twoStageBound } from "../../src/experiments/pvae-mnist/bound.js";
import type { TrainedCell } from "../../src/experiments/pvae-mnist/cells.js";
import { digitAccuracies } from "../../src/experiments/pvae-mnist/classifier.js";
import { publishedBound, settingsOf } from "../../src/experiments/pvae-mnist/settings.js";
import { run } from "../../src/experiments/pvae-mnist.js";
import { randomKey, stream } from "../../src/numerics/random.js";

describe("the published table", () => {
  it("has a number, or a failure, for every row that is run", () => {
    const settings = settingsOf([2, 5, 10, 20]);
    expect(settings).toHaveLength(5 + 3 * 3);
    for (const setting of settings) expect(publishedBound(setting)).toBeDefined();
    expect(publishedBound({ law: "riemannian", curvature: 1.4, dimension: 2 })).toBe(142.5);
    expect(publishedBound({ law: "riemannian", curvature: 0.7, dimension: 20 })).toBe("failed");
    expect(publishedBound({ law: "wrapped", curvature: 0.5, dimension: 2 })).toBeUndefined();
  });
});

describe("the bound in two stages", () => {
  it("is the plain bound where all images have all samples, and close to it where few have", async () => {
    const random = stream(randomKey(2));
    const n = 60;
    const rows = Float32Array.from({ length: n * 6 }, () => random.normal());
    const data: Dataset = { name: "noise", rows, n, dimension: 6 };
    const { model } = await trainPvae(data, { encoderHidden: [5], decoderHidden: [5], epochs: 2, threads: 1 });
    const plain = await importanceWeightedBound(model, rows, { samples: 3000, seed: 3, threads: 1 });
    const mean = -plain.reduce((sum, value) => sum + value, 0) / n;
    const whole = await twoStageBound(model, data, { samples: 3000, fineImages: n, seed: 3, threads: 1 });
    expect(whole.bound).toBeCloseTo(mean, 10);
    expect(whole.standardError).toBe(0);
    const part = await twoStageBound(model, data, { samples: 3000, fineImages: 20, seed: 3, threads: 1 });
    expect(part.standardError).toBeGreaterThan(0);
    // both have Monte Carlo errors of about the standard error: eight of them for a false alarm below 1e-6
    expect(Math.abs(part.bound - mean)).toBeLessThan(8 * part.standardError + 0.02);
    expect(part.fineImages).toBe(20);
    expect(part.coarseSamples).toBe(100);
  }, 60_000);
});

describe("digits from codes", () => {
  it("are told apart where they lie apart, on the plane and on the disk, and not where codes are one point", async () => {
    const random = stream(randomKey(1));
    const codes = (n: number, spread: number) => {
      const labels = Int32Array.from({ length: n }, (_, i) => i % 10);
      const data = Float32Array.from({ length: 2 * n }, (_, i) => {
        const angle = (2 * Math.PI * labels[i >> 1]) / 10;
        return spread * 0.6 * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle)) + 0.02 * random.normal();
      });
      return { codes: ndarray(data, [n, 2]), labels };
    };
    for (const curvature of [0, 1.4]) {
      const options = { curvature, epochs: 20, trainings: 1, threads: 1 };
      const apart = await digitAccuracies(codes(3000, 1), codes(500, 1), options);
      expect(apart.overall).toBeGreaterThan(0.97);
      expect(apart.perDigit).toHaveLength(10);
    }
    const together = await digitAccuracies(codes(500, 0), codes(500, 0), {
      curvature: 0,
      epochs: 2,
      trainings: 1,
      threads: 1,
    });
    expect(together.overall).toBeLessThan(0.35);
  }, 60_000);
});

describe.skipIf(findMnist() === undefined)("the experiment, where MNIST is there", () => {
  it("runs in small by cells, goes on from what is there, and reports what is missing", async () => {
    const out = mkdtempSync(join(tmpdir(), "pvae-mnist-"));
    const options = {
      fast: true,
      seed: 0,
      out,
      epochs: 1,
      samples: 4,
      curvatures: [0, 1.4],
      threads: 1,
      report: () => {},
    };
    const first = await run({ ...options, cells: ["d2-euclidean-s0", "d2-wrapped-c1.4-s0-train"] });
    expect(first.cells).toHaveLength(3);
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("| 2 | Riemannian, c = 1.4 | 142.5 +- 0.4 to 0.6 | not run | - |");
    expect(report).toMatch(/\| 2 \| Euclidean \| 144\.5 \+- 0\.4 \| \d+\.\d+ \(1\)/);
    expect(report).toContain("Euclidean, published | 89 | 97 | 81");
    expect(existsSync(join(out, "codes.png"))).toBe(true);
    const trained = first.cells[0] as TrainedCell;
    expect(trained.digits!.perDigit).toHaveLength(10);
    rmSync(join(out, "models"), { recursive: true });
    // a bound without its model says what to do
    await expect(run({ ...options, cells: ["d2-wrapped-c1.4-s0-bound"] })).rejects.toThrow(
      /the model of this bound is not there/,
    );
    expect((await run({ ...options, cells: ["d2-euclidean"] })).cells).toHaveLength(3);
  }, 120_000);

  it("refuses what it does not take", async () => {
    const options = { fast: true, seed: 0, out: "unused", report: () => {} };
    await expect(run({ ...options, curvatures: [0.5] })).rejects.toThrow(/curvatures: 0.5 has no published row/);
    await expect(run({ ...options, steps: 5 })).rejects.toThrow(
      /--steps: the experiment "pvae-mnist" does not take it/,
    );
    await expect(run({ ...options, cells: ["nothing"] })).rejects.toThrow(/--cells: no cell's name contains "nothing"/);
  });
});
