import { describe, expect, it } from "vitest";
import {
  grad,
  jvp,
  matmul,
  type NdArray,
  rowJacobian,
  square,
  sum,
  type Tensor,
  tanh,
  vmap,
  zeros,
} from "../../../src/engine/index.js";
import { uniform } from "../../../src/engine/lowering/graph.js";
import { zeroJoins, zeroProducts, zeroRearrangements } from "../../../src/engine/lowering/passes/zeros.js";
import { randomArray } from "../agreement.js";
import { bench, counts, operationsOf, products } from "./nodes.js";

const W1 = randomArray([3, 20], 1);
const W2 = randomArray([20, 50], 2);
const decoder = (z: Tensor) => matmul(tanh(matmul(z, W1)), W2);
const z = randomArray([8, 3], 3);

describe("zeros travel", () => {
  it("through products, contractions, convolutions and rearrangements", () => {
    const { build, input, op } = bench([zeroProducts, zeroRearrangements, zeroJoins]);
    const zero = build.expand(build.scalar(0), [2, 3]);
    const x = input([2, 3]);
    expect(uniform(op("Mul", [x, zero]))).toBe(0);
    expect(uniform(op("MatMul", [zero, input([3, 5])], {}, [2, 5]))).toBe(0);
    expect(uniform(op("Conv", [input([1, 1, 4]), build.expand(build.scalar(0), [1, 1, 2])], {}, [1, 1, 3]))).toBe(0);
    expect(uniform(op("ReduceSum", [zero], { axes: [0] }, [3]))).toBe(0);
    expect(uniform(op("Pad", [zero], { before: [1, 0], after: [0, 0] }, [3, 3]))).toBe(0);
    expect(uniform(op("Gather", [zero, input([4])], { axis: 0 }, [4, 3]))).toBe(0);
    expect(uniform(op("ScatterElements", [zero, input([2, 3]), zero], { axis: 0 }))).toBe(0);
    expect(uniform(op("Concat", [zero, zero], { axis: 0 }, [4, 3]))).toBe(0);
  });

  it("but not where ones are padded or other numbers joined", () => {
    const { build, op } = bench([zeroProducts, zeroRearrangements, zeroJoins]);
    const [zero, one] = [0, 1].map((n) => build.expand(build.scalar(n), [2]));
    expect(uniform(op("Pad", [one], { before: [1], after: [0] }, [3]))).toBeUndefined();
    expect(uniform(op("Concat", [zero, one], { axis: 0 }, [4]))).toBeUndefined();
    expect(uniform(op("Slice", [one], { starts: [0], ends: [1] }, [1]))).toBe(1);
  });

  it("a jvp through layers with constant weights costs one more product a layer, none for the zero tangents", async () => {
    expect(products(await counts(decoder, [z]))).toBe(2);
    const pushed = (z: Tensor, v: Tensor) => jvp(decoder, [z], [v]);
    expect(products(await counts(pushed, [z, z]))).toBe(4);
    // The value is not computed twice: both results together cost what the tangent alone costs.
    const tangent = (z: Tensor, v: Tensor) => jvp(decoder, [z], [v])[1];
    expect(products(await counts(tangent, [z, z]))).toBe(3); // the value's last layer is not needed
    // The weights as arguments with zero tangents: as cheap as constants.
    const layers = (z: Tensor, w1: Tensor, w2: Tensor) => matmul(tanh(matmul(z, w1)), w2);
    const still = (z: Tensor, v: Tensor, w1: Tensor, w2: Tensor) =>
      jvp(layers, [z, w1, w2], [v, zeros(W1.shape), zeros(W2.shape)]);
    expect(products(await counts(still, [z, z, W1, W2]))).toBe(4);
    const zero = (z: Tensor) => jvp(decoder, [z], [zeros([8, 3])]);
    expect(products(await counts(zero, [z]))).toBe(2);
  });

  it("row Jacobians share the value: one product a layer for the value, one for all tangents together", async () => {
    const jacobian = (z: Tensor) => rowJacobian(decoder, z);
    const found = await counts(jacobian, [z]);
    expect(products(found)).toBeLessThanOrEqual(4);
  });

  it("a gradient with respect to the input does not form those of the weights", async () => {
    const energy = (z: Tensor) => sum(square(decoder(z)));
    expect(products(await counts(grad(energy), [z]))).toBe(4);
    const batched = vmap(grad((z: Tensor) => sum(square(matmul(tanh(matmul(z, W1)), W2)))));
    expect(products(await counts(batched, [z as NdArray]))).toBe(4);
  });

  it("all that is zero leaves nothing", () => {
    const { build, input, op } = bench();
    const zero = build.expand(build.scalar(0), [4, 4]);
    const y = op("Add", [op("Mul", [input([4, 4]), zero]), op("Neg", [op("Transpose", [zero], { perm: [1, 0] })])]);
    expect(operationsOf(y)).toEqual(["Expand"]);
  });
});
