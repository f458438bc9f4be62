import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mapGrid } from "../../src/experiments/toy-families/map-grid.js";
import { departure } from "../../src/experiments/toy-families/measure.js";
import { circleOfCodes, toys } from "../../src/experiments/toy-families/toys.js";
import { run } from "../../src/experiments/toy-families.js";
import { randomKey } from "../../src/numerics/random.js";

describe("the toy families", () => {
  it("are the five of the paper and the other families of one kind of data", () => {
    expect(toys.filter(({ published }) => published).map(({ name }) => name)).toEqual([
      "normal",
      "bernoulli",
      "beta",
      "dirichlet",
      "exponential",
    ]);
    for (const { family, columns } of toys) expect(family.parameterCount(columns)).toBeGreaterThan(0);
  });

  it("have codes on a circle of radius 3", () => {
    const { data } = circleOfCodes(randomKey(4));
    const radii = Array.from({ length: 500 }, (_, i) => Math.hypot(data[2 * i], data[2 * i + 1]));
    const mean = radii.reduce((a, b) => a + b, 0) / 500;
    expect(Math.abs(mean - 3)).toBeLessThan(0.02); // 4.5 standard errors: false alarm in 1 of 150,000
  });

  it("measure a curve's departure by latent arc length, whatever the speed along it", () => {
    const circle = Array.from({ length: 800 }, (_, k) => {
      const t = Math.PI * (Math.floor(k / 2) / 399) ** 3;
      return 3 * (k % 2 === 0 ? Math.cos(t) : Math.sin(t));
    });
    expect(departure(circle).largest).toBeLessThan(1e-3); // chords: 3 (1 - cos(step / 2))
    // a diameter: | |x| - 3 | is 3/2 on average, 3 at most
    const diameter = Array.from({ length: 2002 }, (_, k) => (k % 2 === 0 ? -3 + (6 * Math.floor(k / 2)) / 1000 : 0));
    expect(departure(diameter).mean).toBeCloseTo(1.5, 3);
    expect(departure(diameter).largest).toBeCloseTo(3, 2);
    const uneven = diameter.map((x, k) => (k % 2 === 0 ? Math.sign(x) * 3 * Math.abs(x / 3) ** 2 : x));
    expect(departure(uneven).mean).toBeCloseTo(1.5, 2);
  });

  it("run in small: geodesics stay nearer to the circle than straight lines; cells are read back", async () => {
    const out = mkdtempSync(join(tmpdir(), "toys-"));
    const said: string[] = [];
    const options = { fast: true, seed: 0, out, threads: 1, report: (line: string) => said.push(line) };
    const { files, cells } = await run({ ...options, cells: ["bernoulli", "poisson"] });
    expect(cells.map(({ toy }) => toy.name)).toEqual(["bernoulli", "poisson"]);
    for (const file of files) expect(existsSync(file)).toBe(true);
    for (const { result } of cells)
      for (const pair of result.value.pairs) {
        expect(pair.converged).toBe(true);
        expect(pair.geodesic.largest).toBeLessThan(0.8 * pair.straight.largest);
        expect(pair.uncalibrated.largest).toBeGreaterThan(pair.geodesic.largest);
        expect(pair.length).toBeLessThan(pair.straightLength);
      }
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("| **Normal** | not run |");
    expect(report).not.toContain("NaN");
    expect(readFileSync(join(out, "results.csv"), "utf8").trim().split("\n")).toHaveLength(5);
    expect([...readFileSync(join(out, "families.png")).subarray(1, 4)]).toEqual([80, 78, 71]);
    const lines = said.length;
    await run({ ...options, cells: ["poisson"] });
    expect(said).toHaveLength(lines); // nothing was computed again
  }, 300_000);

  it("refuse options that they do not take", async () => {
    await expect(run({ fast: true, seed: 0, out: tmpdir(), report: () => {}, epochs: 3 })).rejects.toThrow(/--epochs/);
  });
});

describe("several maps in one picture", () => {
  it("have one panel, title and set of curves each, and one colour bar", async () => {
    const axis = [0, 1, 2, 3];
    const map = (title: string) => ({
      title,
      xs: axis,
      ys: axis,
      values: axis.flatMap((y) => axis.map((x) => x + y)),
      codes: [1, 1, 2, 2, 9, 9],
      labels: [0, 1, 1],
      curves: [{ look: "geodesic" as const, curves: [[0, 0, 1, 2, 3, 3]] }],
    });
    const svg = await mapGrid({
      maps: [map("first <1>"), map("second")],
      columns: 2,
      size: 100,
      range: [0, 6],
      valueLabel: "height",
      curveNames: { geodesic: "paths" },
      title: "two",
    });
    expect(svg.match(/class="geodesic"/g)).toHaveLength(2);
    expect(svg.match(/class="colour-bar"/g)).toHaveLength(1);
    expect(svg).toContain("first &lt;1&gt;");
    expect(svg).not.toContain("NaN");
  });
});
