import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { UsageError } from "../../src/errors.js";
import { correlationsWith } from "../../src/experiments/sequences/correlations.js";
import { run } from "../../src/experiments/sequences.js";
import { normalArray, randomKey, stream } from "../../src/numerics/random.js";

const out = mkdtempSync(join(tmpdir(), "sequences-"));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(out, { recursive: true });
});
/** A family on a tree of four clades, in the place of the real one: each sequence is its clade's with mutations. */
function plantFamily(folder: string): void {
  const random = stream(randomKey(5));
  const letter = () => "ACGU"[Math.floor(4 * random.uniform())];
  const mutated = (from: string, rate: number) =>
    [...from].map((x) => (random.uniform() < rate ? (random.uniform() < 0.1 ? "-" : letter()) : x)).join("");
  const root = Array.from({ length: 24 }, letter).join("");
  const clades = Array.from({ length: 4 }, () => mutated(root, 0.5));
  const records = Array.from({ length: 240 }, (_, i) => `>s${i}\n${mutated(clades[i % 4], 0.08)}\n`);
  mkdirSync(join(folder, "rna"), { recursive: true });
  writeFileSync(join(folder, "rna", "RF00379.fasta"), records.join(""));
}

describe("correlations of distance matrices", () => {
  const n = 30;
  const points = normalArray(randomKey(1), n);
  const matrix = (f: (distance: number) => number) =>
    Float64Array.from({ length: n * n }, (_, k) => f(Math.abs(points[Math.floor(k / n)] - points[k % n])));
  const truth = matrix((d) => d);
  const noise = normalArray(randomKey(2), n * n);
  const random = matrix(() => 0).map((_, k) => noise[Math.min(k, (k % n) * n + Math.floor(k / n))]);

  it("are 1 for the matrix itself and, of ranks, for any rising function of it", () => {
    const [itself, cubed] = correlationsWith(truth, [truth, matrix((d) => d ** 3)], n, 20, randomKey(0));
    expect(itself.pearson.value).toBeCloseTo(1, 12);
    for (const bound of ["value", "low", "high"] as const) expect(cubed.spearman[bound]).toBeCloseTo(1, 12);
    expect(cubed.pearson.value).toBeLessThan(0.95);
    expect(cubed.gain.value).toBeCloseTo(0, 12);
  });
  it("have intervals around them that hold 0 for what is unrelated, and pairs that are not finite are left out", () => {
    const [, unrelated] = correlationsWith(truth, [truth, random], n, 100, randomKey(0));
    expect(unrelated.spearman.low).toBeLessThan(0);
    expect(unrelated.spearman.high).toBeGreaterThan(0);
    expect(unrelated.gain.high).toBeLessThan(0);
    const holes = truth.map((d, k) => (k % 7 === 0 && (Math.floor(k / n) + k) % 2 ? Infinity : d));
    expect(correlationsWith(holes, [truth], n, 5, randomKey(0))[0].pearson.value).toBeCloseTo(1, 12);
  });
});

describe("the experiment on sequences", () => {
  it("says where its data are looked for", async () => {
    vi.stubEnv("ATLAS_DATA", join(out, "nowhere"));
    vi.stubEnv("ATLAS_CACHE", join(out, "nowhere"));
    const attempt = run({ fast: true, seed: 0, out, report: () => {} });
    await expect(attempt).rejects.toThrow(UsageError);
    await expect(attempt).rejects.toThrow(/RF00379 \(FASTA\); put them at .*nowhere/);
    vi.unstubAllEnvs();
  });
  it("measures, keeps its cell, and writes report and pictures", { timeout: 120_000 }, async () => {
    plantFamily(out);
    vi.stubEnv("ATLAS_DATA", out);
    const options = { fast: true, seed: 0, out, report: () => {}, epochs: 30, samples: 16, threads: 1 };
    await run(options);
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("| geodesic, Fisher-Rao, calibrated |");
    expect(report).not.toMatch(/NaN|undefined/);
    for (const file of ["latent.png", "distances.png", "results.csv"]) expect(existsSync(join(out, file))).toBe(true);
    const { value } = JSON.parse(readFileSync(join(out, "cells", "seed-0.json"), "utf8"));
    expect(value.pairs).toBe(120);
    // A geodesic is no shorter than the distance of the two laws in the space of all laws (but for the table's error).
    for (const row of value.sample) expect(row[3]).toBeGreaterThan(0.95 * row[7] - 1e-6);
    expect(value.correlations.hamming["fisher-rao"].spearman.value).toBeGreaterThan(0.2); // clades are told apart
    const before = readFileSync(join(out, "results.csv"), "utf8");
    await run({ ...options, cells: ["seed-0"] }); // read back, not computed
    expect(readFileSync(join(out, "results.csv"), "utf8")).toBe(before);
  });
});
