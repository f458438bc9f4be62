/** Laws of the metrics themselves and of the quantities made from them, against closed forms and each other. */
import { describe, expect, it } from "vitest";
import {
  add,
  broadcastTo,
  concat,
  cos,
  einsum,
  log,
  mul,
  type NdArray,
  ndarray,
  sin,
  slice,
  square,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import {
  angle,
  christoffelFirstKind,
  christoffelSymbols,
  conformalMetric,
  connection,
  curvatureTensor,
  evaluate,
  evaluateOnGrid,
  expectedPullback,
  gaussianCurvature,
  innerProduct,
  inverseMetric,
  type LatentMetric,
  logMagnificationFactor,
  lower,
  metricFrom,
  metricFromTensor,
  pullback,
  raise,
  reparametrised,
  ricciCurvature,
  scalarCurvature,
  scaledMetric,
  sectionalCurvature,
  squaredNorm,
  sumMetric,
  validated,
  validateMetric,
  withFloor,
} from "../../src/metrics/index.js";
import { largestDifference, testRandom } from "../numerics/helpers.js";
import { bend } from "./bend.js";
import { cases, exactCases, pointsOf, rowOf, torus, vectorsOf } from "./cases.js";

const tensorOf = (metric: LatentMetric, z: Tensor) => metric.metricTensor(z);
const close = (a: NdArray, b: NdArray, tolerance: number) => {
  expect(a.shape).toEqual(b.shape);
  const scale = Math.max(1, ...Array.from(b.data, Math.abs));
  expect(largestDifference(a.data, b.data) / scale).toBeLessThan(tolerance);
};
const N = 6;

describe.each(cases)("$name", (test) => {
  const { metric, dimension: d } = test;
  const z = pointsOf(test, N, 1);
  const u = vectorsOf(test, N, 2);
  const v = vectorsOf(test, N, 3);

  it("is symmetric, positive definite, and its energy and embedding agree with its tensor", async () => {
    await validateMetric(metric, z);
  });

  it("has Christoffel symbols that are symmetric and metric-compatible, both ways", async () => {
    const symbols = await evaluate(metric, christoffelSymbols, z);
    const plain = await evaluate(metric, (m, x) => christoffelSymbols(m, x, { method: "tensor" }), z);
    close(symbols, plain, 1e-9);
    const swapped = await evaluate(metric, (m, x) => einsum("nkij->nkji", christoffelSymbols(m, x)), z);
    close(symbols, swapped, 1e-12);
    // d_m g_ij = Gamma_{i,jm} + Gamma_{j,im}, with the left side by central differences
    const h = 1e-5;
    const first = await evaluate(metric, christoffelFirstKind, z);
    for (let m = 0; m < d; m++) {
      const moved = (sign: number) => {
        const data = Float64Array.from(z.data);
        for (let i = 0; i < N; i++) data[i * d + m] += sign * h;
        return evaluate(metric, tensorOf, ndarray(data, z.shape));
      };
      const [plus, minus] = [await moved(1), await moved(-1)];
      const at = (n: number, k: number, i: number, j: number) => first.data[((n * d + k) * d + i) * d + j];
      for (let n = 0; n < N; n++)
        for (let i = 0; i < d; i++)
          for (let j = 0; j < d; j++) {
            const slope = (plus.data[(n * d + i) * d + j] - minus.data[(n * d + i) * d + j]) / (2 * h);
            expect(Math.abs(slope - at(n, i, j, m) - at(n, j, i, m))).toBeLessThan(1e-7 * (1 + Math.abs(slope)));
          }
    }
  });

  it("has a connection that contracts its Christoffel symbols", async () => {
    const contracted = await evaluate(
      metric,
      (m, x, a, b) => einsum("nkij,ni,nj->nk", christoffelSymbols(m, x), a, b),
      z,
      [u, v],
    );
    close(await evaluate(metric, connection, z, [u, v]), contracted, 1e-9);
    const plain = await evaluate(metric, (m, x, a, b) => connection(m, x, a, b, { method: "tensor" }), z, [u, v]);
    close(plain, contracted, 1e-9);
  });

  it("has a curvature tensor with the symmetries, and the Gauss equation agrees with the general way", async () => {
    const few = pointsOf(test, 2, 1);
    const r = await evaluate(metric, curvatureTensor, few);
    close(await evaluate(metric, (m, x) => curvatureTensor(m, x, { method: "tensor" }), few), r, 1e-7);
    const at = (n: number, l: number, k: number, i: number, j: number) =>
      r.data[(((n * d + l) * d + k) * d + i) * d + j];
    const scale = 1 + Math.max(...Array.from(r.data, Math.abs));
    let worst = 0;
    for (let n = 0; n < 2; n++)
      for (let l = 0; l < d; l++)
        for (let k = 0; k < d; k++)
          for (let i = 0; i < d; i++)
            for (let j = 0; j < d; j++)
              worst = Math.max(
                worst,
                Math.abs(at(n, l, k, i, j) + at(n, l, k, j, i)),
                Math.abs(at(n, l, k, i, j) + at(n, k, l, i, j)),
                Math.abs(at(n, l, k, i, j) - at(n, i, j, l, k)),
                Math.abs(at(n, l, k, i, j) + at(n, l, i, j, k) + at(n, l, j, k, i)), // first Bianchi identity
              );
    expect(worst / scale).toBeLessThan(1e-9);
  });

  it("has the curvature of its closed form", async () => {
    const expected = Float64Array.from({ length: N }, (_, i) => test.curvature!(rowOf(z, i)));
    close(await evaluate(metric, sectionalCurvature, z, [u, v]), ndarray(expected, [N]), 1e-8);
    if (d === 2) close(await evaluate(metric, gaussianCurvature, z), ndarray(expected, [N]), 1e-8);
    const few = pointsOf(test, 2, 1);
    const scalar = Float64Array.from({ length: 2 }, (_, i) => d * (d - 1) * test.curvature!(rowOf(few, i)));
    close(await evaluate(metric, scalarCurvature, few), ndarray(scalar, [2]), 1e-8);
    const ricci = await evaluate(metric, ricciCurvature, few);
    const g = await evaluate(metric, tensorOf, few);
    const multiple = ndarray(
      g.data.map((x, i) => (x * (d - 1) * scalar[Math.floor(i / (d * d))]) / (d * (d - 1))),
      g.shape,
    );
    close(ricci, multiple, 1e-8);
  });

  it("measures vectors, angles, volumes and covectors consistently", async () => {
    const g = await evaluate(metric, tensorOf, z);
    const inner = await evaluate(metric, innerProduct, z, [u, v]);
    const [uu, vv] = [await evaluate(metric, squaredNorm, z, [u]), await evaluate(metric, squaredNorm, z, [v])];
    const angles = await evaluate(metric, angle, z, [u, v]);
    for (let n = 0; n < N; n++) {
      let direct = 0;
      for (let i = 0; i < d; i++)
        for (let j = 0; j < d; j++) direct += u.data[n * d + i] * g.data[(n * d + i) * d + j] * v.data[n * d + j];
      expect(inner.data[n]).toBeCloseTo(direct, 9);
      expect(Math.cos(angles.data[n])).toBeCloseTo(direct / Math.sqrt(uu.data[n] * vv.data[n]), 9);
    }
    const there = await evaluate(metric, (m, x, a) => raise(m, x, lower(m, x, a)), z, [u]);
    close(there, u, 1e-10);
    const identity = await evaluate(
      metric,
      (m, x) => einsum("nij,njk->nik", inverseMetric(m, x), m.metricTensor(x)),
      z,
    );
    for (let n = 0; n < N; n++)
      for (let i = 0; i < d; i++)
        for (let k = 0; k < d; k++) expect(identity.data[(n * d + i) * d + k]).toBeCloseTo(Number(i === k), 9);
    // volume by orthogonal columns against volume by elimination
    const plain = metricFromTensor((x) => metric.metricTensor(x), { dimension: d });
    close(await evaluate(metric, logMagnificationFactor, z), await evaluate(plain, logMagnificationFactor, z), 1e-10);
  });

  it("keeps its geometry in other coordinates", async () => {
    const bent = reparametrised(metric, (w) => bend(w));
    const image = await evaluate(bent, (_m, w) => bend(w), z);
    const pushed = (a: NdArray) => evaluate(bent, (_m, w, x) => differential(w, x), z, [a]);
    const [pu, pv] = [await pushed(u), await pushed(v)];
    close(await evaluate(bent, innerProduct, z, [u, v]), await evaluate(metric, innerProduct, image, [pu, pv]), 1e-10);
    close(
      await evaluate(bent, sectionalCurvature, z, [u, v]),
      await evaluate(metric, sectionalCurvature, image, [pu, pv]),
      1e-7,
    );
  });

  it("has curvature 1/c times its own when scaled by c", async () => {
    const scaled = scaledMetric(metric, 3.7);
    await validateMetric(scaled, z);
    const [own, other] = [
      await evaluate(metric, sectionalCurvature, z, [u, v]),
      await evaluate(scaled, sectionalCurvature, z, [u, v]),
    ];
    close(ndarray(other.data.map((x) => x * 3.7) as Float64Array, [N]), own, 1e-9);
  });
});

function differential(w: Tensor, x: Tensor): Tensor {
  const d = w.shape[1];
  const h = 1e-5; // the bend is analytic; Richardson-free central differences are right to 1e-10
  const ahead = bend(add(w, mul(x, h)));
  const behind = bend(add(w, mul(x, -h)));
  return mul(add(ahead, mul(behind, -1)), 1 / (2 * h) + 0 * d);
}

describe("exact cases", () => {
  it.each(exactCases)("$name: short steps measure the exact distance", async (test) => {
    const x = pointsOf(test, 8, 11);
    const v = vectorsOf(test, 8, 12, 1e-3);
    const y = ndarray(x.data.map((a, i) => a + v.data[i]) as Float64Array, x.shape);
    const energy = await evaluate(test.metric, (m, a, b) => m.segmentEnergy(a, b), x, [y]);
    for (let i = 0; i < 8; i++) {
      const distance = test.exact.distance(rowOf(x, i), rowOf(y, i));
      expect(Math.abs(Math.sqrt(energy.data[i]) - distance) / distance).toBeLessThan(2e-5);
    }
  });
});

describe("combinations", () => {
  const z = pointsOf(torus, N, 4);

  it("sums tensors and puts embeddings side by side", async () => {
    const flat = metricFrom((x) => mul(x, 2), { dimension: 2 });
    const both = sumMetric([torus.metric, flat]);
    expect(both.embedding).toBeDefined();
    await validateMetric(both, z);
    const [a, b] = [await evaluate(torus.metric, tensorOf, z), await evaluate(both, tensorOf, z)];
    for (let i = 0; i < N; i++) {
      expect(b.data[4 * i] - a.data[4 * i]).toBeCloseTo(4, 10);
      expect(b.data[4 * i + 1] - a.data[4 * i + 1]).toBeCloseTo(0, 10);
    }
  });

  it("adds a floor", async () => {
    const degenerate = metricFrom((x) => slice(x, [null, [0, 1]]), { dimension: 2, name: "a projection" });
    await expect(validateMetric(degenerate, z)).rejects.toThrow(/"a projection" is not positive definite/);
    const floored = withFloor(degenerate, 0.01);
    await validateMetric(floored, z);
    const volume = await evaluate(floored, logMagnificationFactor, z);
    expect(volume.data[0]).toBeCloseTo(0.5 * Math.log(1.01 * 0.01), 10);
  });

  it("changes a flat metric conformally to the hyperbolic one", async () => {
    // half-plane: e^(2a) I with a = -log y; here y = z_2 + 5
    const flat = metricFrom((x) => x, { dimension: 2 });
    const half = conformalMetric(flat, (x) => mul(log(add(slice(x, [null, 1]), 5)), -1));
    await validateMetric(half, z);
    const curvature = await evaluate(half, gaussianCurvature, z);
    for (const k of curvature.data) expect(k).toBeCloseTo(-1, 8);
  });
});

describe("pullbacks of decoders", () => {
  const decoder = (z: Tensor) => {
    const [a, b] = [slice(z, [null, [0, 1]]), slice(z, [null, [1, 2]])];
    return {
      mean: concat([a, mul(a, b), sin(b)], 1),
      std: add(square(concat([a, b, cos(a)], 1)), 1),
    };
  };
  const z = ndarray(Float64Array.from([0.3, -0.4, 1.2, 0.7]), [2, 2]);

  it("adds the tensors of mean and standard deviation (theorem 1 of Latent Space Oddity)", async () => {
    const mean = pullback(decoder, 2);
    const deviation = pullback((x) => decoder(x).std, 2);
    const expected = expectedPullback(decoder, 2);
    for (const metric of [mean, expected]) await validateMetric(metric, z);
    const [a, b, c] = [
      await evaluate(mean, tensorOf, z),
      await evaluate(deviation, tensorOf, z),
      await evaluate(expected, tensorOf, z),
    ];
    for (let i = 0; i < a.data.length; i++) expect(c.data[i]).toBeCloseTo(a.data[i] + b.data[i], 10);
    const [p, q] = [0.3, -0.4]; // J_mean by hand at the first point
    const [j1, j2] = [
      [1, q, 0],
      [0, p, Math.cos(q)],
    ];
    expect(a.data[1]).toBeCloseTo(
      j1.reduce((s, x, i) => s + x * j2[i], 0),
      12,
    );
  });

  it("is the mean of J^T J over draws of the decoder", async () => {
    // Monte Carlo over eps; bound at 6 standard errors, false alarms below 1e-8 for each of 3 entries
    const expected = await evaluate(expectedPullback(decoder, 2), tensorOf, z);
    const jacobianOf = (part: "mean" | "std") => async () => {
      const h = 1e-6;
      const columns: number[][] = [];
      for (let k = 0; k < 2; k++) {
        const moved = (s: number) =>
          evaluate(pullback(decoder, 2), (_m, x) => decoder(x)[part], [[0.3 + s * h * (1 - k), -0.4 + s * h * k]]);
        const [plus, minus] = [await moved(1), await moved(-1)];
        columns.push(Array.from(plus.data, (x, i) => (x - minus.data[i]) / (2 * h)));
      }
      return columns;
    };
    const [jm, js] = [await jacobianOf("mean")(), await jacobianOf("std")()];
    const random = testRandom(99);
    const draws = 40_000;
    const sums = [0, 0, 0];
    const squares = [0, 0, 0];
    for (let t = 0; t < draws; t++) {
      const eps = [random.normal(), random.normal(), random.normal()];
      const column = (k: number) => jm[k].map((x, i) => x + eps[i] * js[k][i]);
      const [a, b] = [column(0), column(1)];
      const product = (x: number[], y: number[]) => x.reduce((s, xi, i) => s + xi * y[i], 0);
      [product(a, a), product(a, b), product(b, b)].forEach((x, i) => {
        sums[i] += x;
        squares[i] += x * x;
      });
    }
    [expected.data[0], expected.data[1], expected.data[3]].forEach((exact, i) => {
      const mean = sums[i] / draws;
      const error = Math.sqrt((squares[i] / draws - mean * mean) / draws);
      expect(Math.abs(mean - exact)).toBeLessThan(6 * error);
    });
  });

  it("refuses a decoder without a standard deviation", async () => {
    await expect(
      evaluate(
        expectedPullback((x) => x, 2),
        tensorOf,
        z,
      ),
    ).rejects.toThrow(/return \{ mean, std \}/);
  });

  it("flattens images", async () => {
    const metric = pullback((x) => ({ mean: decoder(x).mean, std: decoder(x).std }), 2);
    const image = pullback((x) => einsum("na,nb->nab", decoder(x).mean, x), 2);
    expect((await evaluate(metric, tensorOf, z)).shape).toEqual([2, 2, 2]);
    await validateMetric(image, z);
  });
});

describe("ill-conditioned Jacobians", () => {
  it("keeps the digits of the volume where J^T J has condition 1e14", async () => {
    const thin = metricFrom(
      (z) => {
        const [a, b] = [slice(z, [null, [0, 1]]), slice(z, [null, [1, 2]])];
        return concat([add(a, b), mul(b, 1e-7), a], 1);
      },
      { dimension: 2 },
    );
    const squeezed = reparametrised(thin, (w) =>
      concat([slice(w, [null, [0, 1]]), mul(slice(w, [null, [1, 2]]), 1e-7)], 1),
    );
    // det G = 1e-14 (2 (1 + 1e-14) - 1)
    const volume = await evaluate(squeezed, logMagnificationFactor, [[0.1, 0.2]]);
    expect(volume.data[0]).toBeCloseTo(0.5 * Math.log(1e-14 * (1 + 2e-14)), 12);
  });
});

describe("evaluate", () => {
  it("gives the same in chunks of any size, in either precision", async () => {
    const z = pointsOf(torus, 37, 8);
    const whole = await evaluate(torus.metric, gaussianCurvature, z);
    for (const chunk of [1, 5, 37, 64])
      close(await evaluate(torus.metric, gaussianCurvature, z, [], { chunk }), whole, 1e-12);
    close(await evaluate(torus.metric, gaussianCurvature, z, [], { precision: "float32" }), whole, 1e-4);
  });

  it("lays a grid out in rows", async () => {
    const field = await evaluateOnGrid(torus.metric, { x: [-1, 1], y: [0, 1] }, 5, 3, gaussianCurvature);
    expect(field.values.shape).toEqual([3, 5]);
    expect(Array.from(field.xs)).toEqual([-1, -0.5, 0, 0.5, 1]);
    for (let r = 0; r < 3; r++)
      for (let c = 0; c < 5; c++)
        expect(field.values.data[r * 5 + c]).toBeCloseTo(torus.curvature!([field.xs[c], field.ys[r]]), 9);
  });

  it("says what is wrong in one sentence", async () => {
    const z = [[0.1, 0.2, 0.3]];
    await expect(evaluate(torus.metric, gaussianCurvature, z)).rejects.toThrow(
      "evaluate: points has shape [1,3]; give [N, 2].",
    );
    await expect(evaluate(torus.metric, gaussianCurvature, [[0, Number.NaN]])).rejects.toThrow(
      "evaluate: points has NaN in row 0; give finite numbers.",
    );
    const sink = metricFrom((x) => square(x), { dimension: 2, name: "squares" });
    await expect(
      evaluate(sink, logMagnificationFactor, [
        [1, 1],
        [0, 1],
      ]),
    ).rejects.toThrow(/logMagnificationFactor of "squares" is .* at the point \[0,1\]/);
    const wrong = validated({ ...torus.metric, segmentEnergy: (a, b) => square(add(a, b)) });
    await expect(evaluate(wrong, (m, x) => m.segmentEnergy(x, x), [[0, 0]])).rejects.toThrow(
      'segmentEnergy of "torus": the result has shape [8,2], expected is [8]; reshape it.',
    );
    const false2 = { ...torus.metric, segmentEnergy: (a: Tensor, b: Tensor) => sum(square(add(a, mul(b, -1))), 1) };
    await expect(validateMetric(false2, [[0.5, 0]])).rejects.toThrow(/segmentEnergy that contradicts/);
    expect(() => scaledMetric(torus.metric, -1)).toThrow("scaledMetric: c is -1; give a finite number above zero.");
    expect(() => sumMetric([])).toThrow(/empty/);
    expect(() => metricFrom((x) => x, { dimension: 0 })).toThrow(/dimension is 0/);
  });
});

describe("metrics of any size", () => {
  it.each([1e-16, 1e-8, 1, 1e8, 1e16])("raising an index under G = %d I divides by it exactly", async (size) => {
    const scaled = metricFromTensor(
      (z) => mul(size, broadcastTo(ndarray(Float64Array.of(1, 0, 0, 1), [1, 2, 2]), [z.shape[0], 2, 2])),
      { dimension: 2 },
    );
    const velocity = await evaluate(scaled, raise, [[0.3, -0.2]], [[[2, -3]]]);
    expect(velocity.data[0] * size).toBeCloseTo(2, 12);
    expect(velocity.data[1] * size).toBeCloseTo(-3, 12);
  });
});
