/** Arithmetic, comparisons and elementary functions: ONNX operators with NumPy broadcasting. */
import type { DType, NdArray } from "../../arrays.js";
import * as ops from "../../ops/index.js";
import { type Operand, type Tensor, dtypeOf as tracedType } from "../../tensor.js";
import { dtypeOf as elementType } from "../file.js";
import type { NodeContext, Operator } from "../node.js";
import { areHost, elementwise, isHost, uniformValue, type Value } from "../values.js";

type Traced = (...inputs: Operand[]) => Tensor;
type Host = (...numbers: number[]) => number;

/** An operator as a function on numbers (for constants) and one on tensors. */
function operator(host: Host, traced: Traced, dtype?: DType): Operator {
  return (node) => {
    const inputs = node.inputs.map((_, i) => node.input(i));
    if (areHost(inputs)) return elementwise(host, inputs, dtype ?? inputs[0].dtype);
    return traced(...inputs);
  };
}

/** Any number of inputs, two at a time. */
const folded = (host: Host, traced: Traced): Operator =>
  operator(
    (...numbers) => numbers.reduce((a, b) => host(a, b)),
    (...inputs) => inputs.slice(1).reduce<Tensor>((a, b) => traced(a, b), ops.add(inputs[0], 0)),
  );

const toBool = (x: Operand): Tensor => (tracedType(x) === "bool" ? (x as Tensor) : ops.notEqual(x, 0));
const one = (f: (x: Operand) => Tensor): Traced => f as Traced;
const two = (f: (a: Operand, b: Operand) => Tensor): Traced => f as Traced;
const bool =
  (f: (a: number, b: number) => boolean): Host =>
  (a, b) =>
    Number(f(a, b));

const division: Operator = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  const whole = tracedType(a) === "int32";
  if (areHost([a, b])) return operator((x, y) => (whole ? Math.trunc(x / y) : x / y), two(ops.div))(node);
  if (whole) node.fail("whole numbers that depend on the input cannot be divided");
  return ops.div(a, b);
};

const power: Operator = (node) => {
  const [base, exponent] = [node.input(0), node.input(1)];
  if (isHost(base) && isHost(exponent)) return elementwise((a, b) => a ** b, [base, exponent], base.dtype);
  const p = uniformValue(exponent);
  if (p !== undefined && Number.isInteger(p) && Math.abs(p) > 64) return node.fail(`the power ${p} is too large`);
  if (p !== undefined && Number.isInteger(p)) {
    const power = wholePower(base, Math.abs(p));
    return p < 0 ? ops.reciprocal(power) : power;
  }
  if (p !== undefined) return ops.pow(base, p);
  if (isHost(base) && base.data.every((v) => v > 0)) return ops.exp(ops.mul(exponent, ops.log(base)));
  return node.fail("give one constant exponent, or a constant positive base");
};

// The engine's pow multiplies up to the eighth power; larger whole powers, of negative numbers too, are made here.
function wholePower(base: Operand, n: number): Tensor {
  if (n <= 8) return ops.pow(base, n);
  const square = ops.square(wholePower(base, Math.floor(n / 2)));
  return n % 2 === 0 ? square : ops.mul(square, base);
}

const clip: Operator = (node) => {
  const [low, high] = [1, 2].map((i): Value | undefined => node.inputs[i] ?? limit(node, i === 1 ? "min" : "max"));
  const x = node.input(0);
  const limits = [low, high].filter((v) => v !== undefined);
  if (areHost([x, ...limits])) {
    const [lowest, highest] = [number(low, -Infinity), number(high, Infinity)];
    return elementwise((v) => Math.min(Math.max(v, lowest), highest), [x as NdArray], (x as NdArray).dtype);
  }
  const raised = low === undefined ? x : ops.maximum(x, low);
  return high === undefined ? raised : ops.minimum(raised, high);
};

const number = (value: Value | undefined, otherwise: number): number => uniformValue(value) ?? otherwise;

// Before version 11 the limits were attributes.
function limit(node: NodeContext, name: string): NdArray | undefined {
  const value = node.number(name, Number.NaN);
  return Number.isNaN(value) ? undefined : { data: Float64Array.of(value), shape: [], dtype: "float64" };
}

const cast: Operator = (node) => {
  const x = node.input(0);
  const to = elementType(node.number("to", 1), "the result of a Cast", "a node");
  if (isHost(x)) {
    const whole = to === "int32" && x.dtype !== "int32";
    return elementwise((v) => (to === "bool" ? Number(v !== 0) : whole ? Math.trunc(v) : v), [x], to);
  }
  if (to === "bool") return toBool(x);
  if (to !== "int32") return ops.toFloat(x);
  return x.dtype === "int32" ? x : ops.toInt(x);
};

const choice: Operator = (node) => {
  const [condition, a, b] = [node.input(0), node.input(1), node.input(2)];
  if (areHost([condition, a, b]))
    return elementwise((c, x, y) => (c ? x : y), [condition, a, b] as NdArray[], (a as NdArray).dtype);
  return ops.where(condition as Tensor, a, b);
};

const roundHalfToEven = (v: number): number => {
  const r = Math.round(v);
  return Math.abs(v % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};

const roundTraced = (x: Operand): Tensor => {
  const down = ops.floor(x);
  const rest = ops.sub(x, down);
  const halfDown = ops.mul(2, ops.floor(ops.mul(0.5, ops.add(down, 1)))); // the even one of the two neighbours
  return ops.where(ops.less(rest, 0.5), down, ops.where(ops.greater(rest, 0.5), ops.add(down, 1), halfDown));
};

const modulo: Operator = (node) => {
  const fmod = node.number("fmod", 0) === 1;
  const [a, b] = [node.input(0), node.input(1)];
  if (areHost([a, b]))
    return elementwise((x, y) => (fmod ? x % y : x - y * Math.floor(x / y)), [a, b] as NdArray[], (a as NdArray).dtype);
  return node.fail("the remainder of values that depend on the input is not supported");
};

export const arithmetic: Readonly<Record<string, Operator>> = {
  Add: operator((a, b) => a + b, two(ops.add)),
  Sub: operator((a, b) => a - b, two(ops.sub)),
  Mul: operator((a, b) => a * b, two(ops.mul)),
  Div: division,
  Mod: modulo,
  Pow: power,
  Neg: operator((a) => -a, one(ops.neg)),
  Abs: operator(Math.abs, one(ops.abs)),
  Reciprocal: operator((a) => 1 / a, one(ops.reciprocal)),
  Sqrt: operator(Math.sqrt, one(ops.sqrt)),
  Exp: operator(Math.exp, one(ops.exp)),
  Log: operator(Math.log, one(ops.log)),
  Sin: operator(Math.sin, one(ops.sin)),
  Cos: operator(Math.cos, one(ops.cos)),
  Tan: operator(Math.tan, one(ops.tan)),
  Asin: operator(Math.asin, one(ops.asin)),
  Acos: operator(Math.acos, one(ops.acos)),
  Atan: operator(Math.atan, one(ops.atan)),
  Sinh: operator(Math.sinh, one(ops.sinh)),
  Cosh: operator(Math.cosh, one(ops.cosh)),
  Asinh: operator(Math.asinh, one(ops.asinh)),
  Acosh: operator(Math.acosh, one(ops.acosh)),
  Atanh: operator(Math.atanh, one(ops.atanh)),
  Erf: (node) => ops.erf(node.input(0)),
  Floor: operator(Math.floor, one(ops.floor)),
  Ceil: operator(Math.ceil, one(ops.ceil)),
  Round: operator(roundHalfToEven, one(roundTraced)),
  Sign: operator(Math.sign, one(ops.sign)),
  Min: folded(Math.min, two(ops.minimum)),
  Max: folded(Math.max, two(ops.maximum)),
  Sum: folded((a, b) => a + b, two(ops.add)),
  Mean: (node) => ops.div(folded((a, b) => a + b, two(ops.add))(node) as Value, node.inputs.length),
  Clip: clip,
  Cast: cast,
  CastLike: (node) => {
    const like = tracedType(node.input(1));
    const to = like === "float64" ? 11 : like === "bool" ? 9 : 6;
    return cast({ ...node, number: () => to });
  },
  Where: choice,
  Equal: operator(
    bool((a, b) => a === b),
    two(ops.equal),
    "bool",
  ),
  Less: operator(
    bool((a, b) => a < b),
    two(ops.less),
    "bool",
  ),
  LessOrEqual: operator(
    bool((a, b) => a <= b),
    two(ops.lessEqual),
    "bool",
  ),
  Greater: operator(
    bool((a, b) => a > b),
    two(ops.greater),
    "bool",
  ),
  GreaterOrEqual: operator(
    bool((a, b) => a >= b),
    two(ops.greaterEqual),
    "bool",
  ),
  And: operator(
    bool((a, b) => Boolean(a && b)),
    (a, b) => ops.logicalAnd(toBool(a), toBool(b)),
    "bool",
  ),
  Or: operator(
    bool((a, b) => Boolean(a || b)),
    (a, b) => ops.logicalOr(toBool(a), toBool(b)),
    "bool",
  ),
  Xor: operator(
    bool((a, b) => a !== b),
    (a, b) => ops.notEqual(ops.toFloat(toBool(a)), ops.toFloat(toBool(b))),
    "bool",
  ),
  Not: operator(
    (a) => Number(!a),
    (a) => ops.logicalNot(toBool(a)),
    "bool",
  ),
};

/** Operators whose result does not change when the input does a little. */
export const stepwise: ReadonlySet<string> = new Set([
  "Floor",
  "Ceil",
  "Round",
  "Sign",
  "Equal",
  "Less",
  "LessOrEqual",
  "Greater",
  "GreaterOrEqual",
  "And",
  "Or",
  "Xor",
  "Not",
]);
