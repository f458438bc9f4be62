/**
 * Zeros travel. Forward-mode differentiation carries an explicit array of zeros for everything that does not depend
 * on the variable; a product, contraction or rearrangement of zeros is zero, and the work behind it disappears.
 * (A product with zero counts as zero whatever the other factor, infinities included.)
 */
import { type Rule, uniform } from "../graph.js";

const annihilated = new Set(["Mul", "MatMul", "Conv", "ConvTranspose"]);
const preserved = new Set(["ReduceSum", "Slice", "Reverse", "Pad"]);
const copies = new Set(["Gather", "Slice", "Reverse", "ReduceMax", "ReduceMin"]);

export const zeroProducts: Rule = ({ op, inputs, shape, dtype }, build) =>
  annihilated.has(op) && inputs.some((x) => uniform(x) === 0) && dtype !== "bool"
    ? build.expand(build.scalar(0, dtype), shape)
    : undefined;

export const zeroRearrangements: Rule = ({ op, inputs, shape, dtype }, build) => {
  const value = inputs.length > 0 ? uniform(inputs[0]) : undefined;
  if (value === undefined) return undefined;
  if ((preserved.has(op) && value === 0) || copies.has(op)) return build.expand(build.scalar(value, dtype), shape);
  // Zeros added to zeros (inputs: the array, the positions, the updates).
  if (op === "ScatterElements" && value === 0 && uniform(inputs[2]) === 0)
    return build.expand(build.scalar(0, dtype), shape);
  return undefined;
};

/** Joining pieces that are all the same number gives that number. */
export const zeroJoins: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (op !== "Concat") return undefined;
  const first = uniform(inputs[0]);
  if (first === undefined || inputs.some((x) => uniform(x) !== first)) return undefined;
  return build.expand(build.scalar(first, dtype), shape);
};
