/** Shape errors name the operation and the shapes: the whole sentences, as the user sees them. */
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/engine/index.js";
import * as e from "../../src/engine/index.js";
import { UsageError } from "../../src/errors.js";

const [a, b] = [e.zerosArray([2, 3]), e.zerosArray([4, 3])];
const [image, kernel] = [e.zerosArray([1, 4, 5, 5]), e.zerosArray([6, 4, 3, 3])];
const whole = e.zerosArray([2], "int32");

const wrong: Record<string, (x: Tensor, y: Tensor) => unknown> = {
  add: (x, y) => e.add(x, y),
  sub: (x, y) => e.sub(x, y),
  mul: (x, y) => e.mul(x, y),
  div: (x, y) => e.div(x, y),
  maximum: (x, y) => e.maximum(x, y),
  less: (x, y) => e.less(x, y),
  where: (x, y) => e.where(e.less(x, 0), y, 0),
  "where without a condition": (x, _) => e.where(x, x, x),
  pow: (x, y) => e.pow(x, y),
  atan2: (x, y) => e.atan2(x, y),
  "sum axis": (x) => e.sum(x, 2),
  "sum axis twice": (x) => e.sum(x, [0, -2]),
  argmax: (x) => e.argmax(x, 5),
  reshape: (x) => e.reshape(x, [4, 2]),
  "reshape unknown": (x) => e.reshape(x, [4, -1]),
  transpose: (x) => e.transpose(x, [0, 0]),
  matrixTranspose: (x) => e.matrixTranspose(e.slice(x, [0])),
  broadcastTo: (x) => e.broadcastTo(x, [2, 4]),
  expandDims: (x) => e.expandDims(x, 4),
  squeeze: (x) => e.squeeze(x, 0),
  "slice index": (x) => e.slice(x, [2]),
  "slice range": (x) => e.slice(x, [null, [1, 9]]),
  "slice rank": (x) => e.slice(x, [0, 0, 0]),
  take: (x) => e.take(x, [0, 2]),
  "take by numbers": (x, y) => e.take(x, y),
  concat: (x, y) => e.concat([x, y], 1),
  stack: (x, y) => e.stack([x, y]),
  split: (x) => e.split(x, [1, 1], 1),
  pad: (x) => e.pad(x, [[1, 1]]),
  topK: (x) => e.topK(x, 4),
  sort: (x) => e.sort(x, 2),
  matmul: (x, y) => e.matmul(x, y),
  "matmul of batches": (x, _) => e.matmul(e.zeros([2, 3, 3]), e.broadcastTo(x, [5, 2, 3])),
  "matmul of a scalar": (x) => e.matmul(x, 2),
  contractLast: (x, y) => e.contractLast(x, y),
  einsum: (x, y) => e.einsum("ij,jk->ik", x, y),
  "einsum axes": (x, y) => e.einsum("ijk,jk->i", x, y),
  "einsum letters": (x) => e.einsum("ij->k", x),
  conv2d: () => e.conv2d(e.zeros([1, 3, 5, 5]), kernel),
  "conv2d rank": (x) => e.conv2d(x, kernel),
  "conv2d groups": () => e.conv2d(image, kernel, { groups: 4 }),
  "conv2d too small": () => e.conv2d(image, kernel, { dilation: 3 }),
  "conv2d stride": () => e.conv2d(image, kernel, { stride: 0 }),
  "conv2d padding": () => e.conv2d(image, kernel, { padding: -1 }),
  convTranspose2d: () => e.convTranspose2d(image, kernel),
  "convTranspose2d padding": () => e.convTranspose2d(image, e.zeros([4, 2, 3, 3]), { padding: 4 }),
  "convTranspose2d outputPadding": () =>
    e.convTranspose2d(image, e.zeros([4, 2, 3, 3]), { stride: 2, outputPadding: 2 }),
  maxPool2d: () => e.maxPool2d(image, { window: 6 }),
  "take axis": () => e.take(whole, whole, 3),
};

describe("shape errors", () => {
  it("name the operation and the shapes", async () => {
    const sentences: Record<string, string> = {};
    for (const [name, f] of Object.entries(wrong)) {
      try {
        await e.toOnnx((x: Tensor, y: Tensor) => [f(x, y)], [a, b]);
        sentences[name] = "no error";
      } catch (error) {
        sentences[name] =
          `${error instanceof UsageError ? "" : `${(error as Error).constructor.name}: `}${(error as Error).message}`;
      }
    }
    expect(sentences).toMatchInlineSnapshot(`
      {
        "add": "add: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "argmax": "argmax: axis 5 does not exist in shape [2,3]; use -2 to 1.",
        "atan2": "atan2: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "broadcastTo": "broadcastTo: shapes [2,3] and [2,4] do not broadcast (axis 1 has 3 and 4).",
        "concat": "concat: shapes [2,3] and [4,3] differ off axis 1.",
        "contractLast": "contractLast: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "conv2d": "conv2d: images of shape [1,3,5,5] have 3 channels, the kernel of shape [6,4,3,3] in 1 group(s) needs 4.",
        "conv2d groups": "conv2d: 4 groups do not divide the output channels (axis 0) of the kernel of shape [6,4,3,3].",
        "conv2d padding": "conv2d: padding is -1; give a whole number, [[top, bottom], [left, right]], "same" or "valid".",
        "conv2d rank": "conv2d: images of shape [2,3] and kernel of shape [6,4,3,3]; give both four axes ([batch, channels, rows, columns] and [channels, channels, rows, columns]).",
        "conv2d stride": "conv2d: stride is 0; give a whole number of at least 1, or two.",
        "conv2d too small": "conv2d: the kernel of shape [6,4,3,3] reaches over 7 elements, images of shape [1,4,5,5] have 5 along axis 2 with padding.",
        "convTranspose2d": "convTranspose2d: images of shape [1,4,5,5] have 4 channels, the kernel of shape [6,4,3,3] needs 6.",
        "convTranspose2d outputPadding": "convTranspose2d: outputPadding 2 must be less than stride 2 or dilation 1.",
        "convTranspose2d padding": "convTranspose2d: images of shape [1,4,5,5] with a kernel of shape [4,2,3,3] would leave -1 elements along axis 2; use less padding.",
        "div": "div: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "einsum": "einsum: in "ij,jk->ik" for shapes [2,3], [4,3] "j" is both 3 and 4.",
        "einsum axes": "einsum: operand 0 has shape [2,3], "ijk" needs 3 axes.",
        "einsum letters": "einsum: output "k" has a letter that no operand has, or one twice.",
        "expandDims": "expandDims: axis 4 does not exist in shape [2,3]; use -3 to 2.",
        "less": "less: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "matmul": "matmul: shapes [2,3] and [4,3] do not fit (inner sizes 3 and 4).",
        "matmul of a scalar": "matmul: shapes [2,3] and []: a number has no rows and columns; use mul.",
        "matmul of batches": "matmul: shapes [2,3,3] and [5,2,3] do not fit (inner sizes 3 and 2).",
        "matrixTranspose": "matrixTranspose: shape [3] has fewer than two axes.",
        "maxPool2d": "maxPool2d: a window of [6,6] does not fit into images of shape [1,4,5,5].",
        "maximum": "maximum: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "mul": "mul: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "pad": "pad: widths [[1,1]] do not fit shape [2,3]; give [before, after] for each axis.",
        "pow": "pow: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "reshape": "reshape: shape [2,3] (6 elements) cannot become [4,2].",
        "reshape unknown": "reshape: shape [2,3] (6 elements) cannot become [4,-1].",
        "slice index": "slice: index 2 is outside axis 0 of shape [2,3].",
        "slice range": "slice: range [1,9] is outside axis 1 of shape [2,3].",
        "slice rank": "slice: 3 entries for shape [2,3], which has 2 axes.",
        "sort": "sort: axis 2 does not exist in shape [2,3]; use -2 to 1.",
        "split": "split: sizes [1,1] do not sum to axis 1 of shape [2,3].",
        "squeeze": "squeeze: axis 0 of shape [2,3] has size 2, not 1.",
        "stack": "stack: shapes [2,3] and [4,3] differ; stack tensors of one shape.",
        "sub": "sub: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "sum axis": "sum: axis 2 does not exist in shape [2,3]; use -2 to 1.",
        "sum axis twice": "sum: an axis is named twice in [0,-2] for shape [2,3].",
        "take": "take: index 2 is outside axis 0 of shape [2,3].",
        "take axis": "take: axis 3 does not exist in shape [2]; use -1 to 0.",
        "take by numbers": "take: indices are of type float64; give int32.",
        "topK": "topK: k = 4 does not fit the last axis of shape [2,3]; use 1 to 3.",
        "transpose": "transpose: [0,0] is not a permutation of the 2 axes of shape [2,3].",
        "where": "where: shapes [2,3] and [4,3] do not broadcast (axis 0 has 2 and 4).",
        "where without a condition": "where: the condition of shape [2,3] is of type float64; compare it first, as in less(x, 0).",
      }
    `);
  });
});
