/** The pictures of the posterior metric: every minimising curve is the shortest in its own sense. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { run } from "../../src/experiments/posterior-pictures.js";
import { decodePng } from "../../src/plots/index.js";

const out = mkdtempSync(join(tmpdir(), "atlas-posterior-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

it("posterior-pictures: curves, pictures, report", async () => {
  const { files } = await run({ fast: true, seed: 0, out, report: () => {}, threads: 1, epochs: 2 });
  const pictures = files.filter((path) => path.endsWith(".png"));
  expect(pictures).toHaveLength(4);
  for (const path of pictures) expect(decodePng(readFileSync(path)).width).toBe(1500);
  const rows = readFileSync(join(out, "curves.csv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));
  expect(rows.length % 4).toBe(0);
  for (let i = 0; i < rows.length; i += 4) {
    const pair = rows.slice(i, i + 4);
    // columns 2, 3, 4 are least for curves 1 (a = 1/2), 2 (a = 1), 3 (the metric's own); 1 % for the polygons
    for (const [column, curve] of [
      [2, 1],
      [3, 2],
      [4, 3],
    ]) {
      const values = pair.map((row) => Number(row[column]));
      expect(values[curve]).toBeLessThanOrEqual(Math.min(...values) * 1.01);
    }
  }
  const report = readFileSync(join(out, "report.md"), "utf8");
  expect(report).toContain("a = 1 is the literal one");
  expect(report).toContain("Every minimising curve is shortest in its own column, within 1 %.");
  expect(report).toContain("atlas reproduce posterior-pictures --fast --seed 0 --epochs 2");
}, 120_000);
