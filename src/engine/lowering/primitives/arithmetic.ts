/** Element by element: arithmetic, comparisons, choice, conversion. */
import { type Builder, uniform, type Value, type ValueType } from "../graph.js";
import type { Lowering } from "./registry.js";

const unary =
  (op: string): Lowering =>
  ([x], _params, [out], build) => [build.make(op, [x], {}, out.shape, out.dtype)];

const binary =
  (op: string, onBool?: string): Lowering =>
  ([a, b], _params, [out], build) => {
    if (out.dtype === "bool" && onBool !== undefined) return [build.make(onBool, [a, b], {}, out.shape, "bool")];
    return [build.make(op, [converted(a, out.dtype, build), converted(b, out.dtype, build)], {}, out.shape, out.dtype)];
  };

/** `x` as another element type; jax-js promotes silently, ONNX does not. */
export function converted(x: Value, dtype: ValueType, build: Builder): Value {
  return x.dtype === dtype ? x : build.make("Cast", [x], { to: dtype }, x.shape, dtype);
}

/** `c ? a : b` of bools, for which ONNX Runtime has no Where. */
function logicalChoice(c: Value, a: Value, b: Value, build: Builder): Value {
  const not = build.elementwise("Not", [c], "bool");
  const [whenTrue, whenFalse] = [uniform(a), uniform(b)];
  if (whenTrue === 1 && whenFalse === 0) return c;
  if (whenTrue === 0 && whenFalse === 1) return not;
  const left = build.elementwise("And", [c, a], "bool");
  return build.elementwise("Or", [left, build.elementwise("And", [not, b], "bool")], "bool");
}

const comparisons: Record<string, string> = { less: "Less", less_equal: "LessOrEqual", equal: "Equal" };

export const arithmetic: Record<string, Lowering> = {
  add: binary("Add", "Or"),
  mul: binary("Mul", "And"),
  min: binary("Min", "And"),
  max: binary("Max", "Or"),
  neg: unary("Neg"),
  reciprocal: unary("Reciprocal"),
  exp: unary("Exp"),
  log: unary("Log"),
  sqrt: unary("Sqrt"),
  sin: unary("Sin"),
  cos: unary("Cos"),
  asin: unary("Asin"),
  atan: unary("Atan"),
  erf: unary("Erf"),
  floor: unary("Floor"),
  ceil: unary("Ceil"),
  stop_gradient: ([x]) => [x],
  // Quotient cut towards zero, and the remainder with the sign of the numerator.
  idiv: ([a, b], _params, [out], build) => {
    if (out.dtype !== "float64")
      return [
        build.elementwise("IntegerDiv", [converted(a, out.dtype, build), converted(b, out.dtype, build)], out.dtype),
      ];
    const q = build.elementwise("Div", [converted(a, "float64", build), converted(b, "float64", build)]);
    const negative = build.elementwise("Less", [q, build.scalar(0)], "bool");
    const cut = build.elementwise(
      "Where",
      [negative, build.elementwise("Ceil", [q]), build.elementwise("Floor", [q])],
      "float64",
    );
    return [build.expand(cut, out.shape)];
  },
  mod: ([a, b], _params, [out], build) => [
    build.make("Mod", [converted(a, out.dtype, build), converted(b, out.dtype, build)], {}, out.shape, out.dtype),
  ],
  compare: ([a, b], { op }, [out], build) => {
    const common: ValueType = a.dtype === b.dtype ? a.dtype : "float64";
    const dtype = common === "bool" && op.startsWith("less") ? "int32" : common; // ONNX orders numbers only
    const [x, y] = [converted(a, dtype, build), converted(b, dtype, build)];
    if (op !== "not_equal") return [build.make(comparisons[op], [x, y], {}, out.shape, "bool")];
    const equal = build.make("Equal", [x, y], {}, out.shape, "bool");
    return [build.make("Not", [equal], {}, out.shape, "bool")];
  },
  where: ([c, a, b], _params, [out], build) => {
    if (out.dtype === "bool") return [build.expand(logicalChoice(c, a, b, build), out.shape)];
    const branches = [converted(a, out.dtype, build), converted(b, out.dtype, build)];
    return [build.make("Where", [c, ...branches], {}, out.shape, out.dtype)];
  },
  cast: ([x], _params, [out], build) => [converted(x, out.dtype, build)],
};
