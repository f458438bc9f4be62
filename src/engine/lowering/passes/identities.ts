/** Algebraic identities: neutral elements, double negation, `x - x`, choices that are none, or signs. */
import { type Rule, sameShape, uniform, type Value } from "../graph.js";

const isNegationOf = (a: Value, b: Value): boolean =>
  (a.node?.op === "Neg" && a.node.inputs[0] === b) ||
  (b.node?.op === "Neg" && b.node.inputs[0] === a) ||
  areOppositeMultiples(a, b);

/** `x c` and `x (-c)`: how the negation of a product with a number is written. */
function areOppositeMultiples(a: Value, b: Value): boolean {
  if (a.node?.op !== "Mul" || b.node?.op !== "Mul") return false;
  const [p, q] = [a.node.inputs, b.node.inputs];
  return p.some((x, i) => {
    const [c, j] = [uniform(p[1 - i]), q.indexOf(x)];
    const other = j < 0 ? undefined : uniform(q[1 - j]);
    return c !== undefined && other !== undefined && c === -other;
  });
}

export const neutralElements: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (dtype === "bool") return undefined;
  const [a, b] = inputs;
  if (op === "Add") {
    if (uniform(a) === 0) return build.expand(b, shape);
    if (uniform(b) === 0) return build.expand(a, shape);
    if (isNegationOf(a, b)) return build.expand(build.scalar(0, dtype), shape);
  }
  if (op === "Mul") {
    if (uniform(a) === 1) return build.expand(b, shape);
    if (uniform(b) === 1) return build.expand(a, shape);
    if (uniform(a) === -1) return build.make("Neg", [build.expand(b, shape)], {}, shape, dtype);
    if (uniform(b) === -1) return build.make("Neg", [build.expand(a, shape)], {}, shape, dtype);
  }
  return undefined;
};

/** Negations move outwards, where they meet each other or become subtractions. */
export const negations: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (dtype !== "float64") return undefined;
  const inner = inputs.map((x) => (x.node?.op === "Neg" ? x.node.inputs[0] : undefined));
  if (op === "Neg" && inner[0]) return build.expand(inner[0], shape);
  if (op === "Mul" && inner[0] && inner[1]) return build.make("Mul", [inner[0], inner[1]], {}, shape, dtype);
  if (op === "Mul" && (inner[0] || inner[1]))
    return build.make(
      "Neg",
      [build.make("Mul", [inner[0] ?? inputs[0], inner[1] ?? inputs[1]], {}, shape, dtype)],
      {},
      shape,
      dtype,
    );
  if (op === "Add" && inner[0] && inner[1])
    return build.make("Neg", [build.make("Add", [inner[0], inner[1]], {}, shape, dtype)], {}, shape, dtype);
  if (op === "Reciprocal" && inner[0])
    return build.make("Neg", [build.make("Reciprocal", [inner[0]], {}, shape, dtype)], {}, shape, dtype);
  return undefined;
};

/** A choice between equal values, or by a known condition, is no choice. */
export const choices: Rule = ({ op, inputs, shape }, build) => {
  if (op !== "Where") return undefined;
  const [condition, a, b] = inputs;
  if (a === b) return build.expand(a, shape);
  const known = uniform(condition);
  return known === undefined ? undefined : build.expand(known ? a : b, shape);
};

/** `1 / (1 / x) = x`, and a square root squared. */
export const inverses: Rule = ({ op, inputs, shape }, build) => {
  const [a, b] = inputs;
  if (op === "Reciprocal" && a.node?.op === "Reciprocal") return build.expand(a.node.inputs[0], shape);
  if (op === "Mul" && a === b && a.node?.op === "Sqrt") return build.expand(a.node.inputs[0], shape);
  return undefined;
};

/** `x < 0 ? -x : x` and `x < 0 ? -1 : 0 < x ? 1 : 0` are one operation each of the runtime, |x| and the sign of x. */
export const magnitudes: Rule = ({ op, inputs, shape, dtype }, build) => {
  if (op !== "Where" || dtype !== "float64") return undefined;
  const [condition, a, b] = inputs;
  if (condition.node?.op !== "Less" || uniform(condition.node.inputs[1]) !== 0) return undefined;
  const x = condition.node.inputs[0];
  if (x.dtype !== "float64" || !sameShape(x.shape, shape)) return undefined;
  if (b === x && isNegationOf(a, b)) return build.make("Abs", [x], {}, shape, dtype);
  if (uniform(a) !== -1 || b.node?.op !== "Where") return undefined;
  const [above, one, zero] = b.node.inputs;
  if (above.node?.op !== "Less" || uniform(above.node.inputs[0]) !== 0 || above.node.inputs[1] !== x) return undefined;
  return uniform(one) === 1 && uniform(zero) === 0 ? build.make("Sign", [x], {}, shape, dtype) : undefined;
};
