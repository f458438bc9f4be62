/**
 * Bad input as a user meets it at the command line: one sentence on standard error that says what and where, nothing on
 * standard output, exit code 2, and nothing written.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ndarray } from "../../src/engine/index.js";
import { writeNpy } from "../../src/numerics/npy.js";
import { integersOf, onnxFile } from "../engine/import/graphs.js";
import { atlas, refusedIn, temporaryFolder } from "./atlas.js";

const { folder, remove } = temporaryFolder();
afterAll(remove);

const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return name;
};
/** 30 rows; row 12 (line 14 with a header) is another. */
const csv = (name: string, header: string, usual: (i: number) => number[], odd: number[]): string => {
  const rows = Array.from({ length: 30 }, (_, i) => (i === 12 ? odd : usual(i)).join(","));
  return file(name, `${header && `${header}\n`}${rows.join("\n")}\n`);
};
const schema = (name: string, blocks: unknown): string => file(name, JSON.stringify({ blocks }));

/** The sentence that a command line is refused with. */
async function refused(...parameters: string[]): Promise<string> {
  const sentence = await refusedIn(folder, ...parameters, "--json");
  expect(sentence).toMatch(/^atlas: .*\.$/);
  expect(sentence).not.toMatch(/Invalid input|Unrecognized|Too small|received|undefined|\[object/);
  return sentence;
}

const train = (data: string, ...rest: string[]) => ["train", "--data", data, "--epochs", "1", "--out", "r", ...rest];

describe("data outside of the support of a likelihood", () => {
  it.each<[string, () => string, string[], string | RegExp]>([
    [
      "negative counts",
      () => csv("negative.csv", "a,b", (i) => [i % 7, i % 5], [3, -3]),
      ["--likelihood", "poisson"],
      'negative.csv: row 14, column "b" is -3; the poisson likelihood needs counts (whole numbers from 0 on)',
    ],
    [
      "counts with a fraction, in a file without a header",
      () => csv("fraction.csv", "", (i) => [i % 7, i % 5], [1.5, 2]),
      ["--likelihood", "poisson"],
      "fraction.csv: row 13, column 1 is 1.5; the poisson likelihood",
    ],
    [
      "negative durations",
      () => csv("durations.csv", "t", () => [2], [-1]),
      ["--likelihood", "exponential"],
      'durations.csv: row 14, column "t" is -1; the exponential likelihood needs finite numbers from 0 on',
    ],
    [
      "zeros for gamma",
      () => csv("zeros.csv", "t", () => [2], [0]),
      ["--likelihood", "gamma"],
      'zeros.csv: row 14, column "t" is 0; the gamma likelihood needs finite numbers above 0',
    ],
    [
      "shares at the border for beta",
      () => csv("share.csv", "p", () => [0.5], [1]),
      ["--likelihood", "beta"],
      'share.csv: row 14, column "p" is 1; the beta likelihood needs numbers strictly between 0 and 1',
    ],
    [
      "numbers beyond 1 for bernoulli",
      () => csv("bits.csv", "x,y", () => [0, 1], [0, 2]),
      ["--likelihood", "bernoulli"],
      'likelihood: "bernoulli" needs data from 0 to 1, but row 14, column "y", of bits.csv holds 2',
    ],
    [
      "the same for another model",
      () => csv("bits.csv", "x,y", () => [0, 1], [0, 2]),
      ["--likelihood", "bernoulli", "--model", "beta-vae"],
      'row 14, column "y", of bits.csv holds 2',
    ],
    [
      "probabilities that do not sum to one",
      () => csv("shares.csv", "p,q,r", () => [0.2, 0.3, 0.5], [0.5, 0.4, 0.3]),
      ["--likelihood", "categorical", "--classes", "3"],
      'shares.csv: row 14, columns "p" to "r" sum to 1.2; the categorical likelihood needs 3 probabilities',
    ],
    [
      "compositions that do not sum to one",
      () => csv("shares.csv", "p,q,r", () => [0.2, 0.3, 0.5], [0.5, 0.4, 0.3]),
      ["--likelihood", "dirichlet", "--classes", "3"],
      'shares.csv: row 14, columns "p" to "r" sum to 1.2; the dirichlet likelihood needs 3 shares',
    ],
    [
      "angles in degrees",
      () => csv("degrees.csv", "hip,knee", (i) => [i / 10, i / 20], [0, 90]),
      ["--likelihood", "von-mises"],
      'degrees.csv: row 14, column "knee" is 90; the von Mises likelihood needs angles in radians, from -2 pi to 2 pi; multiply degrees by pi / 180',
    ],
    [
      "vectors that are not of unit length",
      () => csv("directions.csv", "x,y,z", (i) => [Math.cos(i), Math.sin(i), 0], [1, 1, 0]),
      ["--likelihood", "von-mises-fisher"],
      'directions.csv: row 14, columns "x" to "z" have norm 1.41421; the von Mises-Fisher likelihood needs unit vectors',
    ],
    [
      "values outside of the bins",
      () => csv("pixels.csv", "", () => [20, 30], [20, 300]),
      ["--likelihood", "discretised-logistic", "--option", "low=0", "high=255"],
      "pixels.csv: row 13, column 2 is 300; the discretised logistic likelihood needs values from 0 to 255",
    ],
    [
      "letters that are not in the alphabet",
      () => file("odd.fasta", ">one\nACGU-ACGU\n>two\nACGU-AC!U\n"),
      [],
      /odd\.fasta: record 2 \("two", line 3\), column 8: '!' is no letter of the rna alphabet \(ACGU, gaps - and \./,
    ],
    [
      "sequences that are not aligned",
      () => file("ragged.fasta", ">one\nACGU\n>two\nACG\n"),
      [],
      'ragged.fasta: record 2 ("two", line 3) has 3 columns but the first has 4; align the sequences first',
    ],
    [
      "classes that are not the letters",
      () => file("four.fasta", `>one\nACGU\n>two\nACGU\n`.repeat(10)),
      ["--classes", "4"],
      "--classes: four.fasta has 5 letters (ACGU-), so --classes 4 does not fit; leave it out",
    ],
  ])("%s", async (_, make, options, sentence) => {
    const name = make();
    expect(await refused(...train(name, ...options))).toMatch(
      typeof sentence === "string" ? new RegExp(sentence.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : sentence,
    );
  });
});

describe("schemas of columns", () => {
  beforeAll(() => {
    csv("mixed.csv", "height,count,kind", (i) => [i / 10, i % 5, i % 3], [1.5, 2.5, 3]);
    csv("fine.csv", "height,count,kind", (i) => [i / 10, i % 5, i % 3], [1.5, 2, 0]);
  });
  const height = { name: "height", columns: ["height"], family: "normal" };
  const count = { name: "count", columns: ["count"], family: "poisson" };
  const kind = (classes?: unknown) => ({
    name: "kind",
    columns: ["kind"],
    family: "categorical",
    encoding: "class",
    options: { classes },
  });
  it.each<[string, string, unknown, string]>([
    ["a count with a fraction", "mixed.csv", [height, count, kind(3)], 'mixed.csv: row 14, column "count" is 2.5; the'],
    ["a class too high", "fine.csv", [height, count, kind(2)], 'fine.csv: row 4, column "kind" is 2; the categorical'],
    ["a column without a block", "fine.csv", [height, count], 'schema.blocks: column 2 ("kind") has no block'],
    [
      "a misspelt field",
      "fine.csv",
      [{ name: "a", colums: ["height"], family: "normal" }],
      '"colums" is no field here',
    ],
    ["a misspelt family", "fine.csv", [{ ...height, family: "normall" }], '"normall" is not known; use one of normal'],
    [
      "an unknown column",
      "fine.csv",
      [{ ...height, columns: ["width"] }],
      'columns[0]: "width" is no column; the table',
    ],
    ["no number of classes", "fine.csv", [height, count, kind()], "family (categorical).classes: it is missing; give"],
    [
      "a number of classes with a fraction",
      "fine.csv",
      [height, count, kind(2.5)],
      "classes: 2.5 is not a whole number",
    ],
    ["no blocks", "fine.csv", [], "schema.blocks: the list has 0 entries; give at least 1"],
    ["blocks that are no list", "fine.csv", "all", 'schema.blocks: "all" is not a list'],
    ["a column twice", "fine.csv", [height, { ...height, name: "b" }], 'column 0 is in block "height" already'],
  ])("%s", async (_, data, blocks, sentence) => {
    expect(await refused(...train(data, "--schema", schema("schema.json", blocks)))).toContain(sentence);
  });
  it("files that are absent, or no JSON; a schema and a likelihood", async () => {
    expect(await refused(...train("fine.csv", "--schema", "nowhere.json"))).toContain("nowhere.json does not exist");
    file("open.json", '{"blocks":[');
    expect(await refused(...train("fine.csv", "--schema", "open.json"))).toContain("open.json is not JSON");
    schema("schema.json", [height]);
    expect(await refused(...train("fine.csv", "--schema", "schema.json", "--likelihood", "normal"))).toContain(
      "give either --likelihood or --schema",
    );
  });
});

describe("options of models and training", () => {
  beforeAll(() => {
    csv("plain.csv", "", (i) => [i % 7, i % 5], [1, 2]);
  });
  it.each<[string[], string]>([
    [["--warm-up", "3"], "training option warmUp: 3 is too large; give less than 1"],
    [["--kl-warm-up", "3"], "training option klWarmUp: 3 is too large; give at most 1"],
    [["--weight-decay=-1"], '--weight-decay: "-1" is not a number of at least 0'],
    [["--activation", "tan"], '--activation: "tan" is not one of tanh'],
    [
      ["--likelihood", "discretised-logistic", "--option", "bin=16"],
      '"bin" is no field here; known ones are bins, low',
    ],
    [["--likelihood", "discretised-logistic", "--option", "bins=1.5"], "bins: 1.5 is not a whole number"],
    [["--likelihood", "categorical"], "say how many classes there are, with --classes K"],
    [["--likelihood", "gaussian", "--classes", "3"], "--classes: the likelihood gaussian takes none"],
    [["--alphabet", "rna"], "alphabet: goes with aligned sequences in a FASTA file, not with plain.csv"],
    [
      ["--network", "convolutional"],
      "--network: a model of kind vae takes no such option; leave it out, or use --model beta-vae, or another of the family",
    ],
    [["--curvature", "1"], "--curvature: a model of kind vae takes no such option; leave it out, or use --model pvae"],
    [["--model", "pvae", "--option", "beta=3"], "--option: a model of kind pvae takes no such option"],
    [["--model", "ae", "--kl-warm-up", "0.5"], "--kl-warm-up: a model of kind ae takes no such option"],
    [["--model", "ae", "--optimizer", "adamw"], "use --model vae, or pvae"],
    [["--model", "ae", "--schema", "none.json"], "--schema: a model of kind ae takes no such option"],
    [["--model", "ae", "--no-uncertainty"], "--no-uncertainty: a model of kind ae takes no such option"],
    [["--model", "ae", "--encoder", "wrapped"], '--encoder: "wrapped" is not a whole number'],
    [["--model", "beta-vae", "--option", "betta=3"], 'model option "betta" is not known to beta-vae; use one of beta'],
  ])("%j", async (options, sentence) => {
    expect(await refused(...train("plain.csv", ...options))).toContain(sentence);
  });
});

describe("ONNX files", () => {
  const weights = {
    w: ndarray(
      Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
      [2, 6],
    ),
  };
  const decoder = () =>
    onnxFile({ nodes: [["Gemm", ["z", "w"], ["y"], {}, "first"]], constants: weights, inputs: { z: ["N", 2] } });
  const graph = (nodes: any, inputs: any = { z: ["N", 2] }, constants: any = weights) =>
    onnxFile({ nodes, inputs, constants });
  it.each<[string, () => Uint8Array | string, string[], RegExp]>([
    ["another file altogether", () => "hello", [], /d\.onnx is truncated or not an ONNX file/],
    ["an empty file", () => "", [], /d\.onnx is empty/],
    ["a truncated file", () => decoder().slice(0, 60), [], /d\.onnx .*(truncated|damaged)/],
    [
      "an input of rank 3",
      () => graph([["Flatten", ["z"], ["y"], {}, "flat"]], { z: ["N", 3, 4] }, {}),
      [],
      /input "z" has shape \[N, 3, 4\]; give a decoder of latent points \[N, d\]/,
    ],
    [
      "two inputs",
      () => graph([["Gemm", ["z", "w"], ["y"]]], { z: ["N", 2], c: ["N", 2] }),
      [],
      /2 inputs \("z", "c"\)/,
    ],
    [
      "a free number of latent dimensions",
      () => graph([["Tanh", ["z"], ["y"]]], { z: ["N", "d"] }),
      [],
      /input "z" \[\?, \?\] is free/,
    ],
    [
      "a shape that depends on values",
      () =>
        graph(
          [
            ["ReduceSum", ["z"], ["s"], { keepdims: 0 }],
            ["Cast", ["s"], ["n"], { to: 7 }],
            ["Unsqueeze", ["n", "axes"], ["m"]],
            ["Expand", ["z", "m"], ["y"], {}, "widen"],
          ],
          { z: ["N", 2] },
          { axes: integersOf([0]) },
        ),
      [],
      /node "widen" \(Expand\): the shape depends on the values of the input/,
    ],
    [
      "operators that are not supported",
      () =>
        graph([
          ["NonZero", ["z"], ["a"], {}, "search"],
          ["Tanh", ["a"], ["y"]],
        ]),
      [],
      /not supported: NonZero \(node "search"\)/,
    ],
    [
      "an output that cannot be differentiated",
      () => graph([["Floor", ["z"], ["y"], {}, "steps"]]),
      [],
      /node "steps" \(Floor\) cannot be differentiated: output "y" changes by steps only/,
    ],
    ["a misspelt likelihood", decoder, ["--likelihood", "gausian"], /--likelihood: "gausian" is not known; use one of/],
    [
      "classes that do not fit",
      decoder,
      ["--likelihood", "categorical", "--classes", "4"],
      /6 data columns do not form groups of 4/,
    ],
    [
      "classes with a fraction",
      decoder,
      ["--likelihood", "categorical", "--classes", "2.5"],
      /--classes: "2.5" is not a whole number/,
    ],
    [
      "categorical without classes",
      decoder,
      ["--likelihood", "categorical"],
      /\(categorical\)\.classes: it is missing/,
    ],
    [
      "an output that is not there",
      decoder,
      ["--mean", "mu"],
      /has no output "mu" to be the mean; its outputs are "y"/,
    ],
    [
      "codes of another width",
      decoder,
      ["--codes", "codes.npy"],
      /codes: shape \[5,3\] does not fit a decoder of 2 latent dimensions/,
    ],
    ["codes that are not there", decoder, ["--codes", "none.npy"], /none\.npy does not exist/],
    ["a schema that is none", decoder, ["--schema", "list.json"], /schema: \[\] is not an object/],
  ])("%s", async (_, make, options, sentence) => {
    file("d.onnx", make());
    writeNpy(join(folder, "codes.npy"), ndarray(new Float64Array(15), [5, 3]) as any);
    file("list.json", "[]");
    const message = await refused("import", "d.onnx", "--out", "r", ...options);
    expect(message).toMatch(sentence);
  });
});

describe("runs whose files are damaged", () => {
  beforeAll(async () => {
    csv("plain.csv", "", (i) => [Math.sin(i), Math.cos(i)], [0.1, 0.2]);
    const { code, err } = await atlas(folder, ...train("plain.csv").map((x) => (x === "r" ? "run" : x)), "--json");
    expect(code, err).toBe(0);
  });
  const config = () => JSON.parse(readFileSync(join(folder, "run", "config.json"), "utf8"));
  it.each<[string, (config: any) => unknown, RegExp]>([
    ["another kind of model", (c) => ({ ...c, model: "gan" }), /kind "gan", which this version does not know/],
    [
      "a shape with a fraction",
      (c) => ({ ...c, shape: { ...c.shape, latentDimension: 1.5 } }),
      /shape\.latentDimension: 1\.5 is not a whole number/,
    ],
    ["a field that is gone", (c) => ({ ...c, training: undefined }), /training: it is missing; give an object/],
    ["another list of files", (c) => ({ ...c, files: "all" }), /files: "all" is not/],
  ])("%s", async (_, change, sentence) => {
    const good = config();
    mkdirSync(join(folder, "run"), { recursive: true });
    try {
      file("run/config.json", JSON.stringify(change(good)));
      expect(await refused("geodesic", "run", "--from", "0", "--to", "1")).toMatch(sentence);
    } finally {
      file("run/config.json", JSON.stringify(good));
    }
  });
});
