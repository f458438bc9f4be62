import { describe, expect, it } from "vitest";
import { abs, array, compile, type NdArray, sign, sub, type Tensor } from "../../../src/engine/index.js";
import { uniform } from "../../../src/engine/lowering/graph.js";
import { mergeExpands } from "../../../src/engine/lowering/passes/broadcasts.js";
import { gatherNumbers } from "../../../src/engine/lowering/passes/constants.js";
import {
  choices,
  inverses,
  magnitudes,
  negations,
  neutralElements,
} from "../../../src/engine/lowering/passes/identities.js";
import { bench, counts, operationsOf } from "./nodes.js";

const rules = [mergeExpands, neutralElements, choices, negations, inverses];

describe("identities", () => {
  it("x + 0, x * 1, 1 * x are x; x * -1 is -x; x - x is 0", () => {
    const { build, input, op } = bench(rules);
    const x = input([3]);
    expect(op("Add", [x, build.scalar(0)])).toBe(x);
    expect(build.elementwise("Mul", [build.scalar(1), x])).toBe(x);
    expect(op("Mul", [x, build.scalar(-1)])).toBe(op("Neg", [x]));
    expect(uniform(op("Add", [x, op("Neg", [x])]))).toBe(0);
  });

  it("x c - x c is 0, though the negation is written x (-c)", () => {
    const { build, input, op } = bench([...rules, gatherNumbers]);
    const tripled = build.elementwise("Mul", [input([3]), build.scalar(3)]);
    const negated = op("Neg", [tripled]);
    expect(operationsOf(negated)).toEqual(["Mul"]);
    expect(uniform(op("Add", [tripled, negated]))).toBe(0);
    const other = build.elementwise("Mul", [input([3]), build.scalar(-3)]);
    expect(uniform(op("Add", [tripled, other]))).toBeUndefined();
  });

  it("a neutral element still repeats", () => {
    const { build, input } = bench(rules);
    const zeros = build.expand(build.scalar(0), [4, 3]);
    expect(build.elementwise("Add", [input([3]), zeros]).shape).toEqual([4, 3]);
  });

  it("negations move outwards and cancel", () => {
    const { input, op } = bench(rules);
    const [x, y] = [input([3]), input([3])];
    const minus = (v: typeof x) => op("Neg", [v]);
    expect(minus(minus(x))).toBe(x);
    expect(operationsOf(op("Mul", [minus(x), minus(y)]))).toEqual(["Mul"]);
    expect(op("Mul", [minus(x), y])).toBe(minus(op("Mul", [x, y])));
    expect(op("Add", [minus(x), minus(y)])).toBe(minus(op("Add", [x, y])));
    expect(op("Reciprocal", [minus(x)])).toBe(minus(op("Reciprocal", [x])));
  });

  it("choices between equal values or by a known condition are none", () => {
    const { build, input } = bench(rules);
    const [x, y] = [input([3]), input([3])];
    const choose = (c: typeof x, a: typeof x, b: typeof x) => build.elementwise("Where", [c, a, b], "float64");
    const c = build.input(9, [3], "bool");
    expect(choose(c, x, x)).toBe(x);
    expect(choose(build.scalar(1, "bool"), x, y)).toBe(x);
    expect(choose(build.scalar(0, "bool"), x, y)).toBe(y);
    expect(operationsOf(choose(c, x, y))).toEqual(["Where"]);
  });

  it("absolute values and signs are one operation, and only those", async () => {
    const { build, input } = bench([...rules, magnitudes]);
    const x = input([3]);
    const less = (a: typeof x, b: typeof x) => build.elementwise("Less", [a, b], "bool");
    const choose = (c: typeof x, a: typeof x, b: typeof x) => build.elementwise("Where", [c, a, b], "float64");
    const [zero, one, minus] = [0, 1, -1].map((value) => build.scalar(value));
    const negative = less(x, zero);
    const negated = build.elementwise("Neg", [x]);
    expect(operationsOf(choose(negative, negated, x))).toEqual(["Abs"]);
    expect(operationsOf(choose(negative, x, negated))).toContain("Where"); // -|x|
    expect(operationsOf(choose(less(x, one), negated, x))).toContain("Where");
    expect(operationsOf(choose(negative, minus, choose(less(zero, x), one, zero)))).toEqual(["Sign"]);
    expect(operationsOf(choose(negative, one, choose(less(zero, x), one, zero)))).toContain("Where");
    expect(operationsOf(choose(negative, minus, choose(less(x, zero), one, zero)))).toContain("Where");
    const f = (y: Tensor) => [abs(sub(y, 1)), sign(sub(y, 1)), abs(sub(1, y))];
    const points = array([-Infinity, -2, 1, 1.5, Infinity]);
    expect(await counts(f, [points])).toMatchObject({ Abs: 2, Sign: 1 });
    for (const precision of ["float32", "float64"] as const) {
      const run = compile(f, { precision });
      const [size, side, mirrored] = (await run(points)).map(({ data }: NdArray) => Array.from(data));
      expect(size).toEqual([Infinity, 3, 0, 0.5, Infinity]);
      expect(side).toEqual([-1, -1, 0, 1, 1]);
      expect(mirrored).toEqual(size);
      await run.dispose();
    }
  });

  it("1 / (1 / x) and a square root squared are x", () => {
    const { input, op } = bench(rules);
    const x = input([3]);
    expect(op("Reciprocal", [op("Reciprocal", [x])])).toBe(x);
    const root = op("Sqrt", [x]);
    expect(op("Mul", [root, root])).toBe(x);
  });

  it("equal nodes are one, also with the operands of a sum exchanged", () => {
    const { input, op } = bench([]);
    const [x, y] = [input([3]), input([3])];
    expect(op("Add", [x, y])).toBe(op("Add", [y, x]));
    expect(op("Less", [x, y])).not.toBe(op("Less", [y, x]));
    expect(op("Slice", [x], { starts: [0], ends: [1] }, [1])).not.toBe(
      op("Slice", [x], { starts: [1], ends: [2] }, [1]),
    );
  });
});
