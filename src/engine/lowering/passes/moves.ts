/**
 * Reversing, cutting and padding of repeated values is done on the values before they are repeated; two reversals or
 * two cuts in a row become one.
 */
import type { Builder, Rule, Value } from "../graph.js";

type List = readonly number[];

export const mergeReversals: Rule = ({ op, inputs, attributes, shape }, build) => {
  if (op !== "Reverse") return undefined;
  const [x] = inputs;
  const axes = attributes.axes as List;
  if (axes.length === 0) return x;
  if (x.node?.op !== "Reverse") return undefined;
  const inner = x.node.attributes.axes as List;
  const once = [...axes.filter((a) => !inner.includes(a)), ...inner.filter((a) => !axes.includes(a))];
  return build.make("Reverse", [x.node.inputs[0]], { axes: once.sort((a, b) => a - b) }, shape);
};

export const mergeSlices: Rule = ({ op, inputs, attributes, shape }, build) => {
  const inner = inputs[0]?.node;
  if (op !== "Slice" || inner?.op !== "Slice") return undefined;
  const offset = inner.attributes.starts as List;
  const shifted = (list: List) => list.map((n, i) => n + offset[i]);
  const ranges = { starts: shifted(attributes.starts as List), ends: shifted(attributes.ends as List) };
  return build.make("Slice", [inner.inputs[0]], ranges, shape);
};

export const moveBeforeRepeating: Rule = ({ op, inputs, attributes, shape }, build) => {
  if ((op !== "Reverse" && op !== "Slice" && op !== "Pad") || inputs[0].node?.op !== "Expand") return undefined;
  const x = aligned(inputs[0], build);
  const repeated = inputs[0].shape.map((n, i) => n !== 1 && x.shape[i] === 1);
  if (op === "Reverse") {
    const axes = (attributes.axes as List).filter((a) => !repeated[a]);
    return build.expand(build.make("Reverse", [x], { axes }, x.shape), shape);
  }
  const small = shape.map((n, i) => (repeated[i] ? 1 : n));
  if (op === "Slice") {
    const starts = (attributes.starts as List).map((n, i) => (repeated[i] ? 0 : n));
    const ends = (attributes.ends as List).map((n, i) => (repeated[i] ? 1 : n));
    return build.expand(build.make("Slice", [x], { starts, ends }, small), shape);
  }
  const [before, after] = [attributes.before as List, attributes.after as List];
  if (repeated.some((r, i) => r && before[i] + after[i] > 0)) return undefined;
  return build.expand(build.make("Pad", [x], { before, after }, small), shape);
};

/** What an `Expand` repeats, with as many axes as its result. */
function aligned(expanded: Value, build: Builder): Value {
  const source = expanded.node!.inputs[0];
  const missing = expanded.shape.length - source.shape.length;
  return build.reshape(source, [...Array(missing).fill(1), ...source.shape]);
}
