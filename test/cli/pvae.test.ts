/** The command on Poincare VAEs: the disk, the ball's own geometry, and what it refuses. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { poincareBall } from "../../src/manifolds/index.js";
import { readNpy } from "../../src/numerics/npy.js";
import { decodePng } from "../../src/plots/index.js";
import { atlas, jsonIn, temporaryFolder, writeTable } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const json = (...parameters: string[]) => jsonIn(folder, ...parameters);

/** Standard error of a command that has to fail with status 2 and one sentence. */
async function refusal(...parameters: string[]): Promise<string> {
  const { code, err } = await atlas(folder, ...parameters);
  expect(code, err).toBe(2);
  expect(err.trim().split("\n")).toHaveLength(1);
  return err;
}

const curvature = 0.7;
const small = "--data table.csv --label-column half --encoder 12 --decoder 12 --epochs 4 --activation tanh".split(" ");

beforeAll(async () => {
  writeTable(join(folder, "table.csv"), 120);
  const pvae = ["train", "--model", "pvae", ...small];
  await json(...pvae, "--curvature", String(curvature), "--out", "disk");
  await json(...pvae, "--curvature", "1", "--latent", "3", "--out", "ball");
  await json(...pvae, "--curvature", "0", "--out", "flat");
}, 120_000);

it("takes kinds of layers and their units together", async () => {
  const layers = ["--encoder", "mobius,6", "--decoder", "5,4,wrapped", "--epochs", "1"];
  await json("train", "--model", "pvae", "--data", "table.csv", "--label-column", "half", ...layers, "--out", "kinds");
  const { shape } = JSON.parse(readFileSync(join(folder, "kinds", "config.json"), "utf8"));
  expect(shape).toMatchObject({ encoder: "mobius", encoderHidden: [6], decoder: "wrapped", decoderHidden: [5, 4] });
});

const space = poincareBall({ dimension: 2, curvature });
const code = (i: number) => {
  const { data } = readNpy(join(folder, "disk", "latents.npy"));
  return [data[2 * i], data[2 * i + 1]];
};

describe("the ball's own geometry", () => {
  it("gives the geodesic in closed form", async () => {
    const result = await json("geodesic", "disk", "--from", "0", "--to", "70", "--metric", "hyperbolic");
    const exact = space.distance(code(0), code(70));
    expect(result.length).toBeCloseTo(exact, 10);
    expect(result.energy).toBeCloseTo(exact ** 2, 10);
    expect(result.straightLength).toBeGreaterThanOrEqual(exact - 1e-12);
    expect(result).toMatchObject({ converged: true, reason: "converged", iterations: 0 });
    expect(result.curve).toHaveLength(65);
    const middle = space.geodesic(code(0), code(70), 0.5);
    expect(result.curve[32][0]).toBeCloseTo(middle[0], 10);
    const still = await json("geodesic", "disk", "--from", "5", "--to", "5", "--metric", "hyperbolic");
    expect(still).toMatchObject({ length: 0, reason: "coincident" });
  }, 60_000);

  it("gives distances and means in closed form, and other numbers than the decoder's", async () => {
    const indices = ["--indices", "0,30,70,100"];
    const made = await json("distances", "disk", ...indices, "--metric", "hyperbolic", "--out", "exact.npy");
    expect(made).toMatchObject({ n: 4, converged: 6 });
    const { data } = readNpy(join(folder, "exact.npy"));
    expect(data[1]).toBeCloseTo(space.distance(code(0), code(30)), 10);
    await json("distances", "disk", ...indices, "--out", "pulled.npy");
    expect(Math.abs(readNpy(join(folder, "pulled.npy")).data[1] - data[1])).toBeGreaterThan(1e-3);
    const { mean, variance, converged } = await json("mean", "disk", ...indices, "--metric", "hyperbolic");
    expect(converged).toBe(true);
    const at = (z: ArrayLike<number>) =>
      [0, 30, 70, 100].reduce((sum, i) => sum + space.squaredDistance(z, code(i)) / 4, 0);
    expect(at(mean)).toBeCloseTo(variance, 10);
    expect(at([mean[0] + 1e-3, mean[1]])).toBeGreaterThan(variance);
  }, 60_000);

  it("is refused where the latent space is flat", async () => {
    expect(await refusal("geodesic", "flat", "--from", "0", "--to", "1", "--metric", "hyperbolic")).toMatch(
      /the latent space of flat is flat; train with --model pvae and --curvature above 0/,
    );
  }, 30_000);
});

describe("atlas map of a Poincare VAE", () => {
  it("draws the disk of the right radius with both geometries", async () => {
    const result = await json("map", "disk", "--out", "disk-map", "--geodesics", "3", "--resolution", "40");
    const radius = 1 / Math.sqrt(curvature);
    expect(result.box[0][1]).toBeCloseTo(radius, 12);
    expect(result.files).toEqual(["disk-map.svg", "disk-map.png"]);
    const svg = readFileSync(join(folder, "disk-map.svg"), "utf8");
    expect(svg.match(/class="boundary"/g)).toHaveLength(2);
    expect(svg).toContain("Geometry of the prior");
    expect(svg).toContain("Geometry of the decoder");
    expect(svg).not.toContain("correlation"); // three pairs say nothing of it
    expect(svg.match(/class="hyperbolic-geodesics-left-"/g)).toHaveLength(3);
    expect(svg.match(/class="decoder-s-geodesics"/g)).toHaveLength(3);
    expect(decodePng(readFileSync(join(folder, "disk-map.png"))).width).toBeGreaterThan(1000);
  }, 60_000);

  it("draws the plane where the latent space is flat, and refuses more than two dimensions", async () => {
    const { box } = await json("map", "flat", "--out", "flat-map", "--resolution", "20");
    expect(box[0][0]).toBeLessThan(box[0][1]);
    expect(await refusal("map", "ball", "--out", "map")).toMatch(
      /ball has codes in the Poincare ball of dimension 3, and the map is of the disk, two latent dimensions/,
    );
  }, 60_000);
});

describe("bad input", () => {
  it.each([
    [["--curvature=-1"], /--curvature: "-1" is not a number c of at least 0, .* -c; give 1 for curvature -1\.$/m],
    [["--curvature", "much"], /--curvature: "much"/],
    [["--prior-scale", "0"], /--prior-scale: "0" is not a number above 0/],
    [["--posterior", "normal"], /--posterior: "normal" is not one of wrapped, riemannian/],
    [["--decoder", "flat"], /--decoder: "flat" is not one of wrapped, gyroplane, mobius/],
    [["--decoder", "wrapped,mobius"], /--decoder: "wrapped,mobius" names 2 kinds of layers; name one/],
  ])(
    "%s is refused in one sentence",
    async (options, sentence) => {
      expect(await refusal("train", "--model", "pvae", ...small.slice(0, 4), ...options, "--out", "none")).toMatch(
        sentence,
      );
    },
    30_000,
  );

  it.each([
    ["map disk --axes 0,1 --out m", "--axes: the disk of a Poincare VAE has its two only"],
    ["map disk --distance-from 0 --out m", "--distance-from: disk has codes in the Poincare ball"],
    ["geodesic disk --metric hyperbolic --graph --from 0 --to 1", "--graph: geodesics of the ball are known"],
    [
      "distances disk --metric hyperbolic --method graph --indices 0,1 --out d.npy",
      "--method graph: distances of the ball are known",
    ],
  ])("%s: an option that would be idle", async (command, sentence) => {
    expect(await refusal(...command.split(" "))).toContain(sentence);
  });

  it("points outside the ball: how far, and the projection; points of another dimension", async () => {
    const outside = await refusal("geodesic", "disk", "--from", "0", "--to", "1,1");
    expect(outside).toMatch(/--to has length 1.41421, 0.219 beyond the edge of the ball at 1.19523/);
    expect(outside).toMatch(/the nearest one is \[0.845154, 0.845154\]/);
    writeFileSync(join(folder, "points.csv"), "0.1,0.2\n1.5,0\n");
    expect(await refusal("distances", "disk", "--points", "points.csv", "--out", "d.npy")).toMatch(
      /--points, row 1, has length 1.50000, 0.305 beyond the edge/,
    );
    writeFileSync(join(folder, "wide.csv"), "0.1,0.2,0.3\n0.2,0.2,0.2\n");
    expect(await refusal("distances", "disk", "--points", "wide.csv", "--out", "d.npy")).toMatch(
      /has 3 columns, the latent space of this run has 2 dimensions/,
    );
    expect(await refusal("geodesic", "disk", "--from", "0", "--to", "0.1,0.1,0.1")).toMatch(/has 3 coordinates/);
  }, 60_000);
});
