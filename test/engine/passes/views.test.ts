import { describe, expect, it } from "vitest";
import {
  emptyMoves,
  emptyReductions,
  mergeReshapes,
  mergeTransposes,
} from "../../../src/engine/lowering/passes/views.js";
import { bench, operationsOf } from "./nodes.js";

const rules = [mergeReshapes, mergeTransposes, emptyMoves, emptyReductions];

describe("views", () => {
  it("reshapes in a row are one, and none if they come back", () => {
    const { build, input } = bench(rules);
    const x = input([2, 6]);
    const y = build.reshape(build.reshape(x, [3, 4]), [12]);
    expect(operationsOf(y)).toEqual(["Reshape"]);
    expect(build.reshape(y, [2, 6])).toBe(x);
  });

  it("transpositions compose, and moving axes of size 1 is a reshape", () => {
    const { build, input } = bench(rules);
    const x = input([2, 3, 4]);
    const y = build.transpose(build.transpose(x, [1, 2, 0]), [1, 2, 0]);
    expect(operationsOf(y)).toEqual(["Transpose"]);
    expect(y.node!.attributes.perm).toEqual([2, 0, 1]);
    expect(build.transpose(y, [1, 2, 0])).toBe(x);
    expect(operationsOf(build.transpose(input([1, 3, 1, 4]), [1, 0, 3, 2]))).toEqual(["Reshape"]);
  });

  it("views of repeated values are views of the values", () => {
    const { build, input } = bench(rules);
    const repeated = build.expand(input([3]), [5, 3]);
    expect(build.transpose(repeated, [1, 0]).node!.op).toBe("Expand");
    expect(build.reshape(repeated, [5, 1, 3]).node!.op).toBe("Expand");
    // The repetitions do not line up: nothing can be saved.
    expect(build.reshape(repeated, [15]).node!.op).toBe("Reshape");
  });

  it("cutting, padding, reversing and reducing nothing is nothing", () => {
    const { input, op } = bench(rules);
    const x = input([1, 3]);
    expect(op("Slice", [x], { starts: [0, 0], ends: [1, 3] })).toBe(x);
    expect(op("Pad", [x], { before: [0, 0], after: [0, 0] })).toBe(x);
    const y = input([1, 1]);
    expect(op("Reverse", [y], { axes: [0, 1] })).toBe(y);
    expect(op("Concat", [x], { axis: 0 })).toBe(x);
    expect(operationsOf(op("ReduceSum", [x], { axes: [0] }, [3]))).toEqual(["Reshape"]);
  });
});
