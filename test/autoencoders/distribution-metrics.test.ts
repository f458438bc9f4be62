/** `metricsOf`: Fisher-Rao with a gate by default, and what else a family allows, for models of every kind. */
import { describe, expect, it } from "vitest";
import {
  type DistributionMetricOptions,
  type DistributionMetrics,
  type DistributionModel,
  distributionMetrics,
  distributionModel,
  fitUncertainty,
  metricsOf,
  trainVae,
} from "../../src/autoencoders/index.js";
import {
  discretisedLogistic,
  exponential,
  type Family,
  fullNormal,
  gamma,
  type Parameters as LawParameters,
  normal,
  product,
  vonMises,
  vonMisesFisher,
} from "../../src/distributions/families/index.js";
import {
  add,
  array,
  compile,
  concat,
  cos,
  div,
  log,
  matmul,
  mul,
  type NdArray,
  ndarray,
  sin,
  slice,
  sqrt,
  square,
  stack,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import { connect } from "../../src/geodesics/index.js";
import {
  blockOf,
  type DistributionDecoder,
  evaluate,
  gateWeight,
  type LatentMetric,
  pullback,
  validateMetric,
  type Wasserstein1Options,
  wasserstein1,
  wasserstein2,
} from "../../src/metrics/index.js";
import { testRandom } from "../numerics/helpers.js";
import { circle, dataset } from "./data.js";

const tensorOf = (metric: LatentMetric, z: Tensor) => metric.metricTensor(z);
const small = { encoderHidden: [16], decoderHidden: [16], epochs: 12, batchSize: 50, learningRate: 1e-2 } as const;
const data = circle(300);
const doubled = (latents: NdArray): number[][] =>
  [3, 40].map((i) => [latents.data[2 * i], latents.data[2 * i + 1]].map(Number));

/** Every metric that is listed works at codes; those without a tensor measure steps. */
async function allWork(metrics: DistributionMetrics, points: number[][]): Promise<void> {
  for (const name of metrics.names) {
    const values = { low: -1, high: 2, count: 64 };
    const each = Object.fromEntries(metrics.blocks.map((block) => [block, values]));
    const ranges = metrics.blocks.length > 0 ? { blockValues: each } : { values };
    const metric = metrics.metric(name, name.startsWith("wasserstein") ? ranges : {});
    if (metric.finsler) {
      const result = await connect(metric, points[0], points[1], { accuracy: 1e-2 });
      expect(result.length).toBeGreaterThan(0);
    } else await validateMetric(metric, points);
  }
}

describe("models of the two plain likelihoods", () => {
  it("bernoulli: circles of arcs, with a gate that is shut at the codes", async () => {
    const { model, latents } = await trainVae(data, { ...small, likelihood: "bernoulli" });
    const metrics = await metricsOf({ model, latents });
    expect(metrics.names).toEqual(["fisher-rao", "fisher-rao-kl", "euclidean", "wasserstein1", "probabilities"]);
    expect(metrics.metric().embedding).toBeDefined();
    expect(metrics.metric()).toBe(metrics.metric("fisher-rao"));
    await allWork(metrics, doubled(latents));
    const bare = await metricsOf({ model, latents }, { gate: false });
    expect(bare.gate).toBeUndefined();
    const codes = ndarray(Float64Array.from(latents.data), latents.shape);
    const w = await evaluate(metrics.metric(), (_m, z) => gateWeight(metrics.gate!, z), codes);
    const [gated, plain] = await Promise.all([metrics, bare].map((m) => evaluate(m.metric(), tensorOf, codes)));
    let untouched = 0;
    for (let i = 0; i < 300; i++) {
      if (w.data[i] > 0) continue;
      untouched++;
      for (let k = 0; k < 4; k++) expect(gated.data[4 * i + k]).toBeCloseTo(plain.data[4 * i + k], 8);
    }
    expect(untouched).toBeGreaterThanOrEqual(295);
    // The values of bits are known: |F_a - F_b| = |p_a - p_b|, so that order 1 is the metric of probability differences.
    const energies = compile(
      (a: any, b: any) =>
        ["wasserstein1", "probabilities"].map((name) => metrics.metric(name as any).segmentEnergy(a, b)),
      { precision: "float64" },
    );
    const [from, to] = [0, 1].map((i) => ndarray(Float64Array.from(codes.data.slice(20 * i, 20 * i + 20)), [10, 2]));
    const [transport, differences] = await energies(from, to);
    transport.data.forEach((energy: number, i: number) => expect(energy).toBeCloseTo(differences.data[i], 10));
    await energies.dispose();
  });
  it("gaussian: a gate without, none with a fitted uncertainty", async () => {
    const { model, latents } = await trainVae(data, { ...small, likelihood: "gaussian" });
    const before = await metricsOf({ model, latents });
    expect(before.gate).toBeDefined();
    await allWork(before, doubled(latents));
    // without values order 1 is in closed form; with them between their bins
    const points = doubled(latents);
    const length = async (choice: Parameters<typeof before.metric>[1]) =>
      (await connect(before.metric("wasserstein1", choice), points[0], points[1], { accuracy: 1e-2 })).straightLength;
    const closed = await length({});
    expect(await length({ form: "closed" })).toBe(closed);
    expect((await length({ values: { low: -8, high: 9, count: 512 } })) / closed).toBeCloseTo(1, 3);
    expect(() => before.metric("wasserstein1", { form: "bins" })).toThrow(/needs the range of the data/);
    expect(() => before.metric("wasserstein1", { form: "closed", values: { low: 0, high: 1 } })).toThrow(/has no bins/);
    expect(() => before.metric("wasserstein", { form: "closed" })).toThrow(/a form goes with wasserstein1/);
    const fitted = await fitUncertainty(model, data.rows, { clusters: 10 });
    const after = await metricsOf({ model: fitted, latents });
    expect(after.gate).toBeUndefined();
    expect(after.names).toContain("expected");
    await allWork(after, doubled(latents));
    // far away the law is `widening` times as wide
    const far = await evaluate(before.metric(), (_m, z) => before.decoder(z).logDeviation, [[30, 30]]);
    const near = 0.5 * model.parameters.noise!.logVariance.data[0];
    expect(far.data[0] - near).toBeCloseTo(Math.log(10), 2);
    await expect(metricsOf({ model })).rejects.toThrow(/no codes to fit a gate to/);
    await expect(metricsOf({ model, latents }, { widening: 0.5 })).rejects.toThrow(/widening is 0.5/);
  });
});

describe("families", () => {
  const random = testRandom(4);
  const sites = Array.from({ length: 200 }, () => {
    const t = 2 * Math.PI * random.uniform();
    return [0, 1, 2, 3].flatMap((j) => [0, 1, 2].map((k) => Number(Math.floor((3 * t) / (2 * Math.PI) + j) % 3 === k)));
  });
  it("categorical: great circles, probability differences, impurity, and parts", async () => {
    const { model, latents } = await trainVae(dataset(sites), {
      ...small,
      likelihood: "categorical",
      likelihoodOptions: { classes: 3 },
    });
    const metrics = await metricsOf({ model, latents });
    expect(metrics.names).toEqual(["fisher-rao", "fisher-rao-kl", "euclidean", "probabilities", "impurity"]);
    await allWork(metrics, doubled(latents));
    const points = doubled(latents);
    const whole = await evaluate(metrics.metric(), tensorOf, points);
    const first = await evaluate(metrics.metric("fisher-rao", { columns: [0, 1] }), tensorOf, points);
    const rest = await evaluate(metrics.metric("fisher-rao", { columns: [2, 3] }), tensorOf, points);
    whole.data.forEach((g: number, k: number) => expect(g).toBeCloseTo(first.data[k] + rest.data[k], 7));
    const floored = await evaluate(metrics.metric("fisher-rao", { floor: 0.5 }), tensorOf, points);
    expect(floored.data[0] - whole.data[0]).toBeCloseTo(0.5, 7);
    expect(() => metrics.metric("wasserstein")).toThrow(
      /"wasserstein" does not go with the categorical likelihood; use one of fisher-rao/,
    );
    expect(() => metrics.metric("fisher-rao", { weights: { a: 1 } })).toThrow(/"a" is no block .*, which has none/);
  });
  it("position and orientation: a product with its own named metric, and weights of blocks", async () => {
    const family = product([
      { name: "position", family: normal(), columns: [0, 1] },
      { name: "orientation", family: vonMisesFisher({ dimension: 3 }), columns: [2, 3, 4] },
    ]);
    const weights = ndarray(
      Float64Array.from({ length: 14 }, (_, i) => Math.sin(1 + 3 * i)),
      [2, 7],
    );
    const codes = array(Array.from({ length: 100 }, (_, i) => [Math.cos(i), Math.sin(i)]));
    const metrics = await distributionMetrics({
      dimension: 2,
      family,
      blocks: [
        { name: "position", family: normal() },
        { name: "orientation", family: vonMisesFisher({ dimension: 3 }) },
      ],
      decoder: (z) => family.fromNetwork(matmul(z, weights)),
      codes,
    });
    expect(metrics.names).toEqual(["fisher-rao", "fisher-rao-kl", "euclidean", "position-orientation"]);
    await allWork(metrics, [
      [1, 0.1],
      [0, -1],
    ]);
    const at = [[Math.cos(5), Math.sin(5)]];
    const of = (choice: Record<string, number>) =>
      evaluate(metrics.metric("fisher-rao", { weights: choice }), tensorOf, at);
    const whole = await evaluate(metrics.metric(), tensorOf, at);
    const [one, two] = [await of({ orientation: 0 }), await of({ position: 0 })];
    whole.data.forEach((g: number, k: number) => expect(g).toBeCloseTo(one.data[k] + two.data[k], 7));
    const heavy = await of({ position: 3 });
    heavy.data.forEach((g: number, k: number) => expect(g).toBeCloseTo(3 * one.data[k] + two.data[k], 7));
    expect(() => metrics.metric("euclidean", { weights: { position: 2 } })).toThrow(/weights of blocks go with/);
    // of the four terms of motion skills each block's weight is on its own two, mean and spread alike
    const skills = (choice: Record<string, number>) =>
      evaluate(metrics.metric("position-orientation", { weights: choice }), tensorOf, at);
    const [placed, turned] = [await skills({ orientation: 0 }), await skills({ position: 0 })];
    const direction = await evaluate(
      pullback((z: Tensor) => {
        const theta = slice(matmul(z, weights), [null, [4, 7]]);
        const kappa = sqrt(sum(square(theta), -1, { keepDimensions: true }));
        return concat([div(theta, kappa), kappa], 1);
      }, 2),
      tensorOf,
      at,
    );
    turned.data.forEach((g: number, k: number) => expect(g).toBeCloseTo(direction.data[k], 7));
    const mixed = await skills({ position: 3, orientation: 5 });
    mixed.data.forEach((g: number, k: number) => expect(g).toBeCloseTo(3 * placed.data[k] + 5 * turned.data[k], 6));
    expect(() => metrics.metric("fisher-rao", { weights: { pose: 2 } })).toThrow(
      /"pose" is no block .*; use position, orientation/,
    );
  });
  it("mixed data: each block's uncertain law is in its own units", async () => {
    const schema = {
      blocks: [
        { name: "size", columns: [0], family: "normal" },
        { name: "visits", columns: [1], family: "poisson" },
      ],
    };
    const rows = Array.from({ length: 200 }, () => {
      const t = 2 * Math.PI * random.uniform();
      return [1000 + 50 * Math.cos(t) + 5 * random.normal(), Math.round(8 + 6 * Math.sin(t))];
    });
    const { model, latents } = await trainVae(dataset(rows), { ...small, likelihood: "mixed", schema });
    const { decoder } = distributionModel(model);
    const metrics = await metricsOf({ model, latents });
    const points = doubled(latents);
    await allWork(metrics, points);
    const at = async (f: typeof decoder, name: string, z: number[][]) =>
      Array.from((await evaluate(metrics.metric(), (_m, x) => f(x)[name], z)).data, Number);
    const codes = Array.from({ length: 200 }, (_, i) => [Number(latents.data[2 * i]), Number(latents.data[2 * i + 1])]);
    const rates = (await at(decoder, "visits.logRate", codes)).map(Math.exp);
    const mean = rates.reduce((a: number, b: number) => a + b) / 200;
    const far = await at(metrics.decoder, "visits.logRate", [[40, 40]]);
    expect(Math.exp(far[0]) / mean).toBeCloseTo(10, 0);
    const deviations = (await at(decoder, "size.logDeviation", codes)).map((x: number) => Math.exp(2 * x));
    const rms = Math.sqrt(deviations.reduce((a: number, b: number) => a + b) / 200);
    const wide = await at(metrics.decoder, "size.logDeviation", [[40, 40]]);
    expect(Math.exp(wide[0]) / rms).toBeCloseTo(10, 0);
  });
});

describe("2-Wasserstein on values that are given", () => {
  // one column whose location is z, in the middle of its range at 0.5, wide enough that much lies beyond
  const laws: [string, Family, (z: Tensor) => LawParameters, number][] = [
    ["normal", normal(), (z) => ({ mean: z, logDeviation: add(mul(z, 0), Math.log(0.3)) }), 1],
    ["exponential", exponential(), (z) => ({ logRate: mul(-1, log(z)) }), Math.SQRT2],
    ["discretised logistic", discretisedLogistic(), (z) => ({ mean: z, logScale: add(mul(z, 0), Math.log(0.2)) }), 1],
  ];
  it.each(laws)("%s: mass beyond the range does not count, and a wide range is the closed form", async (...each) => {
    const [, family, decoder, slope] = each;
    const metrics = await distributionMetrics(
      { dimension: 1, family, decoder, values: { low: 0, high: 1 } }, // the likelihood's own leave the closed form
      { gate: false },
    );
    const root = async (choice: Parameters<typeof metrics.metric>[1]) =>
      Math.sqrt((await evaluate(metrics.metric("wasserstein", choice), tensorOf, [[0.5]])).data[0]);
    const closed = await root({});
    expect(closed).toBeCloseTo(slope, 9);
    expect(await root({ values: { low: 0, high: 1, count: 400 } })).toBeLessThan(0.97 * closed);
    // the density floor counts for 1e-6 of the range; the exponential law's kink at 0 for the width of a bin
    const wide = await root({ values: { low: -8, high: 12, count: 4001 } });
    expect(Math.abs(wide / closed - 1)).toBeLessThan(1e-3);
  });
  it("is refused for full covariances, whose form has no range", async () => {
    const family = fullNormal();
    const metrics = await distributionMetrics(
      { dimension: 2, family, decoder: (z) => family.fromNetwork(slice(concat([z, z, z], 1), [null, [0, 5]])) },
      { gate: false },
    );
    expect(() => metrics.metric("wasserstein", { values: { low: 0, high: 1 } })).toThrow(
      /knows no range; leave values out/,
    );
  });
});

describe("transport of mixed data", () => {
  const parts = [
    { name: "amount", family: gamma(), columns: [0, 1] },
    { name: "turn", family: vonMises(), columns: [2] },
    { name: "size", family: normal(), columns: [3] },
    { name: "level", family: discretisedLogistic({ bins: 16 }), columns: [4] },
  ];
  const family = product(parts);
  const P = family.parameterCount(5);
  const weights = ndarray(
    Float64Array.from({ length: 2 * P }, (_, i) => Math.sin(2 + 5 * i)),
    [2, P],
  );
  const decoder: DistributionDecoder = (z) => family.fromNetwork(matmul(z, weights));
  const made = (blocks: DistributionModel["blocks"] = parts) =>
    distributionMetrics({ dimension: 2, family, blocks, decoder }, { gate: false });
  const range = { low: 0.01, high: 12, count: 100 };
  const [points, ends] = [
    array([
      [0.3, -0.2],
      [0.8, 0.5],
    ]),
    array([
      [0.32, -0.17],
      [0.83, 0.46],
    ]),
  ];
  const steps = async (metric: LatentMetric) => {
    const f = compile((a: Tensor, b: Tensor) => metric.segmentEnergy(a, b), { precision: "float64" });
    const { data } = await f(points, ends);
    await f.dispose();
    return Array.from(data, Number);
  };
  const near = (found: ArrayLike<number>, wanted: ArrayLike<number>) =>
    Array.from(found).forEach((x, i) => expect(x / wanted[i]).toBeCloseTo(1, 6));

  it("order 2: the tensors of the blocks add, each with its weight", async () => {
    const metrics = await made();
    const own = await Promise.all(
      parts.map(({ name, family: each }, k) =>
        evaluate(wasserstein2(blockOf(decoder, name), each, 2, k === 0 ? { values: range } : {}), tensorOf, points),
      ),
    );
    const sum = (factors: number[]) =>
      Array.from(own[0].data, (_, i) => factors.reduce((t, f, k) => t + f * Number(own[k].data[i]), 0));
    const of = (choice: DistributionMetricOptions) => evaluate(metrics.metric("wasserstein", choice), tensorOf, points);
    near((await of({ blockValues: { amount: range } })).data, sum([1, 1, 1, 1]));
    near((await of({ weights: { amount: 0, turn: 3 } })).data, sum([0, 3, 1, 1]));
  });
  it("order 1: squared steps add; blocks without it are left out by weight 0", async () => {
    const metrics = await made([parts[0], parts[1], parts[2], { ...parts[3], values: { low: 0, high: 1, count: 16 } }]);
    const of = (k: number, options: Wasserstein1Options) =>
      steps(wasserstein1(blockOf(decoder, parts[k].name), parts[k].family, 2, options));
    const [amount, size, level] = [
      await of(0, { values: range, place: Math.log }),
      await of(2, { values: range, place: Math.log }),
      await of(3, { values: { low: 0.05, high: 1, count: 9 }, place: Math.log }),
    ];
    const choice = { ground: "log", weights: { turn: 0, size: 2 } } as const;
    const whole = metrics.metric("wasserstein1", {
      ...choice,
      blockValues: { amount: range, size: range, level: { low: 0.05, high: 1, count: 9 } },
    });
    expect(whole.finsler).toBe(true);
    near(
      await steps(whole),
      amount.map((x, i) => x + 2 * size[i] + level[i]),
    );
    // the values of a likelihood's own bins, and closed forms, are known
    near(
      await steps(metrics.metric("wasserstein1", { weights: { turn: 0, amount: 0, size: 0 } })),
      await of(3, { values: { low: 0, high: 1, count: 16 } }),
    );
    near(await steps(metrics.metric("wasserstein1", { weights: { turn: 0, amount: 0, level: 0 } })), await of(2, {}));
    for (const [options, sentence] of [
      [{ blockValues: { amount: range } }, /does not go with block "turn" \(von Mises\); give it weight 0/],
      [
        { weights: { turn: 0 } },
        /of block "amount" \(gamma\) needs the range .* wasserstein1:amount.low=0,amount.high=1/,
      ],
      [{ values: range }, /takes a range for each block; give blockValues/],
      [{ blockValues: { mount: range } }, /"mount" is no block/],
      [{ columns: [0] }, /columns of mixed data do not go alone; give weights of its blocks/],
      [
        { weights: { amount: 0, turn: 0, size: 0, level: 0 } },
        /all blocks have weight 0 \(amount, turn, size, level\)/,
      ],
      [
        { ...choice, blockValues: { amount: { low: 0, high: 9, count: 10 } } },
        /"log" wants values above 0, and those of block "amount" \(gamma\) begin at 0/,
      ],
    ] as const)
      expect(() => metrics.metric("wasserstein1", options)).toThrow(sentence);
  });
  it("ground distances go with order 1 between bins alone", async () => {
    const metrics = await distributionMetrics(
      { dimension: 4, family: normal(), decoder: (z) => normal().fromNetwork(z) },
      { gate: false },
    );
    expect(() => metrics.metric("wasserstein", { ground: "log" })).toThrow("a ground distance goes with wasserstein1");
    expect(() => metrics.metric("wasserstein1", { ground: "log" })).toThrow("needs the range of the data");
    expect(() => metrics.metric("wasserstein1", { ground: "log", form: "closed" })).toThrow(
      "leave its ground distance out",
    );
    expect(() => metrics.metric("fisher-rao", { ground: "log" })).toThrow(
      "ground goes with wasserstein and wasserstein1",
    );
    expect(() => metrics.metric("wasserstein1", { ground: "sqrt", values: { low: -1, high: 1 } })).toThrow(
      '"sqrt" wants values from 0 on, and those of a normal likelihood begin at -1',
    );
  });
});

describe("the Euclidean metric of angles", () => {
  // A decoder to one angle, theta = 4 (cos z, sin z), and beside it a column of its own.
  const angle = (z: Tensor) => ({ theta: mul(stack([cos(z), sin(z)], -1), 4) });
  it("goes on across the seam at pi, in radians", async () => {
    const metrics = await distributionMetrics({ dimension: 1, family: vonMises(), decoder: angle }, { gate: false });
    const { length, converged } = await connect(metrics.metric("euclidean"), [2.8], [3.5]);
    expect(converged).toBe(true);
    expect(length).toBeCloseTo(0.7, 4);
  });
  it("in a product too, where the other columns keep their units", async () => {
    const family = product([
      { name: "heading", family: vonMises(), columns: [1] },
      { name: "place", family: normal(), columns: [0] },
    ]);
    const decoder = (z: Tensor) => ({
      "heading.theta": angle(z).theta,
      "place.mean": mul(z, 3),
      "place.logDeviation": mul(z, 0),
    });
    const metrics = await distributionMetrics({ dimension: 1, family, decoder }, { gate: false });
    const { length } = await connect(metrics.metric("euclidean"), [2.8], [3.5]);
    expect(length).toBeCloseTo(0.7 * Math.sqrt(1 + 9), 3);
  });
});
