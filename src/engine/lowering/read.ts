/** From a trace of jax-js to the graph: one sweep, nested calls inlined, each equation through its lowering. */
import type { NdArray } from "../arrays.js";
import type { Builder, Value, ValueType } from "./graph.js";
import { primitives } from "./primitives/index.js";

/** The parts of a jaxpr that are read here. */
export interface Trace {
  readonly inBinders: readonly Variable[];
  readonly eqns: readonly {
    primitive: string;
    inputs: readonly Atom[];
    params: any;
    outBinders: readonly Variable[];
  }[];
  readonly outs: readonly Atom[];
}
interface Variable {
  readonly aval: { readonly shape: readonly number[]; readonly dtype: string };
}
type Atom = Variable & { readonly value?: number };

/** jax-js keeps the factor of erf's derivative in float32; it is known by its value and given back its digits. */
const erfFactor = 2 / Math.sqrt(Math.PI);

export function valueType(dtype: string): ValueType {
  if (dtype === "float64" || dtype === "float32" || dtype === "float16") return "float64";
  if (dtype === "bool") return "bool";
  if (dtype === "int32" || dtype === "uint32") return "int32";
  throw new Error(`no lowering for values of type ${dtype}.`);
}

/** The output values of a trace for given inputs. @throws Error naming a primitive that has no lowering. */
export function readTrace(trace: Trace, inputs: readonly Value[], build: Builder): Value[] {
  const known = new Map<Atom, Value>();
  trace.inBinders.forEach((variable, i) => known.set(variable, inputs[i]));
  const read = (atom: Atom): Value => {
    const value = known.get(atom);
    if (value !== undefined) return value;
    const number = Number(atom.value);
    const exact = Math.abs(number) === Math.fround(erfFactor) ? Math.sign(number) * erfFactor : number;
    return build.scalar(exact, valueType(atom.aval.dtype));
  };
  for (const equation of trace.eqns) {
    const values = equation.inputs.map(read);
    const outputs = equation.outBinders.map((v) => ({ shape: v.aval.shape, dtype: valueType(v.aval.dtype) }));
    const results =
      equation.primitive === "jit"
        ? readTrace(equation.params.jaxpr, values, build)
        : lower(equation.primitive, values, equation.params, outputs, build);
    equation.outBinders.forEach((variable, i) => known.set(variable, results[i]));
  }
  return trace.outs.map(read);
}

function lower(
  primitive: string,
  values: readonly Value[],
  params: any,
  outputs: readonly { shape: readonly number[]; dtype: ValueType }[],
  build: Builder,
): Value[] {
  const lowering = primitives[primitive];
  if (lowering === undefined)
    throw new Error(
      `the operation "${primitive}" on shapes ${values.map((v) => `[${v.shape}]`).join(", ")} has no lowering to ONNX.`,
    );
  return lowering(values, params, outputs, build);
}

/**
 * A constant that jax-js made itself (zeros, ones, identity matrices, index ranges), read back. It is a recipe, for which
 * jax-js takes memory once it is read, and keeps it: a copy of the recipe is read, whose memory goes back at once. (Else that
 * memory grows with every program, and a memory that grows makes the garbage collector run for each constant.)
 */
export function readConstant(constant: any): NdArray {
  const shape = [...constant.shape];
  const type = valueType(constant.dtype);
  const raw = constant.ref.reshape([1, ...shape]).dataSync();
  if (type === "bool") return { data: Uint8Array.from(raw, (v: any) => Number(Boolean(v))), shape, dtype: "bool" };
  if (type === "int32") return { data: new Int32Array(raw), shape, dtype: "int32" };
  return { data: new Float64Array(raw), shape, dtype: "float64" };
}
