/** Tracing and lowering: from a function on trees of tensors to an ONNX program. */
import * as jax from "@jax-js/jax";
import type { DType } from "../arrays.js";
import { hostArrayOf, lift, np, type Tracer } from "../tensor.js";
import { flattenTree, unflattenTree } from "../trees.js";
import { type Emitted, emit, type Precision } from "./emit.js";
import { createBuilder, type Value } from "./graph.js";
import { readConstant, readTrace, type Trace, valueType } from "./read.js";
import { rulesFor } from "./rules.js";

export interface Program extends Emitted {
  readonly precision: Precision;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly dtype: DType }[];
  /** The result's structure, with positions of outputs as leaves. */
  readonly outputTree: unknown;
}

export interface LeafType {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * Traces `f` for arguments whose leaves have the given types and lowers the trace.
 * @param argumentTree the arguments, with `LeafType` leaves in `leaves` order
 */
export function lowerFunction(
  f: (...args: any[]) => any,
  argumentTree: readonly any[],
  leaves: readonly LeafType[],
  precision: Precision,
  names: { inputs?: readonly string[]; outputs?: readonly string[] } = {},
  freeAxis?: number,
): Program {
  let outputTree: unknown;
  const flat = (...tracers: Tracer[]) => {
    const result = f(...unflattenTree(argumentTree, tracers));
    const { leaves: results } = flattenTree(result);
    outputTree = unflattenTree(
      result,
      results.map((_, i) => i),
    );
    return results.map((leaf) => lift(leaf));
  };
  const standIns = leaves.map(({ shape, dtype }) =>
    np.zeros([...shape], { dtype: dtype === "float32" ? "float64" : dtype }),
  );
  const { jaxpr } = (jax as any).makeJaxpr(flat)(...standIns);
  const trace = jaxpr.jaxpr as Trace;
  const build = createBuilder(rulesFor(precision));
  const constants: Value[] = jaxpr.consts.map((c: object, i: number) =>
    build.constant(hostArrayOf(c) ?? readConstant(c), valueType(trace.inBinders[i].aval.dtype)),
  );
  const inputs = leaves.map(({ shape, dtype }, i) => build.input(i, shape, valueType(dtype)));
  const outputs = readTrace(trace, [...constants, ...inputs], build);
  const inputNames = inputs.map((_, i) => names.inputs?.[i] ?? `input${i}`);
  const outputNames = outputs.map((_, i) => names.outputs?.[i] ?? `output${i}`);
  const emitted = emit(
    inputs.map((value, i) => ({ name: inputNames[i], value })),
    outputs.map((value, i) => ({ name: outputNames[i], value })),
    precision,
    freeAxis,
  );
  const outputTypes = outputs.map((value) => ({
    shape: value.shape,
    dtype: (value.dtype === "float64" ? precision : value.dtype) as DType,
  }));
  return { ...emitted, precision, inputNames, outputNames, outputs: outputTypes, outputTree };
}
