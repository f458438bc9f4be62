/** `atlas evaluate` and `atlas sample` on small runs of every kind of model, and what they refuse. */
import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mul, ndarray, type Tensor, toOnnx } from "../../src/engine/index.js";
import { saveDigitFeatures, trainDigitFeatures } from "../../src/evaluation/index.js";
import { encodeNpy, readNpy } from "../../src/numerics/npy.js";
import { randomKey, uniformArray } from "../../src/numerics/random.js";
import { decodePng } from "../../src/plots/index.js";
import { atlas, jsonIn, temporaryFolder, writeTable } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const json = (...parameters: string[]) => jsonIn(folder, ...parameters);

/** Horizontal and vertical bars of 28 x 28. */
function bars(n: number, seed: number) {
  const u = uniformArray(randomKey(seed), 2 * n);
  const rows = new Float32Array(n * 784);
  const labels = Int32Array.from({ length: n }, (_, i) => i % 2);
  for (let i = 0; i < n; i++)
    for (let r = 0; r < 28; r++)
      for (let c = 0; c < 28; c++)
        rows[i * 784 + r * 28 + c] =
          Math.exp(-0.1 * ((labels[i] ? r : c) - 5 - 18 * u[2 * i]) ** 2) * (0.7 + 0.3 * u[2 * i + 1]);
  return { name: "bars", rows, labels, n, dimension: 784, imageShape: [28, 28] as const };
}

const small = ["--encoder", "16", "--decoder", "16", "--epochs", "4", "--batch", "40", "--likelihood", "bernoulli"];

async function train(out: string, ...options: string[]): Promise<void> {
  await json("train", "--data", "bars.npy", "--out", out, "--threads", "1", ...small, ...options);
}

beforeAll(async () => {
  const { rows } = bars(240, 1);
  writeFileSync(join(folder, "bars.npy"), encodeNpy({ data: rows, shape: [240, 28, 28], dtype: "float32" }));
  const options = { epochs: 1, channels: [4, 8], threads: 1 };
  saveDigitFeatures(join(folder, "features"), await trainDigitFeatures(bars(200, 2), bars(60, 3), options));
  await Promise.all([
    train("vae", "--no-uncertainty", "--epochs", "12"),
    train("ae", "--model", "ae").then(() => train("vamp", "--model", "vamp", "--option", "components=5")),
  ]);
  await Promise.all([
    train("rhvae", "--model", "rhvae", "--option", "metricUnits=8", "centroids=20"),
    train("pvae", "--model", "pvae", "--curvature", "1"),
    train("wae", "--model", "wae-mmd"),
  ]);
  writeTable(join(folder, "table.csv"));
  await json(
    "train",
    "--data",
    "table.csv",
    "--label-column",
    "half",
    "--out",
    "table",
    "--epochs",
    "2",
    "--encoder",
    "8",
    "--decoder",
    "8",
    "--no-uncertainty",
  );
}, 180_000);

const few = ["-n", "60", "--threads", "1"];
const quick = [...few, "--likelihood-rows", "5", "--importance-samples", "20"];
const annealing = ["--annealed-rows", "2", "--chains", "2", "--temperatures", "5"];

describe("atlas evaluate", () => {
  it("computes every part, with uncertainty, number of images and seed, and writes files and pictures", async () => {
    const given = ["evaluate", "vae", "--features", "features", "--out", "scores", "--seed", "3", ...quick];
    const result = await json(...given, ...annealing);
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining(["run", "model", "sampler", "n", "seed", "data", "features", "scores", "notes", "files"]),
    );
    expect(result).toMatchObject({ model: "vae", sampler: "prior", n: 60, seed: 3, data: { train: 216, heldOut: 24 } });
    expect(result.features.name).toBe("features-feature");
    const names = result.scores.map(({ name }: any) => name);
    expect(names).toEqual([
      "features-feature Frechet distance",
      "features-feature PRD F_8 (recall)",
      "features-feature PRD F_1/8 (precision)",
      "features-feature improved precision",
      "features-feature improved recall",
      "features-feature Frechet distance of training images",
      "features-feature PRD F_8 (recall) of training images",
      "features-feature PRD F_1/8 (precision) of training images",
      "memorisation (1/2: none, 1: copies)",
      "reconstruction error (mean square)",
      "features-feature Frechet distance of reconstructions",
      "log-likelihood (importance sampling)",
      "log-likelihood (annealed importance sampling)",
    ]);
    for (const score of result.scores) {
      expect(Number.isFinite(score.value) && Number.isFinite(score.standardError), score.name).toBe(true);
      expect(score.images).toBeGreaterThan(1);
      expect(score.seed).toBe(3);
    }
    // training images are what the data are like; the samples of a hasty model are not
    expect(result.scores[5].value).toBeLessThan(result.scores[0].value);
    expect(result.warnings.join()).toContain("biased upwards");
    expect(result.warnings.join()).toContain("24 images are few for PRD in 20 clusters, 1.2 a cluster");
    expect(result.warnings.join()).toContain("improved precision and recall of fewer than 1000 images");
    const files = ["scores.json", "scores.csv", "prd.svg", "prd.png", "samples.png", "nearest.svg", "nearest.png"];
    expect(result.files).toEqual(files.map((name) => join("scores", name)));
    expect(readFileSync(join(folder, "scores", "scores.csv"), "utf8").split("\n")).toHaveLength(names.length + 2);
    expect(decodePng(readFileSync(join(folder, "scores", "nearest.png"))).width).toBeGreaterThan(800);
    const again = await json(...given, "--scores", "frechet,likelihood");
    const both = (all: any[]) => all.filter(({ name }) => /Frechet distance$|importance sampling/.test(name));
    expect(both(again.scores)).toEqual(both(result.scores).filter(({ name }: any) => !name.includes("annealed")));
  });

  it("works for plain, Poincare and learned-prior models, and says what they cannot have", async () => {
    const run = async (name: string) =>
      json("evaluate", name, "--features", "features", "--out", `scores-${name}`, ...quick, ...annealing);
    const ae = await run("ae");
    expect(ae.sampler).toBe("gaussian-mixture");
    expect(ae.notes.join()).toContain("without likelihood: this run is of kind ae, which has no marginal likelihood");
    const pvae = await run("pvae");
    expect(pvae.sampler).toBe("prior");
    expect(pvae.scores.map(({ name }: any) => name)).toContain("log-likelihood (importance-weighted bound, K = 20)");
    expect(pvae.notes.join()).toContain("no flat latent space to anneal in");
    const vamp = await json(
      "evaluate",
      "vamp",
      "--scores",
      "memorisation,reconstruction",
      "--out",
      "scores-vamp",
      ...few,
    );
    expect(vamp.sampler).toBe("vamp");
    expect(vamp.scores.map(({ name }: any) => name)).toEqual([
      "memorisation (1/2: none, 1: copies)",
      "reconstruction error (mean square)",
    ]);
    expect(vamp.notes.join()).toMatch(/without the Frechet distance of reconstructions: .*atlas reproduce features/);
  });

  it("without pictures leaves out what needs them", async () => {
    const result = await json("evaluate", "table", "--out", "scores-table", ...quick, ...annealing);
    expect(result.notes.join()).toContain("name a network for these data with --features FILE.onnx");
    expect(result.notes.join()).toContain("without diversity: this run is not of pictures");
    expect(result.scores).toHaveLength(4);
  });

  it("takes any ONNX network for features", async () => {
    const bytes = await toOnnx((x: Tensor) => ({ y: mul(x, 2) }), [ndarray(new Float32Array(784), [1, 784])], {
      inputNames: ["x"],
      outputNames: ["y"],
      freeBatch: true,
    });
    writeFileSync(join(folder, "twice.onnx"), bytes);
    const options = ["--scores", "improved", "--features", "twice.onnx", "--feature-scale", "0.5", "--out", "onnx"];
    const result = await json("evaluate", "vae", ...options, ...few);
    expect(result.scores.map(({ name }: any) => name)).toEqual([
      "twice-feature improved precision",
      "twice-feature improved recall",
    ]);
  });
});

describe("atlas sample", () => {
  it("without a name: the model's own law, or the mixture on the codes where there is none", async () => {
    const chosen = async (run: string) =>
      (await json("sample", run, "-n", "8", "--threads", "1", "--out", "own")).sampler;
    expect(await Promise.all(["vae", "wae", "vamp", "ae"].map(chosen))).toEqual([
      "prior",
      "prior",
      "vamp",
      "gaussian-mixture",
    ]);
  });

  it.each([
    ["rhvae", "prior"],
    ["vamp", "vamp"],
    ["vamp", "own"],
    ["rhvae", "own"],
    ["pvae", "gaussian-mixture"],
    ["vae", "riemannian"],
    ["vae", "published"],
  ])("%s by %s: arrays, a sheet, the same for the same seed", async (run, sampler) => {
    const draw = (out: string, seed: string) =>
      json("sample", run, "--sampler", sampler, "-n", "12", "--seed", seed, "--threads", "1", "--out", out);
    const [first] = await Promise.all([draw("first", "1"), draw("second", "1"), draw("third", "2")]);
    expect(first.files).toEqual(["first.npy", "first-latents.npy", "first.png"]);
    const [a, b, c] = ["first", "second", "third"].map((name) => readNpy(join(folder, `${name}-latents.npy`)));
    expect(a.shape).toEqual([12, 2]);
    expect(a.data).toEqual(b.data);
    expect(a.data).not.toEqual(c.data);
    expect(readNpy(join(folder, "first.npy")).shape).toEqual([12, 28, 28]);
    expect(decodePng(readFileSync(join(folder, "first.png"))).width).toBe(10 * 57 + 1);
    if (sampler !== "riemannian" && `${run} ${sampler}` !== "rhvae own") return;
    const { acceptance, effectiveSampleSize, splitRHat } = first.diagnostics;
    for (const value of [acceptance, effectiveSampleSize, splitRHat]) expect(value).toBeGreaterThan(0);
    if (run === "rhvae") return;
    const { out } = await atlas(folder, "sample", run, "--sampler", sampler, "-n", "12", "--out", "told");
    expect(out).toMatch(/effective sample size: \d+ of 640 draws, of which 12 are kept \(worth \d+\)/);
    expect(first.diagnostics).toMatchObject({ draws: 640, returned: 12 });
    expect(first.diagnostics.returnedEffectiveSize).toBeLessThan(12.1);
    expect(out).toMatch(/acceptance: .*\n.*effective sample size: |acceptance: [\s\S]*effective sample size: /);
    expect(out).toContain("split R-hat: ");
  });
});

describe("options of samplers", () => {
  it("transitions, leapfrog steps, a ball, components reach the sampler, and change what it draws", async () => {
    const sample = async (run: string, ...options: string[]) => {
      const result = await json("sample", run, "-n", "8", "--threads", "1", "--out", "sampled", ...options);
      return { ...result, latents: readNpy(join(folder, "sampled-latents.npy")).data };
    };
    const riemannian = ["--sampler", "riemannian", "--centroids", "20"];
    const plain = await sample("vae", ...riemannian);
    expect(plain.diagnostics.leapfrogSteps).toBe(10);
    const told = await sample("vae", ...riemannian, "--transitions", "3", "--leapfrog", "4", "--ball", "50");
    expect(told.diagnostics.leapfrogSteps).toBe(4);
    expect(told.diagnostics.gradients).toBe((60 + 40 * 3) * 16 * 4);
    expect(told.diagnostics.notes.join()).toContain("restricted to the ball of radius 50");
    const published = await sample("vae", "--sampler", "published", "--transitions", "5", "--leapfrog", "2");
    expect(published.diagnostics.gradients).toBe(8 * 5 * 2);
    const learned = await sample("rhvae", "--sampler", "rhvae", "--leapfrog", "3");
    expect(learned.diagnostics.leapfrogSteps).toBe(3);
    for (const run of ["vae", "pvae"]) {
      const mixture = ["--sampler", "gaussian-mixture"];
      const three = await sample(run, ...mixture, "--components", "3");
      expect(three.latents).not.toEqual((await sample(run, ...mixture)).latents);
    }
    const evaluated = await json(
      "evaluate",
      "vae",
      "--scores",
      "memorisation",
      ...few,
      ...riemannian,
      "--ball",
      "50",
      "--out",
      "in-ball",
    );
    expect(evaluated.notes.join()).toContain("restricted to the ball of radius 50");
  });
});

describe("bad usage is one sentence and exit code 2", () => {
  const out = ["--out", "refused"];
  const evaluate = (run: string, ...options: string[]) => ["evaluate", run, ...out, ...options];
  const sample = (run: string, ...options: string[]) => ["sample", run, ...out, ...options];
  it.each<[string, string[], RegExp]>([
    ["no run", evaluate("none"), /none does not exist/],
    [
      "a sampler without posterior",
      evaluate("ae", "--sampler", "riemannian"),
      /no Gaussian posterior; use one of gaussian-mixture\.$/,
    ],
    [
      "a sampler without prior",
      evaluate("ae", "--sampler", "prior"),
      /no standard normal prior; use one of gaussian-mixture\.$/,
    ],
    [
      "a model without law of its own",
      sample("ae", "--sampler", "own"),
      /no law of its own to draw from; use one of gaussian-mixture/,
    ],
    [
      "a sampler of another kind of model",
      sample("vae", "--sampler", "vamp"),
      /only a model of kind vamp brings it; this one has prior/,
    ],
    ["an unknown sampler", evaluate("vae", "--sampler", "magic"), /"magic" is not one of prior, gaussian-mixture/],
    [
      "fewer codes than centroids",
      sample("vae", "--sampler", "riemannian", "--centroids", "500"),
      /500 centroids of 216 codes/,
    ],
    ["an unknown part", evaluate("vae", "--scores", "frechet,beauty"), /--scores: "beauty" is not one of frechet, prd/],
    [
      "a part that the model lacks",
      evaluate("ae", "--scores", "likelihood"),
      /kind ae, which has no marginal likelihood; choose from frechet, prd, improved, memorisation/,
    ],
    [
      "annealing on the ball",
      evaluate("pvae", "--scores", "annealed"),
      /no flat latent space to anneal in; choose from/,
    ],
    ["no pictures", evaluate("table", "--scores", "diversity"), /this run is not of pictures; choose from/],
    [
      "features that are not there yet",
      evaluate("vae"),
      /not in .*digit-features-mnist yet; train them with: atlas reproduce features/,
    ],
    [
      "features of other images",
      evaluate("table", "--features", "features"),
      /take grey pictures of 784 pixels, the rows of this run have 5/,
    ],
    ["an absent feature network", evaluate("vae", "--features", "none.onnx"), /none\.onnx cannot be read \(ENOENT\)/],
    [
      "a feature network with another input",
      evaluate("table", "--features", "narrow.onnx"),
      /takes images of 9 numbers, the data of this run have 5/,
    ],
    [
      "no feature network",
      evaluate("vae", "--features", "bars.npy"),
      /"bars\.npy" is neither own, mnist, strokes, the path of an ONNX file/,
    ],
    [
      "an output that is not there",
      evaluate("vae", "--features", "wide.onnx", "--feature-output", "pool"),
      /no output "pool"/,
    ],
    [
      "an option of another kind",
      evaluate("vae", "--features", "features", "--feature-scale", "2"),
      /--feature-scale: our own features have no such option/,
    ],
    [
      "a posterior metric for a sampler without",
      sample("vae", "--sampler", "prior", "--posterior", "rho=2"),
      /--posterior: the sampler prior takes no such option; leave it out, or use --sampler riemannian, or published\.$/,
    ],
    [
      "centroids for a sampler without",
      sample("vae", "--sampler", "gaussian-mixture", "--centroids", "7"),
      /--centroids: the sampler gaussian-mixture takes no such option/,
    ],
    [
      "components for the model's own law",
      evaluate("vae", "--components", "3"),
      /--components: the sampler prior takes no such option; leave it out, or use --sampler gaussian-mixture\.$/,
    ],
    [
      "a ball for short chains",
      sample("vae", "--sampler", "published", "--ball", "3"),
      /--ball: the sampler published takes no such option/,
    ],
    [
      "a ball that leaves centroids out",
      sample("vae", "--sampler", "riemannian", "--ball", "1e-6"),
      /ball: radius 0\.000001; give a number above/,
    ],
    [
      "draws of a part that is not computed",
      evaluate("vae", "--scores", "memorisation", "--importance-samples", "5"),
      /--importance-samples: it is of the parts likelihood, none of which is computed here/,
    ],
    ["too few images", evaluate("vae", "-n", "1"), /--number: "1" is not a whole number from 2/],
    [
      "data that moved",
      evaluate("moved", "--scores", "memorisation"),
      /moved was trained on elsewhere\.npy, which cannot be loaded from here; name the data with --data/,
    ],
    [
      "other data",
      evaluate("vae", "--scores", "memorisation", "--data", "other.npy"),
      /other\.npy: these are not the rows that vae was trained on \(bars\.npy\)/,
    ],
    ["singular covariances", sample("singular", "--sampler", "riemannian"), /inverseVariances.*(Infinity|finite)/],
    [
      "a size that convolutions cannot take",
      [
        "train",
        "--model",
        "rae",
        "--network",
        "convolutional",
        "--data",
        "tiny.npy",
        "--likelihood",
        "bernoulli",
        ...out,
      ],
      /convolutional.*mlp|image/,
    ],
    [
      "a number that the posterior metric does not have",
      ["geodesic", "vae", "--from", "0", "--to", "1", "--metric", "posterior:beta=2"],
      /--metric posterior: "beta=2" is not of the form name=number with a name of rho, lambda, tau, centroids, seed\.$/,
    ],
    [
      "a lambda that is not positive",
      sample("vae", "--sampler", "riemannian", "--posterior", "lambda=-1"),
      /lambda is -1/,
    ],
    ["a potential without posteriors", ["map", "ae", "--metric", "potential", ...out], /holds no posterior variances/],
    ["a bad part of the ball", ["map", "pvae", "--distance-from", "0", ...out], /Poincare ball; use atlas distances/],
    [
      "a point outside of the codes",
      ["map", "vae", "--distance-from", "999", ...out],
      /--distance-from: index 999 is outside the 216 codes/,
    ],
  ])("%s", async (_, parameters, sentence) => {
    const done = await atlas(folder, ...parameters, "--json");
    const lines = done.err
      .trim()
      .split("\n")
      .filter((line) => !/^(Data:| *\d+ % )/.test(line));
    expect({ code: done.code, out: done.out, lines: lines.length }, done.err).toEqual({ code: 2, out: "", lines: 1 });
    expect(lines[0]).toMatch(sentence);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });

  beforeAll(async () => {
    const narrow = (width: number) =>
      toOnnx((x: Tensor) => ({ y: mul(x, 2) }), [ndarray(new Float32Array(width), [1, width])], {
        inputNames: ["x"],
        outputNames: ["y"],
        freeBatch: true,
      });
    writeFileSync(join(folder, "narrow.onnx"), await narrow(9));
    writeFileSync(join(folder, "wide.onnx"), await narrow(784));
    const other = bars(240, 9).rows;
    writeFileSync(join(folder, "other.npy"), encodeNpy({ data: other, shape: [240, 28, 28], dtype: "float32" }));
    const tiny = new Float32Array(50 * 5 * 3).fill(0.5);
    writeFileSync(join(folder, "tiny.npy"), encodeNpy({ data: tiny, shape: [50, 5, 3], dtype: "float32" }));
    for (const name of ["moved", "singular"]) cpSync(join(folder, "vae"), join(folder, name), { recursive: true });
    const choice = JSON.parse(readFileSync(join(folder, "moved", "data.json"), "utf8"));
    writeFileSync(join(folder, "moved", "data.json"), JSON.stringify({ ...choice, data: "elsewhere.npy" }));
    const variances = new Float64Array(216 * 2).fill(-2000);
    writeFileSync(
      join(folder, "singular", "latent-log-variances.npy"),
      encodeNpy({ data: variances, shape: [216, 2], dtype: "float64" }),
    );
  });
});

describe("--metric posterior, in every verb", () => {
  it("map, distance map, geodesic, distances and mean", async () => {
    const metric = ["--metric", "posterior"];
    const map = await json("map", "vae", ...metric, "--out", "map", "--resolution", "24", "--geodesics", "1");
    expect(map.metric).toBe("posterior covariance");
    const distances = await json(
      "map",
      "vae",
      ...metric,
      "--distance-from",
      "4",
      "--out",
      "from",
      "--resolution",
      "40",
    );
    expect(distances.from).toBe(4);
    expect(distances.largest.metric).toBeGreaterThan(0);
    expect(decodePng(readFileSync(join(folder, "from.png"))).width).toBeGreaterThan(1000);
    // codes that are near each other: across the flat floor between far ones a solve may end unresolved, and says so
    const [near, nearer] = neighboursOf(3);
    const geodesic = await json("geodesic", "vae", ...metric, "--from", "3", "--to", String(near));
    expect(geodesic.length).toBeLessThanOrEqual(geodesic.straightLength * (1 + 1e-6));
    const matrix = await json("distances", "vae", ...metric, "--indices", `3,${near},${nearer}`, "--out", "d.npy");
    expect(matrix.n).toBe(3);
    const table = readNpy(join(folder, "d.npy"));
    expect(table.data[1] / geodesic.length).toBeCloseTo(1, 2);
    // three codes that nearly coincide: the mean is among them, and a solve that rests early ends with code 1 and says so
    const { code, out } = await atlas(folder, "mean", "vae", ...metric, "--indices", `3,${near},${nearer}`, "--json");
    const mean = JSON.parse(out);
    expect(code).toBe(mean.converged ? 0 : 1);
    const { data } = readNpy(join(folder, "vae", "latents.npy"));
    for (const k of [0, 1]) {
      const among = [3, near, nearer].map((i) => data[2 * i + k]);
      const spread = Math.max(...among) - Math.min(...among);
      expect(mean.mean[k]).toBeGreaterThan(Math.min(...among) - spread - 1e-6);
      expect(mean.mean[k]).toBeLessThan(Math.max(...among) + spread + 1e-6);
    }
  });
});

describe("data of runs", () => {
  it("are found beside the run, and by --data where the file has another name", async () => {
    renameSync(join(folder, "bars.npy"), join(folder, "renamed.npy"));
    const options = ["--scores", "reconstruction", "--out", "scores-renamed", ...few];
    const result = await json("evaluate", "vae", "--data", "renamed.npy", ...options);
    expect(result.scores).toHaveLength(1);
    renameSync(join(folder, "renamed.npy"), join(folder, "bars.npy"));
  });
});

/** The two codes nearest to one. */
function neighboursOf(index: number): number[] {
  const { data } = readNpy(join(folder, "vae", "latents.npy"));
  const apart = (i: number) => Math.hypot(data[2 * i] - data[2 * index], data[2 * i + 1] - data[2 * index + 1]);
  const order = Array.from({ length: data.length / 2 }, (_, i) => i).sort((i, j) => apart(i) - apart(j));
  return order.slice(1, 3);
}
