/** The experiments on sampling from the latent manifold: ranks, sheets, cells that are read back, a small run. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findMnist } from "../../src/data/mnist.js";
import { ndarray } from "../../src/engine/index.js";
import { agreement, chanceOf } from "../../src/experiments/geometric/order.js";
import { captionedSheet, stripOf } from "../../src/experiments/geometric/strip.js";
import { modelsOf, rowsOf } from "../../src/experiments/geometric-sampling/rows.js";
import { run as runTable } from "../../src/experiments/geometric-sampling.js";
import { run as runLambda } from "../../src/experiments/lambda.js";

const folder = mkdtempSync(join(tmpdir(), "geometric-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("agreement of two orders", () => {
  it("is 1 for equal orders, -1 for opposite ones, and counts pairs", () => {
    expect(agreement([1, 2, 3, 4], [10, 20, 30, 40])).toEqual({ pairs: 6, concordant: 6, tau: 1 });
    expect(agreement([1, 2, 3, 4], [4, 3, 2, 1]).tau).toBe(-1);
    expect(agreement([1, 2, 3], [1, 3, 2])).toEqual({ pairs: 3, concordant: 2, tau: 1 / 3 });
    expect(agreement([1, 1, 2], [1, 2, 3]).concordant).toBe(2); // a tie counts for neither
  });

  it("by chance: as counted over all permutations", () => {
    const permutations = (list: number[]): number[][] =>
      list.length < 2
        ? [list]
        : list.flatMap((x, i) => permutations(list.filter((_, j) => j !== i)).map((p) => [x, ...p]));
    const n = 5;
    const all = permutations([1, 2, 3, 4, 5]).map((p) => agreement([1, 2, 3, 4, 5], p).tau);
    for (const tau of [1, 0.8, 0.4, 0, -0.6])
      expect(chanceOf(tau, n)).toBeCloseTo(all.filter((t) => t >= tau - 1e-9).length / all.length, 12);
  });
});

describe("strips of images", () => {
  it("keep 8 bits of each value, channels last", () => {
    const strip = stripOf(ndarray(Float32Array.of(0, 1, 0.5, 0.2, -3, 7), [1, 6]), [3, 1, 2]);
    expect([...Buffer.from(strip.bytes, "base64")]).toEqual([0, 128, 0, 255, 51, 255]);
  });

  it("are drawn with their labels, one picture a row", () => {
    const strip = stripOf(ndarray(new Float32Array(2 * 16).fill(0.5), [2, 16]), [1, 4, 4]);
    const svg = captionedSheet([{ label: "A & B", note: "below", strip }], { title: "T" });
    expect(svg).toContain("A &amp; B");
    expect(svg.match(/<image /g)).toHaveLength(1);
  });
});

describe("the published table", () => {
  it("has thirteen rows for MNIST and five for CIFAR-10", () => {
    expect(rowsOf("mnist").filter(({ mnist }) => mnist)).toHaveLength(13);
    expect(rowsOf("cifar10").filter(({ cifar10 }) => cifar10)).toHaveLength(5);
    expect(modelsOf("cifar10")).toEqual(["ae", "vae"]);
    const best = rowsOf("mnist").reduce((a, b) => ((b.mnist?.[0] ?? 1e9) < (a.mnist?.[0] ?? 1e9) ? b : a));
    expect(best.sampler).toBe("published");
  });
});

describe.skipIf(findMnist() === undefined)("experiments, where MNIST is", () => {
  const options = { fast: true, seed: 0, threads: 1, epochs: 2, samples: 60 };

  it("a model's cell, and a report in which the others are not run", async () => {
    const out = join(folder, "table");
    const told: string[] = [];
    await runTable({ ...options, out, cells: ["mnist-ae-"], report: (line) => told.push(line) });
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toMatch(/\| AE, mixture \| 9\.60 \| 0\.95 \/ 0\.9 \| \d+\.\d+ \(1\)/);
    expect(report).toContain("| VAE, theirs (short chains) | 8.53 | 0.98 / 0.97 | not run |");
    const [head, ...rows] = readFileSync(join(out, "results.csv"), "utf8").trim().split("\n");
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.split(",").length).toBeGreaterThan(head.split(",").length - 1);
    expect(existsSync(join(out, "samples-mnist.png"))).toBe(true);
    // again: nothing is computed
    told.length = 0;
    await runTable({ ...options, out, cells: ["mnist-ae-"], report: (line) => told.push(line) });
    expect(told).toEqual([]);
    expect(readFileSync(join(out, "report.md"), "utf8")).toBe(report);
  }, 240_000);

  it("lambda: a score for each floor and sampler", async () => {
    const out = join(folder, "lambda");
    await runLambda({ ...options, out, report: () => {} });
    const rows = readFileSync(join(out, "results.csv"), "utf8").trim().split("\n").slice(1);
    expect(rows.map((row) => row.split(",").slice(0, 2).join(" "))).toEqual([
      "0.01 riemannian",
      "0.01 published",
      "10 riemannian",
      "10 published",
    ]);
    for (const row of rows) expect(Number(row.split(",")[4])).toBeGreaterThan(0);
  }, 240_000);

  it("options that an experiment does not take are refused", async () => {
    await expect(runLambda({ ...options, steps: 3, out: folder, report: () => {} })).rejects.toThrow(/--steps/);
  });
});
