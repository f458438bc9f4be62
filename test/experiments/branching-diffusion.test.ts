import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  branchingTree,
  COPIES,
  depthOf,
  distortion,
  NODES,
  splitTree,
  treeDistance,
} from "../../src/experiments/branching-diffusion/tree.js";
import { run } from "../../src/experiments/branching-diffusion.js";

describe("the branching diffusion", () => {
  const tree = branchingTree(3);

  it("has 127 nodes of depth up to 6, and 635 standardised rows", () => {
    expect(NODES).toBe(127);
    expect(depthOf(126)).toBe(6);
    expect(tree.data.n).toBe(635);
    for (let j = 0; j < 50; j++) {
      const column = Array.from({ length: 635 }, (_, r) => tree.data.rows[r * 50 + j]);
      const mean = column.reduce((sum, value) => sum + value, 0) / 635;
      expect(mean).toBeCloseTo(0, 5);
      expect(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 635).toBeCloseTo(1, 5);
    }
  });

  it("steps with variance 1 along edges and emits copies with variance 1/5, in the same units", () => {
    // Variances relative to each other survive standardisation: steps have 5 times the variance of the copies' noise.
    const D = 50;
    let [steps, noise] = [0, 0];
    for (let i = 1; i < NODES; i++)
      for (let j = 0; j < D; j++) steps += (tree.nodes[i * D + j] - tree.nodes[((i - 1) >> 1) * D + j]) ** 2;
    for (let r = 0; r < tree.data.n; r++)
      for (let j = 0; j < D; j++)
        noise += (tree.data.rows[r * D + j] - tree.nodes[Math.floor(r / COPIES) * D + j]) ** 2;
    const ratio = steps / ((NODES - 1) * D) / (noise / (tree.data.n * D));
    expect(ratio).toBeGreaterThan(4.6); // relative standard error 0.02 (6,300 and 31,750 squares)
    expect(ratio).toBeLessThan(5.4);
  });

  it("measures distances along the tree, and no distortion of them where there is none", () => {
    expect(treeDistance(0, 0)).toBe(0);
    expect(treeDistance(1, 2)).toBe(2);
    expect(treeDistance(63, 126)).toBe(12);
    expect(treeDistance(3, 7)).toBe(1);
    const exact = distortion((a, b) => 2.5 * treeDistance(a, b));
    expect(exact.average).toBeCloseTo(0, 12);
    expect(exact.worst).toBeCloseTo(1, 12);
    expect(exact.correlation).toBeCloseTo(1, 12);
    const bent = distortion((a, b) => treeDistance(a, b) ** 2);
    expect(bent.worst).toBeCloseTo(12, 12);
    expect(bent.average).toBeGreaterThan(0.1);
  });

  it("splits rows as published, or whole nodes", () => {
    const rows = splitTree(tree, "rows", 0);
    expect([rows.train.n, rows.test.n]).toEqual([444, 191]);
    const nodes = splitTree(tree, "nodes", 0);
    expect(nodes.train.n + nodes.test.n).toBe(635);
    const seen = new Set(nodes.train.labels);
    for (const label of nodes.test.labels!) expect(seen.has(label)).toBe(false);
    const both = new Set(rows.train.labels);
    expect(Array.from(rows.test.labels!).some((label) => both.has(label))).toBe(true);
  });

  it("runs in small and writes report, table and picture", async () => {
    const out = mkdtempSync(join(tmpdir(), "branching-"));
    const said: string[] = [];
    const { rows } = await run({
      fast: true,
      curvatures: [0, 1.2],
      epochs: 2,
      samples: 5,
      out,
      threads: 1,
      report: { say: (text) => said.push(text) },
    });
    expect(rows).toHaveLength(8);
    for (const row of rows) {
      expect(row.bound).toBeGreaterThan(40);
      expect(row.bound).toBeLessThan(100);
      // 128 of 191 rows (of 195, split by nodes: 192) over all
      if (row.split === "rows") expect(row.asPublished / row.bound).toBeLessThan(0.75);
    }
    expect(readFileSync(join(out, "report.md"), "utf8")).toContain("55.6");
    expect(readFileSync(join(out, "table.csv"), "utf8").trim().split("\n")).toHaveLength(9);
    expect(existsSync(join(out, "tree.png"))).toBe(true);
    expect(said).toHaveLength(1);
    await expect(run({ out, curvatures: [0.5] })).rejects.toThrow(/curvatures: \[0.5\]/);
  }, 120_000);
});
