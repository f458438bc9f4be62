/** Gates: untouched at the codes, the uncertain member far away, smooth between; and the named metrics of other heads. */
import { describe, expect, it } from "vitest";
import { categorical, normal, poisson, vonMisesFisher } from "../../src/distributions/families/index.js";
import {
  add,
  array,
  broadcastTo,
  compile,
  concat,
  exp,
  grad,
  matmul,
  mul,
  type NdArray,
  ndarray,
  reshape,
  slice,
  sum,
  type Tensor,
  tanh,
} from "../../src/engine/index.js";
import { connect } from "../../src/geodesics/index.js";
import {
  type DistributionDecoder,
  evaluate,
  fisherRao,
  fitGate,
  gateDistance,
  gatedDecoder,
  gateWeight,
  impurityMetric,
  type LatentMetric,
  positionOrientationMetric,
  probabilityDifferences,
  validateMetric,
} from "../../src/metrics/index.js";
import { testRandom } from "../numerics/helpers.js";

const tensorOf = (metric: LatentMetric, z: Tensor) => metric.metricTensor(z);
const column = (z: Tensor, k: number): Tensor => slice(z, [null, [k, k + 1]]);

/** Codes on a circle of radius 3, as in the toy experiments. */
const circle = (n: number): NdArray => {
  const random = testRandom(5);
  const points = Array.from({ length: n }, () => {
    const t = 2 * Math.PI * random.uniform();
    return [(3 + 0.05 * random.normal()) * Math.cos(t), (3 + 0.05 * random.normal()) * Math.sin(t)];
  });
  return array(points);
};

async function run(f: (z: Tensor) => Tensor, z: NdArray): Promise<Float64Array> {
  const program = compile(f, { precision: "float64" });
  const result: NdArray = await program(z);
  await program.dispose();
  return result.data as Float64Array;
}

describe("a gate fitted to codes of few different rows", () => {
  // 150 codes at 9 places of a 3 x 3 grid, one apart.
  const codes = array(Array.from({ length: 150 }, (_, i) => [i % 3, Math.floor(i / 3) % 3]));
  const gate = fitGate(codes);
  it("has fewer centres than places, is shut at every place and between neighbours, and opens outside", async () => {
    expect(gate.centres.shape).toEqual([4, 2]);
    const between = array([
      [0.5, 0],
      [1, 1.5],
      [0.5, 0.5],
    ]);
    for (const points of [codes, between])
      for (const w of await run((z) => gateWeight(gate, z), points)) expect(w).toBeLessThan(1e-2);
    expect((await run((z) => gateWeight(gate, z), array([[9, 9]])))[0]).toBeGreaterThan(0.99);
  });
  it("lets geodesics between the places converge", async () => {
    const family = categorical({ classes: 3 });
    const decoder: DistributionDecoder = (z) => ({ logits: reshape(mul(z, 2), [-1, 1, 2]) });
    const padded: DistributionDecoder = (z) => ({
      logits: concat([decoder(z).logits, mul(slice(decoder(z).logits, [null, null, [0, 1]]), 0)], 2),
    });
    const metric = fisherRao(gatedDecoder(padded, family, gate), family, 2);
    const { converged, length, straightLength } = await connect(metric, [0, 0], [2, 2], { codes });
    expect(converged).toBe(true);
    expect(length).toBeLessThanOrEqual(straightLength * (1 + 1e-6));
  });
});

describe("a gate fitted to codes on a circle", () => {
  const codes = circle(500);
  const gate = fitGate(codes);

  it("is shut at 99 % of the codes, and nearly at the others; open at the centre and far out", async () => {
    const w = await run((z) => gateWeight(gate, z), codes);
    const touched = w.filter((x) => x > 0);
    expect(touched.length).toBeLessThanOrEqual(5);
    for (const x of touched) expect(x).toBeLessThan(0.2);
    const [middle, far] = await run(
      (z) => gateWeight(gate, z),
      array([
        [0, 0],
        [5, 5],
      ]),
    );
    expect(middle).toBeGreaterThan(0.999);
    expect(far).toBeGreaterThan(0.999);
  });
  it("is half open at the distance that the rule says: three times the codes' radius around their centres", async () => {
    const centres = Array.from({ length: 22 }, (_, k) => [gate.centres.data[2 * k], gate.centres.data[2 * k + 1]]);
    const nearest = ([x, y]: number[]) => Math.min(...centres.map(([u, v]) => (x - u) ** 2 + (y - v) ** 2));
    const squares = Array.from({ length: 500 }, (_, i) => nearest([codes.data[2 * i], codes.data[2 * i + 1]]));
    const radius2 = squares.sort((a, b) => a - b)[494];
    expect(gate.half - gate.begins).toBeCloseTo(8 * radius2, 10);
    const points = Array.from({ length: 200 }, (_, i) => [3 + (3 * i) / 200, 0]);
    const w = await run((z) => gateWeight(gate, z), array(points));
    const D = await run((z) => gateDistance(gate, z), array(points));
    for (let i = 1; i < 200; i++) expect(w[i]).toBeGreaterThanOrEqual(w[i - 1]);
    const at = D.findIndex((x) => x >= gate.half);
    expect(w[at]).toBeGreaterThan(0.48);
    expect(w[at]).toBeLessThan(0.56);
    // the smooth minimum is a constant off, no more: distance there is about three times the radius
    expect(Math.sqrt(nearest(points[at]) / radius2)).toBeGreaterThan(2.4);
    expect(Math.sqrt(nearest(points[at]) / radius2)).toBeLessThan(3.6);
  });
  it("is smooth along the codes, between centres", async () => {
    const ring = Array.from({ length: 360 }, (_, i) => {
      const t = (i * Math.PI) / 180;
      return [3 * Math.cos(t), 3 * Math.sin(t)];
    });
    const D = await run((z) => gateDistance(gate, z), array(ring));
    expect(Math.max(...D) - Math.min(...D)).toBeLessThan(0.25 * (gate.half - gate.begins));
  });
  it("has a gradient that is that of finite differences, also where it begins", async () => {
    const slope = grad((z: Tensor) => sum(gateWeight(gate, z)));
    const points = Float64Array.from({ length: 120 }, (_, i) => (i % 2 === 0 ? 3 + (1.2 * i) / 120 : 0.1));
    const exact = await run((z) => slope(z), ndarray(points, [60, 2]));
    const h = 1e-5;
    const moved = (sign: number) =>
      run(
        (z) => gateWeight(gate, z),
        ndarray(
          points.map((x, i) => (i % 2 === 0 ? x + sign * h : x)),
          [60, 2],
        ),
      );
    const [plus, minus] = [await moved(1), await moved(-1)];
    for (let i = 0; i < 60; i++)
      expect(Math.abs((plus[i] - minus[i]) / (2 * h) - exact[2 * i])).toBeLessThan(1e-3 * (1 + Math.abs(exact[2 * i])));
  });
  it("gives the decoder's own law at the codes and the uncertain one far away", async () => {
    const decoder: DistributionDecoder = (z) =>
      poisson().fromNetwork(
        matmul(
          z,
          array([
            [1, 2, 0.5],
            [0.5, -1, 1],
          ]),
        ),
      );
    const gated = gatedDecoder(decoder, poisson(), gate, { scale: 1e5 });
    const w = await run((z) => gateWeight(gate, z), codes);
    const code = w.indexOf(0);
    const at = array([Array.from(codes.data.subarray(2 * code, 2 * code + 2)), [0, 0]]);
    const own = await run((z) => exp(decoder(z).logRate), at);
    const rates = await run((z) => exp(gated(z).logRate), at);
    for (let k = 0; k < 3; k++) {
      expect(rates[k]).toBe(own[k]); // the published gate would add 1e-3 * 1e5 = 100 here
      expect(rates[3 + k] / 1e5).toBeCloseTo(1, 1);
    }
  });
  it("makes geodesics follow the circle, where without it they cut across", async () => {
    const weights = array(
      Array.from({ length: 2 }, (_, i) => Array.from({ length: 20 }, (_, j) => 0.2 * Math.sin(3 * i + 1.7 * j + 1))),
    );
    const decoder: DistributionDecoder = (z) => {
      const mean = matmul(z, weights);
      return { mean, logDeviation: add(mul(mean, 0), -1) };
    };
    const [a, b] = [
      [3, 0.2],
      [-3, 0.2],
    ];
    const least = (curve: NdArray) =>
      Math.min(...Array.from({ length: 64 }, (_, i) => Math.hypot(curve.data[2 * i], curve.data[2 * i + 1])));
    const plain = await connect(fisherRao(decoder, normal(), 2), a, b, { codes });
    expect(least(plain.curve)).toBeLessThan(0.6);
    const metric = fisherRao(gatedDecoder(decoder, normal(), gate, { scale: 10 }), normal(), 2);
    const gated = await connect(metric, a, b, { codes, surrogate: true });
    expect(gated.converged, gated.message).toBe(true);
    expect(least(gated.curve)).toBeGreaterThan(1.5);
    // the way across would cost 2 sqrt(2 * 20) log(10 e) = 42 for the deviations alone
    expect(gated.straightLength).toBeGreaterThan(4 * gated.length);
    expect(gated.length).toBeLessThan(1.7 * plain.length);
  });
  it("refuses what it cannot fit", () => {
    expect(() =>
      fitGate([
        [0, 0],
        [0, 0],
      ]),
    ).toThrow(/all codes are equal/);
    expect(() => fitGate(codes, { share: 0 })).toThrow(/share is 0/);
    expect(() => fitGate(codes, { reach: 1 })).toThrow(/reach is 1; give a number above 1/);
    expect(() => fitGate(codes, { clusters: 501 })).toThrow(/clusters is 501; give a whole number from 1 to 500/);
  });
});

describe("metrics of sequences", () => {
  const family = categorical({ classes: 4 });
  const random = testRandom(8);
  const weights = ndarray(
    Float64Array.from({ length: 24 }, () => random.normal()),
    [2, 12],
  );
  const decoder: DistributionDecoder = (z) => family.fromNetwork(matmul(tanh(z), weights));
  const points = [
    [0.3, -0.5],
    [-1, 0.4],
  ];

  it("squared probability differences are Euclidean distances of probabilities", async () => {
    const metric = probabilityDifferences(decoder, family, 2);
    await validateMetric(metric, points);
    const p = await run((z) => family.mean(decoder(z)), array(points));
    const byHand = Array.from({ length: 12 }, (_, k) => (p[k] - p[12 + k]) ** 2).reduce((a, b) => a + b);
    const energy = await run((z) => metric.segmentEnergy(slice(z, [[0, 1]]), slice(z, [[1, 2]])), array(points));
    expect(energy[0]).toBeCloseTo(byHand, 12);
  });
  it("the impurity metric is the limit of the published code's sum", async () => {
    const metric = impurityMetric(decoder, family, 2);
    await validateMetric(metric, points);
    const N = 4000;
    const nodes = Array.from({ length: N + 1 }, (_, i) => points[0].map((x, k) => x + ((points[1][k] - x) * i) / N));
    const p = await run((z) => family.mean(decoder(z)), array(nodes));
    const step = Math.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1]) / N;
    let published = 0;
    for (let t = 0; t < N; t++) {
      let agreement = 0;
      for (let k = 0; k < 12; k++) agreement += p[12 * t + k] * p[12 * (t + 1) + k];
      published += 2 * (3 - agreement) * step;
    }
    const energies = await run((z) => metric.segmentEnergy(slice(z, [[0, N]]), slice(z, [[1, N + 1]])), array(nodes));
    const length = energies.reduce((total, e) => total + Math.sqrt(e), 0);
    expect(published / length).toBeCloseTo(1, 5);
  });
});

describe("position + orientation", () => {
  const decode = (z: Tensor) => ({
    mean: matmul(
      tanh(z),
      array([
        [1, 2, 0.5],
        [0.3, -1, 1],
      ]),
    ),
    std: exp(matmul(z, array([[0.1], [0.2]]))),
    theta: add(
      matmul(
        z,
        array([
          [1, 0, 2, -1],
          [0, 1, 1, 0.5],
        ]),
      ),
      array([[3, 1, 0, 2]]),
    ),
  });
  it("is the sum of its four terms, each with its weight", async () => {
    const points = [
      [0.3, -0.5],
      [-1, 0.4],
    ];
    const names = ["position", "positionDeviation", "orientation", "concentration"] as const;
    const none = { position: 0, positionDeviation: 0, orientation: 0, concentration: 0 };
    const of = (weights: object) => evaluate(positionOrientationMetric(decode, 2, weights), tensorOf, points);
    const all = await of({});
    const single = await Promise.all(names.map((name) => of({ ...none, [name]: 1 })));
    all.data.forEach((value: number, k: number) => {
      expect(value).toBeCloseTo(
        single.reduce((total, part) => total + part.data[k], 0),
        9,
      );
    });
    const weighted = await of({ orientation: 10 });
    weighted.data.forEach((value: number, k: number) => {
      expect(value).toBeCloseTo(all.data[k] + 9 * single[2].data[k], 8);
    });
    await validateMetric(positionOrientationMetric(decode, 2), points);
    // where the concentration underflows to 0 there is no direction, and no NaN either
    const undirected = positionOrientationMetric((z) => ({ ...decode(z), theta: mul(decode(z).theta, 0) }), 2);
    const tensors = await evaluate(undirected, tensorOf, points);
    for (const value of tensors.data) expect(Number.isFinite(value)).toBe(true);
    expect(() => positionOrientationMetric(decode, 2, { position: -1 })).toThrow(/the weight position is -1/);
  });
  it("its Fisher-Rao counterpart has the four terms of closed form", async () => {
    // at a point with kappa along z2 and direction along z1: kappa A and A'
    const theta: DistributionDecoder = (z) => {
      const angle = column(z, 0);
      const kappa = exp(column(z, 1));
      const pair = concat([tanh(mul(angle, 0)), mul(angle, 0), add(mul(angle, 0), 1)], 1);
      const turned = add(pair, concat([angle, mul(angle, 0), mul(angle, 0)], 1));
      return vonMisesFisher({ dimension: 3 }).fromNetwork(mul(turned, kappa));
    };
    const kappa = 2.5;
    const g = await evaluate(fisherRao(theta, vonMisesFisher({ dimension: 3 }), 2), tensorOf, [[0, Math.log(kappa)]]);
    const A = 1 / Math.tanh(kappa) - 1 / kappa;
    expect(g.data[0]).toBeCloseTo(kappa * A, 8);
    expect(g.data[3]).toBeCloseTo((1 / kappa ** 2 - 1 / Math.sinh(kappa) ** 2) * kappa ** 2, 8);
    expect(Math.abs(g.data[1])).toBeLessThan(1e-10);
  });
  it("takes normal heads with one deviation for all columns", async () => {
    const decoder: DistributionDecoder = (z) => ({ mean: z, logDeviation: broadcastTo(mul(column(z, 0), 0), z.shape) });
    const g = await evaluate(fisherRao(decoder, normal(), 2), tensorOf, [[0, 0]]);
    expect(Array.from(g.data)).toEqual([1, 0, 0, 1]);
  });
});
