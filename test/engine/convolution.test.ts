import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  array,
  averagePool2d,
  convTranspose2d,
  conv2d,
  grad,
  jvp,
  maxPool2d,
  mul,
  ndarray,
  sum,
  type Tensor,
  vmap,
} from "../../src/engine/index.js";
import { lift, np, type Tracer } from "../../src/engine/tensor.js";
import * as jax from "@jax-js/jax";
import { expectAgreement, expectClose, randomArray, run } from "./agreement.js";

const runs = { numRuns: 12 };
const seed = fc.integer({ min: 0, max: 1e6 });
const small = (min: number, max: number) => fc.integer({ min, max });

/** The definition, written out: images [N, C, H, W], kernel [O, C / groups, kh, kw]. */
function convolved(
  x: ReturnType<typeof randomArray>,
  k: ReturnType<typeof randomArray>,
  s: readonly number[],
  p: readonly (readonly number[])[],
  r: readonly number[],
  groups: number,
) {
  const [N, C, H, W] = x.shape;
  const [O, c, kh, kw] = k.shape;
  const h = Math.floor((H + p[0][0] + p[0][1] - r[0] * (kh - 1) - 1) / s[0]) + 1;
  const w = Math.floor((W + p[1][0] + p[1][1] - r[1] * (kw - 1) - 1) / s[1]) + 1;
  const y = new Float64Array(N * O * h * w);
  let at = 0;
  for (let n = 0; n < N; n++)
    for (let o = 0; o < O; o++)
      for (let i = 0; i < h; i++)
        for (let j = 0; j < w; j++, at++)
          for (let q = 0; q < c; q++)
            for (let a = 0; a < kh; a++)
              for (let b = 0; b < kw; b++) {
                const [row, column] = [i * s[0] + a * r[0] - p[0][0], j * s[1] + b * r[1] - p[1][0]];
                if (row < 0 || column < 0 || row >= H || column >= W) continue;
                const channel = Math.floor(o / (O / groups)) * c + q;
                y[at] += x.data[((n * C + channel) * H + row) * W + column] * k.data[((o * c + q) * kh + a) * kw + b];
              }
  return ndarray(y, [N, O, h, w]);
}

const layer = fc
  .record({
    N: small(1, 3),
    c: small(1, 3),
    o: small(1, 3),
    groups: small(1, 3),
    size: fc.tuple(small(4, 8), small(4, 8)),
    window: fc.tuple(small(1, 3), small(1, 3)),
    stride: fc.tuple(small(1, 3), small(1, 3)),
    dilation: fc.tuple(small(1, 2), small(1, 2)),
    padding: fc.tuple(fc.tuple(small(0, 2), small(0, 2)), fc.tuple(small(0, 2), small(0, 2))),
    seed,
  })
  .filter((l) => l.size.every((n, i) => n + l.padding[i][0] + l.padding[i][1] > (l.window[i] - 1) * l.dilation[i]));

describe("conv2d", () => {
  it("equals its definition, and jax-js, with its derivatives", async () => {
    await fc.assert(
      fc.asyncProperty(layer, async ({ N, c, o, groups, size, window, stride, dilation, padding, seed }) => {
        const x = randomArray([N, c * groups, ...size], seed);
        const k = randomArray([o * groups, c, ...window], seed + 1);
        const options = { stride, dilation, padding, groups };
        const f = (x: Tensor, k: Tensor) => conv2d(x, k, options);
        const [y] = await expectAgreement(f, [x, k]);
        expectClose([y], [convolved(x, k, stride, padding, dilation, groups)], 1e-12, "definition");
        const weight = randomArray(y.shape, seed + 2);
        const loss = (x: Tensor, k: Tensor) => sum(mul(mul(f(x, k), f(x, k)), weight));
        await expectAgreement(
          (x: Tensor, k: Tensor) => ({
            x: grad(loss)(x, k),
            k: grad(loss, { argument: 1 })(x, k),
            second: jvp((z: Tensor) => grad(loss)(z, k), [x], [mul(x, 0.5)])[1],
          }),
          [x, k],
        );
      }),
      runs,
    );
  });
});
