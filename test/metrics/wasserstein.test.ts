/**
 * Wasserstein pullbacks against closed forms, against distances between laws computed from their quantile functions in
 * float64, and against each other.
 */
import { describe, expect, it } from "vitest";
import {
  bernoulli,
  categorical,
  discretisedLogistic,
  exponential,
  type Family,
  fullNormal,
  gamma,
  normal,
  type Parameters,
  wassersteinDistance,
} from "../../src/distributions/families/index.js";
import {
  add,
  array,
  compile,
  concat,
  exp,
  grad,
  log,
  matmul,
  mul,
  type NdArray,
  ndarray,
  slice,
  square,
  sum,
  type Tensor,
  tanh,
  valueAndGrad,
} from "../../src/engine/index.js";
import { connect, shoot } from "../../src/geodesics/index.js";
import {
  buresMetric,
  conformalMetric,
  type DistributionDecoder,
  evaluate,
  gaussianCurvature,
  type LatentMetric,
  reparametrised,
  scaledMetric,
  validateMetric,
  wasserstein1,
  wasserstein1Closed,
  wasserstein2,
  withFloor,
} from "../../src/metrics/index.js";
import { solve as solveDense } from "../../src/numerics/dense.js";
import { testRandom } from "../numerics/helpers.js";

const column = (z: Tensor, k: number): Tensor => slice(z, [null, [k, k + 1]]);
const tensorOf = (metric: LatentMetric, z: Tensor) => metric.metricTensor(z);
const precise = { precision: "float64", accuracy: 1e-7 } as const;

async function step(metric: LatentMetric, a: number[][], b: number[][]): Promise<Float64Array> {
  const f = compile((p: Tensor, q: Tensor) => metric.segmentEnergy(p, q), { precision: "float64" });
  const result: NdArray = await f(array(a), array(b));
  await f.dispose();
  return result.data as Float64Array;
}

async function decoded(decoder: DistributionDecoder, z: number[][]): Promise<Parameters<NdArray>> {
  const f = compile((x: Tensor) => decoder(x) as any, { precision: "float64" });
  const result = await f(array(z));
  await f.dispose();
  return result;
}

/** [D][D] of numbers by row and column, each asked for once in order. */
const tableOf = (D: number, entry: (i: number, j: number) => number): number[][] =>
  Array.from({ length: D }, (_, i) => Array.from({ length: D }, (_, j) => entry(i, j)));

const matrix = (rows: number, columns: number, seed: number): NdArray => {
  const random = testRandom(seed);
  return ndarray(
    Float64Array.from({ length: rows * columns }, () => 0.6 * random.normal()),
    [rows, columns],
  );
};
const network = (outputs: number) => {
  const [first, second] = [matrix(2, 6, 21), matrix(6, outputs, 22)];
  return (z: Tensor): Tensor => matmul(tanh(add(matmul(z, first), 0.3)), second);
};

describe("2-Wasserstein of a Gaussian location-scale decoder is flat", () => {
  const decoder: DistributionDecoder = (z) => ({ mean: column(z, 0), logDeviation: column(z, 1) });
  const metric = wasserstein2(decoder, normal(), 2);
  it("has the distance sqrt(dm^2 + ds^2), straight geodesics in (m, s), and curvature 0", async () => {
    for (const [a, b] of [
      [
        [0, 0],
        [2, Math.log(1.5)],
      ],
      [
        [-1, 1],
        [1, -1],
      ],
    ]) {
      const { length, curve } = await connect(metric, a, b, { ...precise, points: 3 });
      expect(length).toBeCloseTo(Math.hypot(a[0] - b[0], Math.exp(a[1]) - Math.exp(b[1])), 7);
      expect(curve.data[2]).toBeCloseTo((a[0] + b[0]) / 2, 5);
      expect(Math.exp(curve.data[3])).toBeCloseTo((Math.exp(a[1]) + Math.exp(b[1])) / 2, 5);
    }
    const curvature = await evaluate(metric, gaussianCurvature, [
      [0, 0],
      [1, -1],
    ]);
    for (const value of curvature.data) expect(Math.abs(value)).toBeLessThan(1e-9);
    const { endPoint } = await shoot(metric, [[0, 0]], [[1, 1]]);
    expect(endPoint.data[0]).toBeCloseTo(1, 8);
    expect(Math.exp(endPoint.data[1])).toBeCloseTo(2, 8);
  });
  it("comes out of the integral over F, and of quantiles", async () => {
    const points = [
      [0, 0],
      [1, -0.5],
    ];
    const exact = await evaluate(metric, tensorOf, points);
    const values = { low: -14, high: 14, count: 2001 };
    const byIntegral = wasserstein2(decoder, normal(), 2, { form: "tensor", values });
    await validateMetric(byIntegral, points);
    const integral = await evaluate(byIntegral, tensorOf, points);
    integral.data.forEach((value: number, k: number) => {
      expect(Math.abs(value - exact.data[k])).toBeLessThan(2e-5);
    });
    // equal-mass quantiles miss part of the tails: 3 % of the scale's term at 64
    const byQuantiles = wasserstein2(decoder, normal(), 2, { form: "quantiles", values, quantiles: 64 });
    const quantiles = await evaluate(byQuantiles, tensorOf, points);
    quantiles.data.forEach((value: number, k: number) => {
      expect(Math.abs(value - exact.data[k])).toBeLessThan(0.03);
    });
    expect(Math.abs(quantiles.data[0] - 1)).toBeLessThan(5e-3);
  });
  it("values clip it: half the mass counts half, and the ends of the grid by halves", async () => {
    const points = [[0, 0]];
    const clipped = async (high: number, count: number) => {
      const { data } = await evaluate(
        wasserstein2(decoder, normal(), 2, { values: { low: -10, high, count } }),
        tensorOf,
        points,
      );
      return [data[0], data[1], data[3]];
    };
    // N(0, 1), dF = -p (dm + x ds): the integrals of p, x p and x^2 p up to b are F(b), -p(b) and F(b) - b p(b)
    const p = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
    for (const [b, F] of [
      [0, 0.5],
      [1, 0.841344746068543],
    ]) {
      const exact = [F, -p(b), F - b * p(b)];
      // the trapezoid rule is of the second order in the width h: h^2 / 12 of the slope at the end, at most 0.4
      const count = 51 + 5 * b;
      (await clipped(b, count)).forEach((value, k) => expect(Math.abs(value - exact[k])).toBeLessThan(0.2 ** 2 / 15));
    }
    // a wide range is the closed form
    (await clipped(10, 401)).forEach((value, k) => expect(value).toBeCloseTo([1, 0, 1][k], 5));
    expect(() => wasserstein2(decoder, normal(), 2, { form: "embedding", values: { low: 0, high: 1 } })).toThrow(
      /"embedding" knows no range/,
    );
    expect(() => wasserstein2(decoder, fullNormal(), 2, { values: { low: 0, high: 1 } })).toThrow(
      /full covariances knows no range/,
    );
  });
  it("logistic and exponential decoders have their closed forms too", async () => {
    const logistic: DistributionDecoder = (z) => ({ mean: column(z, 0), logScale: column(z, 1) });
    const flat = wasserstein2(logistic, discretisedLogistic(), 2);
    const [energy] = await step(flat, [[0, 0]], [[0.3, Math.log(1.2)]]);
    expect(energy).toBeCloseTo(0.221594725348, 11);
    const waiting: DistributionDecoder = (z) => ({ logRate: z });
    const [far] = await step(wasserstein2(waiting, exponential(), 1), [[0]], [[1]]);
    expect(far).toBeCloseTo(2 * (1 - Math.exp(-1)) ** 2, 11);
  });
});

describe("2-Wasserstein of mixtures of logistics", () => {
  const family = discretisedLogistic({ bins: 256, low: 0, high: 1, components: 2 });
  const f = network(12); // two columns
  const decoder: DistributionDecoder = (z) => family.fromNetwork(f(z));
  const values = { low: -20, high: 21, count: 8001 };
  const metric = wasserstein2(decoder, family, 2, { values });
  const [at, v] = [
    [0.3, -0.2],
    [1, 0.5],
  ];
  const secant = async (h: number): Promise<number> => {
    const laws = family.continuousMarginals!(
      await decoded(decoder, [at.map((x, i) => x - (h * v[i]) / 2), at.map((x, i) => x + (h * v[i]) / 2)]),
    );
    return laws[0].reduce((total, law, j) => total + (wassersteinDistance(2, law, laws[1][j]) / h) ** 2, 0);
  };
  it("the tensor is the limit of squared distances", async () => {
    const g = (await evaluate(metric, tensorOf, [at])).data;
    const form = v[0] * v[0] * g[0] + 2 * v[0] * v[1] * g[1] + v[1] * v[1] * g[3];
    const gaps = [];
    for (const h of [0.4, 0.2, 0.1]) gaps.push((await secant(h)) / form - 1);
    expect(Math.abs(gaps[2])).toBeLessThan(2e-3);
    expect(Math.abs(gaps[0] / gaps[2])).toBeGreaterThan(8); // second order: 16
  });
  it("quantiles and the integral agree, the better the more there are", async () => {
    const grid = { low: 0, high: 1, count: 513 };
    const exact = (await evaluate(wasserstein2(decoder, family, 2, { values: grid }), tensorOf, [at])).data;
    const errors = [];
    for (const quantiles of [16, 64]) {
      const by = wasserstein2(decoder, family, 2, { form: "quantiles", values: grid, quantiles });
      const g = (await evaluate(by, tensorOf, [at])).data;
      errors.push(Math.abs(g[0] / exact[0] - 1));
    }
    expect(errors[1]).toBeLessThan(0.04);
    expect(errors[1]).toBeLessThan(errors[0] + 1e-3);
    await validateMetric(wasserstein2(decoder, family, 2, { values: grid }), [at]);
  });
});

describe("the Bures metric of Gaussians with full covariance", () => {
  /** tr sqrt(A^(1/2) B A^(1/2)) of 2 x 2 matrices: sqrt(tr(A B) + 2 sqrt(det A det B)). */
  const bures = (m1: number[], A: number[][], m2: number[], B: number[][]): number => {
    const det = (M: number[][]) => M[0][0] * M[1][1] - M[0][1] * M[1][0];
    const product = A[0][0] * B[0][0] + 2 * A[0][1] * B[0][1] + A[1][1] * B[1][1];
    const trace = A[0][0] + A[1][1] + B[0][0] + B[1][1];
    const root = Math.sqrt(product + 2 * Math.sqrt(det(A) * det(B)));
    return (m1[0] - m2[0]) ** 2 + (m1[1] - m2[1]) ** 2 + trace - 2 * root;
  };
  it("is tr(L A L), by the test vector", async () => {
    // A(t) = [[2, .5], [.5, 1]] + t [[.3, -.1], [-.1, .2]] by its Cholesky factor
    const along: DistributionDecoder = (t) => {
      const [a, b, c] = [add(2, mul(0.3, t)), add(0.5, mul(-0.1, t)), add(1, mul(0.2, t))];
      // L11 = sqrt a, L21 = b / sqrt a, L22 = sqrt(c - b^2 / a); U21 = L21 / L22
      const l22 = mul(0.5, log(add(c, mul(-1, mul(square(b), exp(mul(-1, log(a))))))));
      const l21 = mul(b, exp(mul(-0.5, log(a))));
      return {
        mean: concat([mul(t, 0), mul(t, 0)], 1),
        logDiagonal: concat([mul(0.5, log(a)), l22], 1),
        lower: mul(l21, exp(mul(-1, l22))),
      };
    };
    const g = await evaluate(buresMetric(along, 1), tensorOf, [[0]]);
    expect(g.data[0]).toBeCloseTo(0.0346428571, 9);
  });
  it.each([1, 2, 3, 5, 8])("is |dm|^2 + tr(X A X) with X A + A X = dA, for %i columns, in float32 too", async (D) => {
    const random = testRandom(40 + D);
    const P = (D * (D + 3)) / 2;
    const numbers = (scale: number) => Array.from({ length: P }, () => scale * random.normal());
    const [base, ...directions] = [numbers(1), numbers(0.7), numbers(0.7)];
    const decoder: DistributionDecoder = (z) => {
      const p = add(matmul(z, array(directions)), array([base]));
      const part = (from: number, to: number) => slice(p, [null, [from, to]]);
      return { mean: part(0, D), logDiagonal: part(D, 2 * D), lower: part(2 * D, P) };
    };
    const metric = buresMetric(decoder, 2);
    const points = [
      [0.1, 0.2],
      [-0.6, 1],
    ];
    const factorAt = ([x, y]: number[]) => {
      const p = base.map((value, k) => value + x * directions[0][k] + y * directions[1][k]);
      let next = 2 * D;
      return tableOf(D, (i, j) => (i < j ? 0 : i === j ? Math.exp(p[D + i]) : Math.exp(p[D + i]) * p[next++]));
    };
    const wanted = points.map((at) => {
      const covariance = (z: number[]) => {
        const L = factorAt(z);
        return tableOf(D, (i, j) => L[i].reduce((total, x, k) => total + x * L[j][k], 0));
      };
      const A = covariance(at);
      const h = 1e-5;
      const solutions = [0, 1].map((k) => {
        const [up, down] = [1, -1].map((sign) => covariance(at.map((x, i) => x + (i === k ? sign * h : 0))));
        const system = new Float64Array(D ** 4); // of vec X: kron(I, A) + kron(A, I)
        for (let i = 0; i < D; i++)
          for (let j = 0; j < D; j++)
            for (let l = 0; l < D; l++) {
              system[(i * D + j) * D * D + l * D + j] += A[i][l];
              system[(i * D + j) * D * D + i * D + l] += A[l][j];
            }
        const change = tableOf(D, (i, j) => (up[i][j] - down[i][j]) / (2 * h)).flat();
        return solveDense(system, D * D, Float64Array.from(change)) as Float64Array;
      });
      return tableOf(2, (k, l) => {
        let total = 0;
        for (let i = 0; i < D; i++) {
          total += directions[k][i] * directions[l][i];
          for (let j = 0; j < D; j++)
            for (let m = 0; m < D; m++) total += solutions[k][i * D + j] * A[j][m] * solutions[l][m * D + i];
        }
        return total;
      }).flat();
    });
    for (const precision of ["float64", "float32"] as const) {
      const f = compile((z: Tensor) => metric.metricTensor(z), { precision });
      const { data }: NdArray = await f(array(points));
      await f.dispose();
      wanted.forEach((entries, n) => {
        const scale = Math.max(...entries.map(Math.abs));
        entries.forEach((entry, k) => {
          expect(Math.abs(data[4 * n + k] - entry) / scale).toBeLessThan(precision === "float64" ? 1e-7 : 2e-4);
        });
      });
    }
    await validateMetric(metric, points);
  });
  it("keeps its digits in float32 for nearly singular covariances, and has finite derivatives", async () => {
    // correlations up to 1 - 1e-5 and deviations from 1e-3 to 1e2
    const decoder: DistributionDecoder = (z) => {
      const p = fullNormal().fromNetwork(matmul(z, matrix(2, 44, 5)));
      return { ...p, logDiagonal: add(p.logDiagonal, array([[-7, 4, 0, 3, -3, 2, 1, -5]])), lower: mul(p.lower, 30) };
    };
    const metric = buresMetric(decoder, 2);
    const points = array([
      [1, 0.5],
      [-2, 1],
      [0.2, -3],
    ]);
    const at = async (precision: "float32" | "float64") => {
      const f = compile(
        (z: Tensor) => {
          const both = valueAndGrad((x: Tensor) => sum(metric.metricTensor(x)))(z);
          return [metric.metricTensor(z), both[1]];
        },
        { precision },
      );
      const result: NdArray[] = await f(points);
      await f.dispose();
      return result;
    };
    const [[exact, slope], [single, singleSlope]] = [await at("float64"), await at("float32")];
    exact.data.forEach((value, k) => {
      const trace = exact.data[k - (k % 4)] + exact.data[k - (k % 4) + 3];
      expect(Math.abs(single.data[k] - value) / trace).toBeLessThan(1e-4);
    });
    for (let n = 0; n < 3; n++)
      expect(Math.abs(singleSlope.data[2 * n] / slope.data[2 * n] - 1), `${n}`).toBeLessThan(1e-2);
    const h = 1e-6;
    const total = compile((z: Tensor) => sum(metric.metricTensor(z)), { precision: "float64" });
    const moved = async (by: number) =>
      (await total(ndarray(points.data.map((x, i) => x + (i === 0 ? by : 0)) as Float64Array, [3, 2]))).data[0];
    expect(slope.data[0] / (((await moved(h)) - (await moved(-h))) / (2 * h))).toBeCloseTo(1, 5);
    await total.dispose();
  });
  it("is the limit of squared Bures distances, and flat for diagonal covariances", async () => {
    const f = network(5);
    const decoder: DistributionDecoder = (z) => fullNormal().fromNetwork(f(z));
    const metric = wasserstein2(decoder, fullNormal(), 2);
    const points = [
      [0.1, 0.2],
      [-0.6, 1],
    ];
    await validateMetric(metric, points);
    const moments = async (z: number[]) => {
      const p = await decoded(decoder, [z]);
      const [t1, t2] = p.logDiagonal.data;
      const u = p.lower.data[0];
      const L = [
        [Math.exp(t1), 0],
        [Math.exp(t2) * u, Math.exp(t2)],
      ];
      const A = L.map((row) => L.map((other) => row[0] * other[0] + row[1] * other[1]));
      return { mean: Array.from(p.mean.data), A };
    };
    const gaps = [];
    for (const h of [0.2, 0.1, 0.05]) {
      const [a, b] = [
        [0.1 - h, 0.2 - h / 2],
        [0.1 + h, 0.2 + h / 2],
      ];
      const [p, q] = [await moments(a), await moments(b)];
      const [energy] = await step(metric, [a], [b]);
      gaps.push(Math.abs(energy / bures(p.mean, p.A, q.mean, q.A) - 1));
    }
    expect(gaps[2]).toBeLessThan(5e-3);
    expect(gaps[0] / gaps[2]).toBeGreaterThan(8);
    const diagonal: DistributionDecoder = (z) => ({
      mean: mul(z, 0),
      logDiagonal: z,
      lower: mul(column(z, 0), 0),
    });
    const flat = await connect(wasserstein2(diagonal, fullNormal(), 2), [0, 0], [1, -1], precise);
    expect(flat.length).toBeCloseTo(Math.hypot(Math.E - 1, 1 - 1 / Math.E), 6);
  });
});

describe("1-Wasserstein of discretised laws", () => {
  const family = discretisedLogistic({ bins: 32, low: 0, high: 1 });
  const f = network(6); // three columns
  const decoder: DistributionDecoder = (z) => family.fromNetwork(f(z));
  const values = { low: 0, high: 1, count: 32 };
  const [a, b] = [
    [
      [0.2, -0.4],
      [1, 0.7],
    ],
    [
      [0.5, 0.1],
      [-1, 2],
    ],
  ];
  const byQuantiles = async (): Promise<number[][]> => {
    const [p, q] = [family.marginals!(await decoded(decoder, a)), family.marginals!(await decoded(decoder, b))];
    return p.map((row, i) => row.map((law, j) => wassersteinDistance(1, law, q[i][j])));
  };
  it("are what transport between the bins costs, combined as asked", async () => {
    const each = await byQuantiles();
    const roots = await step(wasserstein1(decoder, family, 2, { values }), a, b);
    const sums = await step(wasserstein1(decoder, family, 2, { values, columns: "sum" }), a, b);
    each.forEach((row, i) => {
      expect(roots[i]).toBeCloseTo(
        row.reduce((total, w) => total + w * w, 0),
        10,
      );
      expect(sums[i]).toBeCloseTo(row.reduce((total, w) => total + w, 0) ** 2, 10);
    });
  });
  it("follow the ground distance", async () => {
    const place = (x: number) => 3 * x;
    const plain = await step(wasserstein1(decoder, family, 2, { values }), a, b);
    const scaled = await step(wasserstein1(decoder, family, 2, { values, place }), a, b);
    plain.forEach((energy, i) => {
      expect(scaled[i]).toBeCloseTo(9 * energy, 10);
    });
    const stretched = await step(wasserstein1(decoder, family, 2, { values, place: (x) => x * x }), a, b);
    // int |dF| d(x^2) lies between 0 and 2 of int |dF| dx
    stretched.forEach((energy, i) => {
      expect(energy).toBeGreaterThan(0);
      expect(energy).toBeLessThan(4 * plain[i]);
    });
    expect(() => wasserstein1(decoder, family, 2, { values, place: (x) => -x })).toThrow(/does not rise/);
  });
  it("have no metric tensor, and neither has what is made from them", async () => {
    const lengths = wasserstein1(decoder, family, 2, { values });
    const made = [
      lengths,
      scaledMetric(lengths, 2),
      withFloor(lengths, 0.1),
      conformalMetric(lengths, (z) => sum(z, 1)),
      reparametrised(lengths, (w) => mul(w, 2)),
    ];
    for (const metric of made)
      await expect(
        evaluate(metric, (each, z) => each.metricTensor(z), [[0, 0]]),
        metric.name,
      ).rejects.toThrow(/has lengths and energies of curves \(connect\), but no metric tensor/);
  });
  it("the closed form agrees with many bins, and the bound is one", async () => {
    const fine = discretisedLogistic();
    const narrow: DistributionDecoder = (z) => {
      const { mean, logScale } = fine.fromNetwork(f(z));
      return { mean: add(0.5, mul(0.1, add(mean, -0.5))), logScale: add(mul(0.1, logScale), -4) };
    };
    const wide = { low: -3, high: 4, count: 4001 };
    const bins = await step(wasserstein1(narrow, fine, 2, { values: wide }), a, b);
    const closed = await step(wasserstein1Closed(narrow, fine, 2), a, b);
    bins.forEach((energy, i) => {
      expect(energy / closed[i]).toBeCloseTo(1, 4);
    });
    const [near, far] = [
      [
        [0.2, -0.4],
        [1, 0.7],
      ],
      [
        [0.21, -0.4],
        [1, 0.71],
      ],
    ];
    const metric = wasserstein1(decoder, family, 2, { values });
    const w1 = await step(metric, near, far);
    const g = compile((z: Tensor) => metric.metricTensor(z), { precision: "float64" });
    const tensors: NdArray = await g(array(near));
    await g.dispose();
    expect(w1[0]).toBeLessThan(tensors.data[0] * 1e-4 * 1.02);
    expect(w1[1]).toBeLessThan(tensors.data[7] * 1e-4 * 1.02);
    expect(w1[0]).toBeGreaterThan(tensors.data[0] * 1e-4 * 0.3); // and not far above
  });
  it("root-sum-square is a lower bound of the true distance of product laws, and not that distance", async () => {
    // two certain zeros against two fair coins: W1 with Euclidean ground distance is (0 + 1 + 1 + sqrt 2) / 4 = 0.8536
    const coins: DistributionDecoder = (z) => ({ logits: concat([z, z], 1) });
    const options = { values: { low: 0, high: 1, count: 2 } };
    const [roots] = await step(wasserstein1(coins, bernoulli(), 1, options), [[-40]], [[0]]);
    expect(Math.sqrt(roots)).toBeCloseTo(Math.SQRT1_2, 8);
    const [sum] = await step(wasserstein1(coins, bernoulli(), 1, { ...options, columns: "sum" }), [[-40]], [[0]]);
    expect(Math.sqrt(sum)).toBeCloseTo(1, 8);
  });
  it("connect finds shortest curves, and nothing asks for a metric tensor", async () => {
    const metric = wasserstein1(decoder, family, 2, { values });
    const result = await connect(metric, [-1, -1], [1.5, 0.5], {
      precision: "float64",
      accuracy: 1e-3,
      tolerance: 1e-6,
    });
    expect(result.length).toBeLessThanOrEqual(result.straightLength * (1 + 1e-9));
    expect(result.length).toBeGreaterThan(0.5 * result.straightLength);
    await expect(evaluate(metric, tensorOf, [[0, 0]])).rejects.toThrow(/no metric tensor; use wasserstein2/);
  });
});

describe("1-Wasserstein of location-scale laws", () => {
  const f = network(4); // two columns of two parameters
  const pixels = discretisedLogistic({ bins: 16 });
  const smooth: DistributionDecoder = (z) => ({
    mean: slice(f(z), [null, [0, 2]]),
    logDeviation: add(mul(0.5, slice(f(z), [null, [2, 4]])), -1),
  });
  const cases: [string, Family, DistributionDecoder][] = [
    ["normal", normal(), smooth],
    ["normal, fixed deviation", normal({ standardDeviation: 0.3 }), (z) => ({ mean: smooth(z).mean })],
    ["logistic", pixels, (z) => ({ mean: smooth(z).mean, logScale: smooth(z).logDeviation })],
  ];
  const [from, to] = [
    [
      [0.2, -0.4],
      [1, 0.7],
      [0.3, 0.3],
    ],
    [
      [0.21, -0.38],
      [-1, 2],
      [0.3, 0.3], // nowhere
    ],
  ];
  const derivatives = async (metric: LatentMetric): Promise<Float64Array> => {
    const slopes = grad((ends: Tensor[]) => sum(metric.segmentEnergy(ends[0], ends[1])));
    const run = compile((p: Tensor, q: Tensor) => concat(slopes([p, q]), 0), { precision: "float64" });
    const { data }: NdArray = await run(array(from), array(to));
    await run.dispose();
    return data as Float64Array;
  };
  const lifted =
    (decoder: DistributionDecoder): DistributionDecoder =>
    (z) =>
      decoder(concat([add(column(z, 0), column(z, 2)), add(column(z, 1), mul(-0.5, column(z, 2)))], 1));
  const tensors = async (metric: LatentMetric, points: number[][]): Promise<Float64Array> => {
    const run = compile((z: Tensor) => metric.metricTensor(z), { precision: "float64" });
    const { data }: NdArray = await run(array(points));
    await run.dispose();
    return data as Float64Array;
  };
  const near = (a: ArrayLike<number>, b: ArrayLike<number>, share: number) => {
    expect(a.length).toBe(b.length);
    for (let i = 0; i < a.length; i++)
      expect(Math.abs(a[i] - b[i]), `${i}: ${a[i]}, ${b[i]}`).toBeLessThanOrEqual(share * Math.abs(b[i]) + 1e-12);
  };

  it.each(cases)(
    "%s: edge by edge what all edges at once give: energies, derivatives, the bound",
    async (_, family, decoder) => {
      const plain: Family = { ...family, locationScale: undefined };
      for (const options of [
        { values: { low: -2, high: 3, count: 16 } },
        { values: { low: -2, high: 3, count: 100 }, columns: "sum" }, // several edges at a time
        { values: { low: -2, high: 3, count: 71 }, place: (x: number) => x + x ** 3, smoothing: 1e-3 },
      ] as const) {
        const [one, other] = [family, plain].map((each) => wasserstein1(decoder, each, 2, options));
        near(await step(one, from, to), await step(other, from, to), 1e-9);
        near(await derivatives(one), await derivatives(other), 1e-7);
        // the bound, which serves from three latent dimensions on
        const [own, others] = [family, plain].map((each) => wasserstein1(lifted(decoder), each, 3, options));
        const points = from.map((z) => [...z, 0.1]);
        near(await tensors(own, points), await tensors(others, points), 1e-3); // which keeps densities from 0
      }
    },
  );

  it.each(cases)(
    "%s: on a plane the tensor is the squared norm along axes, and between diagonals",
    async (_, family, decoder) => {
      const values = { low: -2, high: 3, count: 40 };
      for (const options of [{}, { columns: "sum" }, { values }, { values, columns: "sum" }] as const) {
        const metric = wasserstein1(decoder, family, 2, options);
        const z = from[0];
        const h = 1e-4;
        const directions = [
          [1, 0],
          [0, 1],
          [1, 1],
          [1, -1],
        ];
        const ends = (side: number) => directions.map((v) => z.map((x, k) => x + (side * h * v[k]) / 2));
        const [first, second, up, down] = (await step(metric, ends(-1), ends(1))).map((energy) => energy / h ** 2);
        const mixed = (up - down) / 4;
        near(await tensors(metric, [z]), [first, mixed, mixed, second], 2e-3);
      }
    },
  );

  it.each(cases)(
    "%s: the closed form is the limit of fine bins, of the second order in their width",
    async (name, family, decoder) => {
      const closed = await step(wasserstein1(decoder, family, 2), from, to);
      const exact = await Promise.all([from, to].map((z) => decoded(decoder, z)));
      const laws = exact.map((parameters) => (family.continuousMarginals ?? family.marginals)!(parameters));
      for (let i = 0; i < 2; i++) {
        const each = laws[0][i].map((law, j) => wassersteinDistance(1, law, laws[1][i][j]));
        expect(closed[i] / each.reduce((total, w) => total + w * w, 0)).toBeCloseTo(1, name === "logistic" ? 4 : 5);
      }
      expect(closed[2]).toBe(0);
      // the error of each bin in which F_b - F_a changes its sign is at most of the order of its width squared
      for (const count of [201, 401, 801, 1601]) {
        const binned = await step(
          wasserstein1(decoder, family, 2, { values: { low: -20, high: 20, count } }),
          from,
          to,
        );
        const width = 40 / (count - 1);
        expect(Math.abs(binned[1] / closed[1] - 1)).toBeLessThan(width ** 2 / 40);
      }
    },
  );

  it.each(cases)("%s: derivatives of the closed form are those of its values", async (_, family, decoder) => {
    for (const columns of ["root-sum-square", "sum"] as const) {
      const metric = wasserstein1(decoder, family, 2, { columns });
      const slopes = await derivatives(metric);
      expect(slopes.every(Number.isFinite)).toBe(true);
      expect([...slopes.slice(4, 6), ...slopes.slice(10)]).toEqual([0, 0, 0, 0]);
      const h = 1e-5;
      for (let row = 0; row < 2; row++)
        for (let k = 0; k < 2; k++) {
          const moved = (by: number) => [to[row].map((x, j) => (j === k ? x + by : x))];
          const [up] = await step(metric, [from[row]], moved(h));
          const [down] = await step(metric, [from[row]], moved(-h));
          const expected = (up - down) / (2 * h);
          expect(Math.abs(slopes[6 + 2 * row + k] - expected)).toBeLessThan(1e-6 * Math.abs(expected) + 1e-9);
        }
    }
  });

  it("in (m, s) it is a norm: geodesics are straight, as long as their ends are apart", async () => {
    const family = normal();
    const plane: DistributionDecoder = (z) => ({
      mean: concat([column(z, 0), mul(2, column(z, 0))], 1),
      logDeviation: log(concat([column(z, 1), mul(0.5, column(z, 1))], 1)),
    });
    const metric = wasserstein1(plane, family, 2);
    const [a, b] = [
      [-1, 0.5],
      [1.5, 2],
    ];
    const [energy] = await step(metric, [a], [b]);
    const bent = Array.from({ length: 9 }, (_, i) => [
      -1 + (2.5 * i) / 8,
      0.5 + (1.5 * i) / 8 + 0.3 * Math.sin((Math.PI * i) / 8),
    ]);
    const result = await connect(metric, a, b, { precision: "float64", accuracy: 1e-6, tolerance: 1e-10, start: bent });
    expect(result.converged).toBe(true);
    expect(result.length).toBeCloseTo(Math.sqrt(energy), 6);
    const { data } = result.curve;
    for (let i = 0; i < 64; i++) expect(data[2 * i + 1]).toBeCloseTo(0.5 + 0.6 * (data[2 * i] + 1), 3);
  });

  it("without values a closed form is needed, and what belongs to bins is refused", () => {
    const gammas: DistributionDecoder = (z) => ({ logShape: z, logMean: z });
    expect(() => wasserstein1(gammas, gamma(), 2)).toThrow(
      /values is missing, and the gamma family has no closed form/,
    );
    expect(() => wasserstein1(smooth, normal(), 2, { smoothing: 1e-4 })).toThrow(/smoothing goes with bins only/);
    expect(() => wasserstein1(smooth, normal(), 2, { place: (x) => x })).toThrow(/place goes with bins only/);
  });
});

describe("bad input", () => {
  const decoder: DistributionDecoder = (z) => ({ logits: z });
  it("is answered in one sentence", () => {
    const family = categorical({ classes: 2 });
    expect(() => wasserstein1(decoder, family, 2, { values: { low: 0, high: 1 } })).toThrow(
      /the categorical family has no distribution function .* or the Fisher-Rao metric/,
    );
    expect(() => wasserstein2(decoder, bernoulli(), 2, { values: { low: 0, high: 1 } })).toThrow(
      /W2 of atoms has no metric tensor; use wasserstein1/,
    );
    expect(() => wasserstein2(decoder, discretisedLogistic({ components: 2 }), 2)).toThrow(/values is missing/);
    expect(() => wasserstein1(decoder, bernoulli(), 2, { values: { low: 1, high: 0 } })).toThrow(/256 from 1 to 0/);
    expect(() => wasserstein1Closed(decoder, categorical({ classes: 2 }), 2)).toThrow(/no closed form/);
    expect(() => wasserstein2(decoder, normal(), 2, { form: "exact" as any })).toThrow(/form "exact"/);
  });
});
