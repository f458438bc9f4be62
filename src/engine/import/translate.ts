/**
 * From a file's graph to the engine's operations: each node is looked up in the table of operators and done, in the
 * order of the file, while the caller traces. Nodes that no wanted output needs are left out.
 *
 * A value that depends on the input only through steps (Floor, comparisons) has derivative zero everywhere; an output
 * of that kind would have no geometry, and is refused with the node that made it so.
 */
import { UsageError } from "../../errors.js";
import type { Tensor } from "../tensor.js";
import type { FileNode, OnnxFile } from "./file.js";
import { type Batch, describeNode, nodeContext } from "./node.js";
import { operators, stepwise } from "./operators/index.js";
import { isHost, type Value } from "./values.js";

/** The nodes that `outputs` need, in the order of the file. */
export function neededNodes(file: OnnxFile, outputs: readonly string[]): FileNode[] {
  const wanted = new Set(outputs);
  const needed: FileNode[] = [];
  for (let i = file.nodes.length - 1; i >= 0; i--) {
    const node = file.nodes[i];
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    needed.push(node);
    for (const name of node.inputs) if (name !== "") wanted.add(name);
  }
  return needed.reverse();
}

/** @throws UsageError naming each kind of operator that has no translation, with a node of that kind. */
export function checkOperators(file: OnnxFile, nodes: readonly FileNode[]): void {
  const missing = new Map<string, FileNode>();
  for (const node of nodes) if (!operators.has(node.operator)) missing.set(node.operator, node);
  if (missing.size === 0) return;
  const list = [...missing].map(([operator, node]) => `${operator} (node "${node.name}")`).join(", ");
  throw new UsageError(
    `${file.name} uses ${missing.size === 1 ? "an operator that is" : "operators that are"} not supported: ${list}; export the decoder without ${missing.size === 1 ? "it" : "them"}.`,
  );
}

/** The values of `outputs` for an input, traced. @throws UsageError naming the node that cannot be translated. */
export function translate(
  file: OnnxFile,
  nodes: readonly FileNode[],
  input: { readonly name: string; readonly value: Tensor },
  outputs: readonly string[],
  batch: Batch,
): Map<string, Value> {
  const values = new Map<string, Value>(file.constants);
  values.set(input.name, input.value);
  const steps = new Map<string, FileNode>(); // values that change by steps only, with the node that made them so
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => (name === "" ? undefined : resolve(file, node, values, name)));
    const results = evaluate(file, node, inputs, batch);
    const traced = node.inputs.filter((_, i) => inputs[i] !== undefined && !isHost(inputs[i]));
    const origin = stepOrigin(node, inputs, traced, steps);
    node.outputs.forEach((name, i) => {
      if (name === "" || results[i] === undefined) return;
      values.set(name, results[i]);
      if (origin !== undefined && !isHost(results[i])) steps.set(name, origin);
    });
  }
  return new Map(
    outputs.map((name): [string, Value] => {
      const origin = steps.get(name);
      if (origin !== undefined)
        throw new UsageError(
          `${describeNode(file, origin)} cannot be differentiated: output "${name}" changes by steps only; export the decoder without it.`,
        );
      const value = values.get(name);
      if (value === undefined)
        throw new UsageError(`${file.name} is damaged: no node makes output "${name}"; export or copy it again.`);
      return [name, value];
    }),
  );
}

function stepOrigin(
  node: FileNode,
  inputs: readonly (Value | undefined)[],
  traced: readonly string[],
  steps: ReadonlyMap<string, FileNode>,
): FileNode | undefined {
  if (traced.length === 0) return undefined;
  const origin = traced.map((name) => steps.get(name));
  if (origin.every((from) => from !== undefined)) return origin[0];
  const wholeNumbers = node.operator === "Cast" && ![1, 11].includes(node.attributes.to as number);
  return stepwise.has(node.operator) || (wholeNumbers && (inputs[0] as Value).dtype === "float64") ? node : undefined;
}

function resolve(file: OnnxFile, node: FileNode, values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined)
    throw new UsageError(
      `${describeNode(file, node)} needs "${name}", which nothing before it makes; export it again.`,
    );
  return value;
}

function evaluate(
  file: OnnxFile,
  node: FileNode,
  inputs: readonly (Value | undefined)[],
  batch: Batch,
): readonly Value[] {
  try {
    const result = operators.get(node.operator)!(nodeContext(file, node, inputs, batch));
    return Array.isArray(result) ? result : [result as Value];
  } catch (error) {
    // Shape errors of the engine's operations say what does not fit; here the node is added.
    if (!(error instanceof UsageError) || error.message.startsWith(file.name)) throw error;
    throw new UsageError(`${describeNode(file, node)} cannot be imported: ${error.message}`);
  }
}
