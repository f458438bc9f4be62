import { describe, expect, it } from "vitest";
import { uniform } from "../../../src/engine/lowering/graph.js";
import { foldNumbers, gatherNumbers } from "../../../src/engine/lowering/passes/constants.js";
import { bench, operationsOf } from "./nodes.js";

describe("known numbers", () => {
  it("are computed while lowering, also when repeated", () => {
    const { build } = bench([foldNumbers]);
    const two = build.expand(build.scalar(2), [3]);
    expect(uniform(build.elementwise("Add", [two, build.scalar(3)]))).toBe(5);
    expect(uniform(build.elementwise("Exp", [build.scalar(1)]))).toBe(Math.E);
    expect(uniform(build.elementwise("Less", [two, build.scalar(3)], "bool"))).toBe(1);
    expect(uniform(build.elementwise("Where", [build.scalar(0, "bool"), two, build.scalar(7)], "float64"))).toBe(7);
  });

  it("(x c) d = x (c d), -(x c) = x (-c)", () => {
    const { build, input, op } = bench([foldNumbers, gatherNumbers]);
    const x = input([3]);
    const y = op("Neg", [op("Mul", [op("Mul", [x, build.scalar(2)]), build.scalar(3)])]);
    expect(operationsOf(y)).toEqual(["Mul"]);
    expect(y.node!.inputs.map(uniform)).toContain(-6);
  });

  it("sums stay as they are written: (1 + x) - 1 is a rounding on purpose", () => {
    const { build, input, op } = bench([foldNumbers, gatherNumbers]);
    const y = op("Add", [op("Add", [input([3]), build.scalar(1)]), build.scalar(-1)]);
    expect(operationsOf(y)).toEqual(["Add", "Add"]);
  });

  it("an array of equal numbers is one number, repeated", () => {
    const { constant } = bench([]);
    expect(
      uniform(
        constant([
          [7, 7],
          [7, 7],
        ]),
      ),
    ).toBe(7); // prettier-ignore
    expect(uniform(constant([0, -0]))).toBeUndefined();
    expect(uniform(constant([1, 2]))).toBeUndefined();
  });
});
