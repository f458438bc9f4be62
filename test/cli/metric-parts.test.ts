/** Parts of a likelihood's metric behind its name, `--metric wasserstein:low=0,high=8`: read, and used by verbs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { distributionMetrics } from "../../src/autoencoders/index.js";
import { featureChoice } from "../../src/cli/feature-choice.js";
import { likelihoodParts } from "../../src/cli/likelihood-choice.js";
import { gateOf, metricChoice, type OpenRun } from "../../src/cli/open-run.js";
import { inCommandWords } from "../../src/cli/words.js";
import { normal } from "../../src/distributions/families/index.js";
import { concat, mul, ndarray, slice, type Tensor } from "../../src/engine/index.js";
import { evaluate } from "../../src/metrics/index.js";
import { onnxFile } from "../engine/import/graphs.js";
import { atlas, temporaryFolder } from "./atlas.js";

describe("what stands behind the name", () => {
  it("are values, columns, a floor, weights", () => {
    expect(likelihoodParts("wasserstein", "low=0,high=8,count=64", [])).toEqual({
      values: { low: 0, high: 8, count: 64 },
    });
    expect(likelihoodParts("wasserstein1", "form=closed,columns=1", [])).toEqual({ form: "closed", columns: [1] });
    expect(likelihoodParts("fisher-rao", "columns=0-2+5, floor=0.1", [])).toEqual({
      columns: [0, 1, 2, 5],
      floor: 0.1,
    });
    expect(likelihoodParts("wasserstein1", "ground=sqrt,low=0,high=4", [])).toEqual({
      ground: "sqrt",
      values: { low: 0, high: 4 },
    });
    expect(likelihoodParts("wasserstein", "a.low=0,a.high=8,b.low=1,b.high=2,b.count=9,c=0", ["a", "b", "c"])).toEqual({
      blockValues: { a: { low: 0, high: 8 }, b: { low: 1, high: 2, count: 9 } },
      weights: { c: 0 },
    });
    expect(likelihoodParts("fisher-rao-kl", "place=0,turn=2", ["place", "turn"])).toEqual({
      weights: { place: 0, turn: 2 },
    });
  });
  it.each<[Parameters<typeof likelihoodParts>[0], string, string[], string]>([
    ["wasserstein", "lo=0", [], '"lo=0" is not of the form name=value with a name of low, high, count, columns, floor'],
    ["wasserstein1", "low=0", [], "give low and high together"],
    ["wasserstein", "a.low=0", ["a"], "give low and high together, such as wasserstein:a.low=0,a.high=1"],
    ["wasserstein", "low=0,high=1", ["a"], "with a name of a.low, a.high, a.count, floor, a"],
    ["wasserstein1", "ground=cube", [], '--metric wasserstein1 ground: "cube" is not one of log, sqrt, square'],
    ["wasserstein", "ground=log", [], '"ground=log" is not of the form'],
    ["wasserstein1", "form=line", [], '--metric wasserstein1 form: "line" is not one of bins, closed'],
    ["wasserstein", "form=closed", [], '"form=closed" is not of the form'],
    ["wasserstein1", "low=0,high=1,count=1.5", [], '--metric wasserstein1 count: "1.5" is not a whole number'],
    ["fisher-rao", "low=0,high=1", [], '"low=0" is not of the form'],
    ["fisher-rao", "columns=5-2", [], '"5-2" is no column or range of columns'],
    ["fisher-rao", "columns=0", ["place"], "a name of floor, place"],
    ["euclidean", "place=2", ["place"], "a name of floor."],
    ["fisher-rao", "", [], '"" is not of the form'],
  ])("%s:%s of blocks %j is refused", (name, list, blocks, sentence) => {
    expect(() => likelihoodParts(name, list, blocks)).toThrow(sentence);
  });
});

describe("a floor behind euclidean and expected", () => {
  // of two latent dimensions the decoder sees the first alone
  const mean = (z: Tensor) => mul(slice(z, [null, [0, 1]]), 3);
  const run: OpenRun = {
    folder: "runs/one",
    name: "one",
    dimension: 2,
    dataDimension: 1,
    codes: ndarray(new Float64Array(0), [0, 2]),
    mean,
    decoder: (z) => ({ mean: mean(z), std: mul(slice(z, [null, [0, 1]]), 4) }),
    decoderOutputNames: ["mean", "std"],
    decoderOutputs: (z) => [mean(z)],
    standardPrior: true,
    defaultMetric: "expected",
  };
  it.each([
    ["euclidean", 9],
    ["expected", 25],
  ])("%s: is added to the tensor, so that no direction is free", async (name, size) => {
    const at = async (metric: string) =>
      Array.from((await evaluate(await metricChoice(run, metric), (m, z) => m.metricTensor(z), [[1, 2]])).data, Number);
    const near = (found: number[], wanted: number[]) =>
      found.forEach((value, k) => expect(value).toBeCloseTo(wanted[k], 10));
    near(await at(name), [size, 0, 0, 0]);
    near(await at(`${name}:floor=0.25`), [size + 0.25, 0, 0, 0.25]);
    near(await at(`${name}:floor=0`), [size, 0, 0, 0]);
    expect(await metricChoice(run, `${name}:floor=0.25`)).toBe(await metricChoice(run, `${name}:floor=0.25`));
  });
  it("of expected as the likelihood has it, seen through its gate", async () => {
    const { decoder: _, ...bare } = run;
    const gated: OpenRun = {
      ...bare,
      likelihoodMetrics: () =>
        distributionMetrics({
          dimension: 2,
          family: normal(),
          decoder: (z) => ({ mean: mean(z), logDeviation: mul(mean(z), 0) }),
          codes: ndarray(
            Float64Array.from({ length: 60 }, (_, i) => Math.sin(2 * i)),
            [30, 2],
          ),
        }),
    };
    const metric = await metricChoice(gated, "expected:floor=0.25");
    expect(gateOf(metric)).toBeDefined();
    const { data } = await evaluate(metric, (m, z) => m.metricTensor(z), [[Math.sin(0), Math.sin(2)]]);
    expect(data[3]).toBeCloseTo(0.25, 6);
  });
  it.each([
    ["euclidean:columns=0", "--metric euclidean:columns=0: nothing but a floor goes behind euclidean"],
    ["expected:floor=0.1,columns=0", "nothing but a floor goes behind expected"],
    ["expected:0.1", "nothing but a floor goes behind expected"],
    ["euclidean:", "nothing but a floor goes behind euclidean"],
    ["euclidean:floor=-1", '--metric euclidean floor: "-1" is not a number of at least 0'],
    ["euclidean:floor=", '"" is not a number of at least 0'],
    ["hyperbolic:floor=0.1", "nothing goes behind hyperbolic; write --metric hyperbolic"],
  ])("%s is refused", async (name, sentence) => {
    await expect(metricChoice(run, name)).rejects.toThrow(sentence);
  });
  it("is what advice in the terminal names", () => {
    const [, advised] = /--metric (\S+)/.exec(inCommandWords("give the metric a floor (withFloor) or go"))!;
    expect(advised).toBe("euclidean:floor=0.01");
  });
});

describe("a feature from an ONNX file", () => {
  const { folder, remove } = temporaryFolder();
  afterAll(remove);
  // three numbers are decoded, of which the feature sees twice the second and the sum of all, as a picture [3, 1]
  const mean = (z: Tensor) => concat([z, mul(slice(z, [null, [0, 1]]), 5)], 1);
  const run = { folder: "runs/one", dimension: 2, dataDimension: 3, mean };
  const seen = join(folder, "seen.onnx");
  beforeAll(() => {
    const w = ndarray(Float32Array.of(0, 1, 2, 1, 0, 1), [3, 2]);
    const nodes = [
      ["Flatten", ["x"], ["flat"]],
      ["Gemm", ["flat", "w"], ["y"]],
      ["ReduceMax", ["y"], ["largest"], { axes: [1] }],
    ] as any;
    const spec = { nodes, constants: { w }, inputs: { x: ["N", 3, 1] }, outputs: ["y", "largest"] };
    writeFileSync(seen, onnxFile(spec));
  });
  it("is pulled back: J' J of the network after the decoder", async () => {
    const metric = await featureChoice(run, `file=${seen}`);
    expect(metric.name).toBe("pullback of seen");
    // z -> (2 z2, z1 + z2 + 5 z1)
    const { data } = await evaluate(metric, (m, z) => m.metricTensor(z), [[0.3, -0.4]]);
    [36, 6, 6, 5].forEach((g, k) => expect(data[k]).toBeCloseTo(g, 4));
    const raised = await featureChoice(run, `file=${seen},floor=0.5`);
    const { data: more } = await evaluate(raised, (m, z) => m.metricTensor(z), [[0.3, -0.4]]);
    [36.5, 6, 6, 5.5].forEach((g, k) => expect(more[k]).toBeCloseTo(g, 4));
  });
  it("serves the verbs by its name", async () => {
    const w = ndarray(Float32Array.of(1, 0, 5, 0, 1, 0), [2, 3]);
    const nodes = [["Gemm", ["z", "w"], ["y"]]] as any;
    writeFileSync(join(folder, "d.onnx"), onnxFile({ nodes, constants: { w }, inputs: { z: ["N", 2] } }));
    expect((await atlas(folder, "import", "d.onnx", "--out", "run")).code).toBe(0);
    const ends = ["--from=0,0", "--to=1,0", "--json"];
    const { code, out, err } = await atlas(folder, "geodesic", "run", ...ends, "--metric", "feature:file=seen.onnx");
    expect(code, err).toBe(0);
    expect(JSON.parse(out).length).toBeCloseTo(6, 3);
    const narrow = onnxFile({ nodes: [["Relu", ["x"], ["y"]]] as any, inputs: { x: ["N", 2] } });
    writeFileSync(join(folder, "narrow.onnx"), narrow);
    const refused = await atlas(folder, "geodesic", "run", ...ends, "--metric", "feature:file=narrow.onnx");
    expect(refused.code).toBe(2);
    expect(refused.err).toBe(
      "atlas: --metric feature: narrow.onnx takes rows of 2 numbers, what run decodes has 3; name a network for it.\n",
    );
  });
  it.each([
    ["", "the network is missing; name its file, --metric feature:file=network.onnx"],
    ["seen.onnx", '"seen.onnx" is not of the form name=value with a name of file, output, floor'],
    ["file=none.onnx", "there is no file none.onnx"],
    [`file=${seen},output=z`, 'has no output "z"; its outputs are "y", "largest"'],
    [`file=${seen},floor=x`, '--metric feature floor: "x" is not a number'],
  ])("%s is refused", async (list, sentence) => {
    await expect(featureChoice(run, list)).rejects.toThrow(sentence);
  });
});

describe("an imported decoder of mixed data", () => {
  const { folder, remove } = temporaryFolder();
  afterAll(remove);
  it("knows its blocks: their weights, and position with orientation", async () => {
    const w = ndarray(
      Float32Array.from({ length: 10 }, (_, i) => Math.cos(3 * i)),
      [2, 5],
    );
    const nodes = [["Gemm", ["z", "w"], ["y"], {}, "first"]] as any;
    writeFileSync(join(folder, "d.onnx"), onnxFile({ nodes, constants: { w }, inputs: { z: ["N", 2] } }));
    const blocks = [
      { name: "place", columns: [0], family: "normal" },
      { name: "heading", columns: [1, 2, 3], family: "von-mises-fisher", options: { dimension: 3 } },
    ];
    writeFileSync(join(folder, "s.json"), JSON.stringify({ blocks }));
    const made = await atlas(folder, "import", "d.onnx", "--schema", "s.json", "--out", "mixed");
    expect(made.code, made.err).toBe(0);
    const length = async (metric: string) => {
      const ends = ["--from=0.3,0.1", "--to=0.5,0.4"];
      const { code, out, err } = await atlas(folder, "geodesic", "mixed", ...ends, "--metric", metric, "--json");
      expect([0, 1], err).toContain(code);
      return JSON.parse(out).length as number;
    };
    const all = await length("fisher-rao");
    expect(await length("fisher-rao:place=1,heading=1")).toBeCloseTo(all, 3);
    expect(await length("fisher-rao:place=4,heading=4")).toBeCloseTo(2 * all, 3);
    expect(await length("position-orientation")).toBeGreaterThan(0);
    expect(await length("wasserstein:heading=0,place=4")).toBeCloseTo(2 * (await length("wasserstein1:heading=0")), 3);
    const ends = ["--from=0.3,0.1", "--to=0.5,0.4"];
    const refused = await atlas(folder, "geodesic", "mixed", ...ends, "--metric", "wasserstein");
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('block "heading" (von Mises-Fisher)');
    expect(refused.err).toContain("--metric wasserstein:heading=0");
  });
});

describe("runs of amounts and of bits", () => {
  const { folder, remove } = temporaryFolder();
  afterAll(remove);
  const train = async (name: string, row: (t: number) => number[], likelihood: string) => {
    const rows = Array.from({ length: 96 }, (_, i) => row((2 * Math.PI * i) / 96).join(","));
    writeFileSync(join(folder, `${name}.csv`), `${rows.join("\n")}\n`);
    const sizes = ["--encoder", "8", "--decoder", "8", "--epochs", "30", "--batch", "32", "--threads", "1"];
    const { code, err } = await atlas(
      folder,
      ...["train", "--data", `${name}.csv`, "--likelihood", likelihood, ...sizes, "--out", name],
    );
    expect(code, err).toBe(0);
  };
  beforeAll(async () => {
    await train("amounts", (t) => [2 + Math.sin(t), 2 + Math.cos(t), 0.5 + Math.cos(t) ** 2], "gamma");
    await train("bits", (t) => [t, t + 1, t + 2].map((x) => Number(Math.sin(x) > 0)), "bernoulli");
  }, 60_000);
  const length = async (run: string, metric: string): Promise<number> => {
    const { code, out, err } = await atlas(
      folder,
      ...["geodesic", run, "--from", "0", "--to", "40", "--metric", metric, "--json"],
    );
    expect([0, 1], err).toContain(code); // 1: so small a network may need more iterations than there are
    return JSON.parse(out).length;
  };
  it("Wasserstein takes a range, and finer bins change little", async () => {
    const [coarse, fine] = [
      await length("amounts", "wasserstein:low=0,high=12,count=96"),
      await length("amounts", "wasserstein:low=0,high=12,count=192"),
    ];
    expect(Math.abs(coarse / fine - 1)).toBeLessThan(0.03);
    // order 1 is never longer than order 2
    expect(await length("amounts", "wasserstein1:low=0,high=12,count=96")).toBeLessThan(fine * 1.02);
  });
  it("without a range the sentence says how to give one", async () => {
    const { code, err } = await atlas(folder, "map", "amounts", "--metric", "wasserstein", "--out", "m");
    expect(code).toBe(2);
    expect(err.trim().split("\n")).toHaveLength(1);
    expect(err).toContain("--metric wasserstein:low=0,high=1 on the command line");
  });
  it("some columns are no longer than all", async () => {
    expect(await length("amounts", "fisher-rao:columns=0+2")).toBeLessThan(await length("amounts", "fisher-rao"));
  });
  it("1-Wasserstein knows the values of bits, and is refused where a tensor is needed", async () => {
    expect(await length("bits", "wasserstein1")).toBeGreaterThan(0);
    for (const verb of [
      ["map", "--out", "m"],
      ["mean", "--indices", "0,1"],
      ["export", "--out", "e"],
    ]) {
      const [name, ...rest] = verb;
      const { code, err } = await atlas(folder, name, "bits", ...rest, "--metric", "wasserstein1");
      expect(code).toBe(2);
      expect(err).toMatch(/^atlas: --metric wasserstein1: it measures lengths that come from no metric tensor.*\n$/);
    }
  });
});
