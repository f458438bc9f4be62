/** Contractions of repeated, transposed, cut-up and merged views: whatever the view, the numbers are right. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { broadcastTo, contractLast, matmul, reshape, type Tensor, transpose } from "../../../src/engine/index.js";
import { derivatives, expectAgreement, randomArray } from "../agreement.js";
import { counts } from "./nodes.js";

type View = (x: Tensor) => Tensor;

/** A random walk over views that ends at an array of the shape [.., rows, 6]. */
const views = fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 0, maxLength: 5 }).map(
  (steps): View =>
    (x) => {
      let y = x;
      for (const step of steps) {
        const rank = y.shape.length;
        const size = y.shape.reduce((n, k) => n * k, 1);
        if (step % 3 === 0 && rank > 1) {
          const axes = Array.from({ length: rank }, (_, i) => (i + 1 + (step % rank)) % rank);
          y = transpose(y, axes);
        } else if (step % 3 === 1) {
          const shapes = [[size], [2, size / 2], [size / 3, 3], [2, size / 6, 3], [size / 2, 1, 2], [1, size]];
          y = reshape(y, shapes[step % shapes.length]);
        } else if (size < 400) y = broadcastTo(reshape(y, [1, ...y.shape]), [2, ...y.shape]);
      }
      const size = y.shape.reduce((n, k) => n * k, 1);
      return reshape(y, [size / 6, 6]);
    },
);

describe("contractions of views", () => {
  it("agree with jax-js, with their derivatives", async () => {
    await fc.assert(
      fc.asyncProperty(views, views, fc.nat(2), fc.nat(1e6), async (left, right, kind, seed) => {
        const args = [randomArray([2, 3, 6], seed), randomArray([12], seed + 1)];
        const f = (a: Tensor, b: Tensor) => {
          const [x, y] = [left(a), right(b)];
          if (kind === 0) return matmul(x, transpose(y));
          if (kind === 1) return contractLast(reshape(x, [x.shape[0], 1, 6]), y);
          return contractLast(reshape(x, [x.shape[0] * 2, 1, 3]), reshape(y, [1, y.shape[0] * 2, 3]));
        };
        await expectAgreement(derivatives(f, args), args);
      }),
      { numRuns: 25 },
    );
  });

  it("transposed arguments are told to the product, not moved", async () => {
    const [a, b] = [randomArray([4, 5], 1), randomArray([4, 6], 2)];
    expect(await counts((x: Tensor, y: Tensor) => matmul(transpose(x), y), [a, b])).toEqual({ Gemm: 1 });
  });
});
