/**
 * Fisher-Rao pullbacks against closed-form geometry: the hyperbolic plane of the normal family, the circles and spheres
 * of Bernoulli and categorical laws, flat lines of the others; invariance under reparametrisation of the outputs; the
 * agreement of the forms as steps shrink.
 */
import { describe, expect, it } from "vitest";
import {
  bernoulli,
  beta,
  categorical,
  dirichlet,
  discretisedLogistic,
  exponential,
  type Family,
  gamma,
  normal,
  poisson,
  product,
  vonMises,
  vonMisesFisher,
} from "../../src/distributions/families/index.js";
import {
  add,
  array,
  compile,
  concat,
  exp,
  log,
  matmul,
  mul,
  type NdArray,
  ndarray,
  sigmoid,
  sin,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../../src/engine/index.js";
import { connect, shoot } from "../../src/geodesics/index.js";
import {
  blockOf,
  columnsOf,
  type DistributionDecoder,
  evaluate,
  featureMetric,
  fisherRao,
  fisherRaoSpeed,
  gaussianCurvature,
  type LatentMetric,
  validateMetric,
  weightedSum,
  withFloor,
} from "../../src/metrics/index.js";
import { testRandom } from "../numerics/helpers.js";

const column = (z: Tensor, k: number): Tensor => slice(z, [null, [k, k + 1]]);
const tensorOf = (metric: LatentMetric, z: Tensor) => metric.metricTensor(z);

/** (mu, sigma) = (z1, exp z2). */
const halfPlane: DistributionDecoder = (z) => ({ mean: column(z, 0), logDeviation: column(z, 1) });
const hyperbolic = (a: number[], b: number[]): number => {
  const [s, t] = [Math.exp(a[1]), Math.exp(b[1])];
  return Math.SQRT2 * Math.acosh(1 + ((a[0] - b[0]) ** 2 / 2 + (s - t) ** 2) / (2 * s * t));
};

const precise = { precision: "float64", accuracy: 1e-7 } as const;
const lengthOf = async (metric: LatentMetric, a: number[], b: number[]): Promise<number> => {
  const result = await connect(metric, a, b, precise);
  expect(result.converged, result.message).toBe(true);
  return result.length;
};

describe("Fisher-Rao of a normal decoder (mu, sigma) = (z1, exp z2) is the hyperbolic plane of curvature -1/2", () => {
  const metric = fisherRao(halfPlane, normal(), 2);
  it("has its distances", async () => {
    expect(hyperbolic([0, 0], [2, Math.log(1.5)])).toBeCloseTo(1.63880532794, 10);
    for (const [a, b] of [
      [
        [0, 0],
        [2, Math.log(1.5)],
      ],
      [
        [0, 0],
        [0, Math.log(3)],
      ],
      [
        [-1, -0.7],
        [2, 0.4],
      ],
      [
        [0, 1],
        [6, 1],
      ],
    ])
      expect(await lengthOf(metric, a, b)).toBeCloseTo(hyperbolic(a, b), 6);
  });
  it("has its exponential map: geodesics arrive where the closed form of the half-plane says", async () => {
    // with x = mu / sqrt 2, y = sigma: sqrt 2 times the half-plane; from (0, 1) along the x axis of speed 1 there:
    // x = tanh t, y = sech t
    const t = 0.9;
    const { endPoint } = await shoot(metric, [[0, 0]], [[Math.SQRT2 * t, 0]]);
    expect(endPoint.data[0]).toBeCloseTo(Math.SQRT2 * Math.tanh(t), 8);
    expect(endPoint.data[1]).toBeCloseTo(-Math.log(Math.cosh(t)), 8);
    const upwards = await shoot(metric, [[0.3, 0.2]], [[0, 1.1]]);
    expect(Array.from(upwards.endPoint.data)).toEqual([expect.closeTo(0.3, 9), expect.closeTo(1.3, 9)]);
  });
  it("has its curvature", async () => {
    const curvature = await evaluate(metric, gaussianCurvature, [
      [0, 0],
      [1.5, -2],
      [-3, 2],
    ]);
    for (const value of curvature.data) expect(value).toBeCloseTo(-0.5, 8);
  });
  it("sums in squares over independent columns", async () => {
    const two: DistributionDecoder = (z) => ({
      mean: matmul(column(z, 0), array([[1, -2]])),
      logDeviation: matmul(column(z, 1), array([[1, 1]])),
    });
    const length = await lengthOf(fisherRao(two, normal(), 2), [0, 0], [0, 1]);
    expect(length).toBeCloseTo(Math.SQRT2 * hyperbolic([0, 0], [0, 1]), 7);
  });
});

describe("great circles and other closed forms", () => {
  const angle = (p: number[], q: number[]) => 2 * Math.acos(p.reduce((total, x, i) => total + Math.sqrt(x * q[i]), 0));
  it.each(["embedding", "tensor", "kl"] as const)(
    "Bernoulli: 2 |arcsin sqrt p - arcsin sqrt q|, by %s",
    async (form) => {
      const metric = fisherRao((z) => ({ logits: z }), bernoulli(), 1, { form });
      const logit = (p: number) => Math.log(p / (1 - p));
      expect(await lengthOf(metric, [logit(0.1)], [logit(0.7)])).toBeCloseTo(1.3388120641, 6);
    },
  );
  it.each(["embedding", "tensor"] as const)("categorical: 2 arccos sum sqrt(p q), by %s", async (form) => {
    // z are the log ratios to the last class
    const decoder: DistributionDecoder = (z) => {
      const all = concat([z, mul(column(z, 0), 0)], 1);
      return { logits: all.shape ? reshaped(all) : all };
    };
    const metric = fisherRao(decoder, categorical({ classes: 3 }), 2, { form });
    const softmax = (z: number[]) => {
      const e = [...z, 0].map(Math.exp);
      return e.map((x) => x / (e[0] + e[1] + e[2]));
    };
    for (const [a, b] of [
      [
        [0, 0],
        [2, -1],
      ],
      [
        [-2, 1],
        [2, 1.5],
      ],
    ])
      expect(await lengthOf(metric, a, b)).toBeCloseTo(angle(softmax(a), softmax(b)), 6);
    const curvature = await evaluate(metric, gaussianCurvature, [[0.3, -0.4]]);
    expect(curvature.data[0]).toBeCloseTo(0.25, 7); // a sphere of radius 2
  });
  it.each(["embedding", "tensor", "kl"] as const)(
    "Poisson 2 |sqrt - sqrt| and exponential |log ratio|, by %s",
    async (form) => {
      const rate: DistributionDecoder = (z) => ({ logRate: z });
      const ends = [[Math.log(2)], [Math.log(5)]];
      expect(await lengthOf(fisherRao(rate, poisson(), 1, { form }), ends[0], ends[1])).toBeCloseTo(1.6437088303, 6);
      expect(await lengthOf(fisherRao(rate, exponential(), 1, { form }), ends[0], ends[1])).toBeCloseTo(
        Math.log(2.5),
        6,
      );
    },
  );
});

const reshaped = (logits: Tensor): Tensor => concatSites(logits);
/** [N, K] as one site, [N, 1, K]. */
function concatSites(x: Tensor): Tensor {
  return categorical({ classes: x.shape[1] }).fromNetwork(x).logits;
}

/** Smooth decoders from 2 dimensions into each family, of several columns. */
const matrix = (rows: number, columns: number, seed: number): NdArray => {
  const random = testRandom(seed);
  return ndarray(
    Float64Array.from({ length: rows * columns }, () => 0.7 * random.normal()),
    [rows, columns],
  );
};
const network = (outputs: number) => {
  const [first, second] = [matrix(2, 6, 11), matrix(6, outputs, 12)];
  return (z: Tensor): Tensor => matmul(tanh(add(matmul(z, first), 0.3)), second);
};
const families: [string, Family, number][] = [
  ["normal", normal(), 4],
  ["Bernoulli", bernoulli(), 3],
  ["categorical", categorical({ classes: 3 }), 6],
  ["Poisson", poisson(), 3],
  ["exponential", exponential(), 3],
  ["gamma", gamma(), 4],
  ["beta", beta(), 4],
  ["Dirichlet", dirichlet({ classes: 3 }), 3],
  ["von Mises", vonMises(), 4],
  ["von Mises-Fisher", vonMisesFisher({ dimension: 3 }), 6],
  [
    "a product",
    product([
      { name: "a", family: normal(), columns: [0] },
      { name: "b", family: bernoulli(), columns: [1, 2] },
    ]),
    4,
  ],
];

describe.each(families)("%s: the forms agree", (_name, family, outputs) => {
  const f = network(outputs);
  const decoder: DistributionDecoder = (z) => family.fromNetwork(f(z));
  const points = [
    [0.2, -0.4],
    [1, 0.7],
  ];
  const tensor = fisherRao(decoder, family, 2, { form: "tensor" });
  const kl = fisherRao(decoder, family, 2, { form: "kl" });

  it("tensor, embedding and the speed along a direction", async () => {
    await validateMetric(tensor, points);
    await validateMetric(kl, points);
    const direct = await evaluate(tensor, tensorOf, points);
    const speed = await evaluate(tensor, (_m, z, v) => fisherRaoSpeed(decoder, family, z, v), points, [
      [
        [1, 2],
        [1, 2],
      ],
    ]);
    for (let i = 0; i < 2; i++) {
      const [a, b, , d] = direct.data.subarray(4 * i, 4 * i + 4);
      expect(speed.data[i]).toBeCloseTo(a + 4 * b + 4 * d, 9);
    }
    if (!family.embedding) return;
    const embedded = await evaluate(fisherRao(decoder, family, 2), tensorOf, points);
    embedded.data.forEach((value: number, k: number) => expect(value).toBeCloseTo(direct.data[k], 9));
  });

  it("KL and midpoint energies of a curve converge to one value with order two", async () => {
    const energies = (metric: LatentMetric, N: number) => {
      const nodes = Array.from({ length: N + 1 }, (_, i) => [Math.cos((2 * i) / N), Math.sin((3 * i) / N)]);
      return curveEnergy(metric, nodes);
    };
    const gaps: number[] = [];
    for (const N of [16, 32, 64]) gaps.push(Math.abs((await energies(kl, N)) - (await energies(tensor, N))));
    const slope = Math.log2(gaps[0] / gaps[2]) / 2;
    const size = await energies(tensor, 64);
    // families for which both are exact to rounding have no slope
    if (gaps[0] > 1e-9 * size) expect(slope).toBeGreaterThan(1.85);
    if (gaps[0] > 1e-9 * size) expect(slope).toBeLessThan(2.3);
    expect(gaps[2]).toBeLessThan(5e-3 * size);
  });
});

async function curveEnergy(metric: LatentMetric, nodes: number[][]): Promise<number> {
  const f = compile((a: Tensor, b: Tensor) => sum(metric.segmentEnergy(a, b)), { precision: "float64" });
  const total: NdArray = await f(array(nodes.slice(0, -1)), array(nodes.slice(1)));
  await f.dispose();
  return total.data[0] * (nodes.length - 1);
}

describe("the curve energy test: mu = sin 2t, sigma = 0.5 + 0.8 t^2", () => {
  const decoder: DistributionDecoder = (t) => ({
    mean: sin(mul(2, t)),
    logDeviation: log(add(0.5, mul(0.8, square(t)))),
  });
  const E = 7.28606370033;
  const nodes = (N: number) => Array.from({ length: N + 1 }, (_, i) => [i / N]);
  it("has the error of the Jeffreys sum that was computed with 50 digits", async () => {
    const jeffreys = await curveEnergy(fisherRao(decoder, normal(), 1, { form: "kl" }), nodes(40));
    expect(jeffreys - E).toBeCloseTo(-2.21e-3, 5);
  });
  it("by chords is of second order too", async () => {
    const errors = [];
    for (const N of [40, 80, 160]) errors.push((await curveEnergy(fisherRao(decoder, normal(), 1), nodes(N))) - E);
    expect(errors[0] / errors[1]).toBeCloseTo(4, 1);
    expect(errors[1] / errors[2]).toBeCloseTo(4, 2);
    expect((4 * errors[2] - errors[1]) / 3).toBeCloseTo(0, 7);
  });
  it("is, by midpoints, the midpoint rule for the squared speed", async () => {
    const speed = (t: number) => ((2 * Math.cos(2 * t)) ** 2 + 2 * (1.6 * t) ** 2) / (0.5 + 0.8 * t * t) ** 2;
    const byHand = Array.from({ length: 40 }, (_, i) => speed((i + 0.5) / 40) / 40).reduce((a, b) => a + b);
    const tensor = fisherRao(decoder, normal(), 1, { form: "tensor" });
    const midpoint = await curveEnergy(tensor, nodes(40));
    expect(midpoint).toBeCloseTo(byHand, 11);
    expect(Math.abs(midpoint - E)).toBeLessThan(1e-4);
    const finer = await curveEnergy(tensor, nodes(80));
    expect((4 * finer - midpoint) / 3).toBeCloseTo(E, 7);
  });
  it("has its length", async () => {
    const { length } = await connect(fisherRao(decoder, normal(), 1), [0], [1], precise);
    expect(length).toBeCloseTo(2.57518237668, 7);
  });
});

describe("distances do not depend on how the outputs are parametrised", () => {
  const f = network(3);
  it("logits or probabilities", async () => {
    const logits: DistributionDecoder = (z) => ({ logits: f(z) });
    const probabilities: DistributionDecoder = (z) => {
      const p = sigmoid(f(z));
      return { logits: sub(log(p), log(sub(1, p))) };
    };
    for (const form of ["embedding", "tensor"] as const) {
      const a = await lengthOf(fisherRao(logits, bernoulli(), 2, { form }), [-1, 0.5], [1, 1]);
      const b = await lengthOf(fisherRao(probabilities, bernoulli(), 2, { form }), [-1, 0.5], [1, 1]);
      expect(Math.abs(a - b)).toBeLessThan(1e-7);
    }
  });
  it("kappa or log kappa, theta or (mu, kappa)", async () => {
    const family = vonMises();
    const polar = (z: Tensor, kappa: Tensor): Tensor => {
      const angle = column(z, 0);
      const pair = concat([sin(add(angle, Math.PI / 2)), sin(angle)], 1);
      return family.fromNetwork(mul(pair, kappa)).theta;
    };
    const byLog: DistributionDecoder = (z) => ({ theta: polar(z, exp(column(z, 1))) });
    const byKappa: DistributionDecoder = (z) => ({ theta: polar(z, column(z, 1)) });
    const a = await lengthOf(fisherRao(byLog, family, 2), [0, Math.log(2)], [1, Math.log(5)]);
    const b = await lengthOf(fisherRao(byKappa, family, 2), [0, 2], [1, 5]);
    expect(Math.abs(a - b)).toBeLessThan(1e-6);
  });
});

it("discretised logistics go by their tensor, which is that of the wide embedding", async () => {
  const family = discretisedLogistic({ bins: 32 });
  const f = network(4);
  const decoder: DistributionDecoder = (z) => family.fromNetwork(f(z));
  const metric = fisherRao(decoder, family, 2);
  expect(metric.embedding).toBeUndefined();
  const points = [
    [0.2, -0.4],
    [1, 0.7],
  ];
  const wide = await evaluate(fisherRao(decoder, family, 2, { form: "embedding" }), tensorOf, points);
  const compact = await evaluate(metric, tensorOf, points);
  compact.data.forEach((g: number, k: number) => {
    expect(g / wide.data[k]).toBeCloseTo(1, 7);
  });
});

describe("parts of the output", () => {
  const family = product([
    { name: "position", family: normal(), columns: [0, 1] },
    { name: "count", family: poisson(), columns: [2] },
  ]);
  const f = network(5);
  const decoder: DistributionDecoder = (z) => family.fromNetwork(f(z));
  const points = [
    [0.2, -0.4],
    [1, 0.7],
  ];
  it("the blocks' metrics add up to that of the product, each with its weight", async () => {
    const whole = await evaluate(fisherRao(decoder, family, 2), tensorOf, points);
    const position = fisherRao(blockOf(decoder, "position"), normal(), 2);
    const count = fisherRao(blockOf(decoder, "count"), poisson(), 2);
    const sums = await evaluate(weightedSum([{ metric: position }, { metric: count }]), tensorOf, points);
    whole.data.forEach((value: number, k: number) => expect(value).toBeCloseTo(sums.data[k], 9));
    const weighted = await evaluate(
      weightedSum([{ metric: position, weight: 4 }, { metric: count }]),
      tensorOf,
      points,
    );
    const alone = await evaluate(position, tensorOf, points);
    weighted.data.forEach((value: number, k: number) =>
      expect(value).toBeCloseTo(whole.data[k] + 3 * alone.data[k], 9),
    );
    expect(() => fisherRao(blockOf(decoder, "pose"), normal(), 2).segmentEnergy).not.toThrow();
    await expect(evaluate(fisherRao(blockOf(decoder, "pose"), normal(), 2), tensorOf, points)).rejects.toThrow(
      /"pose" is no block; the parameters are position.mean/,
    );
  });
  it("so do the squared lengths of steps, which are those of geodesics on the product", async () => {
    const measure = (m: LatentMetric, a: Tensor) => m.segmentEnergy(a, add(a, 0.01));
    const whole = await evaluate(fisherRao(decoder, family, 2), measure, points);
    const position = await evaluate(fisherRao(blockOf(decoder, "position"), normal(), 2), measure, points);
    const count = await evaluate(fisherRao(blockOf(decoder, "count"), poisson(), 2), measure, points);
    whole.data.forEach((value: number, k: number) =>
      expect(value / (position.data[k] + count.data[k])).toBeCloseTo(1, 9),
    );
    const { length, converged } = await connect(fisherRao(decoder, family, 2), points[0], points[1], precise);
    const slow = await connect(fisherRao(decoder, family, 2, { form: "tensor" }), points[0], points[1], precise);
    expect(converged && slow.converged).toBe(true);
    expect(length / slow.length).toBeCloseTo(1, 7);
    const floored = await connect(withFloor(fisherRao(decoder, family, 2), 0.5), points[0], points[1], precise);
    expect(floored.length).toBeGreaterThan(length);
  });
  it("columns of a decoder add up too", async () => {
    const p: DistributionDecoder = (z) => ({ logits: network(3)(z) });
    const whole = await evaluate(fisherRao(p, bernoulli(), 2), tensorOf, points);
    const [left, right] = await Promise.all(
      [[0, 2], [1]].map((columns) => evaluate(fisherRao(columnsOf(p, columns), bernoulli(), 2), tensorOf, points)),
    );
    whole.data.forEach((value: number, k: number) => expect(value).toBeCloseTo(left.data[k] + right.data[k], 10));
    await expect(evaluate(fisherRao(columnsOf(p, [3]), bernoulli(), 2), tensorOf, points)).rejects.toThrow(
      /3 is no column of the decoder; give whole numbers from 0 to 2/,
    );
    await expect(evaluate(fisherRao(columnsOf(decoder, [0]), family, 2), tensorOf, points)).rejects.toThrow(/blockOf/);
  });
  it("a feature that does not see a change finds no length in it", async () => {
    const metric = featureMetric(
      (z) => concat([z, square(z)], 1),
      (x) => slice(x, [null, [0, 1]]),
      2,
    );
    const tensor = await evaluate(metric, tensorOf, points);
    expect(Array.from(tensor.data)).toEqual([1, 0, 0, 0, 1, 0, 0, 0]);
  });
});

it("says what is wrong with the form", () => {
  const decoder: DistributionDecoder = (z) => ({ mean: z, logDeviation: z });
  expect(() => fisherRao(decoder, normal(), 2, { form: "embedding" })).toThrow(
    /no isometric embedding; use the form "tensor"/,
  );
  expect(() => fisherRao(decoder, normal(), 2, { form: "exact" as any })).toThrow(/form "exact" is not known/);
});
