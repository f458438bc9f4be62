import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mocapFolder } from "../../src/data/mocap.js";
import {
  array,
  compile,
  concat,
  cos,
  mul,
  ndarray,
  sin,
  slice,
  type Tensor,
  zerosArray,
} from "../../src/engine/index.js";
import { gridGeodesics } from "../../src/experiments/mocap/grid-geodesic.js";
import { angleHead, directionHead, type Head, positionHead } from "../../src/experiments/mocap/heads.js";
import { blendedFigures, lengthDrift, nearestCodes, nearestPose } from "../../src/experiments/mocap/paths.js";
import { loadWalk, poseDistance, type Walk } from "../../src/experiments/mocap/walk.js";
import { run } from "../../src/experiments/mocap.js";
import { embeddedMetric, euclideanMetric } from "../../src/metrics/index.js";
import { randomKey, stream } from "../../src/numerics/random.js";

const random = stream(randomKey(2));

describe("heads of poses", () => {
  const parametersAtZero = async (head: Head) => {
    const program = compile((outputs: Tensor) => head.parameters(outputs) as any, { precision: "float64" });
    const values = await program(zerosArray([1, head.outputs], "float64"));
    await program.dispose();
    return values as Record<string, { data: Float64Array }>;
  };

  it("begin as the law of all rows: mean and deviation, mean direction and concentration", async () => {
    const n = 400;
    const rows = ndarray(
      Float64Array.from({ length: n }, () => 3 + 2 * random.normal()),
      [n, 1],
    );
    const { mean, logDeviation } = await parametersAtZero(positionHead("p", [0], rows));
    expect(mean.data[0]).toBeCloseTo(3, 0);
    expect(Math.exp(logDeviation.data[0])).toBeGreaterThan(1.8);
    expect(Math.exp(logDeviation.data[0])).toBeLessThan(2.2);

    // directions around (0, 0.6, 0.8) with deviation 0.1 about each axis: kappa about 100
    const directions = Array.from({ length: n }, () => {
      const v = [0.1 * random.normal(), 0.6 + 0.1 * random.normal(), 0.8 + 0.1 * random.normal()];
      return v.map((x) => x / Math.hypot(...v));
    });
    const { theta } = await parametersAtZero(directionHead("d", [0, 1, 2], array(directions)));
    const kappa = Math.hypot(...theta.data);
    expect(kappa).toBeGreaterThan(70);
    expect(kappa).toBeLessThan(120); // the cap of 1000 takes a tenth
    expect(theta.data[2] / kappa).toBeCloseTo(0.8, 1);

    const angles = ndarray(
      Float64Array.from({ length: n }, () => 3.1 + 0.2 * random.normal()),
      [n, 1],
    );
    const turned = (await parametersAtZero(angleHead("a", [0], angles))).theta;
    const angle = Math.atan2(turned.data[1], turned.data[0]);
    expect(Math.cos(angle - 3.1)).toBeGreaterThan(0.999); // across the seam at pi
  });
});

describe("shortest paths on a grid", () => {
  it("are straight lines in the plane and great circles on the sphere", async () => {
    const flat = await gridGeodesics(euclideanMetric(2), { x: [-1, 1], y: [-1, 1] }, { table: 32, threads: 1 });
    const line = flat.between([-0.8, -0.3], [0.7, 0.9], 33);
    expect(line.length / Math.hypot(1.5, 1.2)).toBeGreaterThan(0.9999);
    expect(line.length / Math.hypot(1.5, 1.2)).toBeLessThan(1.006);
    expect(line.straightLength).toBeCloseTo(Math.hypot(1.5, 1.2), 5);
    // longitude and latitude
    const sphere = embeddedMetric(
      (z) => {
        const [u, v] = [slice(z, [null, [0, 1]]), slice(z, [null, [1, 2]])];
        return concat([mul(cos(u), cos(v)), mul(sin(u), cos(v)), sin(v)], 1);
      },
      { dimension: 2, name: "sphere" },
    );
    const globe = await gridGeodesics(sphere, { x: [-1.3, 1.3], y: [-0.2, 1.4] }, { table: 64, threads: 1 });
    const path = globe.between([-1.1, 0.8], [1.1, 0.8], 65);
    const wanted = Math.acos(Math.sin(0.8) ** 2 + Math.cos(0.8) ** 2 * Math.cos(2.2));
    expect(path.length / wanted).toBeGreaterThan(0.999);
    expect(path.length / wanted).toBeLessThan(1.01);
    expect(path.straightLength).toBeCloseTo(2.2 * Math.cos(0.8), 2);
    expect(path.curve.data[65]).toBeGreaterThan(1); // over the north
  });
});

describe("what is measured of paths", () => {
  const walk = {
    bones: [
      { name: "a", parent: -1, length: 1 },
      { name: "b", parent: 0, length: 2 },
    ],
  } as unknown as Walk;

  it("degrees between poses, distances to codes, drift of lengths", () => {
    expect(poseDistance([1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 1, 0])).toBeCloseTo(45, 10);
    expect(nearestPose([1, 0, 0, 0, 1, 0], Float64Array.from([0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]))).toBe(0);
    expect(nearestCodes([0, 0, 3, 4], [0, 1, 3, 0])).toEqual([1, 4]);
    const [from, to] = [Float64Array.from([1, 0, 0, 3, 0, 0]), Float64Array.from([-1, 0, 0, -3, 0, 0])];
    expect(lengthDrift(walk, from)).toBe(0);
    expect(lengthDrift(walk, blendedFigures(from, to, 3))).toBe(1); // half way all joints fall together
  });
});

describe.skipIf(mocapFolder() === undefined)("the experiment on a walk", () => {
  it("has a stride of about a second, and both representations give the same figures", () => {
    const walk = loadWalk(3);
    expect(walk.stride / 40).toBeGreaterThan(0.9);
    expect(walk.stride / 40).toBeLessThan(1.4);
    expect(walk.bones).toHaveLength(24);
    const { directions, angles } = walk.representations;
    const [a, b] = [directions.directions(directions.rows), angles.directions(angles.rows)];
    const width = 3 * walk.bones.length;
    for (let t = 0; t < walk.frames; t += 10)
      expect(poseDistance(a.subarray(t * width, (t + 1) * width), b.subarray(t * width, (t + 1) * width))).toBeLessThan(
        0.2,
      );
    expect(lengthDrift(walk, directions.ends(directions.rows))).toBeLessThan(1e-12);
  });

  it("runs, and says what was measured", async () => {
    const out = mkdtempSync(join(tmpdir(), "mocap-"));
    const options = {
      fast: true,
      seed: 0,
      out,
      threads: 1,
      epochs: 10,
      cells: ["directions"],
      report: () => undefined,
    };
    await run(options);
    const report = readFileSync(join(out, "report.md"), "utf8");
    expect(report).toContain("atlas reproduce mocap --fast --seed 0 --epochs 10");
    expect(report).toContain("not run");
    expect(report).not.toMatch(/NaN|undefined|Infinity/);
    for (const name of ["latent-directions.png", "film-directions.png", "results.csv"])
      expect(existsSync(join(out, name))).toBe(true);
    await expect(run({ ...options, steps: 3 })).rejects.toThrow("--steps");
  }, 60_000);
});
