/** Numbers known while lowering are computed then; products with known numbers are gathered into one. */
import { elementwiseOps } from "../elementwise.js";
import { type Rule, uniform, type Value } from "../graph.js";

/** All inputs are the same number everywhere: so is the result. */
export const foldNumbers: Rule = ({ op, inputs, shape, dtype }, build) => {
  const compute = elementwiseOps[op];
  if (compute === undefined || inputs.length === 0) return undefined;
  const numbers = inputs.map(uniform);
  if (numbers.some((n) => n === undefined)) return undefined;
  return build.expand(build.scalar(compute(...(numbers as number[])), dtype), shape);
};

/**
 * `(x c1) c2 = x (c1 c2)` and `-(x c) = x (-c)`, on floating-point values. Sums are left as they are written:
 * `(1 + x) - 1` is how precise formulas ask for the rounding of `1 + x`.
 */
export const gatherNumbers: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (dtype !== "float64") return undefined;
  if (op === "Neg" && inputs[0].node?.op === "Mul") {
    const [x, c] = withNumber(inputs[0].node.inputs);
    return x && build.make("Mul", [x, build.scalar(-c!)], {}, shape, dtype);
  }
  if (op !== "Mul") return undefined;
  const [inner, c2] = withNumber(inputs);
  if (inner?.node === undefined) return undefined;
  if (inner.node.op === "Neg") return build.make("Mul", [inner.node.inputs[0], build.scalar(-c2!)], {}, shape, dtype);
  if (inner.node.op !== op) return undefined;
  const [x, c1] = withNumber(inner.node.inputs);
  return x && build.make(op, [x, build.scalar(c1! * c2!)], {}, shape, dtype);
};

function withNumber(inputs: readonly Value[]): [Value, number] | [undefined, undefined] {
  const a = uniform(inputs[0]);
  const b = uniform(inputs[1]);
  if (b !== undefined && a === undefined) return [inputs[0], b];
  if (a !== undefined && b === undefined) return [inputs[1], a];
  return [undefined, undefined];
}
