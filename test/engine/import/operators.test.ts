/**
 * Every operator of the table, in one file of its own: the import against ONNX Runtime on the same file, at another
 * number of rows than the import looked at, and its derivative against central differences in float64.
 */
import { describe, expect, it } from "vitest";
import { operators } from "../../../src/engine/import/operators/index.js";
import {
  add,
  astype,
  compile,
  importOnnx,
  jvp,
  mul,
  type NdArray,
  ndarray,
  type Tensor,
} from "../../../src/engine/index.js";
import { expectClose, randomArray } from "../agreement.js";
import { type AttributeSpec, type GraphSpec, integersOf, onnxFile, runOriginal } from "./graphs.js";

interface Case extends Partial<GraphSpec> {
  /** Shape of one row; default [6]. */
  readonly row?: readonly number[];
  /** Range of the input's numbers. */
  readonly range?: readonly [number, number];
  /** The derivative is not compared: it jumps at points that the numbers may hit. */
  readonly valuesOnly?: boolean;
}

const image = [4, 5, 6]; // channels, rows, columns
const weights = (shape: readonly number[], seed = 7) => randomArray(shape, seed, -1, 1);
const positive = (shape: readonly number[], seed = 8) => randomArray(shape, seed, 0.3, 1.5);
const one = (operator: string, attributes: Record<string, AttributeSpec> = {}, rest: Partial<Case> = {}): Case => ({
  nodes: [[operator, ["z", ...Object.keys(rest.constants ?? {})], ["y"], attributes]],
  ...rest,
});
const ints = integersOf;
const scalar = (value: number): NdArray => ndarray(Float64Array.of(value), []);

const cases: Record<string, Case> = {
  // arithmetic
  Add: one("Add", {}, { constants: { b: weights([6]) } }),
  Sub: one("Sub", {}, { constants: { b: weights([1, 6]) } }),
  Mul: {
    nodes: [
      ["Sigmoid", ["z"], ["s"]],
      ["Mul", ["z", "s"], ["y"]],
    ],
  }, // SiLU, as PyTorch writes it
  Div: one("Div", {}, { constants: { b: positive([6]) } }),
  "Div by the input": { nodes: [["Div", ["c", "z"], ["y"]]], constants: { c: scalar(2) }, range: [0.5, 2] },
  Mod: one(
    "Mod",
    {},
    {
      constants: { b: ints([1]) },
      nodes: [
        ["Shape", ["z"], ["s"]],
        ["Mod", ["s", "b"], ["m"]],
        ["Add", ["m", "b"], ["r"]],
        ["Cast", ["r"], ["c"], { to: 1 }],
        ["ReduceSum", ["c"], ["t"]],
        ["Mul", ["z", "t"], ["y"]],
      ],
    },
  ),
  "Pow 2": one("Pow", {}, { constants: { p: scalar(2) } }),
  "Pow 3": one("Pow", {}, { constants: { p: scalar(3) } }),
  "Pow 11 of negative numbers": one("Pow", {}, { constants: { p: scalar(11) }, range: [-1.5, 1.5] }),
  "Pow -2": one("Pow", {}, { constants: { p: scalar(-2) }, range: [0.5, 2] }),
  "Pow 2.5": one("Pow", {}, { constants: { p: scalar(2.5) }, range: [0.2, 2] }),
  "Pow of a constant base": { nodes: [["Pow", ["b", "z"], ["y"]]], constants: { b: scalar(1.7) } },
  Neg: one("Neg"),
  Abs: one("Abs"),
  Reciprocal: one("Reciprocal", {}, { range: [0.5, 2] }),
  Sqrt: one("Sqrt", {}, { range: [0.2, 2] }),
  Exp: one("Exp"),
  Log: one("Log", {}, { range: [0.2, 3] }),
  Sin: one("Sin"),
  Cos: one("Cos"),
  Tan: one("Tan", {}, { range: [-1, 1] }),
  Asin: one("Asin", {}, { range: [-0.9, 0.9] }),
  Acos: one("Acos", {}, { range: [-0.9, 0.9] }),
  Atan: one("Atan"),
  Sinh: one("Sinh"),
  Cosh: one("Cosh"),
  Asinh: one("Asinh"),
  Acosh: {
    nodes: [
      ["Mul", ["z", "z"], ["s"]],
      ["Add", ["s", "c"], ["t"]],
      ["Acosh", ["t"], ["y"]],
    ],
    constants: { c: scalar(1.2) },
  },
  Atanh: one("Atanh", {}, { range: [-0.8, 0.8] }),
  Erf: one("Erf"),
  Floor: {
    nodes: [
      ["Floor", ["z"], ["f"]],
      ["Sub", ["z", "f"], ["y"]],
    ],
    valuesOnly: true,
  },
  Ceil: {
    nodes: [
      ["Ceil", ["z"], ["f"]],
      ["Sub", ["z", "f"], ["y"]],
    ],
    valuesOnly: true,
  },
  Round: {
    nodes: [
      ["Round", ["z"], ["f"]],
      ["Sub", ["z", "f"], ["y"]],
    ],
    valuesOnly: true,
  },
  Sign: {
    nodes: [
      ["Sign", ["z"], ["s"]],
      ["Mul", ["z", "s"], ["y"]],
    ],
  },
  Min: { nodes: [["Min", ["z", "a", "b"], ["y"]]], constants: { a: weights([6]), b: weights([1], 3) } },
  Max: { nodes: [["Max", ["z", "a"], ["y"]]], constants: { a: weights([6]) } },
  Sum: { nodes: [["Sum", ["z", "a", "z"], ["y"]]], constants: { a: weights([6]) } },
  Mean: { nodes: [["Mean", ["z", "a"], ["y"]]], constants: { a: weights([6]) } },
  Clip: { nodes: [["Clip", ["z", "low", "high"], ["y"]]], constants: { low: scalar(-0.5), high: scalar(0.75) } },
  "Clip below": { nodes: [["Clip", ["z", "low"], ["y"]]], constants: { low: scalar(-0.5) } },
  "Clip above": { nodes: [["Clip", ["z", "", "high"], ["y"]]], constants: { high: scalar(0.5) } },
  "Clip, version 9": { nodes: [["Clip", ["z"], ["y"], { min: -0.5, max: 0.25 }]], opset: 9 },
  Cast: {
    nodes: [
      ["Greater", ["z", "c"], ["g"]],
      ["Cast", ["g"], ["m"], { to: 1 }],
      ["Mul", ["z", "m"], ["y"]],
    ],
    constants: { c: scalar(0) },
  },
  CastLike: {
    nodes: [
      ["CastLike", ["c", "z"], ["m"]],
      ["Mul", ["z", "m"], ["y"]],
    ],
    constants: { c: ints([3]) },
  },
  Where: {
    nodes: [
      ["Less", ["z", "c"], ["m"]],
      ["Exp", ["z"], ["e"]],
      ["Where", ["m", "e", "z"], ["y"]],
    ],
    constants: { c: scalar(0.1) },
  },
  "Equal, Not": {
    nodes: [
      ["Equal", ["i", "j"], ["e"]],
      ["Not", ["e"], ["n"]],
      ["Where", ["n", "z", "a"], ["y"]],
    ],
    constants: { i: ints([1, 2, 3, 4, 5, 6]), j: ints([1, 0, 3, 0, 5, 0]), a: weights([6]) },
  },
  "And, Or, Xor, GreaterOrEqual, LessOrEqual": {
    nodes: [
      ["GreaterOrEqual", ["z", "c"], ["a"]],
      ["LessOrEqual", ["z", "d"], ["b"]],
      ["And", ["a", "b"], ["p"]],
      ["Or", ["a", "b"], ["q"]],
      ["Xor", ["p", "q"], ["r"]],
      ["Where", ["r", "z", "c"], ["y"]],
    ],
    constants: { c: scalar(-0.5), d: scalar(0.5) },
  },
  // activations
  Relu: one("Relu"),
  LeakyRelu: one("LeakyRelu", { alpha: 0.2 }),
  PRelu: one("PRelu", {}, { constants: { slope: positive([6]) } }),
  ThresholdedRelu: one("ThresholdedRelu", { alpha: 0.5 }, { valuesOnly: true }),
  Elu: one("Elu", { alpha: 1.3 }),
  Selu: one("Selu"),
  Celu: one("Celu", { alpha: 1.5 }),
  Gelu: one("Gelu", {}, { opset: 20 }),
  "Gelu by tanh": one("Gelu", { approximate: "tanh" }, { opset: 20 }),
  Sigmoid: one("Sigmoid"),
  HardSigmoid: one("HardSigmoid", { alpha: 0.3, beta: 0.45 }),
  HardSwish: one("HardSwish"),
  Swish: one("Swish", { alpha: 1.5 }, { opset: 24 }),
  Tanh: one("Tanh"),
  Softplus: one("Softplus"),
  Softsign: one("Softsign"),
  Mish: one("Mish", {}, { opset: 18 }),
  Softmax: one("Softmax", { axis: 1 }, { row: [3, 4] }),
  "Softmax, version 11": one("Softmax", {}, { row: [3, 4], opset: 11 }),
  LogSoftmax: one("LogSoftmax", { axis: -1 }),
  // products
  Gemm: {
    nodes: [["Gemm", ["z", "w", "b"], ["y"], { transB: 1, alpha: 0.5, beta: 1.5 }]],
    constants: { w: weights([4, 6]), b: weights([4]) },
  },
  "Gemm without offset": { nodes: [["Gemm", ["z", "w"], ["y"]]], constants: { w: weights([6, 4]) } },
  MatMul: one("MatMul", {}, { row: [2, 3, 6], constants: { w: weights([6, 4]) } }),
  "MatMul from the left": { nodes: [["MatMul", ["w", "z"], ["y"]]], row: [5, 3], constants: { w: weights([4, 5]) } },
  "MatMul of two": {
    nodes: [
      ["Transpose", ["z"], ["t"], { perm: [0, 2, 1] }],
      ["MatMul", ["z", "t"], ["y"]],
    ],
    row: [3, 4],
  },
  Einsum: {
    nodes: [["Einsum", ["z", "w"], ["y"], { equation: "nij, kj -> nki" }]],
    row: [3, 4],
    constants: { w: weights([2, 4]) },
  },
  // shapes
  Reshape: one("Reshape", {}, { row: [3, 4], constants: { s: ints([0, 2, -1]) } }),
  Flatten: one("Flatten", {}, { row: image }),
  "Flatten from axis 2": {
    nodes: [
      ["Flatten", ["z"], ["f"], { axis: 2 }],
      ["Reshape", ["f", "s"], ["y"]],
    ],
    row: image,
    constants: { s: ints([-1, 120]) },
  },
  Transpose: one("Transpose", { perm: [0, 3, 1, 2] }, { row: image }),
  Squeeze: one("Squeeze", {}, { row: [1, 3, 1, 2], constants: { axes: ints([1, -2]) } }),
  "Squeeze, version 11": one("Squeeze", { axes: [1] }, { row: [1, 3], opset: 11 }),
  Unsqueeze: one("Unsqueeze", {}, { row: [3], constants: { axes: ints([1, -1]) } }),
  "Unsqueeze, version 11": one("Unsqueeze", { axes: [1, 3] }, { row: [3], opset: 11 }),
  Concat: {
    nodes: [
      ["Sin", ["z"], ["s"]],
      ["Concat", ["z", "s", "z"], ["y"], { axis: -1 }],
    ],
  },
  Slice: one(
    "Slice",
    {},
    { row: image, constants: { starts: ints([1, -3]), ends: ints([3, 2147483647]), axes: ints([1, 3]) } },
  ),
  "Slice with steps": one(
    "Slice",
    {},
    {
      row: image,
      constants: { starts: ints([-1, 0]), ends: ints([-2147483647, 6]), axes: ints([2, 3]), steps: ints([-2, 3]) },
    },
  ),
  "Slice, version 9": one("Slice", { starts: [1], ends: [4], axes: [1] }, { opset: 9 }),
  Split: {
    nodes: [
      ["Split", ["z", "s"], ["a", "b"], { axis: 1 }],
      ["MatMul", ["b", "w"], ["c"]],
      ["Mul", ["a", "c"], ["y"]],
    ],
    constants: { s: ints([2, 4]), w: weights([4, 2]) },
  },
  "Split in equal parts": {
    nodes: [
      ["Split", ["z"], ["a", "b", "c"], { axis: 1 }],
      ["Mul", ["a", "b"], ["ab"]],
      ["Add", ["ab", "c"], ["y"]],
    ],
  },
  "Split, version 18": {
    nodes: [
      ["Split", ["z"], ["a", "b", "c", "d"], { axis: 1, num_outputs: 4 }],
      ["Sum", ["a", "b", "c"], ["y"]],
    ],
    row: [8],
    opset: 18,
  },
  "Split, version 11": {
    nodes: [
      ["Split", ["z"], ["a", "b"], { axis: 1, split: [2, 4] }],
      ["Exp", ["b"], ["y"]],
    ],
    opset: 11,
  },
  Gather: one("Gather", { axis: 1 }, { constants: { i: ints([0, -1, 2, 2], [2, 2]) } }),
  "Gather of one": one("Gather", { axis: 2 }, { row: [3, 4], constants: { i: ints([-2], []) } }),
  Expand: one("Expand", {}, { row: [1, 3], constants: { s: ints([1, 4, 3]) } }),
  Tile: one("Tile", {}, { row: [2, 3], constants: { r: ints([1, 2, 3]) } }),
  "Constant, Identity": {
    nodes: [
      ["Constant", [], ["c"], { value: weights([6]) }],
      ["Constant", [], ["d"], { value_float: 0.5 }],
      ["Mul", ["c", "d"], ["cd"]],
      ["Add", ["z", "cd"], ["s"]],
      ["Identity", ["s"], ["y"]],
    ],
  },
  "Shape, Gather, Unsqueeze, Concat": {
    // the way in which PyTorch writes x.view(x.size(0), -1, 2)
    nodes: [
      ["Shape", ["z"], ["s"]],
      ["Constant", [], ["zero"], { value_int: 0 }],
      ["Gather", ["s", "zero"], ["n"], { axis: 0 }],
      ["Unsqueeze", ["n", "axes"], ["n1"]],
      ["Concat", ["n1", "rest"], ["t"], { axis: 0 }],
      ["Reshape", ["z", "t"], ["y"]],
    ],
    constants: { axes: ints([0]), rest: ints([-1, 2]) },
  },
  "Shape arithmetic: Slice, Div, Sub, Cast, ReduceProd, Squeeze, Range": {
    nodes: [
      ["Shape", ["z"], ["s"]],
      ["Slice", ["s", "i1", "i2"], ["w"]],
      ["Squeeze", ["w"], ["w0"]],
      ["Div", ["w0", "two"], ["h"]],
      ["Sub", ["h", "one"], ["k"]],
      ["Add", ["k", "one"], ["k2"]],
      ["Range", ["nil", "k2", "one"], ["r"]],
      ["Gather", ["z", "r"], ["g"], { axis: 1 }],
      ["ReduceProd", ["s"], ["p"], { keepdims: 0 }],
      ["Size", ["z"], ["size"]],
      ["Div", ["p", "size"], ["unit"]],
      ["Cast", ["unit"], ["u"], { to: 1 }],
      ["Mul", ["g", "u"], ["y"]],
    ],
    constants: { i1: ints([1]), i2: ints([2]), two: ints([2], []), one: ints([1], []), nil: ints([0], []) },
  },
  ConstantOfShape: {
    nodes: [
      ["Shape", ["z"], ["s"]],
      ["ConstantOfShape", ["s"], ["c"], { value: ndarray(Float64Array.of(1.5)) }],
      ["Mul", ["z", "c"], ["y"]],
    ],
  },
  DepthToSpace: one("DepthToSpace", { blocksize: 2 }, { row: [8, 3, 2] }),
  "DepthToSpace, rows first": one("DepthToSpace", { blocksize: 2, mode: "CRD" }, { row: [8, 3, 2] }),
  SpaceToDepth: one("SpaceToDepth", { blocksize: 2 }, { row: [3, 4, 6] }),
  Dropout: { nodes: [["Dropout", ["z", "r"], ["y"]]], constants: { r: scalar(0.5) } },
  // normalisations
  BatchNormalization: one(
    "BatchNormalization",
    { epsilon: 0.01 },
    { row: image, constants: { s: weights([4], 1), b: weights([4], 2), m: weights([4], 3), v: positive([4]) } },
  ),
  "BatchNormalization of rows": one(
    "BatchNormalization",
    {},
    { constants: { s: weights([6], 1), b: weights([6], 2), m: weights([6], 3), v: positive([6]) } },
  ),
  LayerNormalization: one(
    "LayerNormalization",
    { axis: -2, epsilon: 0.01 },
    { row: [3, 5, 6], constants: { s: weights([5, 6], 1), b: weights([5, 6], 2) } },
  ),
  InstanceNormalization: one(
    "InstanceNormalization",
    { epsilon: 0.01 },
    { row: image, constants: { s: weights([4], 1), b: weights([4], 2) } },
  ),
  GroupNormalization: one(
    "GroupNormalization",
    { num_groups: 2, epsilon: 0.01 },
    { row: image, opset: 21, constants: { s: weights([4], 1), b: weights([4], 2) } },
  ),
  "GroupNormalization, version 18": one(
    "GroupNormalization",
    { num_groups: 2 },
    { row: image, opset: 18, constants: { s: weights([2], 1), b: weights([2], 2) } },
  ),
  LpNormalization: one("LpNormalization", { axis: 1 }),
  RMSNormalization: one("RMSNormalization", { axis: -1, epsilon: 0.01 }, { opset: 23, constants: { s: weights([6]) } }),
  // reductions
  ReduceSum: one("ReduceSum", { keepdims: 0 }, { row: image, constants: { axes: ints([2, -1]) } }),
  "ReduceSum, version 11": one("ReduceSum", { axes: [1] }, { row: [3, 2], opset: 11 }),
  "ReduceSum of nothing": one("ReduceSum", { noop_with_empty_axes: 1 }),
  ReduceMean: one("ReduceMean", { axes: [-1] }),
  ReduceMax: one("ReduceMax", { axes: [1, 2], keepdims: 0 }, { row: image }),
  ReduceMin: one("ReduceMin", { axes: [1] }),
  ReduceProd: one("ReduceProd", { axes: [2, 1], keepdims: 0 }, { row: [2, 3, 2] }),
  ReduceSumSquare: one("ReduceSumSquare", { axes: [1] }),
  ReduceL1: one("ReduceL1", { axes: [1] }),
  ReduceL2: one("ReduceL2", { axes: [1], keepdims: 0 }, { row: [4, 3] }),
  ReduceLogSum: {
    nodes: [
      ["Exp", ["z"], ["e"]],
      ["ReduceLogSum", ["e"], ["y"], { axes: [1] }],
    ],
  },
  ReduceLogSumExp: one("ReduceLogSumExp", { axes: [1, 3], keepdims: 0 }, { row: image }),
  // windows
  Conv: one(
    "Conv",
    { kernel_shape: [3, 2], pads: [1, 0, 1, 1], strides: [2, 1] },
    { row: image, constants: { k: weights([3, 4, 3, 2]), b: weights([3]) } },
  ),
  "Conv in groups, dilated": one(
    "Conv",
    { group: 2, dilations: [2, 1] },
    { row: image, constants: { k: weights([6, 2, 2, 3]) } },
  ),
  "Conv, SAME_UPPER": one(
    "Conv",
    { auto_pad: "SAME_UPPER", strides: [2, 2] },
    { row: image, constants: { k: weights([2, 4, 3, 3]) } },
  ),
  "Conv, SAME_LOWER": one("Conv", { auto_pad: "SAME_LOWER" }, { row: image, constants: { k: weights([2, 4, 2, 2]) } }),
  "Conv of one axis": one(
    "Conv",
    { pads: [1, 2], strides: [2] },
    { row: [3, 9], constants: { k: weights([2, 3, 4]), b: weights([2]) } },
  ),
  ConvTranspose: one(
    "ConvTranspose",
    { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 0] },
    { row: image, constants: { k: weights([4, 3, 3, 4]), b: weights([3]) } },
  ),
  "ConvTranspose in groups": one(
    "ConvTranspose",
    { strides: [2, 1], group: 2, dilations: [1, 2] },
    { row: image, constants: { k: weights([4, 2, 3, 2]) } },
  ),
  "ConvTranspose to a shape": one(
    "ConvTranspose",
    { strides: [2, 2], output_shape: [10, 12] },
    { row: image, constants: { k: weights([4, 2, 3, 3]) } },
  ),
  "ConvTranspose, SAME_UPPER": one(
    "ConvTranspose",
    { strides: [2, 2], auto_pad: "SAME_UPPER" },
    { row: image, constants: { k: weights([4, 2, 3, 3]) } },
  ),
  "ConvTranspose of one axis": one(
    "ConvTranspose",
    { strides: [3], pads: [1, 0] },
    { row: [3, 5], constants: { k: weights([3, 2, 4]) } },
  ),
  MaxPool: one("MaxPool", { kernel_shape: [2, 3], strides: [2, 1], pads: [1, 1, 0, 1] }, { row: image }),
  "MaxPool beyond the end": one("MaxPool", { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, { row: [2, 5, 7] }),
  "MaxPool of one axis": one("MaxPool", { kernel_shape: [2], strides: [2] }, { row: [3, 8] }),
  AveragePool: one("AveragePool", { kernel_shape: [2, 3], strides: [2, 1], pads: [1, 1, 0, 1] }, { row: image }),
  "AveragePool counting the border": one(
    "AveragePool",
    { kernel_shape: [2, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 },
    { row: image },
  ),
  "AveragePool beyond the end": one(
    "AveragePool",
    { kernel_shape: [3, 2], strides: [2, 3], pads: [1, 0, 1, 1], ceil_mode: 1 },
    { row: [2, 6, 7], opset: 19 },
  ),
  GlobalAveragePool: one("GlobalAveragePool", {}, { row: image }),
  GlobalMaxPool: one("GlobalMaxPool", {}, { row: image }),
  Pad: one("Pad", {}, { row: [2, 3], constants: { w: ints([0, 1, 0, 0, 0, 2]), v: scalar(0.7) } }),
  "Pad that cuts": one("Pad", {}, { row: [2, 5], constants: { w: ints([0, 0, -1, 0, 1, -2]) } }),
  "Pad, reflect": one("Pad", { mode: "reflect" }, { row: [3, 4], constants: { w: ints([0, 2, 1, 0, 1, 3]) } }),
  "Pad, edge": one("Pad", { mode: "edge" }, { row: [3, 4], constants: { w: ints([0, 2, 1, 0, 1, 3]) } }),
  "Pad, version 10": one("Pad", { pads: [0, 1, 0, 2], value: 0.25 }, { opset: 10 }),
  // sizes
  Resize: {
    nodes: [
      [
        "Resize",
        ["z", "", "s"],
        ["y"],
        { mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
      ],
    ],
    row: image,
    constants: { s: ndarray(Float64Array.of(1, 1, 2, 3)) },
  },
  "Resize, half a pixel": {
    nodes: [["Resize", ["z", "", "s"], ["y"], { mode: "nearest" }]],
    row: image,
    constants: { s: ndarray(Float64Array.of(1, 1, 2, 2)) },
  },
  "Resize by a fraction": {
    nodes: [["Resize", ["z", "", "s"], ["y"], { mode: "nearest", nearest_mode: "ceil" }]],
    row: image,
    constants: { s: ndarray(Float64Array.of(1, 1, 1.5, 0.7)) },
  },
  "Resize to sizes that the graph computes": {
    nodes: [
      ["Shape", ["z"], ["s"]],
      ["Slice", ["s", "i0", "i2"], ["nc"]],
      ["Concat", ["nc", "hw"], ["t"], { axis: 0 }],
      [
        "Resize",
        ["z", "", "", "t"],
        ["y"],
        { mode: "nearest", nearest_mode: "round_prefer_ceil", coordinate_transformation_mode: "align_corners" },
      ],
    ],
    row: image,
    constants: { i0: ints([0]), i2: ints([2]), hw: ints([7, 9]) },
  },
  "Resize, linear": {
    nodes: [["Resize", ["z", "", "s"], ["y"], { mode: "linear" }]],
    row: image,
    constants: { s: ndarray(Float64Array.of(1, 1, 2, 3)) },
  },
  "Resize, linear, aligned corners": {
    nodes: [["Resize", ["z", "", "s"], ["y"], { mode: "linear", coordinate_transformation_mode: "align_corners" }]],
    row: image,
    constants: { s: ndarray(Float64Array.of(1, 1, 2, 2)) },
  },
  "Resize, linear, as PyTorch": {
    nodes: [
      ["Resize", ["z", "", "s"], ["y"], { mode: "linear", coordinate_transformation_mode: "pytorch_half_pixel" }],
    ],
    row: image,
    constants: { s: ndarray(Float64Array.of(1, 1, 2, 2)) },
  },
  Upsample: one(
    "Upsample",
    { mode: "nearest" },
    { row: image, opset: 9, constants: { s: ndarray(Float64Array.of(1, 1, 2, 2)) } },
  ),
};

describe("imported operators", () => {
  it.each(Object.entries(cases))("%s", async (_, { row = [6], range = [-2, 2], valuesOnly, ...spec }) => {
    const bytes = onnxFile({ inputs: { z: ["N", ...row] }, nodes: [], ...spec });
    const model = await importOnnx(bytes, "case.onnx");
    const z = randomArray([3, ...row], 42, ...range);
    const [expected] = await runOriginal(bytes, astype(z, "float32"));
    for (const precision of ["float32", "float64"] as const) {
      const f = compile((x: Tensor) => model.apply(x).y, { precision, threads: 1 });
      expectClose([await f(z)], [expected], 3e-5, precision);
      await f.dispose();
    }
    expect(model.outputs[0].shape).toEqual([null, ...expected.shape.slice(1)]);
    if (!valuesOnly) await expectDerivative((x) => model.apply(x).y, z);
  });

  it("has a case for every operator of the table", () => {
    const used = new Set(Object.values(cases).flatMap(({ nodes }) => nodes!.map(([operator]) => operator)));
    expect([...operators.keys()].filter((name) => !used.has(name))).toEqual([]);
  });
});

/** The derivative along a direction against a central difference of the float64 values. */
async function expectDerivative(f: (z: Tensor) => Tensor, z: NdArray): Promise<void> {
  const direction = randomArray(z.shape, 43, -1, 1);
  const h = 1e-5;
  const program = compile(
    (x: Tensor) => ({
      tangent: jvp(f, [x], [direction])[1],
      ahead: f(add(x, mul(h, direction))),
      behind: f(add(x, mul(-h, direction))),
    }),
    { precision: "float64", threads: 1 },
  );
  const { tangent, ahead, behind } = await program(z);
  await program.dispose();
  const difference = ahead.data.map((v: number, i: number) => (v - behind.data[i]) / (2 * h));
  expectClose([tangent], [ndarray(difference, ahead.shape)], 1e-6, "derivative");
}
