/** Activation functions. */
import * as ops from "../../ops/index.js";
import { type Operand, shapeOf, type Tensor } from "../../tensor.js";
import type { NodeContext, Operator } from "../node.js";

const of =
  (f: (x: Operand) => Tensor): Operator =>
  (node) =>
    f(node.input(0));

/** `max(0, min(1, alpha x + beta))`. */
const hardSigmoid = (x: Operand, alpha: number, beta: number): Tensor =>
  ops.clip(ops.add(ops.mul(alpha, x), beta), 0, 1);

const gelu: Operator = (node) => {
  const x = node.input(0);
  if (node.string("approximate", "none") !== "tanh") return ops.gelu(x);
  const inner = ops.mul(Math.sqrt(2 / Math.PI), ops.add(x, ops.mul(0.044715, ops.pow(x, 3))));
  return ops.mul(ops.mul(0.5, x), ops.add(1, ops.tanh(inner)));
};

/** `gamma x` where positive, `gamma alpha (e^(x / scale) - 1)` elsewhere. */
const exponentialUnit = (x: Operand, alpha: number, gamma = 1, scale = 1): Tensor =>
  ops.mul(gamma, ops.where(ops.greater(x, 0), x, ops.mul(alpha, ops.expm1(ops.div(ops.minimum(x, 0), scale)))));

// Before version 13 the axes from `axis` on counted as one.
function overAxis(f: (x: Operand, axis: number) => Tensor): Operator {
  return (node: NodeContext) => {
    const x = node.input(0);
    const shape = shapeOf(x);
    const axis = node.axis(node.number("axis", node.opset < 13 ? 1 : -1), shape.length);
    if (node.opset >= 13 || axis === shape.length - 1) return f(x, axis);
    const rows = shape.slice(0, axis).reduce((p, n) => p * n, 1);
    return ops.reshape(f(ops.reshape(x, [rows, -1]), 1), shape);
  };
}

export const activations: Readonly<Record<string, Operator>> = {
  Relu: of(ops.relu),
  Sigmoid: of(ops.sigmoid),
  Tanh: of(ops.tanh),
  Softplus: of(ops.softplus),
  Softsign: of((x) => ops.div(x, ops.add(1, ops.abs(x)))),
  Mish: of((x) => ops.mul(x, ops.tanh(ops.softplus(x)))),
  Gelu: gelu,
  Elu: (node) => exponentialUnit(node.input(0), node.number("alpha", 1)),
  Selu: (node) =>
    exponentialUnit(node.input(0), node.number("alpha", 1.6732631921768188), node.number("gamma", 1.0507010221481323)),
  Celu: (node) => {
    const alpha = node.number("alpha", 1);
    return exponentialUnit(node.input(0), alpha, 1, alpha);
  },
  LeakyRelu: (node) => ops.leakyRelu(node.input(0), node.number("alpha", 0.01)),
  PRelu: (node) => {
    const x = node.input(0);
    return ops.where(ops.greater(x, 0), x, ops.mul(x, node.input(1)));
  },
  ThresholdedRelu: (node) => {
    const x = node.input(0);
    return ops.where(ops.greater(x, node.number("alpha", 1)), x, 0);
  },
  HardSigmoid: (node) => hardSigmoid(node.input(0), node.number("alpha", 0.2), node.number("beta", 0.5)),
  HardSwish: (node) => {
    const x = node.input(0);
    return ops.mul(x, hardSigmoid(x, 1 / 6, 0.5));
  },
  Swish: (node) => {
    const x = node.input(0);
    return ops.mul(x, ops.sigmoid(ops.mul(node.number("alpha", 1), x)));
  },
  Softmax: overAxis(ops.softmax),
  LogSoftmax: overAxis(ops.logSoftmax),
};
