/** Shapes, slices, joining, gathering, sorting: values and derivatives as jax-js has them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NdArray, Tensor } from "../../src/engine/index.js";
import * as e from "../../src/engine/index.js";
import { lift, np, type Tracer } from "../../src/engine/tensor.js";
import { derivatives, expectAgreement, expectClose, randomArray, randomIndices, run, shapes } from "./agreement.js";

const seeds = fc.nat(1e6);
/** A shape of at least one axis, an axis of it, and a seed. */
const withAxis = (options: Parameters<typeof shapes>[0] = { rank: [1, 3] }) =>
  shapes(options).chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1), seeds));

async function check(f: (x: Tensor) => Tensor, shape: readonly number[], seed: number) {
  const x = randomArray(shape, seed);
  await expectAgreement(derivatives(f, [x]), [x]);
}

describe("rearranging", () => {
  it("reshape, expandDims, squeeze, broadcastTo, transpose, matrixTranspose, flip", async () => {
    await fc.assert(
      fc.asyncProperty(withAxis({ rank: [2, 3] }), async ([shape, axis, seed]) => {
        const rank = shape.length;
        const order = Array.from({ length: rank }, (_, i) => (i + axis) % rank);
        const f = (x: Tensor) => {
          const parts = [
            e.reshape(x, [shape.reduce((n, k) => n * k, 1)]),
            e.reshape(e.expandDims(x, axis), shape),
            e.squeeze(e.expandDims(x, -1), -1),
            e.broadcastTo(e.expandDims(x, 0), [2, ...shape]),
            e.transpose(x, order),
            e.transpose(x),
            e.matrixTranspose(x),
            e.flip(x, axis),
            e.flip(e.transpose(e.flip(x, axis), order), 0),
          ];
          return e.concat(
            parts.map((p) => e.reshape(e.mul(p, p), [p.shape.reduce((n, k) => n * k, 1)])),
            0,
          );
        };
        await check(f, shape, seed);
      }),
      { numRuns: 12 },
    );
  });

  it("reshape infers one axis", async () => {
    const [y] = await run((x: Tensor) => e.reshape(x, [2, -1]), [randomArray([3, 4], 1)]);
    expect(y.shape).toEqual([2, 6]);
  });

  it("slice: indices, ranges, from the end, of repeated values", async () => {
    await fc.assert(
      fc.asyncProperty(withAxis({ rank: [1, 3], least: 1 }), async ([shape, axis, seed]) => {
        const n = shape[axis];
        const at = (entry: e.SliceEntry) => shape.map((_, i) => (i === axis ? entry : null));
        const f = (x: Tensor) => {
          const y = e.broadcastTo(x, [2, ...shape]);
          return e.sum(
            e.stack(
              [
                e.sum(e.square(e.slice(x, at(seed % n)))),
                e.sum(e.square(e.slice(x, at(-1)))),
                e.sum(e.square(e.slice(x, at([seed % n])))),
                e.sum(e.mul(e.slice(x, at([0, -1])), e.slice(x, at([1])))),
                e.sum(e.square(e.slice(y, [1, ...at([0, 1])]))),
                e.sum(e.square(e.slice(e.slice(x, at([0, n])), at([n, n])))),
              ],
              0,
            ),
          );
        };
        await check(f, shape, seed);
      }),
      { numRuns: 10 },
    );
  });

  it("concat, stack, split and pad", async () => {
    await fc.assert(
      fc.asyncProperty(withAxis(), async ([shape, axis, seed]) => {
        const f = (x: Tensor) => {
          const y = e.mul(x, x);
          const joined = e.concat([x, y, e.zeros(shape), x], axis);
          const pieces = e.split(joined, [shape[axis], 2 * shape[axis], 0, shape[axis]], axis);
          const stacked = e.stack([x, pieces[0], pieces[3], y], axis);
          const padded = e.pad(
            pieces[1],
            shape.map((_, i) => [i, 2] as const),
            0.1,
          );
          return e.add(e.sum(e.mul(stacked, stacked)), e.sum(e.mul(padded, e.mul(padded, padded))));
        };
        await check(f, shape, seed);
      }),
      { numRuns: 10 },
    );
  });

  it("pads with the number given, in full precision", async () => {
    const [y] = await run((x: Tensor) => e.pad(x, [[1, 0]], 0.1), [e.array([0.3])]);
    expect([...y.data]).toEqual([0.1, 0.3 - 0.1 + 0.1]);
  });

  it("cumsum, zeros, ones", async () => {
    await fc.assert(
      fc.asyncProperty(withAxis({ rank: [1, 3], least: 1 }), async ([shape, axis, seed]) => {
        await check((x) => e.add(e.cumsum(e.mul(x, x), axis), e.add(e.zeros(shape), e.ones(shape))), shape, seed);
      }),
      { numRuns: 5 },
    );
    const [y] = await run((x: Tensor) => e.cumsum(x), [e.array([1, 2, 3, 4])]);
    expect([...y.data]).toEqual([1, 3, 6, 10]);
  });
});

describe("gather and scatter", () => {
  it("take by known and by computed indices of any shape, along any axis, with repeated indices", async () => {
    await fc.assert(
      fc.asyncProperty(
        withAxis({ rank: [1, 3], least: 1 }),
        shapes({ rank: [0, 2], least: 0, most: 4 }),
        async (s, at) => {
          const [shape, axis, seed] = s;
          const indices = randomIndices(at, seed + 7, shape[axis]);
          await check((x) => e.take(e.mul(x, x), indices, axis), shape, seed);
          const x = randomArray(shape, seed);
          await expectAgreement(
            (x: Tensor, i: Tensor) => e.grad((z: Tensor) => e.sum(e.square(e.take(z, i, axis))))(x),
            [x, indices],
          );
          await expectAgreement(
            (xs: Tensor, is: Tensor) => e.vmap((x: Tensor, i: Tensor) => e.take(x, i, axis))(xs, is),
            [randomArray([2, ...shape], seed), randomIndices([2, ...at], seed, shape[axis])],
          );
        },
      ),
      { numRuns: 10 },
    );
  });

  it("adds up what comes to one place, thousands of times, exactly", async () => {
    const n = 20_000;
    const f = e.grad((x: Tensor) => e.sum(e.take(x, randomIndices([n], 3, 3))));
    const counts = [0, 0, 0];
    for (const i of randomIndices([n], 3, 3).data) counts[i]++;
    const program = e.compile(f, { threads: 2 });
    for (let repeat = 0; repeat < 5; repeat++) expect([...(await program(e.array([1, 2, 3]))).data]).toEqual(counts);
    await program.dispose();
  });

  it("adds at known positions by reading: places that get none, one or several, along any axis", async () => {
    const positions = Int32Array.of(4, 0, 4, 2, 0, 4);
    const index: NdArray = { data: positions, shape: [6], dtype: "int32" };
    for (const [shape, axis] of [
      [[5], 0],
      [[5, 3], 0],
      [[2, 5], 1],
      [[2, 5, 3], 1],
    ] as const) {
      const f = (x: Tensor) => e.take(e.square(x), index, axis);
      const x = randomArray(shape, 1);
      await expectAgreement(derivatives(f, [x]), [x]);
      const program = e.compile(e.grad((x: Tensor) => e.sum(e.sin(f(x)))));
      expect((await program.operations(x)).ScatterElements).toBeUndefined();
      await program.dispose();
    }
  });

  it("several index arrays, broadcast, not in front, and the transpose of all that", async () => {
    const x = randomArray([3, 4, 5], 1);
    const [i, j] = [randomIndices([2, 1], 2, 3), randomIndices([6], 3, 5)];
    const gathers: ((x: Tracer) => Tracer)[] = [
      (x) => lift(x).slice(lift(i), lift(j)),
      (x) => lift(x).slice(lift(i), [], lift(j)),
      (x) => lift(x).slice([], lift(i), lift(j)),
      (x) => lift(x).slice([1, 3], lift(j)),
      (x) => np.takeAlongAxis(lift(x), lift(randomIndices([3, 2, 5], 4, 4)), 1),
      (x) => np.takeAlongAxis(lift(x), lift(randomIndices([3, 4, 7], 4, 5)), -1),
    ];
    for (const gather of gathers) await expectAgreement(derivatives(gather, [x]), [x]);
    const rows = (x: Tracer) => e.vmap((x: Tracer) => lift(x).slice(lift(i), lift(j)))(x);
    await expectAgreement(derivatives(rows, [randomArray([2, 3, 5], 3)]), [randomArray([2, 3, 5], 3)]);
  });
});

describe("sorting", () => {
  it("sort, argsort and topK along any axis, with derivatives", async () => {
    await fc.assert(
      fc.asyncProperty(withAxis({ rank: [1, 3], least: 0 }), async ([shape, axis, seed]) => {
        await check((x) => e.sort(e.mul(x, x), axis), shape, seed);
        const k = Math.max(1, shape[shape.length - 1] - 1);
        if (shape[shape.length - 1] > 0) await check((x) => e.topK(x, k).values, shape, seed);
      }),
      { numRuns: 10 },
    );
  });

  it("keeps the order of equals, up and down, in both precisions", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }), async (list) => {
        const up = list.map((_, i) => i).sort((a, b) => list[a] - list[b] || a - b);
        const down = list.map((_, i) => i).sort((a, b) => list[b] - list[a] || a - b);
        const f = (x: Tensor) => {
          const { values, indices } = e.topK(x, list.length);
          return [e.argsort(x), e.sort(x), values, indices];
        };
        for (const precision of ["float32", "float64"] as const) {
          const got = await run(f, [e.array(list)], precision);
          expect([...got[0].data]).toEqual(up);
          expect([...got[1].data]).toEqual(up.map((i) => list[i]));
          expect([...got[2].data]).toEqual(down.map((i) => list[i]));
          expect([...got[3].data]).toEqual(down);
        }
      }),
      { numRuns: 10 },
    );
  });

  it("sorts once where values and order are both asked for", async () => {
    const program = e.compile((x: Tensor) => [
      e.sort(x),
      e.argsort(x),
      e.grad((z: Tensor) => e.sum(e.mul(e.sort(z), z)))(x),
    ]);
    expect((await program.operations(randomArray([2, 9], 1))).TopK).toBe(1);
  });

  it("sorts under vmap", async () => {
    await expectAgreement(
      e.vmap((x: Tensor) => e.sort(x, 0)),
      [randomArray([3, 4, 2], 5)],
    );
    const f = e.vmap(e.grad((x: Tensor) => e.sum(e.mul(e.sort(x), e.array([1, 2, 3, 4])))));
    const x = randomArray([3, 4], 5);
    const [g] = await run(f, [x]);
    const ranks = x.data.map((v, i) => 1 + x.data.slice(i - (i % 4), i - (i % 4) + 4).filter((w) => w < v).length);
    expectClose([g], [e.ndarray(Float64Array.from(ranks), [3, 4])], 0);
  });
});
