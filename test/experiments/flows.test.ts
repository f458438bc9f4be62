import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { earthFolder } from "../../src/data/earth.js";
import { run as runEarth } from "../../src/experiments/earth.js";
import { meanWithSpread } from "../../src/experiments/flow-report.js";
import { run as runVmf } from "../../src/experiments/vmf-flows.js";

const folder = mkdtempSync(join(tmpdir(), "flow-experiments-"));
afterAll(() => rmSync(folder, { recursive: true }));
const options = { fast: true, seed: 0, report: () => {}, steps: 20, threads: 1 };

describe("experiments on flows write a report, figures and a picture", () => {
  it("vmf-flows: the published number beside ours, none of ours below the floor", async () => {
    const { files } = await runVmf({ ...options, out: join(folder, "vmf") });
    for (const path of files) expect(existsSync(path)).toBe(true);
    const report = readFileSync(join(folder, "vmf", "report.md"), "utf8");
    expect(report).toContain("6.45 ± 2.42");
    expect(report).toContain("--fast --seed 0 --steps 20");
    const [, ...rows] = readFileSync(join(folder, "vmf", "results.csv"), "utf8")
      .trim()
      .split("\n");
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      const [, , , , value, floor] = row.split(",").map(Number);
      expect(value).toBeGreaterThan(floor - 0.05);
    }
  });

  it.skipIf(earthFolder() === undefined)("earth, where ATLAS_DATA has it", async () => {
    await runEarth({ ...options, out: join(folder, "earth") });
    expect(readFileSync(join(folder, "earth", "report.md"), "utf8")).toContain("827 rows on 267 places");
    expect(
      readFileSync(join(folder, "earth", "volcano.png"))
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
  });

  it("spreads are 1.96 standard errors", () => {
    expect(meanWithSpread([1, 2, 3])).toBe("2.00 ± 1.13 (3)");
    expect(meanWithSpread([1])).toBe("1.00 (1)");
  });
});
