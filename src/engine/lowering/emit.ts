/**
 * From the graph to the bytes of an ONNX file. Only what the outputs need is written. `a + (-b)` is written as a
 * subtraction and `a * (1 / b)` as a division where the inner value has no other use.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import * as onnx from "onnx-buf";
import { astype, type NdArray } from "../arrays.js";
import { isFasterTransposed } from "./contractions.js";
import type { Attribute, Node, Value, ValueType } from "./graph.js";

export type Precision = "float32" | "float64";

export interface Emitted {
  readonly bytes: Uint8Array;
  /** How many nodes of each kind were written. */
  readonly operations: Readonly<Record<string, number>>;
}

export interface Port {
  readonly name: string;
  readonly value: Value;
}

const elementType = (dtype: ValueType, precision: Precision): number => {
  if (dtype === "float64") return precision === "float32" ? 1 : 11;
  return { int32: 6, int64: 7, bool: 9 }[dtype];
};

/** Operators that exist under the same name and attributes. */
const direct = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Neg",
  "Abs",
  "Sign",
  "Reciprocal",
  "Exp",
  "Log",
  "Sqrt",
  "Sin",
  "Cos",
  "Asin",
  "Atan",
  "Erf",
  "Floor",
  "Ceil",
  "Max",
  "Min",
  "Less",
  "LessOrEqual",
  "Equal",
  "And",
  "Or",
  "Not",
  "Where",
  "Tanh",
  "Sigmoid",
  "Softplus",
  "MatMul",
  "Gemm",
  "Transpose",
  "Concat",
  "Conv",
  "ConvTranspose",
  "Gather",
  "ScatterElements",
  "Identity",
]); // prettier-ignore

/** @param freeAxis the size of leading axes that is written as the free size "N" instead */
export function emit(
  inputs: readonly Port[],
  outputs: readonly Port[],
  precision: Precision,
  freeAxis?: number,
): Emitted {
  const nodes: onnx.NodeProto[] = [];
  const initializers: onnx.TensorProto[] = [];
  const names = new Map<Value, string>();
  const lists = new Map<string, string>();
  const scalars = new Map<number, Value>();
  const operations: Record<string, number> = {};
  const uses = countUses(outputs.map((port) => port.value));
  for (const { name, value } of inputs) names.set(value, name);
  // An output that a node makes carries the output's name from the start; others are copied at the end.
  const outputNames = new Map<Value, string>();
  for (const { name, value } of outputs) if (value.node && !outputNames.has(value)) outputNames.set(value, name);
  const mark = markFor([...inputs, ...outputs]);
  const ownName = (value: Value): string => outputNames.get(value) ?? `${mark}v${value.id}`;

  const write = (
    opType: string,
    input: readonly string[],
    output: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): readonly string[] => {
    operations[opType] = (operations[opType] ?? 0) + 1;
    nodes.push(
      create(onnx.NodeProtoSchema, {
        opType,
        input: [...input],
        output: [...output],
        attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
      }),
    );
    return output;
  };
  const integers = (values: readonly number[]): string => {
    const key = values.join(",");
    let name = lists.get(key);
    if (name === undefined) {
      name = `${mark}i${lists.size}`;
      lists.set(key, name);
      initializers.push(
        create(onnx.TensorProtoSchema, {
          name,
          dims: [BigInt(values.length)],
          dataType: 7,
          int64Data: values.map((v) => BigInt(v)),
        }),
      );
    }
    return name;
  };

  const numbers = (value: number): Value => {
    let known = scalars.get(value);
    if (known === undefined)
      scalars.set(value, (known = { id: -1 - scalars.size, shape: [], dtype: "float64", scalar: value }));
    return known;
  };
  const nameOf = (value: Value): string => names.get(value) ?? define(value);
  // Called in the order of `inOrder`, so that it never descends more than one node.
  const define = (value: Value): string => {
    const name = value.id < 0 ? `${mark}c${-value.id}` : ownName(value);
    names.set(value, name);
    if (value.scalar !== undefined) initializers.push(scalarTensor(name, value.scalar, value.dtype, precision));
    else if (value.array !== undefined) initializers.push(arrayTensor(name, value.array, value.dtype, precision));
    else if (value.node !== undefined) {
      for (const other of value.node.outputs) names.set(other, ownName(other));
      writeNode(value.node);
    } else throw new Error("emit: a value without origin; an input is missing from the list.");
    return name;
  };

  const writeNode = (node: Node): readonly string[] => {
    const out = node.outputs.map(ownName);
    const { op, attributes } = node;
    const fused = fusedForm(node, uses);
    if (fused !== undefined) return write(fused.op, fused.inputs.map(nameOf), out, fused.attributes);
    const input = node.inputs.map(nameOf);
    const list = (key: string) => attributes[key] as readonly number[];
    switch (op) {
      case "Expand":
        return write("Expand", [input[0], integers(node.outputs[0].shape)], out);
      case "Reshape": {
        const [from, to] = [node.inputs[0].shape, node.outputs[0].shape];
        // A leading axis that stays is copied (0), whatever its size, so that the file holds for any number of rows.
        if (to.length > 0 && from[0] === to[0] && !to.includes(0))
          return write("Reshape", [input[0], integers([0, ...to.slice(1)])], out);
        return write("Reshape", [input[0], integers(to)], out, { allowzero: 1 });
      }
      case "ReduceSum":
      case "ReduceMax":
      case "ReduceMin":
      case "ReduceProd":
        return write(op, [input[0], integers(list("axes"))], out, { keepdims: 0 });
      case "Slice": {
        // Only the axes that are cut: so the file does not depend on the size of the others.
        const shape = node.inputs[0].shape;
        const axes = shape.flatMap((n, a) => (list("starts")[a] !== 0 || list("ends")[a] !== n ? [a] : []));
        const at = (key: string) => integers(axes.map((a) => list(key)[a]));
        return write("Slice", [input[0], at("starts"), at("ends"), integers(axes)], out);
      }
      case "Reverse": {
        const axes = list("axes");
        const far = -2147483647;
        return write(
          "Slice",
          [
            input[0],
            integers(axes.map(() => -1)),
            integers(axes.map(() => far)),
            integers(axes),
            integers(axes.map(() => -1)),
          ],
          out,
        );
      }
      case "Pad":
        return write("Pad", [input[0], integers([...list("before"), ...list("after")])], out);
      case "Cast":
        return write("Cast", input, out, { to: elementType(node.outputs[0].dtype, precision) });
      case "Mod":
        return write("Mod", input, out, { fmod: 1 });
      case "TopK":
        return write("TopK", [input[0], integers([attributes.k as number])], out, {
          axis: attributes.axis,
          largest: attributes.largest,
        });
      case "IntegerDiv":
        return write("Div", input, out);
      case "Softplus":
        return writeSoftplus(input[0], out[0]);
      default:
        if (!direct.has(op)) throw new Error(`emit: the graph operation "${op}" has no ONNX form.`);
        return write(op, input, out, attributes);
    }
  };

  // max(x, 0) + log1p(e^-|x|) with Kahan's log1p: precise for very negative x, and several times faster than the
  // runtime's own Softplus, which is not vectorised.
  const writeSoftplus = (x: string, out: string): readonly string[] => {
    const one = nameOf(numbers(1));
    const part = (op: string, input: readonly string[], suffix: string) => write(op, input, [`${out}_${suffix}`])[0];
    const e = part("Exp", [part("Neg", [part("Abs", [x], "abs")], "neg")], "exp");
    const w = part("Add", [e, one], "w");
    const error = part("Sub", [part("Sub", [w, one], "rounded"), e], "error");
    const log1p = part("Sub", [part("Log", [w], "log"), part("Div", [error, w], "correction")], "log1p");
    return write("Add", [part("Relu", [x], "positive"), log1p], [out]);
  };

  for (const value of inOrder(
    outputs.map((port) => port.value),
    uses,
  ))
    nameOf(value);
  for (const { name, value } of outputs) if (nameOf(value) !== name) write("Identity", [nameOf(value)], [name]);

  const port = ({ name, value }: Port) =>
    create(onnx.ValueInfoProtoSchema, {
      name,
      type: create(onnx.TypeProtoSchema, {
        value: {
          case: "tensorType",
          value: create(onnx.TypeProto_TensorSchema, {
            elemType: elementType(value.dtype, precision),
            shape: create(onnx.TensorShapeProtoSchema, {
              dim: value.shape.map((n, axis) =>
                create(onnx.TensorShapeProto_DimensionSchema, {
                  value:
                    axis === 0 && n === freeAxis
                      ? { case: "dimParam", value: "N" }
                      : { case: "dimValue", value: BigInt(n) },
                }),
              ),
            }),
          }),
        },
      }),
    });
  const graph = create(onnx.GraphProtoSchema, {
    name: "latent-atlas",
    node: nodes,
    initializer: initializers,
    input: inputs.map(port),
    output: outputs.map(port),
  });
  const model = create(onnx.ModelProtoSchema, {
    irVersion: 9n,
    producerName: "latent-atlas",
    opsetImport: [create(onnx.OperatorSetIdProtoSchema, { domain: "", version: 18n })],
    graph,
  });
  return { bytes: toBinary(onnx.ModelProtoSchema, model), operations };
}

/** What inner names (v1, c1, i1) begin with, so that none is the name of an input or output. */
function markFor(ports: readonly Port[]): string {
  if (!ports.some(({ name }) => /^[vci]\d/.test(name))) return "";
  let mark = "_";
  while (ports.some(({ name }) => name.startsWith(mark))) mark += "_";
  return mark;
}

/** What the written node reads, after fusing. */
function readBy(node: Node, uses: ReadonlyMap<Value, number>): readonly Value[] {
  return fusedForm(node, uses)?.inputs ?? node.inputs;
}

/** All values that are needed, each after what it is made from (iteratively: traces can be deep). */
function inOrder(roots: readonly Value[], uses: ReadonlyMap<Value, number>): Value[] {
  const order: Value[] = [];
  const state = new Map<Value, 1 | 2>();
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const value = stack[stack.length - 1];
    const seen = state.get(value);
    if (seen === 2) stack.pop();
    else if (seen === 1) {
      state.set(value, 2);
      order.push(value);
      stack.pop();
    } else {
      state.set(value, 1);
      if (value.node) for (const input of readBy(value.node, uses)) if (!state.has(input)) stack.push(input);
    }
  }
  return order;
}

function countUses(roots: readonly Value[]): Map<Value, number> {
  const uses = new Map<Value, number>();
  const visited = new Set<Node>();
  const stack = [...roots];
  for (const root of roots) uses.set(root, (uses.get(root) ?? 0) + 1);
  while (stack.length > 0) {
    const node = stack.pop()!.node;
    if (node === undefined || visited.has(node)) continue;
    visited.add(node);
    for (const input of node.inputs) {
      uses.set(input, (uses.get(input) ?? 0) + 1);
      stack.push(input);
    }
  }
  return uses;
}

interface Form {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes?: Record<string, Attribute>;
}

/** A node and the one before it as a single ONNX node, where there is one that does both. */
function fusedForm(node: Node, uses: ReadonlyMap<Value, number>): Form | undefined {
  if (node.outputs[0].dtype !== "float64") return undefined;
  if (node.op === "Add") return withInner(node, (x) => x.node?.op === "Neg", "Sub");
  if (node.op === "Mul") return withInner(node, (x) => x.node?.op === "Reciprocal" && uses.get(x) === 1, "Div");
  if (node.op === "Transpose") return transposedProduct(node, uses);
  return undefined;
}

function withInner(node: Node, wanted: (x: Value) => boolean, op: string): Form | undefined {
  const [a, b] = node.inputs;
  if (wanted(b)) return { op, inputs: [a, b.node!.inputs[0]] };
  if (wanted(a)) return { op, inputs: [b, a.node!.inputs[0]] };
  return undefined;
}

/** `(A B)^T = B^T A^T`: a product that is only used transposed is computed so. */
function transposedProduct(node: Node, uses: ReadonlyMap<Value, number>): Form | undefined {
  const product = node.inputs[0];
  const inner = product.node;
  if (product.shape.length !== 2 || uses.get(product) !== 1) return undefined;
  if (inner?.op !== "Gemm" && !(inner?.op === "MatMul" && inner.inputs.every((x) => x.shape.length === 2)))
    return undefined;
  const [a, b] = inner.inputs;
  const flag = (name: string) => 1 - Number(inner.attributes[name] ?? 0);
  const [transA, transB] = [flag("transB"), flag("transA")];
  const [m, n] = node.outputs[0].shape;
  // It was computed the other way round on purpose.
  if (transA === 1 && transB === 0 && isFasterTransposed(m, n, b.shape[0])) return undefined;
  return { op: "Gemm", inputs: [b, a], attributes: { transA, transB } };
}

function attributeOf(name: string, value: Attribute): onnx.AttributeProto {
  const kind = onnx.AttributeProto_AttributeType;
  if (typeof value === "number") return create(onnx.AttributeProtoSchema, { name, type: kind.INT, i: BigInt(value) });
  if (typeof value === "string")
    return create(onnx.AttributeProtoSchema, { name, type: kind.STRING, s: new TextEncoder().encode(value) });
  if ("float" in value) return create(onnx.AttributeProtoSchema, { name, type: kind.FLOAT, f: value.float });
  return create(onnx.AttributeProtoSchema, { name, type: kind.INTS, ints: value.map((v) => BigInt(v)) });
}

function scalarTensor(name: string, value: number, dtype: ValueType, precision: Precision): onnx.TensorProto {
  const array: NdArray = { data: Float64Array.of(value), shape: [], dtype: "float64" };
  return arrayTensor(name, array, dtype, precision);
}

function arrayTensor(name: string, array: NdArray, dtype: ValueType, precision: Precision): onnx.TensorProto {
  const dataType = elementType(dtype, precision);
  const dims = array.shape.map((n) => BigInt(n));
  if (dtype === "int64")
    return create(onnx.TensorProtoSchema, {
      name,
      dims,
      dataType,
      int64Data: Array.from(array.data, (v) => BigInt(v)),
    });
  const { data } = astype(array, dtype === "float64" ? precision : dtype);
  const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return create(onnx.TensorProtoSchema, { name, dims, dataType, rawData });
}
