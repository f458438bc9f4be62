/**
 * Recognises the activation functions of `ops/activations.ts` (and whoever writes them by the same formulas), so
 * that they run as one kernel each:
 *   1 / (1 + e^u)          -> Sigmoid(-u)
 *   2 Sigmoid(u) - 1       -> Tanh(u / 2)
 *   log Sigmoid(u)         -> -Softplus(-u)
 */
import { type Rule, uniform, type Value } from "../graph.js";

export const activations: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (dtype !== "float64") return undefined;
  if (op === "Reciprocal") {
    const [other, one] = besideNumber(inputs[0], "Add");
    if (one !== 1 || other?.node?.op !== "Exp") return undefined;
    return build.make("Sigmoid", [build.make("Neg", [other.node.inputs[0]], {}, shape, dtype)], {}, shape, dtype);
  }
  if (op === "Log" && inputs[0].node?.op === "Sigmoid") {
    const u = build.make("Neg", [inputs[0].node.inputs[0]], {}, shape, dtype);
    return build.make("Neg", [build.make("Softplus", [u], {}, shape, dtype)], {}, shape, dtype);
  }
  if (op === "Add") {
    const minusOne = uniform(inputs[0]) === -1 ? inputs[1] : uniform(inputs[1]) === -1 ? inputs[0] : undefined;
    if (minusOne === undefined) return undefined;
    const [other, two] = besideNumber(minusOne, "Mul");
    if (two !== 2 || other?.node?.op !== "Sigmoid") return undefined;
    return build.make(
      "Tanh",
      [build.make("Mul", [other.node.inputs[0], build.scalar(0.5)], {}, shape, dtype)],
      {},
      shape,
      dtype,
    );
  }
  return undefined;
};

function besideNumber(x: Value, op: string): [Value | undefined, number | undefined] {
  if (x.node?.op !== op) return [undefined, undefined];
  const [a, b] = x.node.inputs;
  const [na, nb] = [uniform(a), uniform(b)];
  return na !== undefined ? [b, na] : [a, nb];
}
