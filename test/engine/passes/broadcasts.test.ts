import { describe, expect, it } from "vitest";
import {
  broadcastTo,
  contractLast,
  expandDims,
  grad,
  matmul,
  mul,
  square,
  sub,
  sum,
  type Tensor,
} from "../../../src/engine/index.js";
import { mergeExpands, repeatLate } from "../../../src/engine/lowering/passes/broadcasts.js";
import { randomArray } from "../agreement.js";
import { bench, counts, operationsOf } from "./nodes.js";

describe("repetition moves outwards", () => {
  it("work is done on the small values", () => {
    const { build, input, op } = bench([mergeExpands, repeatLate]);
    const x = build.expand(input([3]), [5, 3]);
    const y = op("Exp", [op("Mul", [x, x])]);
    expect(y.node!.op).toBe("Expand");
    expect(y.node!.inputs[0].shape).toEqual([3]);
    // beside a full array no repetition is left at all
    expect(operationsOf(op("Add", [input([5, 3]), y]))).toEqual(["Add", "Exp", "Mul"]);
  });

  it("an Expand to the shape it has, or after another, is dropped", () => {
    const { build, input } = bench([mergeExpands]);
    const x = input([3]);
    expect(build.expand(x, [3])).toBe(x);
    expect(operationsOf(build.expand(build.expand(x, [2, 3]), [4, 2, 3]))).toEqual(["Expand"]);
  });

  it("a sum over repetitions is a product, a largest element is the element", () => {
    const { build, input, op } = bench();
    const x = build.expand(input([1, 3]), [5, 3]);
    expect(operationsOf(op("ReduceSum", [x], { axes: [0] }, [3]))).toEqual(["Mul", "Reshape"]);
    expect(operationsOf(op("ReduceMax", [x], { axes: [0] }, [3]))).toEqual(["Reshape"]);
    expect(operationsOf(op("ReduceSum", [x], { axes: [0, 1] }, []))).toEqual(["Mul", "ReduceSum"]);
  });

  it("contractions with broadcasting make no Expand, in value and gradient", async () => {
    const [a, b] = [randomArray([6, 5], 1), randomArray([4, 5], 2)];
    const distances = (x: Tensor, y: Tensor) => sum(square(sub(expandDims(x, 1), expandDims(y, 0))), -1);
    const pairs = (x: Tensor, y: Tensor) => contractLast(expandDims(x, 1), expandDims(y, 0));
    for (const f of [distances, pairs])
      for (const g of [
        f,
        grad((x: Tensor, y: Tensor) => sum(square(f(x, y)))),
        grad((x: Tensor, y: Tensor) => sum(square(f(x, y))), { argument: 1 }),
      ]) // prettier-ignore
        expect((await counts(g, [a, b])).Expand ?? 0).toBe(0);
    const dot = await counts(pairs, [a, b]);
    expect((dot.MatMul ?? 0) + (dot.Gemm ?? 0)).toBe(1);
    expect(Object.values(dot).reduce((s, n) => s + n, 0)).toBe(1);
    const batch = await counts(
      (x: Tensor, y: Tensor) => matmul(x, y),
      [randomArray([1, 6, 5], 1), randomArray([7, 5, 2], 2)],
    );
    expect(batch.Expand ?? 0).toBe(0);
    const scaled = await counts((x: Tensor) => contractLast(mul(x, 2), broadcastTo(1, [6, 5])), [a]);
    expect(scaled.Expand ?? 0).toBe(0);
  });
});
