import { describe, expect, it } from "vitest";
import { uniform } from "../../../src/engine/lowering/graph.js";
import { emptyResults, reductionsOfNothing } from "../../../src/engine/lowering/passes/empty.js";
import { bench, operationsOf } from "./nodes.js";

describe("arrays without elements", () => {
  it("need no work", () => {
    const { input, op } = bench([emptyResults, reductionsOfNothing]);
    expect(operationsOf(op("Exp", [op("MatMul", [input([0, 3]), input([3, 4])], {}, [0, 4])]))).toEqual(["Expand"]);
  });

  it("reduce to neutral elements", () => {
    const { input, op } = bench([emptyResults, reductionsOfNothing]);
    const reduced = (kind: string) => uniform(op(kind, [input([2, 0])], { axes: [1] }, [2]));
    expect(["ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin"].map(reduced)).toEqual([
      0,
      1,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
