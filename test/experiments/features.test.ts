/** The experiment that trains the digit features: weights, accuracy, and a distance that grows with what is spoiled. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadDigitFeatures } from "../../src/evaluation/index.js";
import { run } from "../../src/experiments/features.js";

const out = mkdtempSync(join(tmpdir(), "atlas-features-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

const options = { fast: true, seed: 0, out, report: () => {}, threads: 1, cells: ["strokes"] };

it("features: keeps the weights of a fast run beside its report, not in the cache, and reads its cells back", async () => {
  await run(options);
  const path = join(out, "cells", "strokes.json");
  const { value } = JSON.parse(readFileSync(path, "utf8"));
  expect(value.accuracy).toBeGreaterThan(0.5);
  expect(loadDigitFeatures(join(out, "digit-features-strokes")).accuracy).toBe(value.accuracy);
  for (const name of ["pixel noise", "shift", "classes left out"]) {
    const distances = value.calibration
      .filter(({ disturbance }: { disturbance: string }) => disturbance === name)
      .map(({ distance }: { distance: number }) => distance);
    expect(distances).toHaveLength(5);
    expect(distances[4]).toBeGreaterThan(2 * distances[0]);
  }
  const report = readFileSync(join(out, "report.md"), "utf8");
  expect(report).toContain("atlas reproduce features --fast --seed 0");
  expect(report).toContain("test digits classified right");
  expect(report).toContain(`Distances of ${value.images} test images on either side:`);
  const before = readFileSync(path, "utf8");
  await run(options);
  expect(readFileSync(path, "utf8")).toBe(before);
  // without its weights a result is computed again
  rmSync(join(out, "digit-features-strokes"), { recursive: true });
  await run(options);
  expect(existsSync(join(out, "digit-features-strokes"))).toBe(true);
  await expect(run({ ...options, steps: 3 })).rejects.toThrow(/--steps: the experiment "features" does not take it/);
}, 120_000);
