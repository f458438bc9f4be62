/**
 * The graph between a trace and an ONNX file: values and the nodes that make them. Nodes are made through one
 * `Builder`, which simplifies each node as it is made (the rules are in `passes/`, one idea a file) and gives equal
 * nodes once only. Because a node's inputs are already simplified, one sweep over the trace is enough.
 */
import type { NdArray } from "../arrays.js";

export type ValueType = "float64" | "int32" | "int64" | "bool";
export type Attribute = number | string | readonly number[] | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: Value[];
}

export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: ValueType;
  /** What makes it; absent for inputs and constants. */
  readonly node?: Node;
  /** A scalar constant (shape []), or an array constant. */
  readonly scalar?: number;
  readonly array?: NdArray;
  /** Position among the program's inputs. */
  readonly input?: number;
}

/** A simplification: the value that `op` of these inputs equals, or undefined to let the next rule try. */
export type Rule = (request: Request, build: Builder) => Value | undefined;

export interface Request {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly shape: readonly number[];
  readonly dtype: ValueType;
}

export interface Builder {
  /** The value of `op`, simplified; for operations with one output. */
  make(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    shape: readonly number[],
    dtype?: ValueType,
  ): Value;
  /** A node with several outputs; shared, but not simplified. */
  makeMany(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    outputs: readonly { shape: readonly number[]; dtype: ValueType }[],
  ): Value[];
  scalar(value: number, dtype?: ValueType): Value;
  constant(array: NdArray, dtype?: ValueType): Value;
  input(position: number, shape: readonly number[], dtype: ValueType): Value;
  /** `x` repeated to `shape`; nothing if it has it. */
  expand(x: Value, shape: readonly number[]): Value;
  reshape(x: Value, shape: readonly number[]): Value;
  transpose(x: Value, permutation: readonly number[]): Value;
  /** An elementwise operation with NumPy broadcasting. */
  elementwise(op: string, inputs: readonly Value[], dtype?: ValueType): Value;
}

const commutative = new Set(["Add", "Mul", "Max", "Min", "Equal", "And", "Or"]);

/** A builder that applies `rules` in order, then shares equal nodes. */
export function createBuilder(rules: readonly Rule[]): Builder {
  let next = 0;
  const known = new Map<string, Value>();
  const arrays = new Map<NdArray, Value>();
  const build: Builder = {
    make(op, inputs, attributes, shape, dtype = inputs[0]?.dtype ?? "float64") {
      const request: Request = { op, inputs, attributes, shape, dtype };
      for (const rule of rules) {
        const simpler = rule(request, build);
        if (simpler !== undefined) return simpler;
      }
      const ordered = commutative.has(op) ? [...inputs].sort((a, b) => a.id - b.id) : inputs;
      const key = `${op}|${ordered.map((v) => v.id)}|${JSON.stringify(attributes)}|${shape}|${dtype}`;
      let value = known.get(key);
      if (value === undefined) {
        value = makeNode(op, ordered, attributes, [{ shape, dtype }])[0];
        known.set(key, value);
      }
      return value;
    },
    makeMany(op, inputs, attributes, outputs) {
      const key = `${op}|${inputs.map((v) => v.id)}|${JSON.stringify([attributes, outputs])}`;
      let first = known.get(key);
      if (first === undefined) known.set(key, (first = makeNode(op, inputs, attributes, outputs)[0]));
      return first.node!.outputs;
    },
    scalar(value, dtype = "float64") {
      const key = `scalar|${Object.is(value, -0) ? "-0" : value}|${dtype}`;
      let made = known.get(key);
      if (made === undefined) known.set(key, (made = { id: next++, shape: [], dtype, scalar: value }));
      return made;
    },
    constant(array, dtype = array.dtype === "float32" ? "float64" : array.dtype) {
      let made = arrays.get(array);
      if (made === undefined) {
        made = uniformOrArray(array, dtype);
        arrays.set(array, made);
      }
      return made;
    },
    input: (position, shape, dtype) => ({ id: next++, shape, dtype, input: position }),
    expand: (x, shape) => build.make("Expand", [x], {}, shape, x.dtype),
    reshape: (x, shape) => build.make("Reshape", [x], {}, shape, x.dtype),
    transpose: (x, permutation) =>
      build.make(
        "Transpose",
        [x],
        { perm: permutation },
        permutation.map((p) => x.shape[p]),
        x.dtype,
      ),
    elementwise: (op, inputs, dtype) => build.make(op, inputs, {}, broadcastShape(inputs.map((v) => v.shape)), dtype),
  };
  return build;

  function makeNode(
    op: string,
    inputs: readonly Value[],
    attributes: Attributes,
    outputs: readonly { shape: readonly number[]; dtype: ValueType }[],
  ): Value[] {
    const node: Node = { op, inputs, attributes, outputs: [] };
    for (const { shape, dtype } of outputs) node.outputs.push({ id: next++, shape, dtype, node });
    return node.outputs;
  }

  // An array of equal numbers is a scalar, repeated: zero tangents arrive in this form, and vanish in it.
  function uniformOrArray(array: NdArray, dtype: ValueType): Value {
    const { data, shape } = array;
    if (isUniform(data)) return build.expand(build.scalar(data[0], dtype), shape);
    // Masks and positions are often made anew wherever a function is traced: equal ones are one, or nothing that is
    // computed with them would be shared.
    if (dtype !== "int32" && data.length > 4096) return { id: next++, shape, dtype, array };
    const key = `array|${dtype}|${shape}|${Array.from(data, (v) => (Object.is(v, -0) ? "-0" : v))}`;
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = { id: next++, shape, dtype, array }));
    return value;
  }
}

function isUniform(data: ArrayLike<number>): boolean {
  for (let i = 1; i < data.length; i++) if (!Object.is(data[i], data[0])) return false;
  return data.length > 0;
}

/** NumPy broadcast of shapes that are known to fit. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    let size = 1;
    for (const s of shapes) {
      const n = s[i - rank + s.length] ?? 1;
      if (n !== 1) size = n;
    }
    return size;
  });
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** The number that all elements of `x` equal, if that is known. */
export function uniform(x: Value): number | undefined {
  if (x.scalar !== undefined) return x.scalar;
  return x.node?.op === "Expand" || x.node?.op === "Reshape" ? uniform(x.node.inputs[0]) : undefined;
}
