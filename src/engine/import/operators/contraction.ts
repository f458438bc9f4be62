/** Products of matrices. */
import * as ops from "../../ops/index.js";
import { shapeOf } from "../../tensor.js";
import type { NodeContext, Operator } from "../node.js";
import { transposed, type Value } from "../values.js";

/** `alpha A' B' + beta C`, A' = A or A^T. */
const gemm: Operator = (node) => {
  const [a, b] = [matrix(node, 0, "transA"), matrix(node, 1, "transB")];
  const [alpha, beta] = [node.number("alpha", 1), node.number("beta", 1)];
  const product = alpha === 1 ? ops.matmul(a, b) : ops.mul(alpha, ops.matmul(a, b));
  const c = node.inputs[2];
  if (c === undefined || beta === 0) return product;
  return ops.add(product, beta === 1 ? c : ops.mul(beta, c));
};

function matrix(node: NodeContext, i: number, flag: string): Value {
  const x = node.input(i);
  if (shapeOf(x).length !== 2) node.fail(`input ${i} has shape [${shapeOf(x)}], which is not a matrix`);
  return node.number(flag, 0) === 1 ? transposed(x, [1, 0]) : x;
}

const einsum: Operator = (node) => {
  const equation = node.string("equation", "").replace(/\s/g, "");
  if (!/^[a-zA-Z,]+->[a-zA-Z]*$/.test(equation))
    return node.fail(`the equation "${equation}" is not of the form "ij,jk->ik", which alone is supported`);
  return ops.einsum(equation, ...node.inputs.map((_, i) => node.input(i)));
};

export const contraction: Readonly<Record<string, Operator>> = {
  Gemm: gemm,
  MatMul: (node) => ops.matmul(node.input(0), node.input(1)),
  Einsum: einsum,
};
