import { describe, expect, it } from "vitest";
import { mergeReversals, mergeSlices, moveBeforeRepeating } from "../../../src/engine/lowering/passes/moves.js";
import { mergeReshapes } from "../../../src/engine/lowering/passes/views.js";
import { bench, operationsOf } from "./nodes.js";

const rules = [mergeReshapes, mergeReversals, mergeSlices, moveBeforeRepeating];

describe("moves", () => {
  it("two reversals of an axis are none", () => {
    const { input, op } = bench(rules);
    const x = input([2, 3, 4]);
    const y = op("Reverse", [x], { axes: [0, 2] });
    expect(op("Reverse", [y], { axes: [0, 2] })).toBe(x);
    expect(op("Reverse", [y], { axes: [1, 2] }).node!.attributes.axes).toEqual([0, 1]);
  });

  it("two cuts are one", () => {
    const { input, op } = bench(rules);
    const y = op("Slice", [input([10])], { starts: [2], ends: [9] }, [7]);
    const z = op("Slice", [y], { starts: [1], ends: [4] }, [3]);
    expect(operationsOf(z)).toEqual(["Slice"]);
    expect(z.node!.attributes).toEqual({ starts: [3], ends: [6] });
  });

  it("repeated values are moved before they are repeated", () => {
    const { build, input, op } = bench(rules);
    const repeated = build.expand(input([3]), [5, 3]);
    const reversed = op("Reverse", [repeated], { axes: [0, 1] });
    expect(operationsOf(reversed)).toEqual(["Expand", "Reshape", "Reverse"]);
    expect(reversed.node!.op).toBe("Expand");
    const cut = op("Slice", [repeated], { starts: [1, 1], ends: [4, 3] }, [3, 2]);
    expect(cut.node!.op).toBe("Expand");
    expect(cut.node!.inputs[0].shape).toEqual([1, 2]);
    expect(op("Pad", [repeated], { before: [0, 1], after: [0, 0] }, [5, 4]).node!.op).toBe("Expand");
    // Zeros beside repetitions are no repetition.
    expect(op("Pad", [repeated], { before: [1, 0], after: [0, 0] }, [6, 3]).node!.op).toBe("Pad");
  });
});
