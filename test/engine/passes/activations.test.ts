import { describe, expect, it } from "vitest";
import { grad, jvp, logSigmoid, matmul, sigmoid, softplus, sum, type Tensor, tanh } from "../../../src/engine/index.js";
import { activations } from "../../../src/engine/lowering/passes/activations.js";
import { randomArray } from "../agreement.js";
import { bench, counts, operationsOf } from "./nodes.js";

const x = randomArray([3, 4], 1);
const W = randomArray([4, 5], 2);
const V = randomArray([5, 2], 3);

describe("activations", () => {
  it("1 / (1 + e^u) is a sigmoid, 2 sigmoid - 1 a hyperbolic tangent, log sigmoid a softplus", () => {
    const { build, input, op } = bench([activations]);
    const [x, one] = [input([3]), build.scalar(1)];
    const sigmoid = op("Reciprocal", [op("Add", [op("Exp", [x]), one])]);
    expect(operationsOf(sigmoid)).toEqual(["Neg", "Sigmoid"]);
    const tangent = op("Add", [op("Mul", [sigmoid, build.scalar(2)]), build.scalar(-1)]);
    expect(tangent.node!.op).toBe("Tanh");
    expect(operationsOf(op("Log", [sigmoid]))).toContain("Softplus");
    // Near misses stay what they are.
    expect(operationsOf(op("Reciprocal", [op("Add", [op("Exp", [x]), build.scalar(2)])]))).not.toContain("Sigmoid");
    expect(op("Add", [op("Mul", [sigmoid, build.scalar(3)]), build.scalar(-1)]).node!.op).toBe("Add");
  });

  it("tanh: one kernel in value and gradient together, and 1 - y^2 for the slope", async () => {
    const both = (x: Tensor) => [tanh(x), grad((z: Tensor) => sum(tanh(z)))(x)];
    const found = await counts(both, [x]);
    expect(found.Tanh).toBe(1);
    expect(found.Exp ?? 0).toBe(0);
    expect(Object.values(found).reduce((s, n) => s + n, 0)).toBeLessThanOrEqual(4);
    const layer = (x: Tensor) => sum(tanh(matmul(tanh(matmul(x, W)), V)));
    expect((await counts((x: Tensor) => [layer(x), grad(layer)(x)], [x])).Tanh).toBe(2);
    expect((await counts((x: Tensor) => jvp(grad(layer), [x], [x]), [x])).Tanh).toBe(2);
  });

  it("sigmoid: one kernel in value and gradient together, second derivatives too", async () => {
    for (const f of [sigmoid, (z: Tensor) => sigmoid(matmul(z, W))]) {
      const both = (x: Tensor) => [
        f(x),
        grad((z: Tensor) => sum(f(z)))(x),
        jvp(
          grad((z: Tensor) => sum(f(z))),
          [x],
          [x],
        )[1],
      ];
      const found = await counts(both, [x]);
      expect(found.Sigmoid).toBe(1);
      expect(found.Exp ?? 0).toBe(0);
    }
  });

  it("softplus: its kernel once, its slope one sigmoid", async () => {
    for (const f of [softplus, logSigmoid]) {
      const found = await counts((x: Tensor) => [f(x), grad((z: Tensor) => sum(f(z)))(x)], [x]);
      expect(found.Sigmoid).toBe(1);
      expect(found.Log).toBe(1); // of the softplus as it is written, with its own e^-|x|
      expect(found.Exp).toBe(1);
    }
  });
});
