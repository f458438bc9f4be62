/** Batch normalisation and convolutional layers against their definitions. */
import { describe, expect, it } from "vitest";
import {
  compile,
  conv2d,
  convTranspose2d,
  flattenTree,
  grad,
  type NdArray,
  ndarray,
  sin,
  square,
  sum,
  type Tensor,
  transpose,
} from "../../src/engine/index.js";
import {
  batchNormalization,
  channelsLastConvolution,
  channelsLastTransposedConvolution,
  convolution,
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

  it("with channels last gives the same numbers in the other order", async () => {
    const { running } = initializeBatchNormalization(3);
    const parameters = { scale: ndarray(Float64Array.of(1, 2, 0.5)), shift: ndarray(Float64Array.of(0, -1, 3)) };
    const f = compile((p: any, r: any, a: Tensor) => {
      const first = batchNormalization(p, r, a, { training: true });
      const last = batchNormalization(p, r, transpose(a, [0, 2, 3, 1]), { training: true, channels: "last" });
      return [
        [first.output, first.running],
        [transpose(last.output, [0, 3, 1, 2]), last.running],
      ]; // prettier-ignore
    }, exact);
    const [first, last] = await f(parameters, running, normal(1, 4, 3, 2, 5));
    flattenTree(first).leaves.forEach((a: any, i) =>
      a.data.forEach((v: number, j: number) =>
        expect((flattenTree(last).leaves[i] as NdArray).data[j]).toBeCloseTo(v, 12),
      ),
    );
  });

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
  ])("with channels last are the same, with the same derivatives, second ones too (%i x %i)", async (H, W) => {
    const bias = ndarray(Float64Array.of(1, -2, 5));
    const down = { ...initializeConvolution(randomKey(3), 2, 3, 4), bias };
    const up = { ...initializeTransposedConvolution(randomKey(1), 2, 3, 4, 2), bias };
    const lastly = (form: (p: any, x: Tensor) => Tensor) => (p: any, x: Tensor) =>
      transpose(form(p, transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]);
    const geometry = { stride: 2, padding: 1 };
    const pairs = [
      [
        down,
        lastly((p, x) => channelsLastConvolution(p, x, geometry)),
        (p: any, x: Tensor) => convolution(p, x, geometry),
      ],
      [
        up,
        lastly((p, x) => channelsLastTransposedConvolution(p, x, { ...geometry, outputPadding: [0, 1] })),
        (p: any, x: Tensor) => transposedConvolution(p, x, { ...geometry, outputPadding: [0, 1] }),
      ],
    ] as const;
    for (const [parameters, ...forms] of pairs) {
      const results: NdArray[][] = [];
      for (const form of forms) {
        const f = compile((p: any, x: Tensor) => {
          const of = (q: any, a: Tensor) => sum(sin(form(q, a)));
          const slopes = grad(of)(p, x);
          const steepness = (q: any) => sum(square(grad(of, { argument: 1 })(q, x)));
          return [form(p, x), slopes.kernel, slopes.bias, grad(of, { argument: 1 })(p, x), grad(steepness)(p).kernel];
        }, exact);
        results.push(await f(parameters, normal(2, 2, 2, H, W)));
        await f.dispose();
      }
      results[0].forEach((a, i) => {
        expect(a.shape).toEqual(results[1][i].shape);
        a.data.forEach((v: number, j: number) => expect(v).toBeCloseTo(results[1][i].data[j], 8));
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
