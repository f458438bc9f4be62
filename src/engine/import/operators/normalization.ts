/** Normalisations, all by their formula `(x - mean) / sqrt(variance + epsilon) * scale + bias`. */
import * as ops from "../../ops/index.js";
import { type Operand, shapeOf, type Tensor } from "../../tensor.js";
import { first, type Operator } from "../node.js";
import { areHost, elementwise, reshaped, type Value } from "../values.js";

/** One number a channel, shaped to fit images [N, C, ...]. */
const perChannel = (value: Value, rank: number): Value =>
  reshaped(value, [-1, ...Array.from({ length: Math.max(0, rank - 2) }, () => 1)]);

const batchNormalization: Operator = (node) => {
  if (node.number("training_mode", 0) === 1)
    node.fail("it takes the statistics of the batch; export the decoder in evaluation mode (model.eval())");
  const { x, shape } = first(node);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => node.input(i));
  const epsilon = node.number("epsilon", 1e-5);
  const parts = [scale, bias, mean, variance];
  if (!areHost(parts)) return node.fail("its statistics depend on the input");
  // Two numbers a channel, made once: slope and offset.
  const slope = elementwise((s, v) => s / Math.sqrt(v + epsilon), [parts[0], parts[3]], "float64");
  const offset = elementwise((b, m, k) => b - m * k, [parts[1], parts[2], slope], "float64");
  return ops.add(ops.mul(x, perChannel(slope, shape.length)), perChannel(offset, shape.length));
};

function normalized(x: Operand, axes: number[], epsilon: number): Tensor {
  const centred = ops.sub(x, ops.mean(x, axes, { keepDimensions: true }));
  const variance = ops.mean(ops.square(centred), axes, { keepDimensions: true });
  return ops.mul(centred, ops.rsqrt(ops.add(variance, epsilon)));
}

const scaled = (x: Tensor, scale: Value, bias: Value | undefined): Tensor => {
  const product = ops.mul(x, scale);
  return bias === undefined ? product : ops.add(product, bias);
};

const axesFrom = (start: number, rank: number): number[] => Array.from({ length: rank - start }, (_, i) => start + i);

const layerNormalization: Operator = (node) => {
  const { x, shape } = first(node);
  const axes = axesFrom(node.axis(node.number("axis", -1), shape.length), shape.length);
  return scaled(normalized(x, axes, node.number("epsilon", 1e-5)), node.input(1), node.inputs[2]);
};

const rmsNormalization: Operator = (node) => {
  const { x, shape } = first(node);
  const axes = axesFrom(node.axis(node.number("axis", -1), shape.length), shape.length);
  const power = ops.mean(ops.square(x), axes, { keepDimensions: true });
  return ops.mul(ops.mul(x, ops.rsqrt(ops.add(power, node.number("epsilon", 1e-5)))), node.input(1));
};

const instanceNormalization: Operator = (node) => {
  const { x, shape } = first(node);
  const rows = normalized(x, axesFrom(2, shape.length), node.number("epsilon", 1e-5));
  return scaled(rows, perChannel(node.input(1), shape.length), perChannel(node.input(2), shape.length));
};

const groupNormalization: Operator = (node) => {
  const { x, shape } = first(node);
  const groups = node.number("num_groups", 1);
  const rows = normalized(ops.reshape(x, [shape[0], groups, -1]), [2], node.number("epsilon", 1e-5));
  const parameter = (i: number): Value => {
    const value = node.input(i);
    // Up to version 20 there is one number a group, later one a channel.
    if (shapeOf(value)[0] === shape[1]) return perChannel(value, shape.length);
    const each = ops.broadcastTo(ops.reshape(value, [groups, 1]), [groups, shape[1] / groups]);
    return perChannel(ops.reshape(each, [shape[1]]), shape.length);
  };
  return scaled(ops.reshape(rows, shape), parameter(1), parameter(2));
};

const lpNormalization: Operator = (node) => {
  const { x, shape } = first(node);
  const axis = node.axis(node.number("axis", -1), shape.length);
  const [powers, root] =
    node.number("p", 2) === 1 ? [ops.abs(x), (y: Tensor) => y] : [ops.square(x), (y: Tensor) => ops.sqrt(y)];
  return ops.div(x, root(ops.sum(powers, axis, { keepDimensions: true })));
};

export const normalizations: Readonly<Record<string, Operator>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LpNormalization: lpNormalization,
};
