/** What the tests of the passes share: small graphs by hand, and what is left of them. */
import { array, compile, type Nested } from "../../../src/engine/index.js";
import { type Builder, createBuilder, type Node, type Rule, type Value } from "../../../src/engine/lowering/graph.js";
import { rules as allRules } from "../../../src/engine/lowering/rules.js";

export interface Bench {
  readonly build: Builder;
  /** A floating-point input. */
  input(shape: readonly number[]): Value;
  /** A constant array. */
  constant(value: Nested): Value;
  /** An operation on values of one type, with the shape of the first (or the one given). */
  op(name: string, inputs: readonly Value[], attributes?: Record<string, any>, shape?: readonly number[]): Value;
}

/** A builder with the given rules only (default: all). */
export function bench(rules: readonly Rule[] = allRules): Bench {
  const build = createBuilder(rules);
  let inputs = 0;
  return {
    build,
    input: (shape) => build.input(inputs++, shape, "float64"),
    constant: (value) => build.constant(array(value)),
    op: (name, values, attributes = {}, shape = values[0].shape) => build.make(name, values, attributes, shape),
  };
}

/** The operations that `roots` need, sorted by name. */
export function operationsOf(...roots: readonly Value[]): string[] {
  const seen = new Set<Node>();
  const visit = (value: Value): void => {
    if (value.node === undefined || seen.has(value.node)) return;
    seen.add(value.node);
    value.node.inputs.forEach(visit);
  };
  roots.forEach(visit);
  return [...seen].map((node) => node.op).sort();
}

/** Numbers of ONNX nodes by kind in the compiled `f`. */
export function counts(
  f: (...args: any[]) => any,
  args: readonly any[],
  precision: "float32" | "float64" = "float32",
): Promise<Readonly<Record<string, number>>> {
  return compile(f, { precision, threads: 1 }).operations(...args);
}

/** How many matrix products, of both kinds. */
export const products = (operations: Readonly<Record<string, number>>): number =>
  (operations.MatMul ?? 0) + (operations.Gemm ?? 0);
