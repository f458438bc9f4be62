/** What an operator is told about the node it stands for, and the sentence it fails with. */
import { UsageError } from "../../errors.js";
import { isNdArray, type NdArray } from "../arrays.js";
import { shapeOf } from "../tensor.js";
import type { FileNode, OnnxFile } from "./file.js";
import { isHost, type Value } from "./values.js";

/** Rows of the input: those that the file was written for (where it fixes them), and those it is traced for. */
export interface Batch {
  readonly fixed?: number;
  readonly actual: number;
}

/** One node at work. Inputs that are left out are undefined. */
export interface NodeContext {
  readonly opset: number;
  readonly batch: Batch;
  readonly inputs: readonly (Value | undefined)[];
  /** How many outputs the node has. */
  readonly outputs: number;
  /** Input `i`. @throws UsageError if the node lacks it. */
  input(i: number): Value;
  /** Input `i`, which has to be known while the graph is traced. @throws UsageError if it depends on the input. */
  constant(i: number, what: string): NdArray;
  /** The same as a list of numbers; undefined where the node lacks the input. */
  list(i: number, what: string): number[] | undefined;
  number(name: string, otherwise: number): number;
  string(name: string, otherwise: string): string;
  numbers(name: string): readonly number[] | undefined;
  array(name: string): NdArray | undefined;
  /** `axis` counted from the front. @throws UsageError if there is no such axis. */
  axis(axis: number, rank: number): number;
  /** @throws UsageError naming file, node and operator. */
  fail(reason: string): never;
}

/** The values of a node's outputs (of one output: its value). */
export type Operator = (node: NodeContext) => Value | readonly Value[];

export function nodeContext(
  file: OnnxFile,
  node: FileNode,
  inputs: readonly (Value | undefined)[],
  batch: Batch,
): NodeContext {
  const { attributes } = node;
  const fail = (reason: string): never => {
    throw new UsageError(`${describeNode(file, node)}: ${reason}.`);
  };
  const context: NodeContext = {
    opset: file.opset,
    batch,
    inputs,
    outputs: node.outputs.length,
    fail,
    input: (i) => inputs[i] ?? fail(`input ${i} is missing; the file is damaged`),
    constant(i, what) {
      const value = context.input(i);
      if (isHost(value)) return value;
      return fail(`${what} depends on the values of the input, but only constants can be imported there`);
    },
    list: (i, what) => (inputs[i] === undefined ? undefined : Array.from(context.constant(i, what).data)),
    number(name, otherwise) {
      const value = attributes[name];
      return typeof value === "number" ? value : otherwise;
    },
    string(name, otherwise) {
      const value = attributes[name];
      return typeof value === "string" ? value : otherwise;
    },
    numbers(name) {
      const value = attributes[name];
      return Array.isArray(value) ? value : undefined;
    },
    array(name) {
      const value = attributes[name];
      return isNdArray(value) ? value : undefined;
    },
    axis(axis, rank) {
      const counted = axis < 0 ? axis + rank : axis;
      if (counted < 0 || counted >= rank) fail(`axis ${axis} does not exist in a tensor with ${rank} axes`);
      return counted;
    },
  };
  return context;
}

export const describeNode = (file: OnnxFile, node: FileNode): string =>
  `${file.name}: node "${node.name}" (${node.operator})`;

/** The first input, with its shape. */
export function first(node: NodeContext): { x: Value; shape: readonly number[] } {
  const x = node.input(0);
  return { x, shape: shapeOf(x) };
}
