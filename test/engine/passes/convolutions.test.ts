import { describe, expect, it } from "vitest";
import { conv2d, convTranspose2d, type Tensor } from "../../../src/engine/index.js";
import {
  convolutionAsProduct,
  transposedConvolutionAsConvolution,
} from "../../../src/engine/lowering/passes/convolutions.js";
import { randomArray } from "../agreement.js";
import { bench, counts, operationsOf } from "./nodes.js";

describe("convolutions in float64", () => {
  it("are one matrix product over gathered windows", () => {
    const { input, op } = bench([convolutionAsProduct, transposedConvolutionAsConvolution]);
    const attributes = { strides: [2], dilations: [1], pads: [0, 0], group: 1 };
    const y = op("Conv", [input([2, 3, 9]), input([4, 3, 3])], attributes, [2, 4, 4]);
    expect(y.shape).toEqual([2, 4, 4]);
    expect(operationsOf(y).filter((name) => name === "MatMul" || name === "Gather")).toEqual(["Gather", "MatMul"]);
  });

  it("are the runtime's own in float32", async () => {
    const [x, k, kt] = [randomArray([1, 2, 5, 5], 1), randomArray([3, 2, 3, 3], 2), randomArray([2, 3, 3, 3], 3)];
    expect(await counts((x: Tensor, k: Tensor) => conv2d(x, k, { padding: 1 }), [x, k])).toEqual({ Conv: 1 });
    expect(await counts((x: Tensor, k: Tensor) => conv2d(x, k), [x, k], "float64")).toMatchObject({
      MatMul: 1,
      Gather: 1,
    });
    const transposed = (x: Tensor, k: Tensor) => convTranspose2d(x, k, { stride: 2, padding: 1, outputPadding: 1 });
    // The reversed and exchanged kernel is undone: ONNX takes it as PyTorch has it.
    expect(await counts(transposed, [x, kt])).toEqual({ ConvTranspose: 1 });
    expect((await counts(transposed, [x, kt], "float64")).ConvTranspose).toBeUndefined();
  });
});
