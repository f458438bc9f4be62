/** What the command says in its own words, and how it reads points, folders and options that do not go together. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { titleOfMetric } from "../../src/cli/draw-map.js";
import { readPoints } from "../../src/cli/flow/coordinates.js";
import { evaluationOptions } from "../../src/cli/flow/evaluation-options.js";
import { openRun, pointsFrom } from "../../src/cli/open-run.js";
import { curvatureParameter, pointOrIndex } from "../../src/cli/options.js";
import { inCommandWords } from "../../src/cli/words.js";
import { torusMap } from "../../src/experiments/torus/map.js";
import { reasons } from "../../src/geodesics/result.js";
import { makeFolder, writeAtomically } from "../../src/numerics/files.js";
import { linePlot } from "../../src/plots/index.js";
import { writeCheckpoint } from "../../src/training/index.js";

describe("the library's sentences in the words of the command", () => {
  it("name no function or argument that only a program can give", () => {
    for (const text of Object.values(reasons))
      expect(inCommandWords(text)).not.toMatch(/maxIterations|maxSteps|start '|precision '/);
    expect(inCommandWords("posteriorMetricOf: 100000 centroids of 216 codes; give a whole number from 1 to 216.")).toBe(
      "posterior metric: 100000 centroids of 216 codes; give a whole number from 1 to 216.",
    );
    expect(inCommandWords("paperRho: a single centroid has no neighbour to take rho from; give rho.")).toContain(
      "posterior metric: a single centroid has no neighbour to take rho from; give rho (--metric posterior:rho=2",
    );
    expect(inCommandWords("it is off; projectPoint gives the nearest one, [1,0].")).toBe(
      "it is off; the nearest one is [1,0].",
    );
    expect(titleOfMetric("Fisher-Rao of bernoulli")).toBe("Fisher-Rao metric, Bernoulli");
    expect(titleOfMetric("expected pullback")).toBe("expected pullback metric");
  });
});

describe("points", () => {
  const codes = { data: [5, 6, 7], n: 3 };
  it("in one dimension: whole numbers from 0 are indices, others coordinates", () => {
    expect(pointOrIndex("--from", "2", codes, 1)).toEqual({ point: [7], index: 2 });
    for (const [text, value] of [
      ["-0.5", -0.5],
      ["0.5", 0.5],
      ["-2", -2],
      ["1e-3", 1e-3],
      ["3,", 3],
    ] as const)
      expect(pointOrIndex("--from", text, codes, 1)).toEqual({ point: [value] });
    expect(() => pointOrIndex("--from", "3", codes, 1)).toThrow(/index 3 is outside/);
    expect(() => pointOrIndex("--from", "-0.5", codes, 2)).toThrow(/not a whole number/);
    expect(() => pointOrIndex("--from", "x", codes, 1)).toThrow(/not a whole number/);
  });

  it("of a run without codes", async () => {
    const run = { folder: "run", codes: { data: new Float64Array(), shape: [0, 2], dtype: "float64" } } as any;
    await expect(pointsFrom(run, { indices: "0,1" })).rejects.toThrow("--indices: run holds no codes to count");
  });

  it("of a run of a flow: the remedy is the run's dimension, or latitudes and longitudes", () => {
    const folder = mkdtempSync(join(tmpdir(), "latent-atlas-"));
    try {
      const path = join(folder, "lat.csv");
      writeFileSync(path, "10,20\n30,40\n");
      const choice = { manifold: "sphere", coordinates: "unit", dimension: 2, ofRun: "run", project: false } as const;
      expect(() => readPoints(path, choice)).toThrow(/run is of dimension 2: .*add --coordinates lat-lon\.$/);
      expect(() => readPoints(path, { ...choice, dimension: 3 })).toThrow(/run is of dimension 3: give 4 columns\.$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("of the circle, two columns of length 1, are not taken for latitudes and longitudes, nor the other way round", () => {
    const folder = mkdtempSync(join(tmpdir(), "latent-atlas-"));
    try {
      const path = join(folder, "circle.csv");
      const rows = [0, 1, 2, 3, 4].map((t) => `${Math.cos(t).toFixed(6)},${Math.sin(t).toFixed(6)}`);
      writeFileSync(path, rows.join("\n"));
      const choice = { manifold: "sphere", project: false } as const;
      expect(() => readPoints(path, choice)).toThrow(
        /length 1 in every row.* --coordinates unit .*--coordinates lat-lon/,
      );
      expect(readPoints(path, { ...choice, coordinates: "unit" }).manifold).toEqual({ kind: "sphere", dimension: 1 });
      expect(readPoints(path, { ...choice, coordinates: "lat-lon" }).manifold.dimension).toBe(2);
      expect(readPoints(path, { ...choice, manifold: "euclidean" }).coordinates).toBe("plain");
      writeFileSync(path, [...rows, "0.6,0.81"].join("\n"));
      expect(readPoints(path, choice).coordinates).toBe("lat-lon");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("a tolerance goes with the adaptive integrator", () => {
    expect(() => evaluationOptions({ tolerance: "1e-6" })).toThrow(/--tolerance: the fixed steps/);
    expect(() => evaluationOptions({ tolerance: "1e-6", integrator: "fixed" })).toThrow(/--integrator adaptive/);
    expect(evaluationOptions({ tolerance: "1e-6", integrator: "adaptive" })).toMatchObject({ tolerance: 1e-6 });
  });
});

describe("a curvature", () => {
  it("is given as c > 0 and stands for -c, which the sentence for others says", () => {
    const sentence = (text: string, flat: boolean) => {
      try {
        return String(curvatureParameter("--curvature", text, flat));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(sentence("0.7", false)).toBe("0.7");
    expect(sentence("0", true)).toBe("0");
    expect(sentence("-0.7", false)).toBe(
      '--curvature: "-0.7" is not a number c above 0, which stands for sectional curvature -c; give 0.7 for curvature -0.7.',
    );
    expect(sentence("-1", true)).toMatch(/not a number c of at least 0, .*; give 1 for curvature -1\.$/);
    for (const text of ["0", "much", " ", "-Infinity", "NaN"])
      expect(sentence(text, false)).toMatch(/above 0, .*; give 1 for curvature -1, say\.$/);
  });
});

describe("folders", () => {
  it("of densities have verbs of their own", async () => {
    const folder = mkdtempSync(join(tmpdir(), "latent-atlas-"));
    try {
      for (const [model, name] of [
        ["flow", "flow"],
        ["von-mises-fisher-mixture", "mixture of von Mises-Fisher"],
      ]) {
        writeCheckpoint(join(folder, model), { model }, {});
        await expect(openRun(join(folder, model))).rejects.toThrow(
          `${model} holds a ${name}, a density without a latent space; use atlas flow density and atlas flow sample.`,
        );
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("are made with those above them, and refused at once where the system will not have them", () => {
    const folder = mkdtempSync(join(tmpdir(), "latent-atlas-"));
    try {
      makeFolder(join(folder, "a", "b", "c"));
      makeFolder(join(folder, "a", "b", "c"));
      writeAtomically(join(folder, "d", "e", "file"), "text");
      expect(readFileSync(join(folder, "d", "e", "file"), "utf8")).toBe("text");
      expect(() => makeFolder(join(folder, "d", "e", "file"))).toThrow(/ENOTDIR/);
      expect(() => writeAtomically(join(folder, "d", "e", "file", "x"), "")).toThrow(/cannot be written/);
    } finally {
      rmSync(folder, { recursive: true });
    }
    if (existsSync("/proc/self"))
      expect(() => writeAtomically("/proc/nope/x/y", "")).toThrow(/cannot be written \(ENOENT/);
  });
});

describe("pictures", () => {
  it("a torus shows a point at each of its places over one and a half turns", async () => {
    const places = async (phi: number, psi: number) =>
      (await torusMap(new Float64Array(64).fill(-2), [phi, psi], { title: "t" })).match(/<circle cx/g)?.length;
    expect(await places(0.1, 0.2)).toBe(1); // the other copies lie beyond 270 degrees
    expect(await places(3, 0.2)).toBe(2);
    expect(await places(3, -3)).toBe(4);
  });

  it("error bars are drawn to scale and widen the axis", async () => {
    const plot = (error?: number[]) =>
      linePlot({ series: [{ name: "a", x: [1, 2, 3], y: [1, 2, 3], error }], xLabel: "x", yLabel: "y" });
    const bars = (await plot([1, 0.5, 0])).match(/M[\d.]+,([\d.]+)V([\d.]+)M[\d.]+,[\d.]+H/g)!;
    const lengths = bars.map((text) => text.match(/,([\d.]+)V([\d.]+)/)!).map(([, a, b]) => Math.abs(+b - +a));
    expect(lengths).toHaveLength(2);
    expect(lengths[0] / lengths[1]).toBeCloseTo(2, 1);
    expect(await plot()).not.toContain("error-bars");
    await expect(plot([1])).rejects.toThrow(/error of the series "a"/);
  });
});
