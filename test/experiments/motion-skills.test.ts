import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lasaFolder } from "../../src/data/lasa.js";
import { vonMisesFisher } from "../../src/distributions/families/index.js";
import { compile, ndarray, type Tensor } from "../../src/engine/index.js";
import { antipodalVonMisesFisher, axisHead, principalAxis } from "../../src/experiments/motion-skills/antipodal.js";
import {
  loadMotions,
  orientationAngle,
  positionDistance,
  quaternionOf,
  toolAxis,
} from "../../src/experiments/motion-skills/motions.js";
import { movingObstacles } from "../../src/experiments/motion-skills/moving-obstacle.js";
import { nearestDemonstration, warpedDistance } from "../../src/experiments/motion-skills/warping.js";
import { run } from "../../src/experiments/motion-skills.js";
import { euclideanMetric, scaledMetric } from "../../src/metrics/index.js";
import { randomKey, stream } from "../../src/numerics/random.js";

const random = stream(randomKey(4));
const unit = (p: number): number[] => {
  const v = Array.from({ length: p }, () => random.normal());
  const norm = Math.hypot(...v);
  return v.map((x) => x / norm);
};

describe("quaternions", () => {
  it("turn by the angle of their vector, and the tool's axis does not tell q from -q", () => {
    const quarter = quaternionOf([0, Math.PI / 2, 0]); // about y: e_z to e_x
    toolAxis(quarter as never).forEach((x, k) => {
      expect(x).toBeCloseTo([1, 0, 0][k], 12);
    });
    fc.assert(
      fc.property(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 }), (v) => {
        const q = quaternionOf(v);
        expect(Math.hypot(...q)).toBeCloseTo(1, 12);
        const minus = q.map((x) => -x);
        expect(toolAxis(minus as never)).toEqual(toolAxis(q as never));
        expect(orientationAngle("space-quaternion", q, minus)).toBeCloseTo(0, 5);
        const angle = Math.min(Math.hypot(...v), 2 * Math.PI - Math.hypot(...v));
        expect(orientationAngle("space-quaternion", q, [1, 0, 0, 0])).toBeCloseTo((angle * 180) / Math.PI, 5);
      }),
    );
    expect(orientationAngle("plane-sphere", [1, 0, 0], [0, 2, 0])).toBeCloseTo(90, 10);
    expect(positionDistance([0, 0], [0.03, 0.04])).toBeCloseTo(5, 12);
  });

  it("have a law that does not tell q from -q: the mixture of both lobes, of mass one", async () => {
    const [antipodal, plain] = [antipodalVonMisesFisher(4), vonMisesFisher({ dimension: 4 })];
    const n = 20000;
    const points = new Float64Array(n);
    for (let i = 0; i < n; i += 4) points.set(unit(4), i);
    const q = ndarray(points, [n / 4, 4]);
    const minus = ndarray(
      points.map((x) => -x),
      [n / 4, 4],
    );
    for (const kappa of [0, 0.7, 6, 40]) {
      const theta = ndarray(
        Float64Array.from(unit(4), (x) => kappa * x),
        [1, 1, 4],
      );
      const densities = compile(
        (x: Tensor, y: Tensor) => [
          antipodal.logDensity({ theta }, x),
          antipodal.logDensity({ theta }, y),
          plain.logDensity({ theta }, x),
          plain.logDensity({ theta }, y),
        ],
        { precision: "float64" },
      );
      const [a, b, one, other] = await densities(q, minus);
      await densities.dispose();
      let [mean, square] = [0, 0];
      for (let i = 0; i < n / 4; i++) {
        expect(b.data[i]).toBeCloseTo(a.data[i], 10);
        expect(Math.exp(a.data[i])).toBeCloseTo((Math.exp(one.data[i]) + Math.exp(other.data[i])) / 2, 9);
        const density = 2 * Math.PI ** 2 * Math.exp(a.data[i]); // times the area of S^3
        mean += density / (n / 4);
        square += density ** 2 / (n / 4);
      }
      // five standard errors: a false alarm in two million
      expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt((square - mean ** 2) / (n / 4)) + 1e-9);
    }
  });

  it("are seen by the encoder without their sign, around an axis that signs do not move", async () => {
    const middle = unit(4);
    const near = Array.from({ length: 40 }, () => {
      const q = middle.map((x) => x + 0.2 * random.normal());
      const sign = random.uniform() < 0.5 ? -1 : 1;
      return q.map((x) => (sign * x) / Math.hypot(...q));
    });
    const axis = principalAxis(near);
    expect(Math.abs(axis.reduce((dot, x, k) => dot + x * middle[k], 0))).toBeGreaterThan(0.97);
    const flipped = near.map((q, i) => (i % 3 === 0 ? q.map((x) => -x) : q));
    const rows = (list: number[][]) => ndarray(Float64Array.from(list.flat()), [40, 4]);
    const head = axisHead("orientation", [0, 1, 2, 3], rows(near));
    const features = compile((x: Tensor) => head.features(x), { precision: "float64" });
    const [a, b] = [await features(rows(near)), await features(rows(flipped))];
    await features.dispose();
    expect([...b.data]).toEqual([...a.data]);
  });
});

describe("motions compared whatever their pace", () => {
  const at = (...xs: number[]) => ({ positions: xs.map((x) => [x, 0]), orientations: xs.map(() => [0, 0, 1]) });

  it("are equal where one only lingers, and differ by a shift elsewhere", () => {
    const lingering = at(0, 0, 0, 0.1, 0.2, 0.2, 0.3);
    expect(warpedDistance("plane-sphere", at(0, 0.1, 0.2, 0.3), lingering)).toEqual({ millimetres: 0, degrees: 0 });
    const shifted = { ...at(0, 0.1, 0.2), positions: [0, 0.1, 0.2].map((x) => [x, 0.02]) };
    expect(warpedDistance("plane-sphere", at(0, 0.1, 0.2), shifted).millimetres).toBeCloseTo(2, 10);
    const nearest = nearestDemonstration("plane-sphere", at(0, 0.1), [at(5, 5.1), at(0, 0.1)]);
    expect(nearest.millimetres).toBe(0);
  });
});

describe("obstacles that move", () => {
  it("are followed: a straight line where they are away, around them where they are near, as a search finds", async () => {
    const box = { lower: [-1.5, -1], upper: [1.5, 1] };
    const around = await movingObstacles(euclideanMetric(2), scaledMetric(euclideanMetric(2), 1e-3), (z) => z, box);
    const line = Float64Array.from({ length: 130 }, (_, i) => (i % 2 === 0 ? -1 + (2 * Math.floor(i / 2)) / 64 : 0));
    const far = await around.follow([line], [{ centre: [0, 50], radius: 0.1, strength: 50 }]);
    expect(far.converged).toBe(true);
    expect(far.length).toBeCloseTo(2 * Math.sqrt(1.001), 4);
    let curve: Float64Array = line;
    for (const y of [0.3, 0.2, 0.1, 0.05]) {
      const obstacles = [{ centre: [0, y], radius: 0.15, strength: 50 }];
      const solved = await around.follow([curve, line], obstacles);
      curve = solved.curve;
      const lowest = Math.min(...curve.filter((_, i) => i % 2 === 1));
      expect(lowest).toBeLessThan(y - 0.25);
      expect(solved.length).toBeLessThan(await around.lengthOf(line, obstacles));
      const searched = await around.search([-1, 0], [1, 0], 65, obstacles);
      expect(solved.length / searched.length).toBeLessThan(1.002); // the grid's path is a little too long
      expect(solved.length / searched.length).toBeGreaterThan(0.98);
    }
  });
});

describe.skipIf(lasaFolder() === undefined)("the experiment on motion skills", () => {
  it("wraps letters onto the sphere and draws quaternions of unit length with either sign", () => {
    for (const name of ["plane-sphere", "space-quaternion"] as const) {
      const { rows, orientationColumns } = loadMotions(name, { samples: 20, demonstrations: 2 });
      const D = rows.shape[1];
      const signs = new Set<number>();
      for (let i = 0; i < 40; i++) {
        const own = orientationColumns.map((j) => rows.data[i * D + j]);
        expect(Math.hypot(...own)).toBeCloseTo(1, 12);
        if (name === "space-quaternion") signs.add(Math.sign(own[0]));
      }
      // the last moment of C is the letter's origin: the pole
      if (name === "plane-sphere") expect(rows.data[39 * D + 4]).toBeCloseTo(1, 4);
      else expect(signs.size).toBe(2);
    }
  });

  it("runs, and says what was measured", async () => {
    const out = mkdtempSync(join(tmpdir(), "motion-skills-"));
    const lines: string[] = [];
    const options = { fast: true, seed: 0, out, threads: 1, epochs: 8, report: (line: string) => lines.push(line) };
    await run({ ...options, cells: ["space-quaternion-0"] });
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("atlas reproduce motion-skills --fast --seed 0 --epochs 8");
    expect(report).toContain("not run");
    expect(report).not.toMatch(/NaN|undefined|Infinity/);
    for (const name of ["latent-space-quaternion.png", "motion-space-quaternion.png", "results.csv"])
      expect(existsSync(join(out, name))).toBe(true);
    await expect(run({ ...options, samples: 3 })).rejects.toThrow("--samples");
  }, 60_000);
});
