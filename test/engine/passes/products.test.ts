/** Sums of products as matrix products: which are, which are not, and that the numbers stay. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  array,
  grad,
  matmul,
  mul,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
} from "../../../src/engine/index.js";
import { derivatives, expectAgreement, randomArray } from "../agreement.js";
import { counts } from "./nodes.js";

describe("sums of products", () => {
  it("are matrix products, through transpositions and axes of size 1", async () => {
    const args = [randomArray([5, 3], 1), randomArray([3, 4], 2)];
    const product = (a: Tensor, b: Tensor) => mul(reshape(a, [5, 3, 1]), reshape(b, [1, 3, 4]));
    for (const f of [
      (a: Tensor, b: Tensor) => sum(product(a, b), 1),
      (a: Tensor, b: Tensor) => transpose(sum(transpose(product(a, b), [2, 0, 1]), 2)),
      (a: Tensor, b: Tensor) => sum(transpose(reshape(product(a, b), [1, 5, 3, 1, 4]), [0, 1, 4, 3, 2]), [0, 3, 4]),
    ]) {
      const left = await counts(f, args);
      expect(left.Mul).toBeUndefined();
      expect(left.ReduceSum).toBeUndefined();
      expect((left.MatMul ?? 0) + (left.Gemm ?? 0)).toBe(1);
      await expectAgreement(f, args);
    }
  });

  it("stay what they are where results share an axis of both, or only one has the rest", async () => {
    const together = (a: Tensor, b: Tensor) => sum(mul(reshape(a, [5, 3, 1]), reshape(b, [5, 3, 4])), 1);
    expect(await counts(together, [randomArray([5, 3], 1), randomArray([5, 3, 4], 2)])).toMatchObject({ Mul: 1 });
    const rows = (a: Tensor, b: Tensor) => sum(mul(a, b), 1);
    expect(await counts(rows, [randomArray([5, 3], 1), randomArray([3], 2)])).toMatchObject({ Mul: 1, ReduceSum: 1 });
  });

  it("of any axes, real, repeated or of size 1, agree with jax-js", async () => {
    const axis = fc.record({
      n: fc.integer({ min: 1, max: 3 }),
      a: fc.boolean(),
      b: fc.boolean(),
      summed: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(axis, { minLength: 1, maxLength: 4 }),
        fc.nat(1e6),
        fc.nat(23),
        async (axes, seed, turn) => {
          const shape = (real: "a" | "b") => axes.map((each) => (each[real] ? each.n : 1));
          const args = [randomArray(shape("a"), seed), randomArray(shape("b"), seed + 1)];
          const order = axes.map((_, i) => (i + turn) % axes.length);
          const summed = order.flatMap((from, to) => (axes[from].summed ? [to] : []));
          const f = (a: Tensor, b: Tensor) => {
            const moved = transpose(mul(a, b), order);
            return summed.length === 0 ? moved : sum(moved, summed);
          };
          await expectAgreement(derivatives(f, args), args);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("leave no array of rows x units x units when a perceptron's gradient is differentiated", async () => {
    const args = [randomArray([6, 5], 1), randomArray([5, 7], 2), randomArray([7, 4], 3)];
    const slope = (z: Tensor, v: Tensor, w: Tensor) =>
      grad((at: Tensor) => sum(square(tanh(matmul(tanh(matmul(at, v)), w)))))(z);
    const f = (z: Tensor, v: Tensor, w: Tensor) => grad((u: Tensor) => sum(square(slope(z, u, w))))(v);
    await expectAgreement(f, args, { float64: 1e-4, float32: 1e-4 });
    const { ReduceSum } = await counts(f, args);
    expect(ReduceSum).toBeUndefined();
  });
});

describe("products of long sums", () => {
  it("with few rows and many columns are computed the other way round", async () => {
    const f = (a: Tensor, b: Tensor) => matmul(transpose(a), b);
    const args = [randomArray([64, 2], 1), randomArray([64, 6], 2)];
    expect(await counts(f, args)).toEqual({ Gemm: 1, Transpose: 1 });
    await expectAgreement(f, args);
    // transposed again: the first way was it
    const g = (a: Tensor, b: Tensor) => transpose(f(a, b));
    expect(await counts(g, args)).toEqual({ Gemm: 1 });
    await expectAgreement(g, args);
    expect(await counts(f, [randomArray([64, 6], 1), randomArray([64, 2], 2)])).toEqual({ Gemm: 1 });
  });
});

describe("equal constants", () => {
  it("are one, and what is computed with them is shared; zeros of either sign differ", async () => {
    const x = array([
      [1, 2],
      [3, 4],
    ]); // prettier-ignore
    const mask = (...row: number[]) => array([row, [1, 0]]);
    const f = (x: Tensor) => sub(mul(tanh(mul(x, mask(0, 1))), 2), tanh(mul(x, mask(0, 1))));
    expect((await counts(f, [x])).Tanh).toBe(1);
    const g = (x: Tensor) => add(tanh(mul(x, mask(0, 1))), tanh(mul(x, mask(-0, 1))));
    expect((await counts(g, [x])).Tanh).toBe(2);
  });
});
