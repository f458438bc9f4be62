import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fitGplvm, gplvmObjective } from "../../src/experiments/branching-diffusion/gplvm.js";
import { minimize } from "../../src/experiments/branching-diffusion/minimize.js";
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
import { randomKey, stream } from "../../src/numerics/random.js";

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

  it("runs in small, by cells, and writes report, table and picture", async () => {
    const out = mkdtempSync(join(tmpdir(), "branching-"));
    const said: string[] = [];
    const options = {
      fast: true,
      seed: 0,
      curvatures: [0, 1.2],
      epochs: 2,
      samples: 5,
      out,
      threads: 1,
      report: (line: string) => said.push(line),
    };
    const part = await run({ ...options, cells: ["rows-s1.7-c0-"] });
    expect(part.rows).toHaveLength(1);
    expect(readFileSync(join(out, "report.md"), "utf8")).toContain("not run");
    const { rows, classical } = await run(options);
    expect(rows).toHaveLength(8);
    for (const row of rows) {
      expect(row.bound).toBeGreaterThan(40);
      expect(row.bound).toBeLessThan(100);
      // 128 of 191 rows (of 195, split by nodes: 192) over all
      if (row.split === "rows") expect(row.asPublished / row.bound).toBeLessThan(0.75);
    }
    expect(rows.find((row) => row.codes && row.curvature === 0)).toEqual(part.rows[0]); // read back, not computed again
    expect(classical).toHaveLength(1);
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("55.6");
    expect(report).toContain(
      "atlas reproduce branching-diffusion --fast --seed 0 --epochs 2 --samples 5 --curvatures 0,1.2",
    );
    expect(readFileSync(join(out, "table.csv"), "utf8").trim().split("\n")).toHaveLength(11);
    expect(existsSync(join(out, "tree.png"))).toBe(true);
    await expect(run({ ...options, curvatures: [0.5] })).rejects.toThrow(/curvatures: \[0.5\]/);
    await expect(run({ ...options, steps: 3 })).rejects.toThrow(/--steps: the experiment/);
  }, 120_000);
});

describe("the Gaussian process latent variable model", () => {
  const random = stream(randomKey(4));
  const normals = (n: number) => Float64Array.from({ length: n }, () => random.normal());

  it("has the gradient of its objective, against central differences", () => {
    const [N, D, d] = [9, 4, 2];
    const f = gplvmObjective(normals(N * D), N, D, d);
    const x = normals(N * d + 3);
    const { gradient } = f(x);
    for (let i = 0; i < x.length; i++) {
      const at = (step: number) => f(x.map((value, k) => (k === i ? value + step : value))).value;
      const h = 1e-5;
      expect(gradient[i]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 6);
    }
  });

  it("has the density of a multivariate normal as its objective", () => {
    // N = 2, D = 1: log det and quadratic form by hand
    const [y1, y2, a, l, s] = [0.7, -1.1, 1.3, 0.8, 0.2];
    const x = Float64Array.of(0.4, -0.3, Math.log(a), Math.log(l), Math.log(s));
    const k = a * Math.exp((-0.5 * 0.7 ** 2) / l ** 2);
    const determinant = (a + s) ** 2 - k ** 2;
    const quadratic = ((a + s) * (y1 ** 2 + y2 ** 2) - 2 * k * y1 * y2) / determinant;
    const expected = 0.5 * (Math.log(determinant) + quadratic) + 0.5 * (0.4 ** 2 + 0.3 ** 2);
    expect(gplvmObjective(Float64Array.of(y1, y2), 2, 1, 1)(x).value).toBeCloseTo(expected, 8);
  });

  it("keeps the order along a curve, and improves on its start", () => {
    // A curve in R^6: its order comes back in one latent dimension.
    const n = 40;
    const rows = new Float64Array(n * 6);
    for (let i = 0; i < n; i++) {
      const t = i / (n - 1);
      rows.set([Math.cos(4 * t), Math.sin(4 * t), t, 2 * t, t * t, Math.cos(2 * t)], 6 * i);
    }
    const { codes, objective } = fitGplvm(rows, 6, { dimension: 1, steps: 100 });
    const turns = Array.from({ length: n - 2 }, (_, i) => (codes[i + 1] - codes[i]) * (codes[i + 2] - codes[i + 1]));
    expect(turns.filter((turn) => turn < 0)).toHaveLength(0);
    expect(objective).toBeLessThan(fitGplvm(rows, 6, { dimension: 1, steps: 2 }).objective - 100);
  });
});

describe("minimize", () => {
  it("comes to the minimum of Rosenbrock's function", () => {
    const { x, value } = minimize(
      ([a, b]) => {
        const rest = b - a * a;
        return {
          value: (1 - a) ** 2 + 100 * rest ** 2,
          gradient: Float64Array.of(-2 * (1 - a) - 400 * a * rest, 200 * rest),
        };
      },
      Float64Array.of(-1.2, 1),
    );
    expect(value).toBeLessThan(1e-10);
    expect(x[0]).toBeCloseTo(1, 4);
  });
});
