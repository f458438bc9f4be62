/** Batch normalisation and convolutional layers against their definitions. */
import { describe, expect, it } from "vitest";
import {
  compile,
  conv2d,
  convTranspose2d,
  grad,
  type NdArray,
  ndarray,
  sin,
  sum,
  type Tensor,
} from "../../src/engine/index.js";
import {
  batchNormalization,
  convolution,
  doublingConvolution,
  initializeBatchNormalization,
  initializeConvolution,
  initializeTransposedConvolution,
  transposedConvolution,
} from "../../src/networks/index.js";
import { normalArray, randomKey } from "../../src/numerics/random.js";
import { mean, variance } from "../../src/numerics/statistics.js";

const exact = { precision: "float64", threads: 1 } as const;

function normal(seed: number, ...shape: number[]): NdArray {
  return ndarray(
    normalArray(
      randomKey(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );
}

/** The values of channel c of [N, C, ...]. */
function channel(a: NdArray, c: number): number[] {
  const [, C, ...rest] = a.shape;
  const size = rest.reduce((p, n) => p * n, 1);
  return Array.from(a.data).filter((_, i) => Math.floor(i / size) % C === c);
}

describe("batch normalisation", () => {
  it.each([[[7, 3]], [[4, 3, 2, 5]]])(
    "normalises each channel of %j in training, and keeps running averages",
    async (shape) => {
      const { running } = initializeBatchNormalization(3);
      const parameters = { scale: ndarray(Float64Array.of(1, 2, 0.5)), shift: ndarray(Float64Array.of(0, -1, 3)) };
      const x = normal(1, ...shape);
      for (let i = 0; i < x.data.length; i++) x.data[i] = 3 * x.data[i] + 2;
      const f = compile(
        (p: any, r: any, a: Tensor) => ({ ...batchNormalization(p, r, a, { training: true, epsilon: 0 }) }),
        exact,
      );
      const result = await f(parameters, running, x);
      for (let c = 0; c < 3; c++) {
        const values = channel(result.output, c);
        expect(mean(values)).toBeCloseTo(parameters.shift.data[c], 10);
        expect(variance(values, 0)).toBeCloseTo(parameters.scale.data[c] ** 2, 10);
        expect(result.running.mean.data[c]).toBeCloseTo(0.1 * mean(channel(x, c)), 10);
        expect(result.running.variance.data[c]).toBeCloseTo(0.9 + 0.1 * variance(channel(x, c)), 10);
      }
    },
  );

  it("afterwards uses the running statistics", async () => {
    const { parameters } = initializeBatchNormalization(2);
    const running = { mean: ndarray(Float64Array.of(1, -2)), variance: ndarray(Float64Array.of(4, 9)) };
    const f = compile(
      (p: any, r: any, a: Tensor) => batchNormalization(p, r, a, { training: false, epsilon: 0 }).output,
      exact,
    );
    const { data } = await f(parameters, running, ndarray(Float64Array.of(3, 4, 1, -2), [2, 2]));
    [1, 2, 0, 0].forEach((v, i) => expect(data[i]).toBeCloseTo(v, 12));
  });
});

describe("convolutional layers", () => {
  it("are the convolution with a bias for each channel", async () => {
    const layer = { ...initializeConvolution(randomKey(1), 2, 3, 4), bias: ndarray(Float64Array.of(1, -2, 5)) };
    const back = {
      ...initializeTransposedConvolution(randomKey(1), 2, 3, 4, 2),
      bias: ndarray(Float64Array.of(1, -2, 5)),
    };
    const f = compile(
      (a: any, b: any, x: Tensor) => [
        convolution(a, x, { stride: 2, padding: 1 }),
        conv2d(x, a.kernel, { stride: 2, padding: 1 }),
        transposedConvolution(b, x, { stride: 2, padding: 1 }),
        convTranspose2d(x, b.kernel, { stride: 2, padding: 1 }),
      ],
      exact,
    );
    const [y, plain, z, plainBack] = await f(layer, back, normal(2, 2, 2, 8, 8));
    expect(y.shape).toEqual([2, 3, 4, 4]);
    expect(z.shape).toEqual([2, 3, 16, 16]);
    for (const [a, b] of [
      [y, plain],
      [z, plainBack],
    ])
      for (let c = 0; c < 3; c++)
        channel(a, c).forEach((v, i) => expect(v - channel(b, c)[i]).toBeCloseTo([1, -2, 5][c], 10));
  });

  it.each([
    [8, 6],
    [7, 7],
    [5, 8],
  ])("a transposed one as a matrix product is the same, with the same derivatives (%i x %i)", async (H, W) => {
    const back = {
      ...initializeTransposedConvolution(randomKey(1), 2, 3, 4, 2),
      bias: ndarray(Float64Array.of(1, -2, 5)),
    };
    const pairs = [
      [
        back,
        (p: any, x: Tensor) => doublingConvolution(p, x, [0, 1]),
        (p: any, x: Tensor) => transposedConvolution(p, x, { stride: 2, padding: 1, outputPadding: [0, 1] }),
      ],
    ] as const;
    for (const [parameters, ...forms] of pairs) {
      const results: NdArray[][] = [];
      for (const form of forms) {
        const f = compile((p: any, x: Tensor) => {
          const of = (q: any, a: Tensor) => sum(sin(form(q, a)));
          const slopes = grad(of)(p, x);
          return [form(p, x), slopes.kernel, slopes.bias, grad(of, { argument: 1 })(p, x)];
        }, exact);
        results.push(await f(parameters, normal(2, 2, 2, H, W)));
      }
      results[0].forEach((a, i) => {
        expect(a.shape).toEqual(results[1][i].shape);
        a.data.forEach((v: number, j: number) => expect(v).toBeCloseTo(results[1][i].data[j], 9));
      });
    }
  });

  it("start with activations of the size of the input (He et al.: variance 2 before ReLU)", async () => {
    const f = compile(
      (a: any, b: any, x: Tensor) => [
        convolution(a, x, { stride: 2, padding: 1 }),
        transposedConvolution(b, x, { stride: 2, padding: 1 }),
      ],
      exact,
    );
    const results: NdArray[] = await f(
      initializeConvolution(randomKey(1), 16, 16, 4),
      initializeTransposedConvolution(randomKey(2), 16, 16, 4, 2),
      normal(3, 8, 16, 16, 16),
    );
    for (const { data } of results) {
      expect(variance(data)).toBeGreaterThan(1.4);
      expect(variance(data)).toBeLessThan(2.4);
    }
  });
});
