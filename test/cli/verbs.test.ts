import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpy } from "../../src/numerics/npy.js";
import { decodePng } from "../../src/plots/index.js";
import { atlas, commandsIn, outcome, start, temporaryFolder, writeTable } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const { json, refused } = commandsIn(folder);

const trainOptions = ["--label-column", "half", "--encoder", "24", "--decoder", "24", "--batch", "32", "--seed", "3"];

beforeAll(async () => {
  writeTable(join(folder, "table.csv"));
  const trained =
    await json`train --data table.csv --latent 2 --likelihood gaussian --epochs 60 --out run ${trainOptions}`;
  expect(trained).toEqual({
    run: "run",
    epochs: 60,
    elbo: { train: expect.any(Number), test: expect.any(Number) },
    seconds: expect.any(Number),
    reason: "finished",
  });
});

describe("atlas geodesic", () => {
  it("keeps its JSON contract between codes, and the geodesic is no longer than the straight line", async () => {
    const result = await json`geodesic run --from 0 --to 100`;
    expect(Object.keys(result)).toEqual([
      "from",
      "to",
      "length",
      "straightLength",
      "energy",
      "converged",
      "reason",
      "iterations",
      "curve",
    ]);
    expect(result.from).toBe(0);
    expect(result.converged).toBe(true);
    expect(result.length).toBeLessThanOrEqual(result.straightLength * (1 + 1e-6));
    expect(result.length ** 2).toBeLessThanOrEqual(result.energy * (1 + 1e-6));
    const codes = readNpy(join(folder, "run", "latents.npy"));
    for (let i = 0; i < 2; i++) expect(result.curve[0][i]).toBeCloseTo(codes.data[i], 6);
  });
  it("takes coordinates, either metric, a graph start, and writes the curve", async () => {
    const result = await json`geodesic run --from=-0.5,1 --to=0.4,-0.2 --metric euclidean --graph --out curve.csv`;
    expect(result.from).toEqual([-0.5, 1]);
    const lines = readFileSync(join(folder, "curve.csv"), "utf8").trim().split("\n");
    expect(lines[0]).toBe("z1,z2");
    expect(lines.length).toBe(result.curve.length + 1);
  });
  it("refuses indices and dimensions that do not fit", async () => {
    expect(await refused`geodesic run --from 9999 --to 1`).toContain("index 9999 is outside");
    expect(await refused`geodesic run --from=1,2,3 --to 1`).toContain(
      "has 3 coordinates, the latent space of this run has 2",
    );
  });
});

describe("atlas distances", () => {
  it("writes a symmetric matrix that agrees with atlas geodesic", async () => {
    const result = await json`distances run --indices 0,40,90,150 --out d.npy`;
    expect(result).toEqual({ n: 4, out: "d.npy", converged: 6, seconds: expect.any(Number) });
    const { data, shape } = readNpy(join(folder, "d.npy"));
    expect(shape).toEqual([4, 4]);
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) expect(data[4 * i + j]).toBe(i === j ? 0 : data[4 * j + i]);
    const single = await json`geodesic run --from 0 --to 90`;
    expect(data[2] / single.length).toBeCloseTo(1, 2);
  });
  it("takes points from a file", async () => {
    writeFileSync(join(folder, "points.csv"), "0,0\n0.5,0.5\n-0.3,0.2\n");
    expect((await json`distances run --points points.csv --out p.npy`).n).toBe(3);
    await refused`distances run --points points.csv --indices 0,1 --out q.npy`;
    expect(existsSync(join(folder, "q.npy"))).toBe(false);
  });
});

describe("atlas shoot", () => {
  it("follows a geodesic, and its end is joined to its start by one of that length", async () => {
    const shot = await json`shoot run --from 0 --velocity=0.05,0.03 --metric euclidean`;
    expect(shot.converged).toBe(true);
    expect(shot.curve.length).toBe(65);
    const back = await json`geodesic run --from 0 --to=${shot.endPoint.join(",")} --metric euclidean`;
    expect(back.length / shot.length).toBeCloseTo(1, 3);
    for (const [option, value, complaint] of [
      ["--velocity", "1,2,3", /has 3 components/],
      ["--velocity", "1,up", /"up" is not a number/],
      ["--from", "9999", /outside the/],
    ] as const) {
      const given = { "--from": "0", "--velocity": "1,0", [option]: value };
      expect(await refused`shoot run ${Object.entries(given).flat()} --out never.csv`).toMatch(complaint);
    }
    expect(existsSync(join(folder, "never.csv"))).toBe(false);
  });
});

describe("atlas mean", () => {
  it("of two codes lies half way between them", async () => {
    const result = await json`mean run --indices 10,30`;
    expect(result.converged).toBe(true);
    const point = `${result.mean.join(",")}`;
    const a = await json`geodesic run --from 10 --to=${point}`;
    const b = await json`geodesic run --from 30 --to=${point}`;
    expect(a.length / b.length).toBeCloseTo(1, 1);
  });
});

describe("atlas map", () => {
  it("draws an SVG and a PNG", async () => {
    const result = await json`map run --out picture --resolution 32 --geodesics 3`;
    expect(result.files).toEqual(["picture.svg", "picture.png"]);
    expect(readFileSync(join(folder, "picture.svg"), "utf8")).toContain("log magnification factor");
    const png = decodePng(readFileSync(join(folder, "picture.png")));
    expect(png.width).toBeGreaterThan(800);
  });
});

describe("options that would be idle", () => {
  it.each([
    ["map run --distance-from 0 --geodesics 3 --out m", "--geodesics: a map of distances draws none"],
    ["map run --seed 3 --out m", "--seed: it says between which codes geodesics go"],
    ["map run --axes 0,5 --out m", '--axes: "0,5" does not name two of the 2 latent axes 0 to 1'],
    ["distances run --indices 0,1 --method tree --out d.npy", '--method: "tree" is not one of exact, graph'],
    ["distances run --indices 0,1 --out d.csv", '--out: "d.csv" does not end in .npy'],
    ["shoot run --from 0 --velocity 1,0 --time 0 --out s.csv", "--time: 0 follows nothing"],
    ["shoot run --from 0 --velocity 1,0,0 --out s.csv", "has 3 components, the latent space of this run has 2"],
  ])("%s is refused", async (command, sentence) => {
    const { code, err } = await atlas(folder, ...command.split(" "));
    expect(code, err).toBe(2);
    expect(err).toContain(sentence);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});

describe("atlas export", () => {
  it("writes files that a bare ONNX Runtime runs", async () => {
    const result = await json`export run --out exported --batch 2`;
    const decoder = await ort.InferenceSession.create(join(folder, result.files["decoder.onnx"]));
    const z = new ort.Tensor("float32", Float32Array.of(0, 0, 0.3, -0.2), [2, 2]);
    const out = await decoder.run({ z });
    expect(out.mean.dims).toEqual([2, 5]);
    expect(Array.from(out.std.data as Float32Array).every((v) => v > 0)).toBe(true);
    const metric = await ort.InferenceSession.create(join(folder, result.files["metric.onnx"]));
    const { metric: G } = await metric.run({ z });
    expect(G.dims).toEqual([2, 2, 2]);
    expect((G.data as Float32Array)[1]).toBeCloseTo((G.data as Float32Array)[2], 5);
    const encoder = await ort.InferenceSession.create(join(folder, result.files["encoder.onnx"]));
    expect(encoder.inputNames).toEqual(["x"]);
  });
});

describe("a run in trouble", () => {
  it("is refused when damaged, by the name of the file", async () => {
    await json`train --data table.csv --epochs 2 --out damaged ${trainOptions}`;
    truncateSync(join(folder, "damaged", "model.safetensors"), 100);
    expect(await refused`geodesic damaged --from 0 --to 1`).toContain("model.safetensors");
  });
  it("is not overwritten unless asked", async () => {
    expect(await refused`train --data table.csv --epochs 2 --out run ${trainOptions}`).toContain(
      "--resume, --overwrite",
    );
  });
  it("is not overwritten by the demo, when it is of other data", async () => {
    const before = readFileSync(join(folder, "run", "model.safetensors"));
    const { code, err } = await atlas(folder, "demo", "--data", "strokes", "--out", "run");
    expect(code).toBe(2);
    expect(err).toContain("holds a run of table.csv");
    expect(readFileSync(join(folder, "run", "model.safetensors")).equals(before)).toBe(true);
  });
  it("stops cleanly on Ctrl-C, keeps the checkpoint, and goes on with --resume", async () => {
    const child = start(folder, [
      "train",
      "--data",
      "table.csv",
      "--epochs",
      "4000",
      "--out",
      "stopped",
      ...trainOptions,
    ]);
    const ended = outcome(child);
    await new Promise<void>((resolve) => {
      child.stderr?.on("data", (part) => {
        if (String(part).includes("epoch")) resolve();
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill("SIGINT");
    const { code, out } = await ended;
    expect(code).toBe(1);
    expect(out).toContain("atlas train --resume --out stopped");
    const done = JSON.parse(readFileSync(join(folder, "stopped", "config.json"), "utf8")).progress.epochs;
    const resumed = await json`train --resume --out stopped --epochs ${done + 2}`;
    expect(resumed.epochs).toBe(done + 2);
  }, 120_000);
});

describe("atlas import", () => {
  const fixtures = fileURLToPath(new URL("../fixtures/onnx/", import.meta.url));
  it("makes a run without codes, on which coordinates serve", async () => {
    const made = await json`import ${join(fixtures, "torch-conv.onnx")} --likelihood bernoulli --out imported`;
    expect(made).toEqual({
      run: "imported",
      dimension: 2,
      dataDimension: 784,
      roles: { mean: "mean" },
      likelihood: "bernoulli",
      codes: 0,
    });
    const result = await json`geodesic imported --from=-0.5,1 --to=2,0.3`;
    expect(result.converged).toBe(true);
    const named = await json`geodesic imported --from=-0.5,1 --to=2,0.3 --metric fisher-rao`;
    expect(named.length).toBe(result.length);
    expect(Object.keys((await json`export imported --out mean-only`).files)).toContain("decoder.onnx");
    expect(await refused`geodesic imported --from 0 --to 1`).toContain("this run has no codes");
  });
  it("with codes and uncertainty serves every verb", async () => {
    const made =
      await json`import ${join(fixtures, "torch-mlp-script.onnx")} --codes ${join(fixtures, "torch-points.npy")} --out imported2`;
    expect(made.codes).toBe(4);
    expect((await json`distances imported2 --indices 0,1,2 --out i.npy`).converged).toBe(3);
    expect((await json`mean imported2 --indices 0,1`).converged).toBe(true);
    expect((await json`map imported2 --resolution 16 --out imap`).metric).toBe("expected pullback");
    expect(Object.keys((await json`export imported2 --out iexport`).files)).toContain("decoder.onnx");
  });
  it("refuses what is no such file, and writes nothing", async () => {
    writeFileSync(join(folder, "text.onnx"), "this is no model");
    for (const parameters of [
      ["text.onnx"],
      [join(fixtures, "torch-conv.onnx"), "--likelihood", "poison"],
      [join(fixtures, "torch-conv.onnx"), "--codes", "table.csv"],
    ]) {
      await refused`import ${parameters} --out never`;
      expect(existsSync(join(folder, "never"))).toBe(false);
    }
  });
});

describe("atlas sample, and the posterior metric", () => {
  it("draws by each sampler the run can serve, seeded", async () => {
    for (const sampler of ["prior", "gaussian-mixture", "aggregated-posterior", "riemannian"]) {
      const own = sampler === "riemannian" ? ["--centroids", "20"] : [];
      const made = await json`sample run --sampler ${sampler} -n 20 ${own} --seed 5 --out s-${sampler}`;
      expect(made).toMatchObject({ n: 20, sampler, files: [`s-${sampler}.npy`, `s-${sampler}-latents.npy`] });
      expect(readNpy(join(folder, `s-${sampler}.npy`)).shape).toEqual([20, 5]);
      const latents = readNpy(join(folder, `s-${sampler}-latents.npy`)).data;
      await json`sample run --sampler ${sampler} -n 20 ${own} --seed 5 --out again`;
      expect(readNpy(join(folder, "again-latents.npy")).data).toEqual(latents);
    }
  });
  it("refuses unknown samplers, and metrics that an import cannot have", async () => {
    expect(await refused`sample run --sampler magic --out never`).toContain("prior, gaussian-mixture");
    expect(existsSync(join(folder, "never.npy"))).toBe(false);
    expect(await refused`geodesic imported2 --from 0 --to 1 --metric posterior`).toContain("no posterior variances");
  });
  it("solves geodesics under the posterior metric", async () => {
    const result = await json`geodesic run --from 0 --to 100 --metric posterior`;
    expect(result.converged).toBe(true);
    expect(result.length).toBeLessThanOrEqual(result.straightLength * (1 + 1e-6));
  });
});

describe("atlas train --model", () => {
  const small = [
    "--data",
    "table.csv",
    "--label-column",
    "half",
    "--epochs",
    "3",
    "--batch",
    "32",
    "--encoder",
    "16",
    "--decoder",
    "16",
  ];
  it("trains a model of the family, which serves the other verbs and resumes", async () => {
    const made = await json`train --model rae-l2 ${small} --out family`;
    expect(made).toMatchObject({ run: "family", model: "rae-l2", epochs: 3, reason: "finished" });
    expect((await json`geodesic family --from 0 --to 9 --metric euclidean`).curve.length).toBeGreaterThan(2);
    expect((await json`sample family --sampler gaussian-mixture -n 4 --out f`).n).toBe(4);
    expect((await json`train --resume --out family --epochs 4`).epochs).toBe(4);
  });
  it("trains a Poincare VAE, whose codes lie in the ball", async () => {
    const made = await json`train --model pvae --curvature 0.7 ${small} --out ball`;
    expect(made).toMatchObject({ model: "pvae", epochs: 3 });
    const { data, shape } = readNpy(join(folder, "ball", "latents.npy"));
    for (let i = 0; i < shape[0]; i++)
      expect(Math.hypot(data[2 * i], data[2 * i + 1])).toBeLessThan(1 / Math.sqrt(0.7));
    expect(await refused`train --model pvae --curvature -1 ${small} --out never`).toContain("--curvature");
  });
  it("refuses unknown models and options of a model", async () => {
    expect(await refused`train --model gan ${small} --out never`).toContain("rae-gp");
    await refused`train --model beta-vae --option gamma=2 ${small} --out never`;
    expect(existsSync(join(folder, "never"))).toBe(false);
  });
});

describe("other likelihoods", () => {
  it("trains on counts, and measures by Fisher-Rao, by default", async () => {
    const rows = Array.from({ length: 200 }, (_, i) =>
      [1, 2, 3].map((k) => Math.round(6 + 5 * Math.sin((k * Math.PI * i) / 100))).join(","),
    );
    writeFileSync(join(folder, "counts.csv"), `a,b,c\n${rows.join("\n")}\n`);
    await json`train --data counts.csv --likelihood poisson --epochs 20 --batch 32 --encoder 16 --decoder 16 --out counts`;
    for (const metric of [[], ["--metric", "fisher-rao-kl"], ["--metric", "euclidean"]]) {
      const result = await json`geodesic counts --from 0 --to 60 ${metric}`;
      expect(result.converged, metric.join(" ")).toBe(true);
    }
    expect(await refused`geodesic counts --from 0 --to 60 --metric position-orientation`).toContain("fisher-rao");
    expect(await refused`train --data table.csv --label-column half --likelihood poisson --out never`).toMatch(
      /row|column/,
    );
  });
});

describe("atlas train --resume", () => {
  const small = [
    "--data",
    "table.csv",
    "--label-column",
    "half",
    "--batch",
    "32",
    "--encoder",
    "16",
    "--decoder",
    "16",
  ];
  const uncertainty = (run: string) => readFileSync(join(folder, run, "uncertainty.safetensors"));
  it("gives what an uninterrupted run gives, its uncertainty included", async () => {
    await json`train ${small} --seed 4 --schedule constant --kl-warm-up 0 --epochs 6 --out whole`;
    await json`train ${small} --seed 4 --schedule constant --kl-warm-up 0 --epochs 3 --out halves`;
    await json`train --resume --epochs 6 --out halves`;
    for (const file of ["model.safetensors", "latents.npy", "uncertainty.safetensors"])
      expect(readFileSync(join(folder, "halves", file)).equals(readFileSync(join(folder, "whole", file))), file).toBe(
        true,
      );
    const before = uncertainty("whole");
    await json`train --resume --out whole`;
    expect(uncertainty("whole").equals(before)).toBe(true);
  });
  it("keeps to the run's own likelihood and choice of uncertainty", async () => {
    await json`train --data counts.csv --likelihood poisson --epochs 2 --batch 32 --out poisson`;
    await json`train --resume --epochs 3 --out poisson`;
    expect(existsSync(join(folder, "poisson", "uncertainty.safetensors"))).toBe(false);
    await json`train ${small} --no-uncertainty --epochs 2 --out plain`;
    await json`train --resume --epochs 3 --out plain`;
    expect(existsSync(join(folder, "plain", "uncertainty.safetensors"))).toBe(false);
  });
  it("refuses options that contradict the run, and folders without one", async () => {
    expect(await refused`train --resume --out plain --latent 3 --learning-rate 0.5`).toContain(
      "--latent, --learning-rate cannot be given",
    );
    expect(await refused`train --resume --out nowhere`).toContain("nowhere holds no run");
  });
  it("a run that diverges in its first epoch leaves nothing", async () => {
    const { code, err } = await atlas(
      folder,
      "train",
      ...small,
      ..."--epochs 2 --learning-rate 1e9 --out diverged".split(" "),
    );
    expect(code).toBe(1);
    expect(err).toContain("training diverged in epoch 1");
    expect(existsSync(join(folder, "diverged"))).toBe(false);
  });
});
