/** Arrays without elements need no work, and a reduction over none of them gives the neutral element. */
import { sizeOf } from "../../arrays.js";
import type { Rule, ValueType } from "../graph.js";

export const emptyResults: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (sizeOf(shape) > 0 || (op === "Expand" && inputs[0].scalar !== undefined)) return undefined;
  return build.expand(build.scalar(0, dtype), shape);
};

export const reductionsOfNothing: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (!op.startsWith("Reduce") || sizeOf(inputs[0].shape) > 0) return undefined;
  return build.expand(build.scalar(neutral(op, dtype), dtype), shape);
};

function neutral(op: string, dtype: ValueType): number {
  const largest = dtype === "float64" ? Number.POSITIVE_INFINITY : 2147483647;
  if (op === "ReduceMax") return dtype === "float64" ? -largest : -largest - 1;
  if (op === "ReduceMin") return largest;
  return op === "ReduceProd" ? 1 : 0;
}
