/** Windows of images with channels last, and their adjoint, against their definition. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compile,
  grad,
  imageWindows,
  jvp,
  mul,
  type NdArray,
  ndarray,
  square,
  sum,
  sumImageWindows,
  type Tensor,
  vmap,
} from "../../src/engine/index.js";
import { expectAgreement, expectClose, randomArray } from "./agreement.js";

const small = (min: number, max: number) => fc.integer({ min, max });
const pair = (min: number, max: number) => fc.tuple(small(min, max), small(min, max));

const layout = fc
  .record({
    N: small(1, 3),
    C: small(1, 3),
    size: pair(1, 8),
    window: pair(1, 4),
    stride: pair(1, 4),
    padding: fc.tuple(pair(0, 3), pair(0, 3)),
    seed: small(0, 1e6),
  })
  .filter(({ size, window, padding }) => size.every((n, i) => n + padding[i][0] + padding[i][1] >= window[i]));

/** The definition: [N, h, w, kh kw C], zeros beyond the image. */
function windowsOf(
  x: NdArray,
  window: readonly number[],
  stride: readonly number[],
  p: readonly (readonly number[])[],
) {
  const [N, H, W, C] = x.shape;
  const [h, w] = [H, W].map((n, i) => Math.floor((n + p[i][0] + p[i][1] - window[i]) / stride[i]) + 1);
  const values: number[] = [];
  for (let n = 0; n < N; n++)
    for (let i = 0; i < h; i++)
      for (let j = 0; j < w; j++)
        for (let a = 0; a < window[0]; a++)
          for (let b = 0; b < window[1]; b++)
            for (let c = 0; c < C; c++) {
              const [row, column] = [i * stride[0] + a - p[0][0], j * stride[1] + b - p[1][0]];
              const outside = row < 0 || column < 0 || row >= H || column >= W;
              values.push(outside ? 0 : x.data[((n * H + row) * W + column) * C + c]);
            }
  return ndarray(Float64Array.from(values), [N, h, w, window[0] * window[1] * C]);
}

const dot = (a: NdArray, b: NdArray) => Array.from(a.data).reduce((s, v, i) => s + v * b.data[i], 0);

describe("windows of images", () => {
  it("are what the definition says, their sum is the adjoint, and all derivatives agree with jax-js", async () => {
    await fc.assert(
      fc.asyncProperty(layout, async ({ N, C, size, window, stride, padding, seed }) => {
        const x = randomArray([N, ...size, C], seed);
        const options = { window, stride, padding };
        const [y] = await expectAgreement((x: Tensor) => imageWindows(x, options), [x]);
        const expected = windowsOf(x, window, stride, padding);
        expect(y.shape).toEqual(expected.shape);
        expectClose([y], [expected], 0, "definition");
        const weights = randomArray(y.shape, seed + 1);
        const [back] = await expectAgreement((y: Tensor) => sumImageWindows(y, size, options), [weights]);
        expect(back.shape).toEqual(x.shape);
        expect(Math.abs(dot(y, weights) - dot(x, back))).toBeLessThan(1e-11 * (1 + Math.abs(dot(y, weights))));
        const loss = (x: Tensor, y: Tensor) =>
          sum(mul(square(imageWindows(x, options)), square(imageWindows(sumImageWindows(y, size, options), options))));
        await expectAgreement(
          (x: Tensor, y: Tensor) => ({
            x: grad(loss)(x, y),
            y: grad(loss, { argument: 1 })(x, y),
            second: jvp((z: Tensor) => grad(loss, { argument: 1 })(x, z), [y], [weights])[1],
          }),
          [x, weights],
        );
      }),
      { numRuns: 12 },
    );
  });

  it("are read, and added up, without writing element by element, and equal ones once only", async () => {
    const options = { window: 4, stride: 2, padding: 1 };
    const x = randomArray([2, 6, 6, 3], 1);
    const f = compile(
      (x: Tensor) => grad((x: Tensor) => sum(mul(imageWindows(x, options), imageWindows(x, options))))(x),
      { precision: "float32" },
    );
    const { ScatterElements, Gather } = await f.operations(x);
    expect(ScatterElements).toBeUndefined();
    expect(Gather).toBe(1 + 4); // each pixel is in four windows
    await f.dispose();
  });

  it("run under vmap", async () => {
    const options = { window: [3, 2], stride: [2, 1], padding: 1 } as const;
    const x = randomArray([3, 2, 5, 4, 2], 1);
    await expectAgreement(
      vmap((x: Tensor) => imageWindows(x, options)),
      [x],
    );
    const y = randomArray([3, 2, 3, 5, 12], 2);
    await expectAgreement(
      vmap((y: Tensor) => sumImageWindows(y, [5, 4], options)),
      [y],
    );
  });

  it("refuse images without four axes, windows that do not fit, and sums that belong to other images", async () => {
    const of = (f: (x: Tensor) => Tensor, ...shape: number[]) => compile(f)(randomArray(shape, 1));
    await expect(of((x) => imageWindows(x, { window: 2 }), 3, 3)).rejects.toThrow(
      "imageWindows: images have shape [3,3]",
    );
    await expect(of((x) => imageWindows(x, { window: 4 }), 1, 3, 5, 1)).rejects.toThrow(
      "does not fit into images of 3 x 5",
    );
    await expect(of((x) => sumImageWindows(x, [4, 4], { window: 2 }), 1, 2, 2, 4)).rejects.toThrow(
      "images of 4 x 4 need [batch, 3,3, 4 x channels]",
    );
    await expect(of((x) => imageWindows(x, { window: 2, stride: 0 }), 1, 4, 4, 1)).rejects.toThrow("stride is 0");
  });
});
