import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { earthFolder } from "../../src/data/earth.js";
import { cellName, earthPlan } from "../../src/experiments/earth/plan.js";
import { run as runEarth } from "../../src/experiments/earth.js";
import { describeGaps, meanWithSpread } from "../../src/experiments/flow-report.js";
import { run as runTorus } from "../../src/experiments/torus.js";
import { run as runVmf } from "../../src/experiments/vmf-flows.js";

const folder = mkdtempSync(join(tmpdir(), "flow-experiments-"));
afterAll(() => rmSync(folder, { recursive: true }));
const options = { fast: true, seed: 0, report: () => {}, steps: 20, threads: 1 };

const isPng = (path: string) => readFileSync(path).subarray(1, 4).toString() === "PNG";

describe("experiments on flows write cells, a report, figures and a picture", () => {
  it("vmf-flows: the published number beside ours, none of ours below the floor, cells not asked for as not run", async () => {
    const out = join(folder, "vmf");
    const { files } = await runVmf({ ...options, out, cells: ["likelihood"] });
    for (const path of files) expect(existsSync(path)).toBe(true);
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("6.45 ± 2.42");
    expect(report).toContain("--fast --seed 0 --steps 20");
    expect(report).toContain("2 of 4 cells not run");
    expect(report).toMatch(/\| kl \| 10 \| riemannian \| not run \|/);
    const [, ...rows] = readFileSync(join(out, "results.csv"), "utf8").trim().split("\n");
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      const [, , , , value, error, floor] = row.split(",").map(Number);
      expect(value).toBeGreaterThan(floor - 6 * error); // false alarm below 1e-8
    }
    expect(isPng(join(out, "density.png"))).toBe(true);
  });

  it.skipIf(earthFolder() === undefined)("earth, where ATLAS_DATA has it, reads its cells back", async () => {
    const out = join(folder, "earth");
    await runEarth({ ...options, out, cells: ["mixture", "riemannian"] });
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("827 rows on 267 places");
    expect(report).toContain("-0.97 ± 0.15");
    expect(isPng(join(out, "volcano.png"))).toBe(true);
    expect(isPng(join(out, "volcano-models.png"))).toBe(true);
    const cell = join(out, "cells", "volcano-place-riemannian-split0.json");
    utimesSync(cell, 1000, 1000);
    await runEarth({ ...options, out, cells: ["riemannian"] });
    expect(statSync(cell).mtimeMs).toBe(1_000_000); // not computed again
    expect(existsSync(join(out, "flows", "volcano-place-riemannian-split0", "config.json"))).toBe(true);
  });

  it("torus: beside the floor", async () => {
    const out = join(folder, "torus");
    await runTorus({ ...options, out });
    const [, row] = readFileSync(join(out, "results.csv"), "utf8").trim().split("\n");
    const [, , nll, floor, mass] = row.split(",").map(Number);
    expect(nll).toBeGreaterThan(floor - 0.1);
    expect(mass).toBeCloseTo(1, 1);
    expect(isPng(join(out, "density.png"))).toBe(true);
  });

  it("refuse options that they do not take", async () => {
    await expect(runTorus({ ...options, out: folder, samples: 3 })).rejects.toThrow(/--samples/);
  });
});

describe("parts of the reports", () => {
  it("the plan of earth: every table row by three splits, the learning curve besides, all names different", () => {
    const { cells, rows } = earthPlan({ ...options, fast: false, out: folder });
    const names = cells.map(cellName);
    expect(new Set(names).size).toBe(names.length);
    expect(rows).toHaveLength(4 * 2 * 3 + 3 * 3);
    expect(cells).toHaveLength(3 * rows.length);
    expect(names).toContain("flood-place-riemannian-1of16-split2");
  });

  it("spreads are 1.96 standard errors", () => {
    expect(meanWithSpread([1, 2, 3])).toBe("2.00 ± 1.13 (3)");
    expect(meanWithSpread([1])).toBe("1.00 (1)");
    expect(meanWithSpread([])).toBe("not run");
  });

  it("integration gaps say what failed", () => {
    expect(describeGaps([0.1, -0.2])).toBe("at most 0.2000 nats over 2 flows");
    expect(describeGaps([null, 0.1])).toMatch(/1 flows were too stiff/);
  });
});
