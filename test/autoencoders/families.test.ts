/** Any family as the likelihood of a VAE: training, checkpoints, resumption, units, mixed data, refusals. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import {
  applySchema,
  decode,
  encode,
  heldOutElbo,
  loadVae,
  resumeVae,
  type TrainVaeOptions,
  trainVae,
} from "../../src/autoencoders/index.js";
import type { Dataset } from "../../src/data/index.js";
import { ndarray } from "../../src/engine/index.js";
import { testRandom } from "../numerics/helpers.js";
import { dataset } from "./data.js";

const folder = mkdtempSync(join(tmpdir(), "families-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const N = 240;
/** Rows that follow an angle, by a rule for each family. */
function rows(of: (t: number, random: ReturnType<typeof testRandom>) => number[]): Dataset {
  const random = testRandom(3);
  return dataset(
    Array.from({ length: N }, () => of(2 * Math.PI * random.uniform(), random)),
    "made",
  );
}
const share = (x: number) => 1 / (1 + Math.exp(-x));
const exponentialDraw = (mean: number, random: ReturnType<typeof testRandom>) => -mean * Math.log(1 - random.uniform());
const poissonDraw = (mean: number, random: ReturnType<typeof testRandom>) => {
  let [k, product] = [0, random.uniform()];
  while (product > Math.exp(-mean)) {
    k++;
    product *= random.uniform();
  }
  return k;
};
const simplex = (values: number[]) => {
  const e = values.map(Math.exp);
  const total = e.reduce((a, b) => a + b);
  return e.map((x) => x / total);
};
const unit = (v: number[]) => v.map((x) => x / Math.hypot(...v));

interface FamilyCase {
  name: string;
  options?: Record<string, unknown>;
  data: Dataset;
  /** P */
  outputs: number;
  bad: number[];
  says: RegExp;
}

const four = (f: (u: number) => number) => (t: number) => [0, 1, 2, 3].map((j) => f(Math.sin(t + j)));
const cases: FamilyCase[] = [
  {
    name: "normal",
    data: rows((t, r) => four((u) => 1000 + 50 * u + 5 * r.normal())(t)),
    outputs: 8,
    bad: [1, Number.NaN, 1, 1],
    says: /column 1 .* is NaN; the normal likelihood needs finite/,
  },
  {
    name: "full-normal",
    data: rows((t, r) => [Math.cos(t) + 0.1 * r.normal(), 20 * Math.sin(t) + r.normal()]),
    outputs: 5,
    bad: [0, Infinity],
    says: /is Infinity; the full normal likelihood/,
  },
  {
    name: "categorical",
    options: { classes: 3 },
    data: rows((t) => [
      ...[0, 1, 2].map((k) => Number(k === Math.floor((3 * t) / (2 * Math.PI)))),
      ...(t > 3 ? [1, 0, 0] : [0, 0, 1]),
    ]),
    outputs: 6,
    bad: [1, 1, 0, 0, 0, 1],
    says: /columns 0 to 2 .* sum to 2; the categorical likelihood/,
  },
  {
    name: "poisson",
    data: rows((t, r) => [0, 1, 2].map((j) => poissonDraw(20 * share(3 * Math.sin(t + j)), r))),
    outputs: 3,
    bad: [1, -2, 3],
    says: /column 1 .* is -2; the poisson likelihood needs counts/,
  },
  {
    name: "exponential",
    data: rows((t, r) => [0, 1, 2].map((j) => exponentialDraw(100 * Math.exp(Math.sin(t + j)), r))),
    outputs: 3,
    bad: [1, 2, -3],
    says: /column 2 .* is -3; the exponential likelihood/,
  },
  {
    name: "gamma",
    data: rows((t, r) =>
      [0, 1].map(
        (j) => exponentialDraw(Math.exp(Math.sin(t + j)), r) + exponentialDraw(Math.exp(Math.sin(t + j)), r) + 1e-9,
      ),
    ),
    outputs: 4,
    bad: [0, 1],
    says: /column 0 .* is 0; the gamma likelihood/,
  },
  {
    name: "beta",
    data: rows((t, r) => four((u) => share(2 * u + 0.3 * r.normal()))(t)),
    outputs: 8,
    bad: [0.5, 0.5, 1, 0.5],
    says: /column 2 .* is 1; the beta likelihood/,
  },
  {
    name: "dirichlet",
    options: { classes: 3 },
    data: rows((t, r) => simplex([Math.sin(t) + 0.2 * r.normal(), Math.cos(t), 0.2 * r.normal()])),
    outputs: 3,
    bad: [0.5, 0.2, 0.2],
    says: /sum to 0.9; the dirichlet likelihood/,
  },
  {
    name: "von-mises",
    data: rows((t, r) => [t - Math.PI, Math.sin(t) + 0.1 * r.normal()]),
    outputs: 4,
    bad: [0, 90],
    says: /column 1 .* is 90; the von Mises likelihood needs angles in radians/,
  },
  {
    name: "von-mises-fisher",
    options: { dimension: 3 },
    data: rows((t, r) => unit([Math.cos(t), Math.sin(t), 0.3 * r.normal()])),
    outputs: 3,
    bad: [1, 1, 0],
    says: /have norm 1.41421; the von Mises-Fisher likelihood needs unit vectors/,
  },
  {
    name: "discretised-logistic",
    options: { bins: 16 },
    data: rows(four((u) => Math.round(7.5 + 7 * u) / 15)),
    outputs: 8,
    bad: [0, 0, 2, 0],
    says: /column 2 .* is 2; the discretised logistic likelihood/,
  },
  {
    name: "discretised-logistic",
    options: { bins: 16, components: 2 },
    data: rows(four((u) => Math.round(7.5 + 7 * u) / 15)),
    outputs: 24,
    bad: [0, 0, -1, 0],
    says: /is -1/,
  },
];

const small = { encoderHidden: [16], decoderHidden: [16], epochs: 30, batchSize: 40, learningRate: 1e-2 } as const;

describe.each(cases)("$name $options", ({ name, options, data, outputs, bad, says }) => {
  const choice = { likelihood: name, ...(options && { likelihoodOptions: options }) } as TrainVaeOptions;
  const out = join(folder, `${name}-${JSON.stringify(options ?? {}).replace(/\W/g, "")}`);

  it("trains, is saved, loads as it was, and runs elsewhere", async () => {
    const first: number[] = [];
    const { model, elbo, latents } = await trainVae(data, {
      ...small,
      ...choice,
      out,
      onProgress: (p) => p.epoch === 1 && first.push(p.elbo),
    });
    const last = model.parameters.decoder[model.parameters.decoder.length - 1];
    expect(last.bias.shape).toEqual([outputs]);
    expect(Number.isFinite(elbo.train)).toBe(true);
    expect(elbo.train).toBeGreaterThan(first[0] + 0.3);
    const saved = loadVae(out);
    expect(saved.config.shape.likelihood).toBe(name);
    const [before, after] = [await decode(model, latents), await decode(saved.model, latents)];
    expect(before.shape).toEqual([N, data.dimension]);
    expect(after.data).toEqual(before.data);
    expect(await heldOutElbo(saved.model, data.rows)).toEqual(await heldOutElbo(model, data.rows));

    const session = await ort.InferenceSession.create(readFileSync(join(out, "decoder.onnx")));
    const z = new ort.Tensor("float32", Float32Array.from(latents.data.subarray(0, 14)), [7, 2]);
    const run = await session.run({ z });
    expect(session.outputNames).toContain("mean");
    const mean = run.mean.data as Float32Array;
    for (let k = 0; k < mean.length; k++)
      expect(Math.abs(mean[k] - before.data[k])).toBeLessThan(1e-4 * (1 + Math.abs(before.data[k])));
    const encoder = await ort.InferenceSession.create(readFileSync(join(out, "encoder.onnx")));
    const x = new ort.Tensor("float32", data.rows.slice(0, 5 * data.dimension), [5, data.dimension]);
    const codes = (await encoder.run({ x })).mean.data as Float32Array;
    for (let k = 0; k < codes.length; k++) expect(Math.abs(codes[k] - latents.data[k])).toBeLessThan(1e-4);
  });

  it("goes on after a stop as if nothing had happened", async () => {
    const whole = await trainVae(data, { ...small, ...choice, epochs: 4, klWarmUp: 0, schedule: "constant" });
    const part = join(folder, `part-${Math.random()}`);
    await trainVae(data, { ...small, ...choice, epochs: 2, klWarmUp: 0, schedule: "constant", out: part });
    const resumed = await resumeVae(part, data, { epochs: 4 });
    expect(resumed.model.parameters).toEqual(whole.model.parameters);
  });

  it("refuses data outside of its support, with row and column", async () => {
    const wrong = { ...data, rows: Float32Array.from(data.rows), name: "made" };
    wrong.rows.set(bad, 5 * data.dimension);
    await expect(trainVae(wrong, { ...small, ...choice })).rejects.toThrow(/made: row 5/);
    await expect(trainVae(wrong, { ...small, ...choice })).rejects.toThrow(says);
  });
});

describe("units", () => {
  it("a normal likelihood learns columns of any scale, and its ELBO moves by their logarithms", async () => {
    const base = rows((t, r) => four((u) => u + 0.1 * r.normal())(t));
    const scaled = {
      ...base,
      rows: Float32Array.from(base.rows, (x, i) => [1, 1000, 1e-3, 7][i % 4] * x + [0, 5e4, 1, -3][i % 4]),
    };
    const of = (data: Dataset) => trainVae(data, { ...small, likelihood: "normal", epochs: 20 });
    const [a, b] = [await of(base), await of(scaled)];
    const logs = Math.log(1000) + Math.log(1e-3) + Math.log(7);
    // the shifted columns keep 4 to 5 digits in float32
    expect(Math.abs(b.elbo.train + logs - a.elbo.train)).toBeLessThan(0.2);
  });
  it("exponential rates do, too", async () => {
    const base = rows((t, r) => [0, 1, 2].map((j) => exponentialDraw(Math.exp(Math.sin(t + j)), r)));
    const scaled = { ...base, rows: base.rows.map((x) => 1024 * x) };
    const of = (data: Dataset) => trainVae(data, { ...small, likelihood: "exponential", epochs: 3 });
    const [a, b] = [await of(base), await of(scaled)];
    expect(b.elbo.train + 3 * Math.log(1024)).toBeCloseTo(a.elbo.train, 3);
    const [one, two] = [await decode(a.model, a.latents), await decode(b.model, b.latents)];
    one.data.forEach((x: number, k: number) => expect(two.data[k] / (1024 * x)).toBeCloseTo(1, 3));
  });
  it("angles have no seam", async () => {
    const data = rows((t, r) => [t - Math.PI, Math.sin(t) + 0.1 * r.normal()]);
    const { model } = await trainVae(data, { ...small, likelihood: "von-mises", epochs: 2 });
    const { mean } = await encode(model, ndarray(Float32Array.of(-Math.PI, 0.2, Math.PI, 0.2), [2, 2]));
    expect(Math.abs(mean.data[0] - mean.data[2])).toBeLessThan(1e-4);
  });
});

describe("mixed data by a schema", () => {
  const table: Dataset = {
    ...rows((t, r) => [
      poissonDraw(5 + 4 * Math.sin(t), r),
      10 * Math.cos(t) + r.normal(),
      Math.floor((3 * t) / (2 * Math.PI)),
      t - Math.PI,
    ]),
    columnNames: ["visits", "height", "kind", "heading"],
  };
  const schema = {
    blocks: [
      { name: "size", columns: ["height"], family: "normal" },
      { name: "kind", columns: ["kind"], family: "categorical", options: { classes: 3 }, encoding: "class" },
      { name: "heading", columns: [3], family: "von-mises" },
      { name: "visits", columns: ["visits"], family: "poisson" },
    ],
  };
  it("trains, loads and goes on", async () => {
    const { data, schema: encoded } = applySchema(table, schema);
    expect(data.dimension).toBe(6);
    expect(Array.from(data.rows.slice(1, 4)).reduce((a, b) => a + b)).toBe(1);
    const out = join(folder, "mixed");
    const { model, elbo } = await trainVae(data, { ...small, likelihood: "mixed", schema: encoded, out });
    expect(Number.isFinite(elbo.train)).toBe(true);
    const { model: loaded, config } = loadVae(out);
    expect(config.shape.schema).toEqual(encoded);
    const { mean } = await encode(loaded, data.rows);
    expect(await decode(loaded, mean)).toEqual(await decode(model, mean));
    expect(readFileSync(join(out, "README.md"), "utf8")).toMatch(/mixed \(size: normal, 1 columns; kind: categorical/);
    const resumed = await resumeVae(out, data, { epochs: 31 });
    expect(resumed.history).toHaveLength(31);
  });
  it("refuses tables and schemas that do not fit", async () => {
    expect(() => applySchema({ ...table, rows: table.rows.map((x, i) => (i === 2 ? 7 : x)) }, schema)).toThrow(
      /made: row 0, column 2 .* is 7; the categorical likelihood needs a class number from 0 to 2/,
    );
    expect(() => applySchema(table, { blocks: schema.blocks.slice(1) })).toThrow(/column 1 \("height"\) has no block/);
    await expect(trainVae(table, { ...small, likelihood: "mixed" })).rejects.toThrow(
      /"mixed" needs a schema of columns/,
    );
    await expect(trainVae(table, { ...small, likelihood: "student" as any })).rejects.toThrow(
      /"student" is not known; use one of gaussian/,
    );
    await expect(
      trainVae(table, { ...small, likelihood: "categorical", likelihoodOptions: { classes: 3 } }),
    ).rejects.toThrow(/categorical: 4 data columns do not form groups of 3/);
    await expect(trainVae(table, { ...small, likelihood: "categorical" })).rejects.toThrow(/categorical.*classes/);
  });
});
