/**
 * Symbolic arrays: what a traced function sees. A `Tensor` has a shape and an element type and nothing else; it is
 * worked on by the functions in `ops/`. Floating-point tensors are always traced as "float64"; the precision in
 * which a program really runs is chosen when it is compiled, so that constants keep all their digits until then.
 *
 * Behind the opaque type stands a tracer of jax-js. That library frees arrays by counting references, and an
 * operation consumes its arguments; while tracing nothing is allocated, so `lift` takes one reference for each use
 * and no code above has to think of it.
 */
import * as jax from "@jax-js/jax";
import { UsageError } from "../errors.js";
import { isNdArray, type NdArray } from "./arrays.js";

declare const brand: unique symbol;

/** Element type of a traced value; "float64" stands for the precision the program is compiled in. */
export type TensorDType = "float64" | "int32" | "bool";

/** A symbolic array inside a traced function: opaque but for its shape and element type. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dtype: TensorDType;
  readonly [brand]: true;
}

/** What operations accept: a tensor, a number, or a host array (which becomes a constant of the program). */
export type Operand = Tensor | NdArray | number;

/** Nested objects and arrays with leaves of type `T`. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** The tracer type of jax-js; only the engine sees it. */
export type Tracer = any;

export const np: any = jax.numpy;

// Host arrays that were lifted into a trace, by their stand-in. The stand-in is a lazy array of zeros: tracing
// never looks at the numbers, so they need not be copied into the memory of jax-js.
const hostArrays = new WeakMap<object, NdArray>();
const standIns = new WeakMap<NdArray, Tracer>();

/** The host array behind a constant of a trace, if it was one of ours. */
export function hostArrayOf(constant: object): NdArray | undefined {
  return hostArrays.get(constant);
}

let ready: Promise<unknown> | undefined;

/** Makes jax-js ready to trace (its WebAssembly backend serves as the reference executor). Safe to call often. */
export function initialize(): Promise<unknown> {
  ready ??= (async () => {
    await jax.init("wasm");
    jax.defaultDevice("wasm");
  })();
  return ready;
}

/** A tracer for any operand, with a reference taken, so that the operation may consume it. */
export function lift(x: Operand, dtype: TensorDType = "float64"): Tracer {
  if (typeof x === "number") return np.array(x, { dtype });
  if (isNdArray(x)) return standInFor(x).ref;
  if (x === undefined || x === null || (x as Tracer).aval === undefined) throw notAnOperand(x);
  return (x as Tracer).ref;
}

function notAnOperand(x: unknown): UsageError {
  return new UsageError(
    `an operation got ${x === null ? "null" : typeof x} where a tensor, a number or an NdArray was expected.`,
  );
}

/** The tensor for a host array: a constant of the program being traced. */
export function constant(value: NdArray | number): Tensor {
  return typeof value === "number" ? (np.array(value, { dtype: "float64" }) as Tensor) : (standInFor(value) as Tensor);
}

let realConstants = false;

/** Runs `f` with host arrays lifted with their numbers, for execution by jax-js itself (see `reference.ts`). */
export function withRealConstants<T>(f: () => T): T {
  realConstants = true;
  try {
    return f();
  } finally {
    realConstants = false;
  }
}

function standInFor(value: NdArray): Tracer {
  if (realConstants) return realArray(value);
  let standIn = standIns.get(value);
  if (standIn === undefined) {
    const dtype = value.dtype === "float32" ? "float64" : value.dtype;
    if (value.shape.length === 0)
      standIn = np.array(dtype === "bool" ? Boolean(value.data[0]) : value.data[0], { dtype });
    else {
      standIn = np.zeros([...value.shape], { dtype });
      hostArrays.set(standIn, value);
    }
    standIns.set(value, standIn);
  }
  return standIn;
}

/** A host array as an array of jax-js, copied, with floats in float64. */
export function realArray(value: NdArray): Tracer {
  const dtype = value.dtype === "float32" ? "float64" : value.dtype;
  if (value.shape.length === 0) return np.array(dtype === "bool" ? Boolean(value.data[0]) : value.data[0], { dtype });
  if (value.data.length === 0) return np.zeros([...value.shape], { dtype });
  if (dtype === "bool") return np.array(Array.from(value.data, Boolean)).reshape([...value.shape]);
  return withFloat16Array(() => np.array(Array.from(value.data), { dtype })).reshape([...value.shape]);
}

// jax-js names Float16Array when it takes a float64 array, and Node.js 20 has none: stand in while it looks.
function withFloat16Array<T>(f: () => T): T {
  const scope = globalThis as { Float16Array?: unknown };
  if (scope.Float16Array !== undefined) return f();
  scope.Float16Array = class {};
  try {
    return f();
  } finally {
    delete scope.Float16Array;
  }
}

/** Shape of any operand. */
export function shapeOf(x: Operand): readonly number[] {
  if (x === undefined || x === null) throw notAnOperand(x);
  return typeof x === "number" ? [] : x.shape;
}

/** Element type of any operand, as traced. */
export function dtypeOf(x: Operand): TensorDType {
  if (typeof x === "number") return "float64";
  return x.dtype === "float32" ? "float64" : (x.dtype as TensorDType);
}

export function isTensor(x: unknown): x is Tensor {
  return (
    typeof x === "object" &&
    x !== null &&
    (x as Tracer).aval !== undefined &&
    typeof (x as Tracer).dispose === "function"
  );
}
