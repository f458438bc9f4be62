/**
 * An ONNX file as plain data: the graph's nodes with their attributes, its constants as host arrays, its inputs and
 * outputs. Whole numbers become int32 (larger ones, such as "to the end" in a Slice, are cut to its range). Format:
 * onnx.proto of the ONNX project, read with `onnx-buf`.
 */
import { fromBinary } from "@bufbuild/protobuf";
import * as onnx from "onnx-buf";
import { UsageError } from "../../errors.js";
import { allocate, type DType, type NdArray, ndarray, sizeOf } from "../arrays.js";

export type AttributeValue = number | string | readonly number[] | NdArray;

export interface FileNode {
  /** The node's name, or where it has none the name of its first output. */
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** An input or output; null is an axis of free size, and no shape at all means that the file does not tell it. */
export interface FilePort {
  readonly name: string;
  readonly shape?: readonly (number | null)[];
  readonly dtype: DType;
}

export interface OnnxFile {
  /** What the user calls it, for messages. */
  readonly name: string;
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly nodes: readonly FileNode[];
  readonly constants: ReadonlyMap<string, NdArray>;
  readonly inputs: readonly FilePort[];
  readonly outputs: readonly FilePort[];
}

const { TensorProto_DataType: ElementType, AttributeProto_AttributeType: AttributeType } = onnx;

/** @throws UsageError in one sentence if the bytes are not a whole ONNX file, or hold what no decoder should. */
export function readOnnx(bytes: Uint8Array, name: string): OnnxFile {
  const model = parse(bytes, name);
  const { graph } = model;
  if (graph === undefined || graph.output.length === 0)
    throw new UsageError(`${name} is not an ONNX file (it holds no graph); export the decoder as ONNX.`);
  if (graph.sparseInitializer.length > 0)
    throw new UsageError(`${name} holds sparse constants, which are not supported; export it with dense ones.`);
  const opset = Number(model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version ?? 0n);
  if (opset < 7)
    throw new UsageError(`${name} is written for operator set ${opset}; export it again for operator set 17 or newer.`);
  const functions = new Set(model.functions.map((f) => `${f.domain}:${f.name}`));
  const used = graph.node.find((node) => functions.has(`${node.domain}:${node.opType}`));
  if (used)
    throw new UsageError(
      `${name}: node "${nameOf(used)}" calls the file's own function "${used.opType}"; export with the functions inlined (onnx.inliner.inline_local_functions).`,
    );
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, readTensor(tensor, tensor.name, name)]));
  return {
    name,
    opset,
    nodes: graph.node.map((node) => ({
      name: nameOf(node),
      operator: node.domain === "" || node.domain === "ai.onnx" ? node.opType : `${node.domain}.${node.opType}`,
      inputs: node.input,
      outputs: node.output,
      attributes: readAttributes(node, name),
    })),
    constants,
    inputs: graph.input.filter((input) => !constants.has(input.name)).map((input) => readPort(input, name)),
    outputs: graph.output.map((output) => readPort(output, name)),
  };
}

const nameOf = (node: onnx.NodeProto): string => node.name || node.output.find((output) => output !== "") || "?";

function parse(bytes: Uint8Array, name: string): onnx.ModelProto {
  if (bytes.length === 0) throw new UsageError(`${name} is empty; give an ONNX file.`);
  if (bytes[0] === 0x50 && bytes[1] === 0x4b)
    throw new UsageError(
      `${name} is a zip archive (a PyTorch or Keras checkpoint?), not an ONNX file; export the decoder with torch.onnx.export.`,
    );
  try {
    return fromBinary(onnx.ModelProtoSchema, bytes);
  } catch {
    throw new UsageError(`${name} is truncated or not an ONNX file; export or copy it again.`);
  }
}

function readPort(port: onnx.ValueInfoProto, file: string): FilePort {
  const type = port.type?.value;
  if (type?.case !== "tensorType")
    throw new UsageError(`${file}: "${port.name}" is not a tensor; give a file whose inputs and outputs are tensors.`);
  const { shape, elemType } = type.value;
  return {
    name: port.name,
    ...(shape && {
      shape: shape.dim.map(({ value }) => (value.case === "dimValue" && value.value > 0n ? Number(value.value) : null)),
    }),
    dtype: dtypeOf(elemType, port.name, file),
  };
}

/** The host type for an ONNX element type. */
export function dtypeOf(elementType: number, what: string, file: string): DType {
  switch (elementType) {
    case ElementType.FLOAT:
      return "float32";
    case ElementType.DOUBLE:
      return "float64";
    case ElementType.BOOL:
      return "bool";
    case ElementType.INT64:
    case ElementType.INT32:
    case ElementType.INT16:
    case ElementType.INT8:
    case ElementType.UINT8:
    case ElementType.UINT16:
    case ElementType.UINT32:
    case ElementType.UINT64:
      return "int32";
    default:
      throw new UsageError(
        `${file}: "${what}" has elements of type ${ElementType[elementType] ?? elementType}; export the decoder in float32 or float64.`,
      );
  }
}

function readAttributes(node: onnx.NodeProto, file: string): Record<string, AttributeValue> {
  const result: Record<string, AttributeValue> = {};
  for (const attribute of node.attribute) {
    const value = readAttribute(attribute, node, file);
    if (value !== undefined) result[attribute.name] = value;
  }
  return result;
}

// Graphs, types and lists of tensors are left out: the operators that have them are not supported, and say so.
function readAttribute(a: onnx.AttributeProto, node: onnx.NodeProto, file: string): AttributeValue | undefined {
  switch (a.type) {
    case AttributeType.FLOAT:
      return a.f;
    case AttributeType.INT:
      return Number(a.i);
    case AttributeType.STRING:
      return new TextDecoder().decode(a.s);
    case AttributeType.FLOATS:
      return a.floats;
    case AttributeType.INTS:
      return a.ints.map(Number);
    case AttributeType.TENSOR:
      return a.t && readTensor(a.t, nameOf(node), file);
    default:
      return undefined;
  }
}

function readTensor(tensor: onnx.TensorProto, what: string, file: string): NdArray {
  if (tensor.dataLocation === onnx.TensorProto_DataLocation.EXTERNAL)
    throw new UsageError(
      `${file} keeps the weights "${what}" in a second file; export it as one file (torch.onnx.export(..., external_data=False)).`,
    );
  const shape = tensor.dims.map(Number);
  const dtype = dtypeOf(tensor.dataType, what, file);
  const data = tensor.rawData.length > 0 ? readRaw(tensor) : readTyped(tensor);
  if (data === undefined || data.length !== sizeOf(shape))
    throw new UsageError(
      `${file} is damaged: "${what}" of shape [${shape}] holds ${data?.length ?? "broken"} numbers; export or copy it again.`,
    );
  const array = allocate(dtype, data.length);
  if (dtype === "int32") for (let i = 0; i < data.length; i++) array[i] = toInt32(data[i]);
  else for (let i = 0; i < data.length; i++) array[i] = Number(data[i]);
  return ndarray(array, shape);
}

/** Whole numbers outside the range of int32 become its ends. */
export function toInt32(value: number | bigint): number {
  return Math.max(-2147483648, Math.min(2147483647, Number(value)));
}

function readTyped(tensor: onnx.TensorProto): ArrayLike<number | bigint> {
  switch (tensor.dataType) {
    case ElementType.FLOAT:
      return tensor.floatData;
    case ElementType.DOUBLE:
      return tensor.doubleData;
    case ElementType.INT64:
      return tensor.int64Data;
    case ElementType.UINT64:
    case ElementType.UINT32:
      return tensor.uint64Data;
    default:
      return tensor.int32Data;
  }
}

// Raw data is little-endian, as are all machines that Node.js and browsers run on; it is copied to be aligned.
function readRaw(tensor: onnx.TensorProto): ArrayLike<number | bigint> | undefined {
  const views: Record<number, new (buffer: ArrayBuffer) => ArrayLike<number | bigint>> = {
    [ElementType.FLOAT]: Float32Array,
    [ElementType.DOUBLE]: Float64Array,
    [ElementType.INT64]: BigInt64Array,
    [ElementType.UINT64]: BigUint64Array,
    [ElementType.INT32]: Int32Array,
    [ElementType.UINT32]: Uint32Array,
    [ElementType.INT16]: Int16Array,
    [ElementType.UINT16]: Uint16Array,
    [ElementType.INT8]: Int8Array,
    [ElementType.UINT8]: Uint8Array,
    [ElementType.BOOL]: Uint8Array,
  };
  const View = views[tensor.dataType];
  try {
    return new View(Uint8Array.from(tensor.rawData).buffer);
  } catch {
    return undefined; // not a whole number of elements
  }
}
