/**
 * What ONNX Runtime's CPU kernels lack or do badly in float64, composed from what they have: `Erf`, `Atan` and `Asin`
 * have no float64 kernel, and `Sigmoid` is cut to zero below -36. `Tanh` is good to 3 units in the last place and is
 * kept; `Softplus` is composed when it is written (`emit.ts`).
 *
 * Approximations: S. L. Moshier, Cephes mathematical library (atan.c, ndtr.c).
 */
import { type Builder, type Rule, uniform, type Value } from "../graph.js";

/** Recognises the activation functions (see `activations.ts`) and takes the float64 road for each. */
export const float64Activations: Rule = ({ op, inputs, dtype }, build) => {
  if (dtype !== "float64") return undefined;
  const c = calculator(build);
  // 2 / (1 + e^v) - 1 = tanh(-v / 2)
  if (op === "Add") {
    const doubled = uniform(inputs[0]) === -1 ? inputs[1] : uniform(inputs[1]) === -1 ? inputs[0] : undefined;
    const [sigmoid, two] = doubled === undefined ? [] : besideNumber(doubled, "Mul");
    const v = two === 2 && sigmoid !== undefined ? logisticArgument(sigmoid) : undefined;
    return v && build.elementwise("Tanh", [c.mul(v, -0.5)]);
  }
  // log(1 / (1 + e^v)) = -softplus(v)
  if (op === "Log") {
    const v = logisticArgument(inputs[0]);
    return v && c.neg(build.elementwise("Softplus", [v], "float64"));
  }
  if (op === "Sigmoid") return c.reciprocal(c.add(c.reciprocal(c.exp(inputs[0])), 1));
  return undefined;
};

export const float64Functions: Rule = ({ op, inputs }, build) => {
  const c = calculator(build);
  if (op === "Atan") return atan(inputs[0], build);
  if (op === "Erf") return erf(inputs[0], build);
  // asin x = 2 atan(x / (1 + sqrt(1 - x^2)))
  if (op === "Asin") {
    const [x] = inputs;
    const cosine = c.sqrt(c.mul(c.sub(1, x), c.add(x, 1)));
    return c.mul(atan(c.div(x, c.add(cosine, 1)), build), 2);
  }
  return undefined;
};

const atanNumerator = [
  -0.8750608600031904, -16.157537187333652, -75.00855792314705, -122.88666844901361, -64.85021904942025,
];
const atanDenominator = [
  1, 24.858464901423062, 165.02700983169885, 432.88106049129027, 485.3903996359137, 194.5506571482614,
];

/** Reduction to |t| <= 0.66 by pi/2 and pi/4, then t + t^3 P(t^2) / Q(t^2). */
function atan(x: Value, build: Builder): Value {
  const c = calculator(build);
  const negative = c.less(x, 0);
  const a = c.where(negative, c.neg(x), x);
  const large = c.less(Math.tan((3 * Math.PI) / 8), a);
  const middle = c.less(0.66, a);
  const bounded = c.min(a, 1e300); // infinity / infinity is not a number
  const t = c.where(large, c.div(-1, a), c.where(middle, c.div(c.add(bounded, -1), c.add(bounded, 1)), a));
  const z = c.mul(t, t);
  const tail = c.mul(c.mul(t, z), c.div(c.polynomial(atanNumerator, z), c.polynomial(atanDenominator, z)));
  const base = c.where(large, Math.PI / 2, c.where(middle, Math.PI / 4, 0));
  const rounding = c.where(large, 6.123233995736766e-17, c.where(middle, 3.061616997868383e-17, 0));
  const result = c.add(c.add(c.add(tail, rounding), t), base);
  return c.where(negative, c.neg(result), result);
}

const erfNumerator = [9.604973739870516, 90.02601972038427, 2232.005345946843, 7003.325141128051, 55592.30130103949];
const erfDenominator = [
  1, 33.56171416475031, 521.3579497801527, 4594.323829709801, 22629.000061389095, 49267.39426086359,
];
const erfcNumerator = [
  2.461969814735305e-10, 0.5641895648310689, 7.463210564422699, 48.63719709856814, 196.5208329560771, 526.4451949954773,
  934.5285271719576, 1027.5518868951572, 557.5353353693994,
];
const erfcDenominator = [
  1, 13.228195115474499, 86.70721408859897, 354.9377788878199, 975.7085017432055, 1823.9091668790973,
  2246.3376081871097, 1656.6630919416134, 557.5353408177277,
];

/** x T(x^2) / U(x^2) for |x| < 1, else 1 - e^(-x^2) P(|x|) / Q(|x|), which is 1 to all digits from 6 on. */
function erf(x: Value, build: Builder): Value {
  const c = calculator(build);
  const negative = c.less(x, 0);
  const a = c.where(negative, c.neg(x), x);
  const small = c.less(a, 1);
  const near = c.where(small, x, 0);
  const z = c.mul(near, near);
  const inner = c.mul(near, c.div(c.polynomial(erfNumerator, z), c.polynomial(erfDenominator, z)));
  const far = c.min(c.max(a, 1), 7);
  const complement = c.mul(
    c.exp(c.neg(c.mul(far, far))),
    c.div(c.polynomial(erfcNumerator, far), c.polynomial(erfcDenominator, far)),
  );
  const outer = c.sub(1, complement);
  return c.where(small, inner, c.where(negative, c.neg(outer), outer));
}

/** v of `1 / (1 + e^v)`. */
function logisticArgument(x: Value): Value | undefined {
  if (x.node?.op !== "Reciprocal") return undefined;
  const [other, one] = besideNumber(x.node.inputs[0], "Add");
  return one === 1 && other?.node?.op === "Exp" ? other.node.inputs[0] : undefined;
}

function besideNumber(x: Value, op: string): [Value, number] | [undefined, undefined] {
  if (x.node?.op !== op) return [undefined, undefined];
  const [a, b] = x.node.inputs;
  const [na, nb] = [uniform(a), uniform(b)];
  if (na !== undefined) return [b, na];
  return nb === undefined ? [undefined, undefined] : [a, nb];
}

type Part = Value | number;

/** Formulas on graph values, readable. */
function calculator(build: Builder) {
  const value = (x: Part): Value => (typeof x === "number" ? build.scalar(x) : x);
  const apply = (op: string, ...inputs: Part[]) => build.elementwise(op, inputs.map(value), "float64");
  const add = (a: Part, b: Part) => apply("Add", a, b);
  const mul = (a: Part, b: Part) => apply("Mul", a, b);
  const neg = (a: Part) => apply("Neg", a);
  const reciprocal = (a: Part) => apply("Reciprocal", a);
  return {
    add,
    mul,
    neg,
    reciprocal,
    sub: (a: Part, b: Part) => add(a, neg(b)),
    div: (a: Part, b: Part) => mul(a, reciprocal(b)),
    exp: (a: Part) => apply("Exp", a),
    log: (a: Part) => apply("Log", a),
    sqrt: (a: Part) => apply("Sqrt", a),
    max: (a: Part, b: Part) => apply("Max", a, b),
    min: (a: Part, b: Part) => apply("Min", a, b),
    where: (condition: Value, a: Part, b: Part) => apply("Where", condition, a, b),
    less: (a: Part, b: Part) => build.elementwise("Less", [value(a), value(b)], "bool"),
    equal: (a: Part, b: Part) => build.elementwise("Equal", [value(a), value(b)], "bool"),
    /** Horner's rule, highest power first. */
    polynomial: (coefficients: readonly number[], x: Value): Value => {
      let sum: Part = coefficients[0];
      for (const coefficient of coefficients.slice(1)) sum = add(mul(sum, x), coefficient);
      return value(sum);
    },
  };
}
