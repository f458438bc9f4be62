/** Reductions, contractions and einsum: against loops and jax-js. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NdArray, Tensor } from "../../src/engine/index.js";
import * as e from "../../src/engine/index.js";
import { derivatives, expectAgreement, expectClose, randomArray, run, shapes } from "./agreement.js";

const seeds = fc.nat(1e6);
const axesOf = (shape: readonly number[]) =>
  fc.subarray(
    shape.map((_, i) => i),
    { minLength: 0 },
  );

// jax-js has the derivatives of max and min in float32 only: see below for their exactness.
const reductions: Record<string, { f: typeof e.sum; least?: number; rough?: boolean }> = {
  sum: { f: e.sum },
  mean: { f: e.mean, least: 1 },
  max: { f: e.max, least: 1, rough: true },
  min: { f: e.min, least: 1, rough: true },
  prod: { f: e.prod },
  variance: { f: e.variance, least: 1 },
  norm: { f: e.norm, least: 1 },
};

describe("reductions", () => {
  for (const [name, { f, least = 0, rough }] of Object.entries(reductions))
    it(`${name}: values and derivatives over any axes`, async () => {
      const cases = shapes({ least, rank: [1, 3] }).chain((s) =>
        fc.tuple(fc.constant(s), axesOf(s), fc.boolean(), seeds),
      );
      await fc.assert(
        fc.asyncProperty(cases, async ([shape, axes, keepDimensions, seed]) => {
          const x = randomArray(shape, seed, 0.5, 2);
          const g = (x: Tensor) => f(e.mul(x, e.array(1.5)), axes, { keepDimensions });
          const tolerance = rough ? { float64: 1e-6 } : {};
          await expectAgreement(derivatives(g, [x]), [x], tolerance);
          const repeated = (x: Tensor) => f(e.broadcastTo(x, [3, ...shape]), [0], { keepDimensions });
          await expectAgreement(derivatives(repeated, [x]), [x], tolerance);
          await expectAgreement((x: Tensor) => f(x), [x]);
        }),
        { numRuns: 6 },
      );
    });

  it("the gradient of the largest element is 1 there, shared among equals", async () => {
    const f = (x: Tensor) => [
      e.grad((z: Tensor) => e.sum(e.mul(e.max(z, 1), e.array([0.1, 7]))))(x),
      e.grad((z: Tensor) => e.min(z))(x),
    ];
    const [g, h] = await run(f, [
      e.array([
        [1, 0.3, -2],
        [5, 5, -5],
      ]),
    ]); // prettier-ignore
    expect([...g.data]).toEqual([0.1, 0, 0, 3.5, 3.5, 0]);
    expect([...h.data]).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it("the gradient of a product is right at zeros", async () => {
    const [g, twice] = await run(
      (x: Tensor) => [e.grad((z: Tensor) => e.prod(z))(x), e.prod(x)],
      [e.array([2, 0, 3, 4])],
    );
    expect([...g.data]).toEqual([0, 24, 0, 0]);
    expect(twice.data[0]).toBe(0);
  });

  it("sums of nothing are 0, products 1; the largest of nothing is an error", async () => {
    const x = randomArray([3, 0], 1);
    const [sum, prod] = await run((x: Tensor) => [e.sum(x, 1), e.prod(x, 1)], [x]);
    expect([...sum.data, ...prod.data]).toEqual([0, 0, 0, 1, 1, 1]);
    await expect(run((x: Tensor) => e.max(x, 1), [x])).rejects.toThrow("max: axis of size 0 in shape [3,0]");
    await expect(run((x: Tensor) => e.mean(x), [x])).rejects.toThrow("mean: shape [3,0] has no elements");
  });

  it("argmax and argmin give the first of equals", async () => {
    const x = e.array([
      [1, 3, 3, 0],
      [0, 0, -1, -1],
    ]);
    const [a, b, c] = await run((x: Tensor) => [e.argmax(x), e.argmin(x), e.argmax(x, 0)], [x]);
    expect([[...a.data], [...b.data], [...c.data]]).toEqual([
      [1, 0],
      [3, 2],
      [0, 0, 0, 0],
    ]); // prettier-ignore
  });

  it("logSumExp, softmax, logSoftmax: by definition, with derivatives, without overflow", async () => {
    await fc.assert(
      fc.asyncProperty(shapes({ rank: [1, 3], least: 1 }), seeds, async (shape, seed) => {
        const axis = seed % shape.length;
        const x = randomArray(shape, seed, -3, 3);
        const naive = (x: Tensor) => e.log(e.sum(e.exp(x), axis, { keepDimensions: true }));
        const close = async (f: (x: Tensor) => Tensor, g: (x: Tensor) => Tensor) => {
          expectClose(await run(derivatives(f, [x]), [x]), await run(derivatives(g, [x]), [x]), 1e-12);
        };
        await close((x) => e.logSumExp(x, axis, { keepDimensions: true }), naive);
        await close(
          (x) => e.logSoftmax(x, axis),
          (x) => e.sub(x, naive(x)),
        );
        await close(
          (x) => e.softmax(x, axis),
          (x) => e.exp(e.sub(x, naive(x))),
        );
      }),
      { numRuns: 6 },
    );
    const x = e.array([
      [1000, 1001],
      [-2000, Number.NEGATIVE_INFINITY],
      [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ]); // prettier-ignore
    const [y] = await run((x: Tensor) => e.logSumExp(x), [x]);
    expect(y.data[0]).toBeCloseTo(1001 + Math.log1p(Math.exp(-1)), 10);
    expect([...y.data.slice(1)]).toEqual([-2000, Number.NEGATIVE_INFINITY]);
  });
});

const size = fc.integer({ min: 0, max: 4 });

describe("contractions", () => {
  it("matmul of vectors, matrices and batches that broadcast, with derivatives", async () => {
    const cases = fc.record({
      m: size,
      n: size,
      k: size,
      lead: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
      drop: fc.tuple(fc.nat(2), fc.nat(2)),
      ones: fc.tuple(fc.nat(3), fc.nat(3)),
      vector: fc.nat(5),
      seed: seeds,
    }); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(cases, async ({ m, n, k, lead, drop, ones, vector, seed }) => {
        const front = (i: 0 | 1) => lead.map((b, axis) => ((ones[i] >> axis) & 1 ? 1 : b)).slice(drop[i]);
        const left = vector === 0 || vector === 2 ? [k] : [...front(0), m, k];
        const right = vector === 1 || vector === 2 ? [k] : [...front(1), k, n];
        const args = [randomArray(left, seed), randomArray(right, seed + 1)];
        await expectAgreement(derivatives(e.matmul, args), args);
      }),
      { numRuns: 25 },
    );
  });

  it("contractLast: sums of products along the last axis, with broadcasting", async () => {
    const cases = shapes({ rank: [1, 4], least: 1 }).chain((full) =>
      fc.tuple(fc.constant(full), fc.nat(15), fc.nat(15), seeds),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([full, p, q, seed]) => {
        const some = (mask: number) => full.map((n, i) => ((mask >> i) & 1 ? 1 : n));
        const args = [randomArray(some(p), seed), randomArray(some(q & ~p), seed + 1)];
        await expectAgreement(derivatives(e.contractLast, args), args);
        await expectAgreement(
          derivatives((a, b) => e.contractLast(e.broadcastTo(a, full), b), args),
          args,
        );
      }),
      { numRuns: 20 },
    );
  });

  it("einsum equals its definition, with derivatives", async () => {
    const sizes: Record<string, number> = { i: 2, j: 3, k: 4, l: 1, b: 2 };
    for (const expression of [
      "ij,jk->ik",
      "ij,kj->ik",
      "ij->ji",
      "ii->i",
      "ii->",
      "ij->",
      "bij,bjk->bik",
      "bij,jk->bik",
      "i,j->ij",
      "i,i->",
      "ij,ij->ij",
      "bi,bij,bj->b",
      "ijk,kl->ijl",
      "ij,jk,kl->il",
      "bji,bjk->ikb",
      "iij,j->ji",
      "ij,k->ik",
      "l,lj->jl",
      "ij,ij->i",
      ",i->i",
    ]) {
      const [inputs, output] = expression.split("->");
      const names = inputs.split(",");
      const args = names.map((letters, i) =>
        randomArray(
          [...letters].map((l) => sizes[l]),
          i + 1,
        ),
      ); // prettier-ignore
      const f = (...operands: Tensor[]) => e.einsum(expression, ...operands);
      const [value] = await expectAgreement(derivatives(f, args), args);
      expectClose([value], [einsumByLoops(names, output, sizes, args)], 1e-12, expression);
    }
  });
});

function einsumByLoops(names: string[], output: string, sizes: Record<string, number>, args: NdArray[]): NdArray {
  const letters = [...new Set(names.join("") + output)];
  const shape = [...output].map((l) => sizes[l]);
  const y = new Float64Array(shape.reduce((n, k) => n * k, 1));
  const at: Record<string, number> = {};
  const offset = (list: string) => [...list].reduce((o, l) => o * sizes[l] + at[l], 0);
  const loop = (i: number) => {
    if (i === letters.length) {
      y[offset(output)] += names.reduce((p, list, k) => p * args[k].data[offset(list)], 1);
      return;
    }
    for (at[letters[i]] = 0; at[letters[i]] < sizes[letters[i]]; at[letters[i]]++) loop(i + 1);
  };
  loop(0);
  return e.ndarray(y, shape);
}
