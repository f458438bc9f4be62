/**
 * Repetition moves outwards: an elementwise operation on repeated values is done once on the small values and the
 * result repeated; ONNX repeats implicitly, so that an `Expand` seldom remains.
 */
import { isElementwise } from "../elementwise.js";
import { broadcastShape, type Rule, sameShape, type Value } from "../graph.js";

const stripped = (x: Value): Value => (x.node?.op === "Expand" ? x.node.inputs[0] : x);

export const repeatLate: Rule = ({ op, inputs, attributes, dtype, shape }, build) => {
  if (!isElementwise(op) || !inputs.some((x) => x.node?.op === "Expand")) return undefined;
  const small = inputs.map(stripped);
  return build.expand(build.make(op, small, attributes, broadcastShape(small.map((x) => x.shape)), dtype), shape);
};

/** A sum over a repeated axis is a product with the number of repetitions; other reductions drop the axis. */
export const reduceRepeated: Rule = ({ op, inputs, attributes, dtype, shape }, build) => {
  if (!op.startsWith("Reduce") || inputs[0].node?.op !== "Expand") return undefined;
  const axes = attributes.axes as readonly number[];
  const [full, x] = [inputs[0].shape, inputs[0].node.inputs[0]];
  const source = [...Array(full.length - x.shape.length).fill(1), ...x.shape] as number[];
  if (axes.every((a) => source[a] === full[a])) return undefined;
  const repeated = axes.filter((a) => source[a] !== full[a]);
  if (op === "ReduceProd") return undefined;
  const aligned = build.reshape(x, source);
  const target = full.map((n, a) => (repeated.includes(a) ? 1 : n));
  const less = build.make(op, [build.expand(aligned, target)], attributes, shape, dtype);
  const times = repeated.reduce((n, a) => n * full[a], 1);
  return op === "ReduceSum" ? build.make("Mul", [less, build.scalar(times, dtype)], {}, shape, dtype) : less;
};

export const mergeExpands: Rule = ({ op, inputs, shape }, build) => {
  if (op !== "Expand") return undefined;
  if (sameShape(inputs[0].shape, shape)) return inputs[0];
  return inputs[0].node?.op === "Expand" ? build.expand(inputs[0].node.inputs[0], shape) : undefined;
};
