/** Small ONNX files, made node by node, and their values by ONNX Runtime itself. */
import { create, toBinary } from "@bufbuild/protobuf";
import * as onnx from "onnx-buf";
import * as ort from "onnxruntime-node";
import { allocate, type DType, type NdArray, ndarray } from "../../../src/engine/index.js";

type Axis = number | string;
export type AttributeSpec = number | string | readonly number[] | { readonly float: number } | NdArray;
/** Operator, inputs, outputs, attributes, name; numbers with a fraction are floats, `{ float: 2 }` too. */
export type NodeSpec = readonly [string, readonly string[], readonly string[], Record<string, AttributeSpec>?, string?];

export interface GraphSpec {
  readonly nodes: readonly NodeSpec[];
  /** Float arrays take the file's type; int32 arrays are written as int64. */
  readonly constants?: Readonly<Record<string, NdArray>>;
  /** Default: z [N, 6]. Letters are free axes. */
  readonly inputs?: Readonly<Record<string, readonly Axis[]>>;
  readonly outputs?: readonly string[];
  readonly outputType?: number;
  readonly opset?: number;
  readonly dtype?: "float32" | "float64";
  readonly functions?: onnx.FunctionProto[];
}

export const integersOf = (values: readonly number[], shape: readonly number[] = [values.length]): NdArray =>
  ndarray(Int32Array.from(values), shape);

export function onnxFile(spec: GraphSpec): Uint8Array {
  const { inputs = { z: ["N", 6] }, outputs = ["y"], opset = 17, dtype = "float32" } = spec;
  const element = dtype === "float64" ? 11 : 1;
  const graph = create(onnx.GraphProtoSchema, {
    name: "test",
    node: spec.nodes.map(([opType, input, output, attributes = {}, name = ""]) => {
      const [domain, type] = opType.includes(".")
        ? [opType.slice(0, opType.lastIndexOf(".")), opType.slice(opType.lastIndexOf(".") + 1)]
        : ["", opType];
      return create(onnx.NodeProtoSchema, {
        domain,
        opType: type,
        name,
        input: [...input],
        output: [...output],
        attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value, element)),
      });
    }),
    initializer: Object.entries(spec.constants ?? {}).map(([name, value]) => tensorOf(name, value, element)),
    input: Object.entries(inputs).map(([name, shape]) => portOf(name, element, shape)),
    output: outputs.map((name) => portOf(name, spec.outputType ?? element)),
  });
  return toBinary(
    onnx.ModelProtoSchema,
    create(onnx.ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [create(onnx.OperatorSetIdProtoSchema, { domain: "", version: BigInt(opset) })],
      graph,
      functions: spec.functions ?? [],
    }),
  );
}

function portOf(name: string, elemType: number, shape?: readonly Axis[]): onnx.ValueInfoProto {
  const dim = shape?.map((axis) =>
    create(onnx.TensorShapeProto_DimensionSchema, {
      value: typeof axis === "string" ? { case: "dimParam", value: axis } : { case: "dimValue", value: BigInt(axis) },
    }),
  );
  return create(onnx.ValueInfoProtoSchema, {
    name,
    type: create(onnx.TypeProtoSchema, {
      value: {
        case: "tensorType",
        value: create(onnx.TypeProto_TensorSchema, {
          elemType,
          ...(dim && { shape: create(onnx.TensorShapeProtoSchema, { dim }) }),
        }),
      },
    }),
  });
}

// Some as raw bytes, some as lists: files have both.
function tensorOf(name: string, value: NdArray, element: number): onnx.TensorProto {
  const dims = value.shape.map(BigInt);
  if (value.dtype === "int32")
    return create(onnx.TensorProtoSchema, { name, dims, dataType: 7, int64Data: Array.from(value.data, BigInt) });
  if (value.dtype === "bool")
    return create(onnx.TensorProtoSchema, { name, dims, dataType: 9, rawData: Uint8Array.from(value.data) });
  const data = element === 11 ? Float64Array.from(value.data) : Float32Array.from(value.data);
  return create(onnx.TensorProtoSchema, { name, dims, dataType: element, rawData: new Uint8Array(data.buffer) });
}

function attributeOf(name: string, value: AttributeSpec, element: number): onnx.AttributeProto {
  const { AttributeProto_AttributeType: Type } = onnx;
  const make = (fields: object) => create(onnx.AttributeProtoSchema, { name, ...fields });
  if (typeof value === "string") return make({ type: Type.STRING, s: new TextEncoder().encode(value) });
  if (typeof value === "number")
    return Number.isInteger(value) ? make({ type: Type.INT, i: BigInt(value) }) : make({ type: Type.FLOAT, f: value });
  if ("float" in value) return make({ type: Type.FLOAT, f: value.float });
  if ("data" in value) return make({ type: Type.TENSOR, t: tensorOf("", value, element) });
  return value.every(Number.isInteger)
    ? make({ type: Type.INTS, ints: value.map(BigInt) })
    : make({ type: Type.FLOATS, floats: [...value] });
}

/** The outputs of the file for one input, by ONNX Runtime. */
export async function runOriginal(
  bytes: Uint8Array,
  z: NdArray,
  outputs: readonly string[] = ["y"],
  inputName = "z",
): Promise<NdArray[]> {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const result = await session.run({ [inputName]: new ort.Tensor(z.dtype as "float32", z.data as any, z.shape) });
    return outputs.map((name) => {
      const { data, dims, type } = result[name];
      const copy = allocate(type as DType, data.length);
      copy.set(data as any);
      return ndarray(copy, dims);
    });
  } finally {
    await session.release();
  }
}
