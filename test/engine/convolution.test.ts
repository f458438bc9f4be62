import * as jax from "@jax-js/jax";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  array,
  averagePool2d,
  compile,
  conv2d,
  convTranspose2d,
  grad,
  jvp,
  maxPool2d,
  mul,
  type NdArray,
  ndarray,
  sum,
  type Tensor,
  vmap,
} from "../../src/engine/index.js";
import { lift, np, type Tracer } from "../../src/engine/tensor.js";
import { expectAgreement, expectClose, randomArray, run } from "./agreement.js";

const runs = { numRuns: 10 };
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

const dot = (a: NdArray, b: NdArray) => Array.from(a.data).reduce((s, v, i) => s + v * b.data[i], 0);

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

describe("convTranspose2d", () => {
  const transposed = fc
    .record({
      N: small(1, 2),
      c: small(1, 3),
      o: small(1, 3),
      groups: small(1, 2),
      size: fc.tuple(small(1, 4), small(1, 4)),
      window: fc.tuple(small(1, 4), small(1, 4)),
      stride: fc.tuple(small(1, 3), small(1, 3)),
      dilation: fc.tuple(small(1, 2), small(1, 2)),
      padding: small(0, 2),
      extra: fc.tuple(small(0, 2), small(0, 2)),
      seed,
    })
    .map((l) => ({ ...l, extra: l.extra.map((e, i) => Math.min(e, l.stride[i] - 1)) as [number, number] }))
    .map((l) => ({
      ...l,
      out: l.size.map(
        (n, i) => (n - 1) * l.stride[i] - 2 * l.padding + l.dilation[i] * (l.window[i] - 1) + l.extra[i] + 1,
      ),
    }))
    .filter((l) => l.out.every((n) => n >= 1));

  it("is the adjoint of conv2d, and agrees with jax-js with its derivatives", async () => {
    await fc.assert(
      fc.asyncProperty(
        transposed,
        async ({ N, c, o, groups, size, window, stride, dilation, padding, extra, out, seed }) => {
          const y = randomArray([N, c * groups, ...size], seed);
          const k = randomArray([c * groups, o, ...window], seed + 1);
          const x = randomArray([N, o * groups, ...out], seed + 2);
          const options = { stride, dilation, padding, groups };
          const f = (y: Tensor, k: Tensor) => convTranspose2d(y, k, { ...options, outputPadding: extra });
          const [image] = await expectAgreement(f, [y, k]);
          expect(image.shape).toEqual(x.shape);
          // <conv(x), y> = <x, convTranspose(y)>
          const pad2 = [
            [padding, padding],
            [padding, padding],
          ];
          const forward = convolved(x, k, stride, pad2, dilation, groups);
          const left = dot(forward, y);
          const right = dot(image, x);
          expect(Math.abs(left - right)).toBeLessThan(1e-10 * (1 + Math.abs(left)));
          const loss = (y: Tensor, k: Tensor) => sum(mul(mul(f(y, k), f(y, k)), x));
          await expectAgreement(
            (y: Tensor, k: Tensor) => ({ y: grad(loss)(y, k), k: grad(loss, { argument: 1 })(y, k) }),
            [y, k],
          );
        },
      ),
      runs,
    );
  });

  it("gives the numbers PyTorch gives", async () => {
    // torch.nn.functional.conv_transpose2d(arange(4).view(1,1,2,2), arange(4).view(1,1,2,2) + 1, stride=2)
    const f = (x: Tensor, k: Tensor) => convTranspose2d(x, k, { stride: 2 });
    const [y] = await run(f, [
      array([
        [
          [
            [0, 1],
            [2, 3],
          ],
        ],
      ]),
      array([
        [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      ]),
    ]); // prettier-ignore
    expect([...y.data]).toEqual([0, 0, 1, 2, 0, 0, 3, 4, 2, 4, 3, 6, 6, 8, 9, 12]);
  });
});

describe("the convolution primitive", () => {
  const general = fc
    .record({
      N: small(0, 2),
      C: small(1, 2),
      O: small(1, 2),
      axes: fc.array(
        fc.record({
          n: small(1, 5),
          k: small(1, 3),
          stride: small(1, 2),
          before: small(-1, 2),
          after: small(-1, 2),
          spread: small(1, 3),
          dilation: small(1, 2),
        }),
        { maxLength: 3 },
      ),
      seed,
    })
    .filter(({ axes }) =>
      axes.every(
        (a) =>
          a.before + a.after > -a.n &&
          (a.n - 1) * a.spread + 1 + a.before + a.after >= (a.k - 1) * a.dilation + 1 &&
          (a.n - 1) * a.spread + 1 + Math.min(0, a.before) + Math.min(0, a.after) > 0,
      ),
    );

  it("agrees with jax-js in one to three dimensions with any padding, strides and dilations", async () => {
    await fc.assert(
      fc.asyncProperty(general, async ({ N, C, O, axes, seed }) => {
        const x = randomArray([N, C, ...axes.map((a) => a.n)], seed);
        const k = randomArray([O, C, ...axes.map((a) => a.k)], seed + 1);
        const conv = (x: Tracer, k: Tracer) =>
          (jax.lax as any).convGeneralDilated(
            lift(x),
            lift(k),
            axes.map((a) => a.stride),
            axes.map((a) => [a.before, a.after]),
            { lhsDilation: axes.map((a) => a.spread), rhsDilation: axes.map((a) => a.dilation) },
          );
        await expectAgreement(conv, [x, k]);
      }),
      { numRuns: 20 },
    );
  });

  it("runs under vmap over images, over kernels, over both, and nested, without repeating what is shared", async () => {
    const count = async (g: (...a: any[]) => any, args: readonly NdArray[]) => compile(g).operations(...args);
    const f = (x: Tensor, k: Tensor) => conv2d(x, k, { stride: 2, padding: 1 });
    const g = (x: Tensor, k: Tensor) => convTranspose2d(x, k, { stride: 2, padding: 1 });
    const [x, k] = [randomArray([2, 3, 6, 5], 1), randomArray([4, 3, 3, 2], 2)];
    const [xs, ks] = [randomArray([3, 2, 3, 6, 5], 3), randomArray([3, 4, 3, 3, 2], 4)];
    const kt = randomArray([3, 3, 4, 3, 2], 5);
    await expectAgreement(vmap(f, [true, false]), [xs, k]);
    await expectAgreement(vmap(f, [false, true]), [x, ks]);
    await expectAgreement(vmap(f), [xs, ks]);
    expect(await count(vmap(f, [true, false]), [xs, k])).toEqual({ Reshape: 2, Conv: 1 });
    expect(await count(vmap(f, [false, true]), [x, ks])).toEqual({ Reshape: 2, Conv: 1, Transpose: 1 });
    expect((await count(vmap(f), [xs, ks])).Conv).toBe(1);
    await expectAgreement(vmap(vmap(f, [true, false]), [false, true]), [xs, ks]);
    await expectAgreement(vmap(vmap(f, [false, true]), [true, true]), [xs, randomArray([3, 2, 4, 3, 3, 2], 6)]);
    await expectAgreement(vmap(g), [xs, kt]);
    const loss = (x: Tensor, k: Tensor) => sum(mul(f(x, k), f(x, k)));
    await expectAgreement(vmap(grad(loss, { argument: 1 }), [true, false]), [xs, k]);
    await expectAgreement(vmap(grad(loss), [false, true]), [x, ks]);
  });
});

describe("pooling", () => {
  it("equals the definition by jax-js for windows that tile, overlap, or leave a rest", async () => {
    for (const [shape, window, stride] of [
      [[2, 3, 4, 6], 2, 2],
      [[1, 2, 5, 7], 3, 2],
      [[2, 1, 5, 5], 2, 3],
      [[1, 1, 3, 3], 3, 1],
    ] as const) {
      const x = randomArray(shape, window);
      await expectAgreement((x: Tensor) => maxPool2d(x, { window, stride }), [x]);
      await expectAgreement((x: Tensor) => averagePool2d(x, { window, stride }), [x]);
      await expectAgreement(
        grad((x: Tensor) => sum(mul(maxPool2d(x, { window, stride }), averagePool2d(x, { window, stride })))),
        [x],
      );
      await expectAgreement(
        vmap((x: Tensor) => maxPool2d(x, { window, stride })),
        [randomArray([2, ...shape], 9)],
      );
    }
    const [y] = await run(
      (x: Tensor) => averagePool2d(x, { window: [1, 2] }),
      [
        array([
          [
            [
              [1, 3],
              [5, 9],
            ],
          ],
        ]),
      ],
    ); // prettier-ignore
    expect([...y.data]).toEqual([2, 7]);
  });

  it("has lowerings for the windows of jax-js and their transposes", async () => {
    const windows = (x: Tracer, window: number[], strides: number[]) =>
      (jax.lax as any).reduceWindow(lift(x), (w: Tracer) => np.sum(w.ref.mul(w)), window, strides);
    for (const [shape, window, strides] of [
      [[7], [3], [2]],
      [[2, 6], [2], [2]],
      [
        [2, 5, 6],
        [2, 3],
        [1, 2],
      ],
      [
        [4, 5],
        [1, 2],
        [2, 3],
      ],
    ]) {
      const x = randomArray(shape, shape.length);
      await expectAgreement((x: Tracer) => windows(x, window, strides), [x]);
      await expectAgreement(
        grad((x: Tensor) => sum(mul(windows(x, window, strides), windows(x, window, strides)))),
        [x],
      );
    }
  });
});
