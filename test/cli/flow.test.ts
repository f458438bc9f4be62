import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../src/numerics/npy.js";
import { decodePng } from "../../src/plots/index.js";
import { atlas, jsonIn, outcome, start, temporaryFolder } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const small = [
  "--hidden",
  "8",
  "--integration-steps",
  "2",
  "--steps-per-epoch",
  "10",
  "--batch",
  "32",
  "--threads",
  "1",
];

const json = (...parameters: string[]) => jsonIn(folder, ...parameters);

/** Places around Japan and Chile, some of them twice. */
function writePlaces(): void {
  const rows = Array.from({ length: 60 }, (_, i) => {
    const [lat, lon] = i % 2 ? [36, 140] : [-30, -71];
    return `${(lat + 4 * Math.sin(7 * i)).toFixed(3)},${(lon + 3 * Math.cos(5 * i)).toFixed(3)}`;
  });
  writeFileSync(join(folder, "places.csv"), `latitude,longitude\n${[...rows, ...rows.slice(0, 6)].join("\n")}\n`);
}

beforeAll(async () => {
  writePlaces();
  const trained = await json(
    "flow",
    "train",
    "--data",
    "places.csv",
    "--epochs",
    "2",
    "--centres",
    "8",
    "--out",
    "run",
    ...small,
  );
  expect(trained).toEqual({
    run: "run",
    model: "flow",
    manifold: { kind: "sphere", dimension: 2 },
    epochs: 2,
    loss: expect.any(Number),
    heldOut: expect.any(Number),
    integrationGap: expect.any(Number),
    points: { rows: 66, places: 60, training: expect.any(Number), heldOut: expect.any(Number) },
    seconds: expect.any(Number),
    reason: "finished",
  });
  expect(trained.points.training + trained.points.heldOut).toBe(66);
});

describe("atlas flow", () => {
  it("density: a grid that integrates to one, as table, array and picture", async () => {
    const { mass, files } = await json(
      "flow",
      "density",
      "run",
      "--mark",
      "places.csv",
      "--grid",
      "30",
      "--resolution",
      "60",
      "--out",
      "map",
    );
    expect(files).toEqual(["map.csv", "map.npy", "map.png"]);
    expect(mass).toBeCloseTo(1, 1);
    const { data, shape } = readNpy(join(folder, "map.npy"));
    expect(shape).toEqual([1800, 4]); // latitude, longitude, log density, volume
    let again = 0;
    for (let i = 0; i < 1800; i++) again += Math.exp(data[4 * i + 2]) * data[4 * i + 3];
    expect(again).toBeCloseTo(mass, 6);
    expect(decodePng(readFileSync(join(folder, "map.png"))).width).toBe(1000);
    expect(readFileSync(join(folder, "map.csv"), "utf8").split("\n")[0]).toBe("latitude,longitude,log_density,volume");
  });

  it("sample and density --at: draws carry the log density that is given to them as points", async () => {
    const { columns } = await json(
      "flow",
      "sample",
      "run",
      "-n",
      "20",
      "--log-density",
      "--integrator",
      "adaptive",
      "--out",
      "drawn.npy",
    );
    expect(columns).toBe(3);
    const drawn = readNpy(join(folder, "drawn.npy"));
    const places = Float64Array.from({ length: 40 }, (_, k) => drawn.data[3 * (k >> 1) + (k & 1)]);
    writeNpy(join(folder, "at.npy"), { data: places, shape: [20, 2], dtype: "float64" });
    await json("flow", "density", "run", "--at", "at.npy", "--integrator", "adaptive", "--out", "values");
    const { data } = readNpy(join(folder, "values.npy"));
    for (let i = 0; i < 20; i++) {
      expect(data[3 * i]).toBeCloseTo(places[2 * i], 6);
      expect(data[3 * i + 2]).toBeCloseTo(drawn.data[3 * i + 2], 3);
    }
  });

  it("sample --coordinates writes unit vectors", async () => {
    await json("flow", "sample", "run", "-n", "4", "--coordinates", "unit", "--out", "unit.npy");
    const { data, shape } = readNpy(join(folder, "unit.npy"));
    expect(shape).toEqual([4, 3]);
    expect(Math.hypot(data[0], data[1], data[2])).toBeCloseTo(1, 5);
  });

  it("the baselines, the other manifolds, a target and Hutchinson's estimate", async () => {
    const mixture = await json(
      "flow",
      "train",
      "--data",
      "places.csv",
      "--method",
      "mixture",
      "--components",
      "2,4",
      "--out",
      "mixture",
    );
    expect(mixture.model).toBe("von-mises-fisher-mixture");
    const drawn = await json("flow", "sample", "mixture", "-n", "500", "--out", "m.csv");
    expect(drawn.meanLogDensity).toBeGreaterThan(1); // two tight clusters: far above the uniform -2.53
    const angles = Array.from(
      { length: 40 },
      (_, i) => `${170 + 20 * Math.sin(3 * i) - (Math.sin(3 * i) > 0.5 ? 360 : 0)},${(40 * i) % 360}`,
    );
    writeFileSync(join(folder, "angles.csv"), `${angles.join("\n")}\n`);
    const one = ["--epochs", "1", "--test-fraction", "0", ...small];
    const torus = ["--data", "angles.csv", "--manifold", "torus", "--coordinates", "degrees"];
    await json("flow", "train", ...torus, "--divergence", "hutchinson", "--out", "torus", ...one);
    const { files } = await json("flow", "density", "torus", "--grid", "20", "--resolution", "30", "--out", "t");
    expect(files).toContain("t.png");
    const ring = await json(
      "flow",
      "train",
      "--target",
      "ring",
      "--manifold",
      "hyperbolic",
      "--curvature",
      "2",
      "--out",
      "ring",
      "--epochs",
      "1",
      ...small,
    );
    expect(Math.abs(ring.integrationGap)).toBeLessThan(0.1); // of its own draws
    expect(ring.manifold).toEqual({ kind: "poincare-ball", dimension: 2, curvature: 2 });
    await json("flow", "train", "--data", "places.csv", "--method", "stereographic", "--out", "st", ...one);
  });

  it("Ctrl-C keeps the checkpoint; --resume ends as an uninterrupted run does, bit for bit", async () => {
    const parameters = ["flow", "train", "--data", "places.csv", "--epochs", "5", "--seed", "3", ...small];
    await json(...parameters, "--out", "whole");
    const child = start(folder, [...parameters, "--out", "cut"]);
    child.stderr?.on("data", (text) => {
      if (/epoch [2345]\/5/.test(String(text))) child.kill("SIGINT");
    });
    const { code, out } = await outcome(child);
    if (code === 1) {
      expect(out).toContain("atlas flow train --resume --out cut");
      const resumed = await json("flow", "train", "--resume", "--out", "cut");
      expect(resumed.epochs).toBe(5);
    }
    for (const file of ["model.safetensors"])
      expect(readFileSync(join(folder, "cut", file)).equals(readFileSync(join(folder, "whole", file)))).toBe(true);
  });

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const refused: [string, string[], RegExp][] = [
    ["latitudes beyond 90", ["train", "--data", "lat.csv"], /row 2 has latitude 95\.3, beyond 90 degrees by 5\.3/],
    [
      "points off the sphere",
      ["train", "--data", "off.csv"],
      /row 2 has length 1\.2.*2 of 3 rows are off, the farthest by 0\.5.*--project/,
    ],
    [
      "points outside of the ball",
      ["train", "--data", "lat.csv", "--manifold", "hyperbolic"],
      /beyond the edge of the ball.*--project/,
    ],
    [
      "degrees for radians",
      ["train", "--data", "lat.csv", "--manifold", "torus"],
      /beyond one turn.*--coordinates degrees/,
    ],
    [
      "the wrong dimension",
      ["train", "--data", "off.csv", "--dimension", "5"],
      /3 columns \(unit\), which is dimension 2, not 5/,
    ],
    ["three columns of latitudes", ["train", "--data", "off.csv", "--coordinates", "lat-lon"], /3 columns/],
    ["no goal", ["train"], /--data: name a \.csv or \.npy file/],
    ["two goals", ["train", "--data", "off.csv", "--target", "ring"], /leave one out/],
    ["a curvature for a sphere", ["train", "--target", "ring", "--curvature", "1"], /--curvature: a sphere/],
    [
      "curvature below zero",
      ["train", "--target", "ring", "--manifold", "hyperbolic", "--curvature", "-1"],
      /--curvature: "-1" is not a number c above 0, which stands for .* -c; give 1 for curvature -1\.$/m,
    ],
    [
      "mixtures off spheres",
      ["train", "--data", "lat.csv", "--manifold", "euclidean", "--method", "mixture"],
      /live on spheres/,
    ],
    [
      "layers for a mixture",
      ["train", "--data", "lat.csv", "--method", "mixture", "--hidden", "8"],
      /--hidden: it goes with flows, not with --method mixture/,
    ],
    [
      "components for a flow",
      ["train", "--data", "lat.csv", "--components", "4"],
      /--components: it goes with --method mixture/,
    ],
    [
      "a spread of the uniform base",
      ["train", "--data", "lat.csv", "--base-std", "0.5"],
      /--base-std: it goes with --base wrapped-normal, not with the uniform base; leave it out\.$/m,
    ],
    [
      "parts of data for a target",
      ["train", "--target", "ring", "--test-fraction", "0.2"],
      /--test-fraction: it goes with points/,
    ],
    [
      "a concentration for data",
      ["train", "--data", "lat.csv", "--concentration", "5"],
      /--concentration: it goes with a --target/,
    ],
    [
      "a grid for points",
      ["density", "run", "--at", "places.csv", "--grid", "8"],
      /--grid: it is of the grid and its picture, and --at/,
    ],
    [
      "a title for no picture",
      ["density", "run", "--no-picture", "--title", "T"],
      /--title: it is of the picture, and --no-picture/,
    ],
    ["projection of no points", ["density", "run", "--project"], /--project: it is of the points of --at and --mark/],
    [
      "a tolerance for fixed steps",
      ["density", "run", "--tolerance", "1e-5"],
      /--tolerance: the fixed steps .* have none/,
    ],
    ["a field that does not exist", ["train", "--target", "ring", "--field", "curl"], /--field: "curl"/],
    ["a missing file", ["train", "--data", "none.csv"], /none\.csv does not exist/],
    ["text among numbers", ["train", "--data", "word.csv"], /row 2, column 1: 'x' is not a number/],
  ];
  it.each(refused)("refuses %s in one sentence, code 2, writing nothing", async (_, parameters, sentence) => {
    write("lat.csv", "10,20\n95.3,10\n");
    write("off.csv", "1,0,0\n0,1.2,0\n0,0,0.5\n");
    write("word.csv", "1,2\nx,3\n");
    const { code, err } = await atlas(folder, "flow", ...parameters, "--out", "nothing");
    expect(code, err).toBe(2);
    expect(err).toMatch(sentence);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder, "nothing"))).toBe(false);
  });

  it("takes points off the sphere with --project, and refuses runs that are none", async () => {
    write("off.csv", "1,0,0\n0,1.2,0\n0,0,0.5\n0.6,0.8,0\n");
    await json(
      "flow",
      "train",
      "--data",
      "off.csv",
      "--project",
      "--epochs",
      "1",
      "--test-fraction",
      "0",
      "--out",
      "projected",
      ...small,
    );
    const bad = await atlas(folder, "flow", "sample", "nowhere", "--out", "x.csv");
    expect(bad.code).toBe(2);
    expect(bad.err).toMatch(/nowhere does not exist/);
    const name = await atlas(folder, "flow", "sample", "run", "--out", "x.txt");
    expect(name.err).toMatch(/neither \.npy nor \.csv/);
    const there = await atlas(folder, "flow", "train", "--data", "places.csv", "--out", "run");
    expect(there.err).toMatch(/holds a run already/);
  });
});
